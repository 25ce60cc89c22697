//! Birth and will. Presence is for people: nothing is confirmed or lost by it.

mod recovery;

pub use recovery::{RecoveryBirth, RefusedSystem};

use crate::fault::{DecodeError, EncodeError};
use crate::limits::{
    CAPABILITIES_MAX, MILLIS_MAX, NUMBER_MAX, REQUEST_BYTES_MAX, SIGNERS_MAX, WORD_BYTES_MAX,
};
use crate::message::clock_quality;
use crate::{Epoch, Stream, strict};
use authority::KeyId;
use metering::{ClockQuality, Timestamp};
use recovery::RECOVERY;
use serde::de::{self, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_bytes::ByteArray;
use std::collections::BTreeMap;
use std::fmt;

/// Published, retained, at each connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Birth {
    /// Which connection: grows with each one.
    pub session: u64,
    /// How often the gateway has started.
    pub boots: u64,
    /// When, by the gateway's clock.
    pub at: Timestamp,
    /// How far that clock could be trusted.
    pub clock: ClockQuality,
    /// Version of the gateway's program.
    pub firmware: String,
    /// What it runs on.
    pub hardware: String,
    /// Of its store.
    pub epoch: Epoch,
    /// The oldest number the outbox still holds and the next to be written, for each stream.
    pub outbox: BTreeMap<Stream, (u64, u64)>,
    /// What it can do beyond the contract's first version.
    pub capabilities: Vec<String>,
    /// Messages that cannot be delivered and were set aside.
    pub set_aside: u64,
    /// Version of the operators' key set that it has; 0 if none.
    pub key_set: u64,
    /// The last number that was accepted of each signer of commands.
    pub accepted: BTreeMap<KeyId, u64>,
}

/// Which of its systems a gateway runs. Each counts its own connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// The one that reads meters.
    #[default]
    Metering,
    /// The one that mends the others.
    Recovery,
}

/// Left with the broker, which publishes it when the connection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Will {
    /// Which connection.
    pub session: u64,
    /// Of which system.
    pub mode: Mode,
}

/// What stands on the topic `up/st`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// The gateway is there.
    Birth(Birth),
    /// The gateway is there and reads no meters.
    Recovery(RecoveryBirth),
    /// Its connection broke.
    Will(Will),
}

#[derive(Serialize)]
struct WillWire<'a> {
    v: u64,
    on: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'a str>,
    sid: u64,
}

#[derive(Serialize)]
struct BirthWire<'a> {
    v: u64,
    on: bool,
    sid: u64,
    boot: u64,
    ts: u64,
    tq: u8,
    fw: &'a str,
    hw: &'a str,
    e: ByteArray<8>,
    #[serde(rename = "hw-marks")]
    marks: &'a BTreeMap<Stream, (u64, u64)>,
    caps: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    dead: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ks: Option<u64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    cseq: BTreeMap<String, u64>,
}

/// All forms: a will is a birth without the rest.
#[derive(Deserialize)]
struct Wire {
    v: u64,
    on: bool,
    mode: Option<String>,
    sid: u64,
    boot: Option<u64>,
    ts: Option<u64>,
    tq: Option<u8>,
    fw: Option<String>,
    hw: Option<String>,
    e: Option<ByteArray<8>>,
    #[serde(rename = "hw-marks")]
    marks: Option<Marks>,
    caps: Option<Vec<String>>,
    dead: Option<u64>,
    ks: Option<u64>,
    cseq: Option<Accepted>,
    sys: Option<String>,
    why: Option<String>,
    refused: Option<Vec<RefusedSystem>>,
}

const VERSION: u64 = 1;

impl Will {
    /// Its bytes.
    pub fn encode(self) -> Result<Vec<u8>, EncodeError> {
        let wire = WillWire {
            v: VERSION,
            on: false,
            mode: (self.mode == Mode::Recovery).then_some(RECOVERY),
            sid: self.session,
        };
        strict::encode(&wire, REQUEST_BYTES_MAX)
    }
}

impl Birth {
    /// Its bytes.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let words = [&self.firmware, &self.hardware];
        let mut words = words.into_iter().chain(&self.capabilities);
        strict::ensure(self.at.millis() <= MILLIS_MAX, "ts")?;
        strict::ensure(self.capabilities.len() <= CAPABILITIES_MAX, "caps")?;
        strict::ensure(words.all(|word| word.len() <= WORD_BYTES_MAX), "caps")?;
        strict::ensure(self.accepted.len() <= SIGNERS_MAX, "cseq")?;
        let accepted = self.accepted.iter();
        let wire = BirthWire {
            v: VERSION,
            on: true,
            sid: self.session,
            boot: self.boots,
            ts: self.at.millis(),
            tq: self.clock.level(),
            fw: &self.firmware,
            hw: &self.hardware,
            e: ByteArray::new(self.epoch),
            marks: &self.outbox,
            caps: &self.capabilities,
            dead: (self.set_aside > 0).then_some(self.set_aside),
            ks: (self.key_set > 0).then_some(self.key_set),
            cseq: accepted
                .map(|(key, number)| (key.to_string(), *number))
                .collect(),
        };
        strict::encode(&wire, REQUEST_BYTES_MAX)
    }
}

impl Presence {
    /// Reads bytes that anybody may have sent.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let wire: Wire = strict::decode(bytes, REQUEST_BYTES_MAX)?;
        if wire.v != VERSION {
            return Err(DecodeError::Version(wire.v));
        }
        strict::check(wire.sid <= NUMBER_MAX, "sid")?;
        // Modes of later versions are told from this one by what they lack.
        let is_recovery = wire.mode.as_deref() == Some(RECOVERY);
        match (wire.on, is_recovery) {
            (false, _) => Ok(Self::Will(Will {
                session: wire.sid,
                mode: if is_recovery {
                    Mode::Recovery
                } else {
                    Mode::Metering
                },
            })),
            (true, true) => RecoveryBirth::of(wire).map(Self::Recovery),
            (true, false) => Birth::of(wire).map(Self::Birth),
        }
    }

    /// Which connection it belongs to.
    pub const fn session(&self) -> u64 {
        match self {
            Self::Birth(birth) => birth.session,
            Self::Recovery(birth) => birth.session,
            Self::Will(will) => will.session,
        }
    }

    /// Which of its systems speaks.
    pub const fn mode(&self) -> Mode {
        match self {
            Self::Birth(_) => Mode::Metering,
            Self::Recovery(_) => Mode::Recovery,
            Self::Will(will) => will.mode,
        }
    }

    /// Whether it still says something after the birth of connection `newest` of the system
    /// `mode`: the will of an older connection may arrive after the birth of a newer one.
    pub fn is_current(&self, newest: u64, mode: Mode) -> bool {
        self.mode() == mode && self.session() >= newest
    }
}

impl Birth {
    fn of(wire: Wire) -> Result<Self, DecodeError> {
        let missing = |key| DecodeError::OutOfRange { key };
        let words = |words: &[String]| words.iter().all(|word| word.len() <= WORD_BYTES_MAX);
        let capabilities = wire.caps.ok_or(missing("caps"))?;
        strict::check(capabilities.len() <= CAPABILITIES_MAX, "caps")?;
        strict::check(words(&capabilities), "caps")?;
        let firmware = wire.fw.ok_or(missing("fw"))?;
        let hardware = wire.hw.ok_or(missing("hw"))?;
        strict::check(firmware.len().max(hardware.len()) <= WORD_BYTES_MAX, "fw")?;
        Ok(Self {
            session: wire.sid,
            boots: wire.boot.ok_or(missing("boot"))?,
            at: strict::timestamp(wire.ts.ok_or(missing("ts"))?, "ts")?,
            clock: clock_quality(wire.tq.ok_or(missing("tq"))?)?,
            firmware,
            hardware,
            epoch: wire.e.ok_or(missing("e"))?.into_array(),
            outbox: wire.marks.ok_or(missing("hw-marks"))?.0,
            capabilities,
            set_aside: wire.dead.unwrap_or_default(),
            key_set: wire.ks.unwrap_or_default(),
            accepted: wire.cseq.map(|numbers| numbers.0).unwrap_or_default(),
        })
    }
}

/// Streams this program does not know are ignored; one named twice is refused.
struct Marks(BTreeMap<Stream, (u64, u64)>);

impl<'de> Deserialize<'de> for Marks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ByStream::new()).map(Marks)
    }
}

/// Numbers by the hexadecimal digits of the signer's key id.
struct Accepted(BTreeMap<KeyId, u64>);

impl<'de> Deserialize<'de> for Accepted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ByKey;
        impl<'de> Visitor<'de> for ByKey {
            type Value = Accepted;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from key ids")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Accepted, A::Error> {
                let mut found = BTreeMap::new();
                while let Some(digits) = map.next_key::<String>()? {
                    let key = digits.parse::<KeyId>().map_err(de::Error::custom)?;
                    let number = map.next_value()?;
                    if found.insert(key, number).is_some() || found.len() > SIGNERS_MAX {
                        return Err(de::Error::custom("a key is named twice, or too many"));
                    }
                }
                Ok(Accepted(found))
            }
        }
        deserializer.deserialize_map(ByKey)
    }
}

/// Reads a map from streams to something.
pub(crate) struct ByStream<T>(std::marker::PhantomData<T>);

impl<T> ByStream<T> {
    pub(crate) const fn new() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ByStream<T> {
    type Value = BTreeMap<Stream, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from streams")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = BTreeMap::new();
        while let Some(word) = map.next_key::<String>()? {
            let Some(stream) = Stream::from_word(&word) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if found.insert(stream, map.next_value()?).is_some() {
                return Err(de::Error::custom("a stream is named twice"));
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn birth() -> Birth {
        Birth {
            session: 41,
            boots: 7,
            at: Timestamp::from_seconds(1_700_000_000),
            clock: ClockQuality::Synchronised,
            firmware: "0.1.0".to_owned(),
            hardware: "aarch64".to_owned(),
            epoch: *b"epoch--1",
            outbox: [(Stream::Profile, (12, 40)), (Stream::Gap, (1, 1))].into(),
            capabilities: Vec::new(),
            set_aside: 0,
            key_set: 7,
            accepted: [(KeyId::new([0xa5; 8]), 12), (KeyId::new([0; 8]), 3)].into(),
        }
    }

    #[test]
    fn birth_and_will_survive_the_wire() {
        let birth = birth();
        let found = Presence::decode(&birth.encode().unwrap()).unwrap();
        assert_eq!(found, Presence::Birth(birth));
        for mode in [Mode::Metering, Mode::Recovery] {
            let will = Will { session: 41, mode };
            let found = Presence::decode(&will.encode().unwrap()).unwrap();
            assert_eq!(found, Presence::Will(will));
        }
    }

    #[test]
    fn an_old_will_does_not_take_a_new_birth_back() {
        let (normal, recovery) = (Mode::Metering, Mode::Recovery);
        let will = |session, mode| Presence::Will(Will { session, mode });
        assert!(will(41, normal).is_current(41, normal));
        assert!(!will(40, normal).is_current(41, normal));
        // Recovery counts by itself: no number of one system says anything of the other.
        assert!(!will(1_795_392_001, recovery).is_current(41, normal));
        assert!(!will(41, normal).is_current(1, recovery));
        assert!(will(7, recovery).is_current(7, recovery));
    }

    #[test]
    fn a_birth_without_an_epoch_is_one_only_if_it_says_recovery() {
        let birth = birth().encode().unwrap();
        let at = birth.windows(2).position(|pair| pair == b"\x61e").unwrap();
        let mut other = birth.clone();
        other[at + 1] = b'x';
        assert!(Presence::decode(&birth).is_ok());
        assert!(Presence::decode(&other).is_err());
    }

    #[test]
    fn a_birth_says_everything() {
        // {"v": 1, "on": true, "sid": 1}
        let bytes = b"\xa3\x61v\x01\x62on\xf5\x63sid\x01";
        assert!(Presence::decode(bytes).is_err());
    }
}
