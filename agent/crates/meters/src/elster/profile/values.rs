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

/// The other coding that a source names for values like these; `None` where all agree.
pub(super) const fn other_coding(value: ProfileValue) -> Option<ProfileValue> {
    match value {
        ProfileValue::BcdExponent => Some(ProfileValue::Binary),
        ProfileValue::Binary => Some(ProfileValue::BcdExponent),
        ProfileValue::Bcd | ProfileValue::SignedBcd => None,
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
}
