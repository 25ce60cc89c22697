//! Octets to values, bounded in depth and number.

use super::super::fault::DecodeFault;
use super::super::reader::Reader;
use super::compact;
use super::{BitString, Data};
use crate::limits::{DATA_DEPTH_MAX, DATA_ITEMS_MAX, STRING_OCTETS_MAX};

/// The value of all these octets.
pub fn decode_all(octets: &[u8]) -> Result<Data, DecodeFault> {
    let mut reader = Reader::new(octets);
    let data = Data::read(&mut reader)?;
    reader.end().map(|()| data)
}

/// What one message may still hold.
pub(super) struct Budget {
    items: usize,
}

impl Budget {
    pub(super) fn spend(&mut self, count: usize) -> Result<(), DecodeFault> {
        self.items = self.items.checked_sub(count).ok_or(DecodeFault::TooLarge {
            part: "the number of values",
            most: DATA_ITEMS_MAX,
        })?;
        Ok(())
    }
}

impl Data {
    /// One value from the front.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeFault> {
        let mut budget = Budget {
            items: DATA_ITEMS_MAX,
        };
        read(reader, 0, &mut budget)
    }
}

fn read(reader: &mut Reader<'_>, depth: u8, budget: &mut Budget) -> Result<Data, DecodeFault> {
    let tag = reader.u8("the type of a value")?;
    budget.spend(1)?;
    match tag {
        1 => sequence(reader, depth, budget).map(Data::Array),
        2 => sequence(reader, depth, budget).map(Data::Structure),
        19 => compact::read(reader, deeper(depth)?, budget),
        tag => simple(reader, tag),
    }
}

/// The depth of what lies within.
pub(super) fn deeper(depth: u8) -> Result<u8, DecodeFault> {
    if depth + 1 >= DATA_DEPTH_MAX {
        let most = DATA_DEPTH_MAX;
        return Err(DecodeFault::TooDeep { most });
    }
    Ok(depth + 1)
}

fn sequence(
    reader: &mut Reader<'_>,
    depth: u8,
    budget: &mut Budget,
) -> Result<Vec<Data>, DecodeFault> {
    let part = "the number of values";
    let depth = deeper(depth)?;
    let count = reader.length(part, DATA_ITEMS_MAX)?;
    // Each value has an octet at least.
    if count > reader.rest().len() {
        return Err(DecodeFault::Short { part });
    }
    (0..count).map(|_| read(reader, depth, budget)).collect()
}

/// A value that holds no others.
pub(super) fn simple(reader: &mut Reader<'_>, tag: u8) -> Result<Data, DecodeFault> {
    let part = "a value";
    Ok(match tag {
        0 => Data::Null,
        3 => Data::Boolean(reader.flag(part)?),
        4 => {
            let bits = reader.length(part, STRING_OCTETS_MAX * 8)?;
            let octets = reader.take(bits.div_ceil(8), part)?.to_vec();
            Data::BitString(BitString { bits, octets })
        }
        5 => Data::DoubleLong(i32::from_be_bytes(reader.array(part)?)),
        6 => Data::DoubleLongUnsigned(reader.u32(part)?),
        9 => Data::OctetString(reader.counted(part, STRING_OCTETS_MAX)?.to_vec()),
        10 => Data::VisibleString(reader.counted(part, STRING_OCTETS_MAX)?.to_vec()),
        12 => Data::Utf8String(reader.counted(part, STRING_OCTETS_MAX)?.to_vec()),
        13 => Data::Bcd(reader.u8(part)?),
        15 => Data::Integer(i8::from_be_bytes(reader.array(part)?)),
        16 => Data::Long(i16::from_be_bytes(reader.array(part)?)),
        17 => Data::Unsigned(reader.u8(part)?),
        18 => Data::LongUnsigned(reader.u16(part)?),
        20 => Data::Long64(i64::from_be_bytes(reader.array(part)?)),
        21 => Data::Long64Unsigned(u64::from_be_bytes(reader.array(part)?)),
        22 => Data::Enum(reader.u8(part)?),
        23 => Data::Float32(f32::from_be_bytes(reader.array(part)?)),
        24 => Data::Float64(f64::from_be_bytes(reader.array(part)?)),
        25 => Data::DateTime(reader.array(part)?),
        26 => Data::Date(reader.array(part)?),
        27 => Data::Time(reader.array(part)?),
        255 => Data::DontCare,
        value => {
            let part = "the type of a value";
            return Err(DecodeFault::Unexpected { part, value });
        }
    })
}
