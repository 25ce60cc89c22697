//! What a meter holds, by its numbers.

use super::fact::SourcedFact;
use super::layout::FlagLayout;
use super::limits::PACKET_OCTETS;
use super::words;
use metering::{EventCode, Flag, Obis, Unit};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What an identity tells of the meter itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityWhat {
    /// Its serial number.
    Serial,
    /// The name of the scheme that was programmed.
    Scheme,
    /// Its firmware.
    Firmware,
}

/// One identity of Elster meters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FlagIdentity {
    /// Its number, three decimal digits.
    pub number: u16,
    /// The variants of the model that have it so; empty: all.
    #[serde(default)]
    pub variants: Vec<String>,
    /// Octets of one set; 0 where the meter says how many, or nothing is read.
    #[serde(default)]
    pub octets: u16,
    /// Equal sets, one behind the other; each begins with a packet of its own.
    #[serde(default = "one")]
    pub sets: u16,
    /// How it is taken apart.
    pub layout: FlagLayout,
    /// What it holds, in words.
    pub content: String,
    /// What it tells of the meter's identity, if it does.
    pub what: Option<IdentityWhat>,
    /// The access level that reading needs; nothing where it cannot be read.
    pub read: Option<u8>,
    /// The access level that writing needs; nothing where it must not be written.
    pub write: Option<u8>,
    /// Arguments that different sources write to it, in hexadecimal digits as they go on the wire;
    /// the first is ours.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Whether the data stream offers it.
    #[serde(default)]
    pub stream: bool,
    /// How sure all that is.
    pub fact: SourcedFact,
}

fn one() -> u16 {
    1
}

impl FlagIdentity {
    /// Whether a variant has it so.
    pub fn is_of(&self, variant: &str) -> bool {
        self.variants.is_empty() || self.variants.iter().any(|name| name == variant)
    }

    /// The first packet of a set, counted from 0.
    pub fn first_packet(&self, set: u16) -> u16 {
        let packets = self.octets.div_ceil(PACKET_OCTETS);
        packets.saturating_mul(set).saturating_add(1)
    }

    /// The packets of one set: number and octets of each.
    pub fn packets(&self, set: u16) -> impl Iterator<Item = (u16, u8)> + use<> {
        let (first, octets) = (self.first_packet(set), self.octets);
        (0..octets.div_ceil(PACKET_OCTETS)).map(move |index| {
            let left = octets - index * PACKET_OCTETS;
            let now = u8::try_from(left.min(PACKET_OCTETS)).unwrap_or(u8::MAX);
            (first.saturating_add(index), now)
        })
    }

    /// Octets of its last packet: what a read of it is told by on the line.
    pub fn last_packet_octets(&self) -> u16 {
        match self.octets % PACKET_OCTETS {
            0 => self.octets.min(PACKET_OCTETS),
            rest => rest,
        }
    }
}

/// Something a meter measures: a channel of its profile, a source of its registers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Measured {
    /// The word the file uses for it.
    pub word: String,
    /// Its code where registers say what they measure.
    pub code: Option<u8>,
    /// Its bit in the channel mask of the load profile, first octet high.
    pub mask_bit: Option<u8>,
    /// Its total.
    #[serde(deserialize_with = "words::obis")]
    pub obis: Obis,
    /// Unit of the total.
    #[serde(deserialize_with = "words::unit")]
    pub unit: Unit,
    /// How sure.
    pub fact: SourcedFact,
}

/// One bit of a status word.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StatusBit {
    /// Which, 0 = least significant.
    pub bit: u8,
    /// What it means.
    pub words: String,
    /// The event that its appearance is; none where it is for the record.
    #[serde(default, deserialize_with = "words::event")]
    pub event: Option<EventCode>,
    /// The remark it makes on an interval, if it makes one.
    #[serde(default, deserialize_with = "words::flag")]
    pub flag: Option<Flag>,
}

/// What the bits of a word mean.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StatusTable {
    /// Bits; those that are not named have no known meaning.
    pub bits: Vec<StatusBit>,
    /// How sure.
    pub fact: SourcedFact,
}

/// What the refusals of a meter mean, by their text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RefusalTable {
    /// Words for each.
    pub words: BTreeMap<String, String>,
    /// How sure.
    pub fact: SourcedFact,
}
