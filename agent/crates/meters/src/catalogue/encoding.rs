//! How a number lies in registers.

use super::decimal::{Binary, FloatFormat};
use super::fault::DecodeFault;
use serde::Deserialize;

/// The kinds of numbers that meters send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// Unsigned, one register.
    U16,
    /// Signed, one register.
    I16,
    /// Unsigned, two registers.
    U32,
    /// Signed, two registers.
    I32,
    /// Unsigned, four registers.
    U64,
    /// Signed, four registers.
    I64,
    /// SunSpec accumulator, two registers: unsigned, rolls over at 2^32, 0 = not accumulated.
    Acc32,
    /// IEEE 754, two registers.
    F32,
    /// IEEE 754, four registers.
    F64,
    /// Iskra: signed decimal exponent of 8 bits, then an unsigned mantissa of 24 bits.
    T5,
    /// Iskra: signed decimal exponent of 8 bits, then a signed mantissa of 24 bits.
    T6,
}

/// Which part comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The most significant part first, as Modbus itself does.
    #[default]
    HighFirst,
    /// The least significant part first.
    LowFirst,
}

/// Patterns by which a meter says "I have no such value".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Absent {
    /// `0xFFFF..`
    AllOnes,
    /// `0x7FFF..`, the highest signed number.
    Highest,
    /// `0x8000..`, the lowest signed number.
    Lowest,
    /// Zero.
    Zero,
}

impl Absent {
    /// The pattern in so many bits.
    pub(super) fn bits(self, width: u32) -> u64 {
        let ones = u64::MAX >> (64 - width);
        match self {
            Self::AllOnes => ones,
            Self::Highest => ones >> 1,
            Self::Lowest => ones ^ (ones >> 1),
            Self::Zero => 0,
        }
    }
}

impl Encoding {
    /// Registers taken.
    pub fn count(self) -> u16 {
        match self {
            Self::U16 | Self::I16 => 1,
            Self::U32 | Self::I32 | Self::Acc32 | Self::F32 | Self::T5 | Self::T6 => 2,
            Self::U64 | Self::I64 | Self::F64 => 4,
        }
    }

    /// Whether it is a plain whole number, whose scale the model file gives.
    pub fn is_integer(self) -> bool {
        !matches!(self, Self::F32 | Self::F64 | Self::T5 | Self::T6)
    }

    /// Whether a whole number of this kind has a sign.
    pub fn is_signed(self) -> bool {
        matches!(self, Self::I16 | Self::I32 | Self::I64)
    }

    /// Whether the power of ten travels within the number itself.
    pub fn carries_exponent(self) -> bool {
        matches!(self, Self::T5 | Self::T6)
    }

    pub(super) fn float(self) -> Option<FloatFormat> {
        match self {
            Self::F32 => Some(FloatFormat::Single),
            Self::F64 => Some(FloatFormat::Double),
            _ => None,
        }
    }

    pub(super) fn width(self) -> u32 {
        u32::from(self.count()) * 16
    }
}

/// What registers say before scale and unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    /// `mantissa × 10^exponent`
    Decimal { mantissa: i64, exponent: i8 },
    /// A float that is a number.
    Binary(Binary),
    /// NaN or an infinity.
    None,
}

/// An encoding and its two orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Layout {
    /// The kind of number.
    pub encoding: Encoding,
    /// Order of the registers.
    pub words: Order,
    /// Order of the two bytes within each register.
    pub bytes: Order,
}

impl Layout {
    /// The bits of the number, its most significant ones first.
    pub(super) fn bits(self, words: &[u16]) -> Result<u64, DecodeFault> {
        let expected = self.encoding.count();
        if words.len() != usize::from(expected) {
            let found = words.len();
            return Err(DecodeFault::WordCount { expected, found });
        }
        let join = |bits: u64, word: &u16| bits << 16 | u64::from(arranged(*word, self.bytes));
        Ok(match self.words {
            Order::HighFirst => words.iter().fold(0, join),
            Order::LowFirst => words.iter().rev().fold(0, join),
        })
    }

    /// The registers that hold these bits.
    pub(super) fn words(self, bits: u64) -> Vec<u16> {
        let bytes = bits.to_be_bytes();
        let (pairs, _) = bytes.as_chunks::<2>();
        let all = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
        let unused = 4 - usize::from(self.encoding.count());
        let mut words: Vec<u16> = all
            .skip(unused)
            .map(|word| arranged(word, self.bytes))
            .collect();
        if self.words == Order::LowFirst {
            words.reverse();
        }
        words
    }

    pub(super) fn number(self, bits: u64) -> Result<Number, DecodeFault> {
        if let Some(format) = self.encoding.float() {
            let binary = Binary::from_bits(bits, format);
            return Ok(binary.map_or(Number::None, Number::Binary));
        }
        let (mantissa, exponent) = match self.encoding {
            Encoding::T5 => (low_unsigned(bits, 24)?, exponent_byte(bits)),
            Encoding::T6 => (low_signed(bits, 24), exponent_byte(bits)),
            signed if signed.is_signed() => (low_signed(bits, signed.width()), 0),
            unsigned => (low_unsigned(bits, unsigned.width())?, 0),
        };
        Ok(Number::Decimal { mantissa, exponent })
    }
}

fn arranged(word: u16, order: Order) -> u16 {
    match order {
        Order::HighFirst => word,
        Order::LowFirst => word.swap_bytes(),
    }
}

/// The lowest `width` bits as a signed number.
fn low_signed(bits: u64, width: u32) -> i64 {
    let unused = 64 - width;
    (bits << unused).cast_signed() >> unused
}

fn low_unsigned(bits: u64, width: u32) -> Result<i64, DecodeFault> {
    let kept = bits & u64::MAX >> (64 - width);
    i64::try_from(kept).map_err(|_| DecodeFault::TooLarge)
}

/// Bits 24 to 31 as a signed number.
fn exponent_byte(bits: u64) -> i8 {
    let [.., byte, _, _, _] = bits.to_be_bytes();
    byte.cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(encoding: Encoding, words: &[u16], expected: (i64, i8)) {
        let layout = Layout {
            encoding,
            words: Order::HighFirst,
            bytes: Order::HighFirst,
        };
        let (mantissa, exponent) = expected;
        let found = layout.number(layout.bits(words).unwrap());
        assert_eq!(found, Ok(Number::Decimal { mantissa, exponent }));
    }

    #[test]
    fn whole_numbers_are_read_with_their_sign() {
        check(Encoding::U16, &[0xFFFE], (65_534, 0));
        check(Encoding::I16, &[0xFFFE], (-2, 0));
        check(Encoding::I32, &[0xFFFF, 0xFF9C], (-100, 0));
        check(Encoding::U32, &[0x0001, 0x0000], (65_536, 0));
        check(Encoding::I64, &[0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF], (-1, 0));
        check(Encoding::U64, &[0, 0, 1, 2], (65_538, 0));
    }

    #[test]
    fn iskra_numbers_carry_their_exponent() {
        check(Encoding::T5, &[0xFF00, 0x08FD], (2301, -1));
        check(Encoding::T6, &[0xFEFF, 0xFFFF], (-1, -2));
        check(Encoding::T5, &[0x02FF, 0xFFFF], (16_777_215, 2));
    }

    #[test]
    fn both_orders_can_be_turned() {
        let turned = Layout {
            encoding: Encoding::U32,
            words: Order::LowFirst,
            bytes: Order::LowFirst,
        };
        assert_eq!(turned.bits(&[0x7856, 0x3412]), Ok(0x1234_5678));
        assert_eq!(turned.words(0x1234_5678), [0x7856, 0x3412]);
    }

    #[test]
    fn another_number_of_registers_is_refused() {
        let layout = Layout {
            encoding: Encoding::U32,
            words: Order::HighFirst,
            bytes: Order::HighFirst,
        };
        let fault = DecodeFault::WordCount {
            expected: 2,
            found: 3,
        };
        assert_eq!(layout.bits(&[1, 2, 3]), Err(fault));
    }

    #[test]
    fn a_number_beyond_our_own_is_refused() {
        let layout = Layout {
            encoding: Encoding::U64,
            words: Order::HighFirst,
            bytes: Order::HighFirst,
        };
        assert_eq!(layout.number(1 << 63), Err(DecodeFault::TooLarge));
    }

    #[test]
    fn absent_patterns_follow_the_width() {
        assert_eq!(Absent::AllOnes.bits(32), 0xFFFF_FFFF);
        assert_eq!(Absent::Highest.bits(16), 0x7FFF);
        assert_eq!(Absent::Lowest.bits(64), 1 << 63);
        assert_eq!(Absent::Zero.bits(32), 0);
    }

    proptest! {
        #[test]
        fn words_and_bits_are_the_same_thing(bits: u64, words: bool, bytes: bool) {
            let order = |low| if low { Order::LowFirst } else { Order::HighFirst };
            for encoding in [Encoding::U16, Encoding::F32, Encoding::I64] {
                let layout = Layout { encoding, words: order(words), bytes: order(bytes) };
                let kept = bits & u64::MAX >> (64 - encoding.width());
                prop_assert_eq!(layout.bits(&layout.words(kept)), Ok(kept));
            }
        }
    }
}
