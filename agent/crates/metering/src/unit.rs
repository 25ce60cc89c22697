//! Physical units, numbered as in IEC 62056-62 (DLMS unit codes).

use std::fmt;

/// A unit without prefix; prefixes live in the exponent of a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Active power.
    Watt,
    /// Apparent power.
    VoltAmpere,
    /// Reactive power.
    Var,
    /// Active energy.
    WattHour,
    /// Apparent energy.
    VoltAmpereHour,
    /// Reactive energy.
    VarHour,
    /// Current.
    Ampere,
    /// Voltage.
    Volt,
    /// Frequency.
    Hertz,
    /// Phase angle.
    Degree,
    /// Time.
    Second,
    /// Temperature.
    Celsius,
    /// Per cent (distortion).
    Percent,
    /// A pure number: power factor, ratio, count.
    Count,
}

/// A unit word that is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a unit; use W, VA, var, Wh, VAh, varh (also with k or M), A, V, Hz, deg, s, C, % or 1"
)]
pub struct InvalidUnit(String);

const TABLE: [(Unit, u8, &str); 14] = [
    (Unit::Watt, 27, "W"),
    (Unit::VoltAmpere, 28, "VA"),
    (Unit::Var, 29, "var"),
    (Unit::WattHour, 30, "Wh"),
    (Unit::VoltAmpereHour, 31, "VAh"),
    (Unit::VarHour, 32, "varh"),
    (Unit::Ampere, 33, "A"),
    (Unit::Volt, 35, "V"),
    (Unit::Hertz, 44, "Hz"),
    (Unit::Degree, 8, "deg"),
    (Unit::Second, 7, "s"),
    (Unit::Celsius, 9, "C"),
    (Unit::Percent, 56, "%"),
    (Unit::Count, 255, "1"),
];

impl Unit {
    /// The code of IEC 62056-62, table of units.
    pub fn code(self) -> u8 {
        TABLE
            .iter()
            .find(|row| row.0 == self)
            .map_or(255, |row| row.1)
    }

    /// The unit behind a code, if this product knows it.
    pub fn from_code(code: u8) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == code).map(|row| row.0)
    }

    /// The symbol a person reads.
    pub fn symbol(self) -> &'static str {
        TABLE
            .iter()
            .find(|row| row.0 == self)
            .map_or("1", |row| row.2)
    }

    /// Reads `kWh`, `MW`, `V`: the unit and the power of ten of its prefix.
    pub fn parse(text: &str) -> Result<(Self, i8), InvalidUnit> {
        let plain = |symbol: &str| TABLE.iter().find(|row| row.2 == symbol).map(|row| row.0);
        let prefixed = |prefix: &str, exponent: i8| {
            text.strip_prefix(prefix)
                .and_then(plain)
                .map(|unit| (unit, exponent))
        };
        plain(text)
            .map(|unit| (unit, 0))
            .or_else(|| prefixed("k", 3))
            .or_else(|| prefixed("M", 6))
            .or_else(|| prefixed("m", -3))
            .ok_or_else(|| InvalidUnit(text.chars().take(20).collect()))
    }

    /// The unit of its average: W for Wh; a pure number stays one, everything else has none.
    pub fn as_power(self) -> Option<Self> {
        match self {
            Self::WattHour => Some(Self::Watt),
            Self::VarHour => Some(Self::Var),
            Self::VoltAmpereHour => Some(Self::VoltAmpere),
            Self::Count => Some(Self::Count),
            _ => None,
        }
    }

    /// Whether a total of this unit is energy.
    pub fn is_energy(self) -> bool {
        matches!(self, Self::WattHour | Self::VarHour | Self::VoltAmpereHour)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_survives_code_and_symbol() {
        for (unit, code, symbol) in TABLE {
            assert_eq!(Unit::from_code(code), Some(unit));
            assert_eq!(unit.code(), code);
            assert_eq!(Unit::parse(symbol), Ok((unit, 0)));
        }
    }

    #[test]
    fn prefixes_become_powers_of_ten() {
        assert_eq!(Unit::parse("kWh"), Ok((Unit::WattHour, 3)));
        assert_eq!(Unit::parse("Mvarh"), Ok((Unit::VarHour, 6)));
        assert_eq!(Unit::parse("mA"), Ok((Unit::Ampere, -3)));
        assert!(Unit::parse("kwh").is_err());
    }
}
