//! Transformer ratios and other factors, applied exactly.

use metering::Quantity;

/// Where a product that is no finite decimal is rounded: a millionth of the unit.
const ROUNDED_EXPONENT: i8 = -6;
/// Powers of ten that are tried for a finite decimal.
const PLACES_MAX: u8 = 3;

/// A ratio that values are multiplied with: transformer ratios, primary by secondary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Multiplier {
    numerator: u64,
    denominator: u64,
}

impl Multiplier {
    /// Nothing is multiplied.
    pub const ONE: Self = Self {
        numerator: 1,
        denominator: 1,
    };

    /// A ratio in its lowest terms; `None` where one of both is zero.
    pub fn new(numerator: u64, denominator: u64) -> Option<Self> {
        if numerator == 0 || denominator == 0 {
            return None;
        }
        let divisor = greatest_divisor(numerator, denominator);
        Some(Self {
            numerator: numerator / divisor,
            denominator: denominator / divisor,
        })
    }

    /// A power of ten; `None` beyond all registers.
    pub fn power_of_ten(exponent: i8) -> Option<Self> {
        let power = 10_u64.checked_pow(exponent.unsigned_abs().into())?;
        if exponent < 0 {
            Self::new(1, power)
        } else {
            Self::new(power, 1)
        }
    }

    /// Both ratios together; `None` beyond all transformers.
    pub fn times(self, other: Self) -> Option<Self> {
        // Across first, so that nothing overflows that need not.
        let left = Self::new(self.numerator, other.denominator)?;
        let right = Self::new(other.numerator, self.denominator)?;
        Self::new(
            left.numerator.checked_mul(right.numerator)?,
            left.denominator.checked_mul(right.denominator)?,
        )
    }

    /// Numerator and denominator.
    pub const fn parts(self) -> (u64, u64) {
        (self.numerator, self.denominator)
    }
}

impl std::fmt::Display for Multiplier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.denominator {
            1 => write!(f, "{}", self.numerator),
            other => write!(f, "{}/{other}", self.numerator),
        }
    }
}

fn greatest_divisor(mut left: u64, mut right: u64) -> u64 {
    while right != 0 {
        (left, right) = (right, left % right);
    }
    left.max(1)
}

/// How a number is multiplied: its digits × `numerator` / `denominator` are those of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScalingRule {
    numerator: u64,
    denominator: u64,
    /// Power of ten of the product.
    pub exponent: i8,
    /// Whether every product is exact; else it is rounded half to even at a millionth.
    pub is_exact: bool,
}

impl ScalingRule {
    /// From demand with this power of ten, over a period, to energy; `None` beyond all transformers.
    pub fn to_energy(exponent: i8, period_seconds: u32, multiplier: Multiplier) -> Option<Self> {
        let hours = Multiplier::new(u64::from(period_seconds), 3600)?;
        Self::new(exponent, hours.times(multiplier)?)
    }

    /// For numbers with this power of ten; `None` beyond all transformers.
    pub fn new(exponent: i8, factor: Multiplier) -> Option<Self> {
        let finite = (0..=PLACES_MAX).find_map(|places| {
            let scaled = factor.times(Multiplier::new(10_u64.pow(u32::from(places)), 1)?)?;
            (scaled.denominator == 1).then_some((scaled, places))
        });
        let (scaled, exponent, is_exact) = if let Some((scaled, places)) = finite {
            (scaled, exponent - places.cast_signed(), true)
        } else {
            let places = u32::from(exponent.abs_diff(ROUNDED_EXPONENT));
            let tens = Multiplier::new(10_u64.checked_pow(places)?, 1)?;
            (factor.times(tens)?, ROUNDED_EXPONENT, false)
        };
        Some(Self {
            numerator: scaled.numerator,
            denominator: scaled.denominator,
            exponent,
            is_exact,
        })
    }

    /// The product's digits; `None` where there are too many.
    pub fn apply(&self, digits: i64) -> Option<i64> {
        let product = i128::from(digits).checked_mul(i128::from(self.numerator))?;
        let divisor = i128::from(self.denominator);
        let (quotient, rest) = (product.div_euclid(divisor), product.rem_euclid(divisor));
        let up = match (rest * 2).cmp(&divisor) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => quotient & 1,
            std::cmp::Ordering::Greater => 1,
        };
        i64::try_from(quotient + up).ok()
    }
}

/// A value of the secondary side with what it is on the primary one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scaled {
    /// As the meter has it.
    pub raw: Quantity,
    /// What it is multiplied with.
    pub multiplier: Multiplier,
    /// The product; `None` where it has too many digits.
    pub result: Option<Quantity>,
    /// Whether the product is exact; else it is rounded half to even at a millionth.
    pub is_exact: bool,
}

impl Scaled {
    /// A quantity times a ratio.
    pub fn new(raw: Quantity, multiplier: Multiplier) -> Self {
        let rule = ScalingRule::new(raw.exponent, multiplier);
        let result = rule.and_then(|rule| {
            Some(Quantity {
                digits: rule.apply(raw.digits)?,
                exponent: rule.exponent,
                unit: raw.unit,
            })
        });
        Self {
            raw,
            multiplier,
            result,
            is_exact: rule.is_some_and(|rule| rule.is_exact),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metering::{Unit, decimal_text};

    #[track_caller]
    fn check(minutes: u32, ratio: (u64, u64), demand: i64, expected: &str, is_exact: bool) {
        let multiplier = Multiplier::new(ratio.0, ratio.1).unwrap();
        let rule = ScalingRule::to_energy(-3, minutes * 60, multiplier).unwrap();
        let energy = rule.apply(demand).unwrap();
        assert_eq!(decimal_text(energy, rule.exponent), expected);
        assert_eq!(rule.is_exact, is_exact);
    }

    #[test]
    fn energy_is_demand_times_time() {
        check(30, (1, 1), 1_234_000, "617.0000", true);
        check(30, (1, 1), 1, "0.0005", true);
        check(60, (1, 1), 1_234_567, "1234.567", true);
        check(15, (1, 1), 1, "0.00025", true);
        check(6, (1, 1), 7, "0.0007", true);
        check(3, (1, 1), 7, "0.00035", true);
        check(30, (200, 5), 1_000_000, "20000.000", true);
        check(30, (11_000, 110), 1, "0.050", true);
    }

    #[test]
    fn a_power_of_ten_is_a_multiplier() {
        let parts = |exponent| Multiplier::power_of_ten(exponent).map(Multiplier::parts);
        let known = [-4, 0, 2].map(parts);
        assert_eq!(known, [Some((1, 10_000)), Some((1, 1)), Some((100, 1))]);
        assert_eq!(parts(20), None);
        assert_eq!(parts(i8::MIN), None);
    }

    #[test]
    fn thirds_are_rounded_and_say_so() {
        check(20, (1, 1), 1, "0.000333", false);
        check(20, (1, 1), 2, "0.000667", false);
        check(10, (1, 1), 3, "0.000500", false);
        check(1, (1, 1), 60, "0.001000", false);
        check(20, (1, 1), -1, "-0.000333", false);
    }

    #[test]
    fn raw_value_multiplier_and_result_are_kept() {
        let raw = Quantity {
            digits: 1_234_567,
            exponent: -3,
            unit: Unit::WattHour,
        };
        let scaled = Scaled::new(raw, Multiplier::new(300, 5).unwrap());
        assert_eq!(scaled.raw, raw);
        assert_eq!(scaled.multiplier.to_string(), "60");
        assert_eq!(scaled.result.unwrap().to_string(), "74.074020 kWh");
        assert!(scaled.is_exact);
        let odd = Scaled::new(raw, Multiplier::new(11_000, 63).unwrap());
        assert!(!odd.is_exact);
        assert_eq!(odd.result.unwrap().digits, 215_559_317_460);
    }

    #[test]
    fn ratios_are_kept_in_lowest_terms() {
        let current = Multiplier::new(20_000, 500).unwrap();
        assert_eq!(current.to_string(), "40");
        let voltage = Multiplier::new(1_100_000, 10_000).unwrap();
        assert_eq!(current.times(voltage).unwrap().parts(), (4400, 1));
        assert_eq!(Multiplier::new(5, 10).unwrap().to_string(), "1/2");
        assert_eq!(Multiplier::new(0, 5), None);
        assert_eq!(
            Multiplier::new(u64::MAX, 1)
                .unwrap()
                .times(Multiplier::new(3, 1).unwrap()),
            None
        );
    }
}
