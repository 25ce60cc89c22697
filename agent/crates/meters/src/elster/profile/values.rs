//! How one value of a profile is coded.

use crate::catalogue::flag::ProfileValue;
use crate::elster::octets::digits_high_first;

/// Values with their own decimals are brought to this power of ten: the finest that they may have.
pub(super) const SIGNED_EXPONENT: i8 = -4;

/// Octets of a value.
pub(super) const fn width(value: ProfileValue) -> usize {
    match value {
        ProfileValue::BcdExponent | ProfileValue::Bcd | ProfileValue::Binary => 3,
        ProfileValue::SignedBcd => 4,
    }
}

/// The value of its octets; `None` where they are no number.
pub(super) fn decode(value: ProfileValue, octets: &[u8]) -> Option<i64> {
    match (value, octets) {
        (ProfileValue::BcdExponent, &[first, second, third]) => {
            let (last, exponent) = (third >> 4, third & 0x0f);
            if last > 9 || exponent > 9 {
                return None;
            }
            let mantissa = digits_high_first([first, second].iter())?;
            let mantissa = mantissa * 10 + i64::from(last);
            mantissa.checked_mul(10_i64.checked_pow(u32::from(exponent))?)
        }
        (ProfileValue::Bcd, octets) => digits_high_first(octets.iter()),
        (ProfileValue::Binary, &[high, middle, low]) => {
            Some(i64::from(u32::from_be_bytes([0, high, middle, low])))
        }
        (ProfileValue::SignedBcd, [format, digits @ ..]) => signed(*format, digits),
        _ => None,
    }
}

/// As values of the moment: bit 7 is the sign, the low three bits say how many of four decimals
/// are missing.
fn signed(format: u8, digits: &[u8]) -> Option<i64> {
    let missing = format & 7;
    if format == 0xff || missing == 7 {
        return None;
    }
    let number = digits_high_first(digits.iter())?;
    let number = number.checked_mul(10_i64.checked_pow(u32::from(missing))?)?;
    Some(if format & 0x80 == 0 { number } else { -number })
}

/// What the values of a profile tell about how they are coded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CodingEvidence {
    /// Values looked at.
    pub values: u64,
    /// Values that cannot be decimal digits.
    pub no_digits: u64,
    /// Their sum, read as plain numbers with the high octet first.
    pub binary_sum: i128,
    /// Their sum, read as decimal digits with an exponent, where they are.
    pub decimal_sum: i128,
}

/// How the values of a profile are coded, by all that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodingVerdict {
    /// Decimal digits: all values may be, and they add up to the register's advance.
    Decimal,
    /// Not decimal digits: some values cannot be.
    NotDecimal {
        /// How many.
        no_digits: u64,
    },
    /// All values may be decimal digits, but they do not add up to the register's advance.
    SumsDiffer {
        /// The register's advance, in the profile's own unit of energy.
        advance: i128,
        /// What decimal digits add up to.
        decimal: i128,
        /// What plain numbers add up to.
        binary: i128,
    },
    /// Nothing speaks against decimal digits, and there is no advance to compare with.
    NothingAgainstDecimal,
}

impl CodingEvidence {
    pub(super) fn look_at(&mut self, octets: &[u8]) {
        self.values += 1;
        self.binary_sum += i128::from(decode(ProfileValue::Binary, octets).unwrap_or(0));
        match decode(ProfileValue::BcdExponent, octets) {
            Some(value) => self.decimal_sum += i128::from(value),
            None => self.no_digits += 1,
        }
    }

    /// The verdict over values of one channel whose register advanced meanwhile. Both the sums and
    /// the advance count energy as demand of whole periods: an advance in energy times
    /// 60 / period. Sums may differ from it by one per mille and `slack`, for rounding.
    ///
    /// It is reported and never applied by itself.
    pub fn verdict(&self, advance: Option<i128>, slack: i128) -> CodingVerdict {
        if self.no_digits > 0 {
            return CodingVerdict::NotDecimal {
                no_digits: self.no_digits,
            };
        }
        let Some(advance) = advance.filter(|advance| *advance != 0) else {
            return CodingVerdict::NothingAgainstDecimal;
        };
        let room = advance.abs() / 1000 + slack.abs();
        if (self.decimal_sum - advance).abs() <= room {
            CodingVerdict::Decimal
        } else {
            CodingVerdict::SumsDiffer {
                advance,
                decimal: self.decimal_sum,
                binary: self.binary_sum,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: ProfileValue, octets: &[u8], expected: Option<i64>) {
        assert_eq!(decode(value, octets), expected, "{octets:02X?}");
    }

    #[test]
    fn five_digits_have_an_exponent() {
        let value = ProfileValue::BcdExponent;
        check(value, &[0x01, 0x23, 0x43], Some(1_234_000));
        check(value, &[0, 0, 0x10], Some(1));
        check(value, &[0, 0, 0], Some(0));
        check(value, &[0x99, 0x99, 0x99], Some(99_999_000_000_000));
        check(value, &[0x0A, 0, 0], None);
        check(value, &[0, 0, 0x1A], None);
        check(value, &[0, 0, 0xA1], None);
        check(value, &[0, 0], None);
    }

    #[test]
    fn other_codings_are_read_too() {
        check(ProfileValue::Bcd, &[0x12, 0x34, 0x56], Some(123_456));
        check(ProfileValue::Binary, &[0x01, 0x00, 0x02], Some(65_538));
        check(
            ProfileValue::SignedBcd,
            &[0x00, 0x23, 0x05, 0x00],
            Some(230_500),
        );
        check(
            ProfileValue::SignedBcd,
            &[0x82, 0x00, 0x00, 0x12],
            Some(-1200),
        );
        check(ProfileValue::SignedBcd, &[0xff, 0, 0, 0], None);
        check(ProfileValue::SignedBcd, &[0x07, 0, 0, 0], None);
    }

    #[test]
    fn a_verdict_says_what_it_rests_on() {
        let mut evidence = CodingEvidence::default();
        evidence.look_at(&[0x01, 0x23, 0x43]);
        evidence.look_at(&[0x01, 0x23, 0x43]);
        assert_eq!(
            evidence.verdict(None, 0),
            CodingVerdict::NothingAgainstDecimal
        );
        assert_eq!(evidence.verdict(Some(2_468_000), 0), CodingVerdict::Decimal);
        assert!(matches!(
            evidence.verdict(Some(149_126), 0),
            CodingVerdict::SumsDiffer {
                binary: 149_126,
                ..
            }
        ));
        evidence.look_at(&[0x01, 0x2B, 0x43]);
        assert_eq!(
            evidence.verdict(Some(2_468_000), 0),
            CodingVerdict::NotDecimal { no_digits: 1 }
        );
    }
}
