//! The ratio of a current or voltage transformer.

use super::place::{Unfit, unfit};
use std::fmt;

/// Primary and secondary side of a transformer, in amperes or volts, exact to three decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ratio {
    primary: Milli,
    secondary: Milli,
}

/// Thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Milli(u32);

impl Ratio {
    pub(crate) const fn new(primary: Milli, secondary: Milli) -> Self {
        Self { primary, secondary }
    }

    /// The primary side, in thousandths of an ampere or a volt.
    pub const fn primary_milli(self) -> u32 {
        self.primary.0
    }

    /// The secondary side, in thousandths of an ampere or a volt.
    pub const fn secondary_milli(self) -> u32 {
        self.secondary.0
    }

    pub(crate) fn primary_text(self) -> String {
        self.primary.to_string()
    }

    pub(crate) fn secondary_text(self) -> String {
        self.secondary.to_string()
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.primary, self.secondary)
    }
}

impl Milli {
    const MAX: u32 = 1_000_000_000;

    /// `63.5`, also `63,5`; more than zero. Exact to three decimals.
    pub(crate) fn parse(text: &str) -> Result<Self, Unfit> {
        let parsed = || {
            let (whole, part) = text.split_once(['.', ',']).unwrap_or((text, ""));
            let digits = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
            if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > 3 {
                return None;
            }
            let whole: u32 = whole.parse().ok()?;
            let part: u32 = format!("{part:0<3}").parse().ok()?;
            whole.checked_mul(1000)?.checked_add(part)
        };
        match parsed() {
            Some(milli) if (1..=Self::MAX).contains(&milli) => Ok(Self(milli)),
            _ => {
                let problem = format!(
                    "`{}` is not a side of a transformer",
                    crate::complaint::shown(text)
                );
                let remedy = "write amperes or volts as 200 or 63.5: above zero, up to 1000000, at most three decimals, without thousands separators";
                Err(unfit(problem, remedy))
            }
        }
    }
}

impl fmt::Display for Milli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:03}", self.0 / 1000, self.0 % 1000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let found = Milli::parse(text).ok().map(|milli| milli.to_string());
        assert_eq!(found.as_deref(), expected, "{text}");
    }

    #[test]
    fn sides_are_exact() {
        check("200", Some("200"));
        check("63.5", Some("63.5"));
        check("6350,85", Some("6350.85"));
        check("0.100", Some("0.1"));
        check("1000000", Some("1000000"));
        for wrong in [
            "0",
            "",
            ".",
            "1.",
            "1.2345",
            "-5",
            "1,000,5",
            "5 A",
            "1000001",
            "99999999999",
        ] {
            check(wrong, if wrong == "1." { Some("1") } else { None });
        }
    }
}
