//! Exact decimal quantities: digits, a power of ten, a unit. Never a float.

use crate::Unit;
use std::fmt;

/// `digits` × 10^`exponent` `unit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quantity {
    /// The number without its decimal point.
    pub digits: i64,
    /// Power of ten that belongs to the digits; prefixes of the unit are part of it.
    pub exponent: i8,
    /// What is counted.
    pub unit: Unit,
}

/// The same number with another power of ten, or `None` where that would lose a digit.
pub fn rescale(digits: i64, from: i8, to: i8) -> Option<i64> {
    let steps = i16::from(from) - i16::from(to);
    let factor = 10_i64.checked_pow(u32::from(steps.unsigned_abs()));
    match (steps, factor) {
        (0, _) => Some(digits),
        (_, _) if digits == 0 => Some(0),
        (1.., Some(factor)) => digits.checked_mul(factor),
        (..0, Some(factor)) if digits % factor == 0 => Some(digits / factor),
        _ => None,
    }
}

/// A decimal number as a person writes it: `123.45`, `-0.007`, `12000`.
pub fn decimal_text(digits: i64, exponent: i8) -> String {
    let sign = if digits < 0 { "-" } else { "" };
    let bare = digits.unsigned_abs().to_string();
    let places = usize::from(exponent.unsigned_abs());
    if exponent >= 0 {
        let zeros = if digits == 0 { 0 } else { places };
        return format!("{sign}{bare}{}", "0".repeat(zeros));
    }
    let padded = format!("{bare:0>width$}", width = places + 1);
    let (whole, fraction) = padded.split_at(padded.len() - places);
    format!("{sign}{whole}.{fraction}")
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.unit.is_energy() || matches!(self.unit, Unit::Watt | Unit::Var | Unit::VoltAmpere) {
            // People read kWh and kW off a meter.
            let text = decimal_text(self.digits, self.exponent.saturating_sub(3));
            return write!(f, "{text} k{}", self.unit);
        }
        let text = decimal_text(self.digits, self.exponent);
        if self.unit == Unit::Count {
            f.write_str(&text)
        } else {
            write!(f, "{text} {}", self.unit)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(digits: i64, exponent: i8, expected: &str) {
        assert_eq!(decimal_text(digits, exponent), expected);
    }

    #[test]
    fn decimals_are_written_without_losing_a_digit() {
        check(12345, -2, "123.45");
        check(-7, -3, "-0.007");
        check(12, 3, "12000");
        check(0, 5, "0");
        check(0, -2, "0.00");
        check(i64::MIN, 0, "-9223372036854775808");
    }

    #[test]
    fn rescaling_never_rounds() {
        assert_eq!(rescale(1234, 1, 0), Some(12340));
        assert_eq!(rescale(1230, 0, 1), Some(123));
        assert_eq!(rescale(1234, 0, 1), None);
        assert_eq!(rescale(i64::MAX, 1, 0), None);
        assert_eq!(rescale(0, 100, -100), Some(0));
    }

    #[test]
    fn energy_is_shown_in_kilowatt_hours() {
        let energy = Quantity {
            digits: 123_450,
            exponent: 1,
            unit: Unit::WattHour,
        };
        assert_eq!(energy.to_string(), "1234.50 kWh");
        let voltage = Quantity {
            digits: 2301,
            exponent: -1,
            unit: Unit::Volt,
        };
        assert_eq!(voltage.to_string(), "230.1 V");
    }

    proptest! {
        #[test]
        fn there_and_back_is_the_same(digits: i16, from in -6_i8..6, to in -9_i8..-6) {
            let finer = rescale(i64::from(digits), from, to).unwrap();
            prop_assert_eq!(rescale(finer, to, from), Some(i64::from(digits)));
        }
    }
}
