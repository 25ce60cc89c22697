//! Values to octets.

use super::super::reader::write_length;
use super::Data;

impl Data {
    /// The value as octets.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(self.tag());
        match self {
            Self::Null | Self::DontCare => {}
            Self::Array(items) | Self::Structure(items) => {
                write_length(out, items.len());
                for item in items {
                    item.write(out);
                }
            }
            Self::Boolean(value) => out.push(u8::from(*value)),
            Self::BitString(string) => {
                write_length(out, string.bits);
                out.extend_from_slice(&string.octets);
            }
            Self::OctetString(octets) | Self::VisibleString(octets) | Self::Utf8String(octets) => {
                write_length(out, octets.len());
                out.extend_from_slice(octets);
            }
            Self::Bcd(value) | Self::Unsigned(value) | Self::Enum(value) => out.push(*value),
            Self::Integer(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::Long(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::LongUnsigned(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::DoubleLong(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::DoubleLongUnsigned(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::Long64(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::Long64Unsigned(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::Float32(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::Float64(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::DateTime(octets) => out.extend_from_slice(octets),
            Self::Date(octets) => out.extend_from_slice(octets),
            Self::Time(octets) => out.extend_from_slice(octets),
        }
    }

    fn tag(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Array(_) => 1,
            Self::Structure(_) => 2,
            Self::Boolean(_) => 3,
            Self::BitString(_) => 4,
            Self::DoubleLong(_) => 5,
            Self::DoubleLongUnsigned(_) => 6,
            Self::OctetString(_) => 9,
            Self::VisibleString(_) => 10,
            Self::Utf8String(_) => 12,
            Self::Bcd(_) => 13,
            Self::Integer(_) => 15,
            Self::Long(_) => 16,
            Self::Unsigned(_) => 17,
            Self::LongUnsigned(_) => 18,
            Self::Long64(_) => 20,
            Self::Long64Unsigned(_) => 21,
            Self::Enum(_) => 22,
            Self::Float32(_) => 23,
            Self::Float64(_) => 24,
            Self::DateTime(_) => 25,
            Self::Date(_) => 26,
            Self::Time(_) => 27,
            Self::DontCare => 255,
        }
    }
}
