//! What a meter counts: totals, registers by rate, demand.

use super::calendar::Label;
use super::rates::RateSet;
use super::words::words;
use crate::{Obis, Unit};
use std::fmt;
use std::str::FromStr;

/// What a register is fed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A measured quantity, by its OBIS code.
    Measured(Obis),
    /// A customer-defined register, from 1.
    Customer(u8),
    /// A pulse input, from 1.
    Input(u8),
}

impl Default for Source {
    fn default() -> Self {
        Self::Measured(Obis::new([1, 0, 1, 8, 0, 255]))
    }
}

impl Source {
    /// The energy unit of a measured quantity, where its code says it.
    pub fn unit(self) -> Option<Unit> {
        let Self::Measured(code) = self else {
            return None;
        };
        let [1, _, quantity, ..] = code.groups() else {
            return None;
        };
        // Groups C of IEC 62056-61: 20, 40 and 60 further are those of each phase.
        match quantity % 20 {
            _ if !(1..=80).contains(&quantity) => None,
            0..=2 | 15..=19 => Some(Unit::WattHour),
            3..=8 => Some(Unit::VarHour),
            9 | 10 => Some(Unit::VoltAmpereHour),
            _ => None,
        }
    }
}

/// `1-0:1.8.0`, `customer-1`, `input-2`.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Measured(code) => code.fmt(f),
            Self::Customer(number) => write!(f, "customer-{number}"),
            Self::Input(number) => write!(f, "input-{number}"),
        }
    }
}

/// Text that names no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a source; write an OBIS code such as 1-0:1.8.0, customer-1 or input-1")]
pub struct InvalidSource(String);

impl FromStr for Source {
    type Err = InvalidSource;

    fn from_str(text: &str) -> Result<Self, InvalidSource> {
        let number = |digits: &str| {
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            let number = digits
                .parse()
                .ok()
                .filter(|number| (1..=32).contains(number));
            number.filter(|_| plain && !digits.starts_with('0'))
        };
        let found = if let Some(digits) = text.strip_prefix("customer-") {
            number(digits).map(Self::Customer)
        } else if let Some(digits) = text.strip_prefix("input-") {
            number(digits).map(Self::Input)
        } else {
            text.parse().ok().map(Self::Measured)
        };
        found.ok_or_else(|| InvalidSource(text.chars().take(40).collect()))
    }
}

/// Transformers between the line and the meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Ratios {
    /// Primary ampere of the current transformer, and its secondary ampere.
    pub ct_primary: Option<u32>,
    /// Secondary ampere of the current transformer.
    pub ct_secondary: Option<u32>,
    /// Primary volt of the voltage transformer.
    pub vt_primary: Option<u32>,
    /// Secondary volt of the voltage transformer.
    pub vt_secondary: Option<u32>,
    /// Whether the display shows values of the primary side.
    pub show_primary: Option<bool>,
}

/// A register that counts all the time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TotalRegister {
    /// What it counts.
    pub source: Source,
    /// Digits behind the decimal point, where the meter lets one choose.
    pub decimals: Option<u8>,
}

words!(
    /// How a term enters a sum.
    Sign {
        /// It is added.
        #[default]
        Plus = "plus",
        /// It is taken away.
        Minus = "minus",
    }
);

/// One part of a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Term {
    /// Added or taken away.
    pub sign: Sign,
    /// What.
    pub source: Source,
}

/// A register that the customer defines as a sum of others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CustomerRegister {
    /// Its number, from 1.
    pub number: u8,
    /// What is added up.
    pub terms: Vec<Term>,
}

/// A register that counts while its rate is active.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TouRegister {
    /// Its number, 1 to 32.
    pub number: u8,
    /// What it counts.
    pub source: Source,
    /// Its rate, 1 to 32.
    pub rate: u8,
    /// What people call it.
    pub name: Option<Label>,
}

words!(
    /// How the demand period moves on.
    Window {
        /// One period after the other.
        #[default]
        Fixed = "fixed",
        /// Each sub-period ends a period.
        Sliding = "sliding",
    }
);

/// A register for the highest demand since the last billing reset.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MdRegister {
    /// Its number, from 1.
    pub number: u8,
    /// Whose demand.
    pub source: Source,
    /// Demand rates while which it is kept; none = always.
    pub rates: RateSet,
}

/// How demand is formed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Demand {
    /// Length of the demand period in minutes.
    pub period_minutes: u16,
    /// Fixed or sliding.
    pub window: Window,
    /// Sub-periods of a sliding period.
    pub sub_periods: Option<u16>,
    /// Whether the display shows the demand of the running period.
    pub show_rising: Option<bool>,
    /// Whether maxima are added up over billing periods.
    pub cumulative: Option<bool>,
    /// Its registers.
    pub registers: Vec<MdRegister>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_read_as_it_is_shown() {
        for text in ["1-0:1.8.0", "customer-3", "input-12"] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
        for text in [
            "customer-0",
            "customer-+1",
            "input-01",
            "input-33",
            "kwh",
            "",
        ] {
            assert!(text.parse::<Source>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_source_knows_its_unit() {
        let unit = |text: &str| text.parse::<Source>().unwrap().unit();
        assert_eq!(unit("1-0:1.8.0"), Some(Unit::WattHour));
        assert_eq!(unit("1-0:22.8.0"), Some(Unit::WattHour));
        assert_eq!(unit("1-0:5.8.0"), Some(Unit::VarHour));
        assert_eq!(unit("1-0:9.8.0"), Some(Unit::VoltAmpereHour));
        assert_eq!(unit("1-0:32.7.0"), None);
        assert_eq!(unit("7-0:1.8.0"), None);
    }
}
