//! Rates: what a switching time makes active.

use std::fmt;

/// Rates from 1 to 32, as a set.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RateSet(u32);

impl RateSet {
    /// The highest number of a rate.
    pub const RATE_MAX: u8 = 32;
    /// No rate.
    pub const NONE: Self = Self(0);

    /// From bits: bit 0 is rate 1.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Bits: bit 0 is rate 1.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// This set and one rate more, where its number is one.
    pub fn with(self, rate: u8) -> Option<Self> {
        (1..=Self::RATE_MAX)
            .contains(&rate)
            .then(|| Self(self.0 | 1 << (rate - 1)))
    }

    /// Whether a rate is in it.
    pub fn has(self, rate: u8) -> bool {
        (1..=Self::RATE_MAX).contains(&rate) && self.0 & 1 << (rate - 1) != 0
    }

    /// Whether both share a rate.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// All rates of both.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether no rate is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many are in it.
    pub const fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// Its rates, rising.
    pub fn rates(self) -> impl Iterator<Item = u8> {
        (1..=Self::RATE_MAX).filter(move |rate| self.has(*rate))
    }
}

/// `1+3`, or `none`.
impl fmt::Display for RateSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        let mut separator = "";
        for rate in self.rates() {
            write!(f, "{separator}{rate}")?;
            separator = "+";
        }
        Ok(())
    }
}

impl fmt::Debug for RateSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_rates_from_1_to_32() {
        let set = RateSet::NONE.with(1).unwrap().with(32).unwrap();
        assert_eq!(set.to_string(), "1+32");
        assert_eq!(set.count(), 2);
        assert!(set.has(32) && !set.has(0) && !set.has(33));
        assert_eq!(set.with(0), None);
        assert_eq!(set.with(33), None);
        assert_eq!(RateSet::NONE.to_string(), "none");
    }
}
