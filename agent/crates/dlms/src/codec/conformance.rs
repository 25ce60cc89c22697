//! What both sides of an association can do.

use super::fault::DecodeFault;
use super::reader::Reader;

/// Services, as a set of bits. The first bit of the standard is the highest of 24.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Conformance(u32);

impl Conformance {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// `general-glo-ciphering` and `general-ded-ciphering`.
    pub const GENERAL_PROTECTION: Self = Self::bit(1);
    /// Priorities of requests.
    pub const PRIORITY: Self = Self::bit(9);
    /// Values in blocks, read.
    pub const GET_BLOCKS: Self = Self::bit(11);
    /// Values in blocks, written.
    pub const SET_BLOCKS: Self = Self::bit(12);
    /// Parameters and results of methods in blocks.
    pub const ACTION_BLOCKS: Self = Self::bit(13);
    /// Several attributes or methods in one request.
    pub const LISTS: Self = Self::bit(14);
    /// GET.
    pub const GET: Self = Self::bit(19);
    /// SET.
    pub const SET: Self = Self::bit(20);
    /// Rows of a profile.
    pub const SELECTION: Self = Self::bit(21);
    /// ACTION.
    pub const ACTION: Self = Self::bit(23);

    /// All that this crate speaks.
    pub const ALL: Self = Self::GENERAL_PROTECTION
        .and(Self::PRIORITY)
        .and(Self::GET_BLOCKS)
        .and(Self::SET_BLOCKS)
        .and(Self::ACTION_BLOCKS)
        .and(Self::LISTS)
        .and(Self::GET)
        .and(Self::SET)
        .and(Self::SELECTION)
        .and(Self::ACTION);

    const fn bit(number: u32) -> Self {
        Self(1 << (23 - number))
    }

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What both have.
    #[must_use]
    pub const fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Without the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of the other is in it.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Application tag 31, BER: four octets of which the first says that no bit is unused.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        let [_, a, b, c] = self.0.to_be_bytes();
        out.extend_from_slice(&[0x5f, 0x1f, 4, 0, a, b, c]);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeFault> {
        let part = "the conformance";
        let value = reader.u8(part)?;
        // The tag is 5F 1F; old meters leave 1F out.
        if value != 0x5f {
            return Err(DecodeFault::Unexpected { part, value });
        }
        if reader.rest().first() == Some(&0x1f) {
            reader.u8(part)?;
        }
        match reader.array(part)? {
            [4, 0] => {
                let [a, b, c] = reader.array(part)?;
                Ok(Self(u32::from_be_bytes([0, a, b, c])))
            }
            [value, _] => Err(DecodeFault::Unexpected { part, value }),
        }
    }
}
