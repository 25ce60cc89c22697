//! Birth and will. Presence is for people: nothing is confirmed or lost by it.

use crate::fault::{DecodeError, EncodeError};
use crate::limits::{CAPABILITIES_MAX, MILLIS_MAX, NUMBER_MAX, REQUEST_BYTES_MAX, WORD_BYTES_MAX};
use crate::message::clock_quality;
use crate::{Epoch, Stream, strict};
use metering::{ClockQuality, Timestamp};
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
}

/// Left with the broker, which publishes it when the connection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Will {
    /// Which connection.
    pub session: u64,
}

/// What stands on the topic `up/st`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// The gateway is there.
    Birth(Birth),
    /// Its connection broke.
    Will(Will),
}

#[derive(Serialize)]
struct WillWire {
    v: u64,
    on: bool,
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
}

/// Both forms: a will is a birth without the rest.
#[derive(Deserialize)]
struct Wire {
    v: u64,
    on: bool,
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
}

const VERSION: u64 = 1;

impl Will {
    /// Its bytes.
    pub fn encode(self) -> Result<Vec<u8>, EncodeError> {
        let wire = WillWire {
            v: VERSION,
            on: false,
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
        if !wire.on {
            return Ok(Self::Will(Will { session: wire.sid }));
        }
        let missing = |key| DecodeError::OutOfRange { key };
        let words = |words: &[String]| words.iter().all(|word| word.len() <= WORD_BYTES_MAX);
        let capabilities = wire.caps.ok_or(missing("caps"))?;
        strict::check(capabilities.len() <= CAPABILITIES_MAX, "caps")?;
        strict::check(words(&capabilities), "caps")?;
        let firmware = wire.fw.ok_or(missing("fw"))?;
        let hardware = wire.hw.ok_or(missing("hw"))?;
        strict::check(firmware.len().max(hardware.len()) <= WORD_BYTES_MAX, "fw")?;
        Ok(Self::Birth(Birth {
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
        }))
    }

    /// Which connection it belongs to.
    pub const fn session(&self) -> u64 {
        match self {
            Self::Birth(birth) => birth.session,
            Self::Will(will) => will.session,
        }
    }

    /// Whether it still says something after the birth of connection `newest`: the will of an
    /// older connection may arrive after the birth of a newer one.
    pub const fn is_current(&self, newest: u64) -> bool {
        self.session() >= newest
    }
}

/// Streams this program does not know are ignored; one named twice is refused.
struct Marks(BTreeMap<Stream, (u64, u64)>);

impl<'de> Deserialize<'de> for Marks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ByStream::new()).map(Marks)
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
        }
    }

    #[test]
    fn birth_and_will_survive_the_wire() {
        let birth = birth();
        let found = Presence::decode(&birth.encode().unwrap()).unwrap();
        assert_eq!(found, Presence::Birth(birth));
        let will = Will { session: 41 };
        let found = Presence::decode(&will.encode().unwrap()).unwrap();
        assert_eq!(found, Presence::Will(will));
    }

    #[test]
    fn an_old_will_does_not_take_a_new_birth_back() {
        let will = |session| Presence::Will(Will { session });
        assert!(will(41).is_current(41));
        assert!(!will(40).is_current(41));
    }

    #[test]
    fn a_birth_says_everything() {
        // {"v": 1, "on": true, "sid": 1}
        let bytes = b"\xa3\x61v\x01\x62on\xf5\x63sid\x01";
        assert!(Presence::decode(bytes).is_err());
    }
}
