//! What the file says of a key, and of its counters.

use super::ring::KeyNumber;
use crate::limits::{KEY_NAME_BYTES_MAX, SEALED_BYTES_MAX};
use crate::wire::{Damage, Reader, Writer, place};
use metering::{MeterId, Timestamp};
use std::fmt;

const VERSION: u8 = 1;

/// What a key is for. The numbers up to 3 are those of the standard's key transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// Global unicast encryption key.
    Encryption,
    /// Authentication key.
    Authentication,
    /// Master key of the meter: other keys are wrapped with it on their way. Shown under its other
    /// name, because the gateway has a master key too.
    Wrapping,
    /// Password of low level security.
    Password,
}

impl KeyKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [
        Self::Encryption,
        Self::Authentication,
        Self::Wrapping,
        Self::Password,
    ];

    /// Its number in the file.
    pub const fn code(self) -> u8 {
        match self {
            Self::Encryption => 0,
            Self::Authentication => 2,
            Self::Wrapping => 3,
            Self::Password => 16,
        }
    }

    fn of(code: u8) -> Result<Self, Damage> {
        let known = Self::ALL.into_iter().find(|kind| kind.code() == code);
        known.ok_or(Damage::Content("kind of key"))
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encryption => "encryption key",
            Self::Authentication => "authentication key",
            Self::Wrapping => "key encryption key",
            Self::Password => "password",
        })
    }
}

/// Where a key comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A person gave it. Others may have used it: its counter is not known.
    Imported,
    /// Made here from randomness: nobody has used it, so its counter begins at nought.
    Generated,
}

/// A key as it is kept: sealed by whoever has the gateway's master key, which is not here.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedKey {
    /// Whose.
    pub meter: MeterId,
    /// For what.
    pub kind: KeyKind,
    /// Where from.
    pub origin: Origin,
    /// Since when it is here.
    pub since: Timestamp,
    /// The sealed octets; nothing is known of them here.
    pub sealed: Vec<u8>,
}

impl fmt::Debug for SealedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedKey")
            .field("meter", &self.meter)
            .field("kind", &self.kind)
            .field("origin", &self.origin)
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}

impl SealedKey {
    pub(super) fn encode(&self, number: KeyNumber) -> Vec<u8> {
        let mut out = Writer::default();
        out.byte(VERSION);
        out.bytes(self.meter.as_str().as_bytes());
        out.byte(self.kind.code());
        out.byte(match self.origin {
            Origin::Imported => 0,
            Origin::Generated => 1,
        });
        out.varint(self.since.millis());
        out.bytes(&self.sealed);
        out.finish(&key_place(number))
    }

    pub(super) fn decode(stored: &[u8], number: KeyNumber) -> Result<Self, Damage> {
        let mut reader = Reader::open(stored, &key_place(number), VERSION)?;
        let meter = reader.text(KEY_NAME_BYTES_MAX)?.parse();
        let key = Self {
            meter: meter.map_err(|_| Damage::Content("name of a meter"))?,
            kind: KeyKind::of(reader.byte()?)?,
            origin: match reader.byte()? {
                0 => Origin::Imported,
                1 => Origin::Generated,
                _ => return Err(Damage::Content("origin")),
            },
            since: Timestamp::from_millis(reader.varint()?),
            sealed: reader.bytes(SEALED_BYTES_MAX)?.to_vec(),
        };
        reader.end()?;
        Ok(key)
    }
}

/// How far the counters of a key are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct CounterRow {
    /// Up to here all of this side's are used, or may be.
    pub(super) reserved: Option<u32>,
    /// The meter's highest that was heard.
    pub(super) heard: Option<u32>,
}

impl CounterRow {
    pub(super) fn encode(self, number: KeyNumber) -> Vec<u8> {
        let mut out = Writer::default();
        out.byte(VERSION);
        for counter in [self.reserved, self.heard] {
            out.varint(counter.map_or(0, |counter| u64::from(counter) + 1));
        }
        out.finish(&counter_place(number))
    }

    pub(super) fn decode(stored: &[u8], number: KeyNumber) -> Result<Self, Damage> {
        let mut reader = Reader::open(stored, &counter_place(number), VERSION)?;
        let mut counter = || match reader.varint()?.checked_sub(1) {
            None => Ok(None),
            Some(counter) => u32::try_from(counter)
                .map(Some)
                .map_err(|_| Damage::Content("counter")),
        };
        let row = Self {
            reserved: counter()?,
            heard: counter()?,
        };
        reader.end()?;
        Ok(row)
    }
}

fn key_place(number: KeyNumber) -> [u8; 17] {
    place(b'K', number.0.into(), 0)
}

fn counter_place(number: KeyNumber) -> [u8; 17] {
    place(b'C', number.0.into(), 0)
}

pub(super) fn ring_place(meter: &str, kind: u8) -> Vec<u8> {
    let mut place = vec![b'R', kind];
    place.extend_from_slice(meter.as_bytes());
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(kind: KeyKind, origin: Origin) -> SealedKey {
        SealedKey {
            meter: "meter-1".parse().unwrap(),
            kind,
            origin,
            since: Timestamp::from_seconds(7),
            sealed: vec![1, 2, 3],
        }
    }

    #[test]
    fn a_key_is_read_as_it_was_written_and_in_its_place_alone() {
        for kind in KeyKind::ALL {
            let key = key(kind, Origin::Generated);
            let stored = key.encode(KeyNumber(5));
            assert_eq!(SealedKey::decode(&stored, KeyNumber(5)), Ok(key));
            let elsewhere = SealedKey::decode(&stored, KeyNumber(6));
            assert_eq!(elsewhere, Err(Damage::Checksum));
        }
    }

    #[test]
    fn what_is_shown_of_a_key_has_none_of_its_octets() {
        let shown = format!("{:?}", key(KeyKind::Password, Origin::Imported));
        assert!(!shown.contains("sealed"), "{shown}");
        assert!(shown.contains("meter-1"), "{shown}");
    }

    proptest! {
        #[test]
        fn counters_survive(reserved: Option<u32>, heard: Option<u32>) {
            let row = CounterRow { reserved, heard };
            let stored = row.encode(KeyNumber(1));
            prop_assert_eq!(CounterRow::decode(&stored, KeyNumber(1)), Ok(row));
            prop_assert!(CounterRow::decode(&stored, KeyNumber(2)).is_err());
        }

        #[test]
        fn no_bytes_make_the_decoders_panic(bytes: Vec<u8>) {
            super::super::fuzz_key_rows(&bytes);
            let mut framed = Writer::default();
            framed.byte(VERSION);
            framed.raw(&bytes);
            let framed = framed.finish(&key_place(KeyNumber(1)));
            drop(SealedKey::decode(&framed, KeyNumber(1)));
        }
    }
}
