//! The birth of the recovery system. It names neither an epoch nor numbers: the store that has
//! them is not open, and stays as the last system left it.

use super::{VERSION, Wire, clock_quality};
use crate::fault::{DecodeError, EncodeError};
use crate::limits::{
    CAPABILITIES_MAX, MILLIS_MAX, REFUSED_SYSTEMS_MAX, REQUEST_BYTES_MAX, WORD_BYTES_MAX,
};
use crate::strict;
use metering::{ClockQuality, Timestamp};
use serde::{Deserialize, Serialize};

/// The word of the key `mode`.
pub(super) const RECOVERY: &str = "recovery";

/// Published, retained, at each connection of the recovery system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryBirth {
    /// Which connection: grows with each one of the recovery system.
    pub session: u64,
    /// When, by the gateway's clock.
    pub at: Timestamp,
    /// How far that clock could be trusted.
    pub clock: ClockQuality,
    /// Version of the gateway's program.
    pub firmware: String,
    /// What it runs on.
    pub hardware: String,
    /// Version of the recovery system.
    pub system: String,
    /// Why no other system runs, in the boot program's word; none: it does not say.
    pub reason: Option<String>,
    /// Systems that this boot refused.
    pub refused: Vec<RefusedSystem>,
    /// What it can do beyond the contract's first version.
    pub capabilities: Vec<String>,
}

/// A system that a boot refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(String, String)", into = "(String, String)")]
pub struct RefusedSystem {
    /// `A` or `B`.
    pub slot: String,
    /// Why, in the boot program's word.
    pub reason: String,
}

impl From<(String, String)> for RefusedSystem {
    fn from((slot, reason): (String, String)) -> Self {
        Self { slot, reason }
    }
}

impl From<RefusedSystem> for (String, String) {
    fn from(refused: RefusedSystem) -> Self {
        (refused.slot, refused.reason)
    }
}

#[derive(Serialize)]
struct RecoveryWire<'a> {
    v: u64,
    on: bool,
    mode: &'a str,
    sid: u64,
    ts: u64,
    tq: u8,
    fw: &'a str,
    hw: &'a str,
    sys: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    refused: &'a [RefusedSystem],
    caps: &'a [String],
}

impl RecoveryBirth {
    /// Its bytes.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        strict::ensure(self.at.millis() <= MILLIS_MAX, "ts")?;
        if let Some(key) = self.breach() {
            strict::ensure(false, key)?;
        }
        let wire = RecoveryWire {
            v: VERSION,
            on: true,
            mode: RECOVERY,
            sid: self.session,
            ts: self.at.millis(),
            tq: self.clock.level(),
            fw: &self.firmware,
            hw: &self.hardware,
            sys: &self.system,
            why: self.reason.as_deref(),
            refused: &self.refused,
            caps: &self.capabilities,
        };
        strict::encode(&wire, REQUEST_BYTES_MAX)
    }

    /// Takes a message apart that says `recovery`.
    pub(super) fn of(wire: Wire) -> Result<Self, DecodeError> {
        let missing = |key| DecodeError::OutOfRange { key };
        let birth = Self {
            session: wire.sid,
            at: strict::timestamp(wire.ts.ok_or(missing("ts"))?, "ts")?,
            clock: clock_quality(wire.tq.ok_or(missing("tq"))?)?,
            firmware: wire.fw.ok_or(missing("fw"))?,
            hardware: wire.hw.ok_or(missing("hw"))?,
            system: wire.sys.ok_or(missing("sys"))?,
            reason: wire.why,
            refused: wire.refused.ok_or(missing("refused"))?,
            capabilities: wire.caps.ok_or(missing("caps"))?,
        };
        birth.breach().map_or(Ok(birth), |key| Err(missing(key)))
    }

    /// The first key that holds more than it may.
    fn breach(&self) -> Option<&'static str> {
        let long = |word: &String| word.len() > WORD_BYTES_MAX;
        let refused = |it: &RefusedSystem| long(&it.slot) || long(&it.reason);
        let too_many = self.refused.len() > REFUSED_SYSTEMS_MAX;
        let caps = &self.capabilities;
        let all = [
            ("fw", long(&self.firmware)),
            ("hw", long(&self.hardware)),
            ("sys", long(&self.system)),
            ("why", self.reason.as_ref().is_some_and(long)),
            ("refused", too_many || self.refused.iter().any(refused)),
            (
                "caps",
                caps.len() > CAPABILITIES_MAX || caps.iter().any(long),
            ),
        ];
        all.into_iter().find_map(|(key, is)| is.then_some(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Presence;

    fn birth() -> RecoveryBirth {
        let refused = |slot: &str, reason: &str| RefusedSystem {
            slot: slot.to_owned(),
            reason: reason.to_owned(),
        };
        RecoveryBirth {
            session: 1_795_392_001,
            at: Timestamp::from_seconds(1_795_392_000),
            clock: ClockQuality::Synchronised,
            firmware: "0.1.0".to_owned(),
            hardware: "x86_64".to_owned(),
            system: "1.4.0".to_owned(),
            reason: Some("verity".to_owned()),
            refused: vec![refused("A", "verity"), refused("B", "empty")],
            capabilities: Vec::new(),
        }
    }

    #[test]
    fn it_survives_the_wire_and_names_no_store() {
        for reason in [Some("verity".to_owned()), None] {
            let birth = RecoveryBirth { reason, ..birth() };
            let bytes = birth.encode().unwrap();
            let found = Presence::decode(&bytes).unwrap();
            assert_eq!(found, Presence::Recovery(birth));
            assert!(!bytes.windows(2).any(|pair| pair == b"\x61e"));
        }
    }

    #[test]
    fn a_cut_one_is_refused_everywhere() {
        let bytes = birth().encode().unwrap();
        for length in 0..bytes.len() {
            assert!(Presence::decode(&bytes[..length]).is_err(), "{length}");
        }
    }

    #[track_caller]
    fn check(expected: &str, change: impl FnOnce(&mut RecoveryBirth)) {
        let mut birth = birth();
        change(&mut birth);
        let error = birth.encode().unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }

    #[test]
    fn what_is_too_long_is_named() {
        let long = || "x".repeat(WORD_BYTES_MAX + 1);
        check("fw", |birth| birth.firmware = long());
        check("hw", |birth| birth.hardware = long());
        check("sys", |birth| birth.system = long());
        check("why", |birth| birth.reason = Some(long()));
        check("refused", |birth| birth.refused[1].reason = long());
        check("refused", |birth| {
            birth.refused = vec![birth.refused[0].clone(); REFUSED_SYSTEMS_MAX + 1];
        });
        check("caps", |birth| birth.capabilities = vec![long()]);
    }
}
