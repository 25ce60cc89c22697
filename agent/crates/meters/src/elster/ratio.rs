//! Transformer ratios.

use super::octets::digits_low_first;
use super::scaling::Multiplier;
use crate::catalogue::flag::{RatioCoding, RatioOf};
use metering::{Quantity, Unit};

/// A transformer ratio as the meter has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ratio {
    /// What it transforms.
    pub of: RatioOf,
    /// The primary value.
    pub primary: Quantity,
    /// The secondary value.
    pub secondary: Quantity,
    /// Primary by secondary; `None` where one of them is zero: then the meter has none.
    pub multiplier: Option<Multiplier>,
    /// Its octets, as they came.
    pub raw: Vec<u8>,
}

/// From its octets; `None` where they are no numbers.
pub(super) fn decode(
    of: RatioOf,
    coding: RatioCoding,
    primary: u16,
    octets: &[u8],
) -> Option<Ratio> {
    let (first, second) = octets.split_at_checked(usize::from(primary))?;
    let (first, second) = (number(coding, first)?, number(coding, second)?);
    let quantity = |digits: u64| {
        Some(Quantity {
            digits: i64::try_from(digits).ok()?,
            exponent: match coding {
                RatioCoding::BcdHundredths => -2,
                RatioCoding::Binary => 0,
            },
            unit: match of {
                RatioOf::Current => Unit::Ampere,
                RatioOf::Voltage => Unit::Volt,
            },
        })
    };
    Some(Ratio {
        of,
        primary: quantity(first)?,
        secondary: quantity(second)?,
        multiplier: Multiplier::new(first, second),
        raw: octets.to_vec(),
    })
}

fn number(coding: RatioCoding, octets: &[u8]) -> Option<u64> {
    match coding {
        RatioCoding::BcdHundredths => u64::try_from(digits_low_first(octets)?).ok(),
        RatioCoding::Binary => octets.iter().try_fold(0_u64, |number, octet| {
            number.checked_mul(256)?.checked_add(u64::from(*octet))
        }),
    }
}
