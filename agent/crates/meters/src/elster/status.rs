//! Status words, bit by bit.

use crate::catalogue::flag::{ByteOrder, StatusBit, StatusPart, StatusTable};
use metering::EventCode;
use std::collections::BTreeMap;

/// A bit that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetBit {
    /// Which, 0 = least significant.
    pub bit: u8,
    /// What it means, where the model knows.
    pub words: Option<String>,
    /// The event that its appearance is.
    pub event: Option<EventCode>,
}

/// One status word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusWord {
    /// The name of its table in the model.
    pub table: String,
    /// Its bits that are set, the least significant first.
    pub set: Vec<SetBit>,
    /// Its octets, as they came.
    pub raw: Vec<u8>,
}

pub(super) fn words(
    parts: &[StatusPart],
    tables: &BTreeMap<String, StatusTable>,
    octets: &[u8],
) -> Vec<StatusWord> {
    let mut rest = octets;
    let mut found = Vec::new();
    for part in parts {
        let Some((raw, behind)) = rest.split_at_checked(usize::from(part.octets)) else {
            break;
        };
        rest = behind;
        let table = tables.get(&part.table);
        let bits = table.map_or(&[][..], |table| &table.bits);
        found.push(StatusWord {
            table: part.table.clone(),
            set: set_bits(bits, part.order, raw),
            raw: raw.to_vec(),
        });
    }
    found
}

/// The bits of one octet, as those of a billing trigger.
pub(super) fn trigger(table: Option<&StatusTable>, octet: u8) -> Vec<SetBit> {
    let bits = table.map_or(&[][..], |table| &table.bits);
    set_bits(bits, ByteOrder::LowFirst, &[octet])
}

fn set_bits(bits: &[StatusBit], order: ByteOrder, raw: &[u8]) -> Vec<SetBit> {
    let mut octets = raw.to_vec();
    if order == ByteOrder::HighFirst {
        octets.reverse();
    }
    let mut set = Vec::new();
    let all = octets
        .iter()
        .flat_map(|octet| (0..8).map(move |bit| octet >> bit & 1 == 1));
    for (bit, _) in (0_u8..).zip(all).filter(|(_, is_set)| *is_set) {
        let known = bits.iter().find(|known| known.bit == bit);
        set.push(SetBit {
            bit,
            words: known.map(|known| known.words.clone()),
            event: known.and_then(|known| known.event),
        });
    }
    set
}
