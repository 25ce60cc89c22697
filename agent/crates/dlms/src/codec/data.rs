//! A value of an attribute or a parameter: A-XDR `Data`.

mod compact;
mod decode;
mod encode;
#[cfg(test)]
mod tests;

use super::date_time::DateTime;
use super::fault::DecodeFault;

pub use decode::decode_all;

/// A value.
///
/// A compact array is read as the array that it stands for, and never written.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// No value; in a row of a profile: as in the row before.
    Null,
    /// Values of one type.
    Array(Vec<Data>),
    /// Values of any types.
    Structure(Vec<Data>),
    /// True or false.
    Boolean(bool),
    /// Bits, the first one in the highest place.
    BitString(BitString),
    /// 32 bits, signed.
    DoubleLong(i32),
    /// 32 bits.
    DoubleLongUnsigned(u32),
    /// Octets.
    OctetString(Vec<u8>),
    /// Characters, as the meter sends them.
    VisibleString(Vec<u8>),
    /// Characters of UTF-8, as the meter sends them.
    Utf8String(Vec<u8>),
    /// Two decimal digits.
    Bcd(u8),
    /// Eight bits, signed.
    Integer(i8),
    /// 16 bits, signed.
    Long(i16),
    /// Eight bits.
    Unsigned(u8),
    /// 16 bits.
    LongUnsigned(u16),
    /// 64 bits, signed.
    Long64(i64),
    /// 64 bits.
    Long64Unsigned(u64),
    /// One of a list.
    Enum(u8),
    /// IEEE 754, single.
    Float32(f32),
    /// IEEE 754, double.
    Float64(f64),
    /// Twelve octets, see [`DateTime`].
    DateTime([u8; 12]),
    /// Five octets.
    Date([u8; 5]),
    /// Four octets.
    Time([u8; 4]),
    /// Any value, in a selection.
    DontCare,
}

/// Bits, the first one in the highest place of the first octet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BitString {
    bits: usize,
    octets: Vec<u8>,
}

impl BitString {
    /// So many bits of these octets; none if there are not as many octets as they need.
    pub fn new(bits: usize, octets: Vec<u8>) -> Option<Self> {
        (bits.div_ceil(8) == octets.len()).then_some(Self { bits, octets })
    }

    /// How many bits.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// The octets that hold them.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }
}

impl Data {
    /// An integer of any width; an enumeration is one too.
    pub fn integer(&self) -> Option<i128> {
        Some(match self {
            Self::Integer(value) => (*value).into(),
            Self::Long(value) => (*value).into(),
            Self::DoubleLong(value) => (*value).into(),
            Self::Long64(value) => (*value).into(),
            Self::Unsigned(value) | Self::Enum(value) => (*value).into(),
            Self::LongUnsigned(value) => (*value).into(),
            Self::DoubleLongUnsigned(value) => (*value).into(),
            Self::Long64Unsigned(value) => (*value).into(),
            _ => return None,
        })
    }

    /// Octets of any kind of string.
    pub fn octets(&self) -> Option<&[u8]> {
        match self {
            Self::OctetString(octets) | Self::VisibleString(octets) | Self::Utf8String(octets) => {
                Some(octets)
            }
            _ => None,
        }
    }

    /// What an array or a structure holds.
    pub fn items(&self) -> Option<&[Data]> {
        match self {
            Self::Array(items) | Self::Structure(items) => Some(items),
            _ => None,
        }
    }

    /// A date and time, whether it has a type of its own or is twelve octets.
    pub fn date_time(&self) -> Option<Result<DateTime, DecodeFault>> {
        match self {
            Self::DateTime(octets) => Some(DateTime::decode(*octets)),
            Self::OctetString(octets) => <[u8; 12]>::try_from(octets.as_slice())
                .ok()
                .map(DateTime::decode),
            _ => None,
        }
    }
}
