//! Keys of meters: what may be asked of them, and what is said. Keys go in, and none comes out.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use zeroize::Zeroizing;

/// The hexadecimal digits of a key. They are never shown, and overwritten when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText(Zeroizing<String>);

impl KeyText {
    /// From what a key file holds.
    pub fn new(digits: Zeroizing<String>) -> Self {
        Self(digits)
    }

    /// The digits themselves. For whoever makes a key of them.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyText(*)")
    }
}

impl Serialize for KeyText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for KeyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|digits| Self(Zeroizing::new(digits)))
    }
}

/// What is to be done with keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "keys", rename_all = "kebab-case", deny_unknown_fields)]
pub enum KeysWish {
    /// Say what is there.
    Status {
        /// Of this meter only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        meter: Option<String>,
    },
    /// Take in the keys that a meter has.
    Import {
        /// Which meter.
        meter: String,
        /// Its security suite: 0, 1 or 2.
        suite: u8,
        /// Global unicast encryption key; together with the authentication key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        encryption: Option<KeyText>,
        /// Authentication key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authentication: Option<KeyText>,
        /// The meter's master key, which wraps new keys on their way to it. It may come alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key_encryption: Option<KeyText>,
        /// Drop at once what is there, instead of when the meter has proven the new keys.
        #[serde(default)]
        replace: bool,
    },
}

/// What is known of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysStatus {
    /// What is wrong with the gateway's master key, and what to do; none if it is there.
    pub master_key_fault: Option<String>,
    /// The gateway's own system title, once a key was used or imported.
    pub system_title: Option<String>,
    /// The keys, by meter and kind.
    pub keys: Vec<KeyStatus>,
}

/// What is known of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyStatus {
    /// Whose.
    pub meter: String,
    /// `encryption key`, `authentication key`, `key encryption key`, `password`.
    pub kind: String,
    /// Where from.
    pub origin: KeyOrigin,
    /// Since when it is here, UTC.
    pub since: String,
    /// For so long it is here.
    pub age_days: u64,
    /// What it is to the meter.
    pub standing: KeyStanding,
    /// How far its invocation counters are used, in millionths of all that there are. None if that
    /// is not known yet, or if nothing is counted with this kind of key.
    pub counter_used_ppm: Option<u32>,
    /// Whether counters are counted with this kind of key.
    pub is_counted: bool,
    /// How often in a row the meter refused everything that there is.
    pub refusals: u8,
    /// Until when the meter is left alone after that, UTC.
    pub rests_until: Option<String>,
}

/// Where a key comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyOrigin {
    /// A person gave it.
    Imported,
    /// The gateway made it.
    Generated,
}

/// What a key is to its meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyStanding {
    /// The meter has it.
    Current,
    /// It is ready, and the meter has not been told.
    Next,
    /// The meter had it before a change of which nobody knows how it ended.
    DoubtfulOld,
    /// The meter has it if that change succeeded.
    DoubtfulNew,
}
