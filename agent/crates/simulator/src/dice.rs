//! One seed makes the whole world repeatable.

use std::ops::RangeInclusive;
use std::time::Duration;

/// A small deterministic generator (`SplitMix64`).
///
/// Not a crate: the sequence must stay the same for as long as a seed that once failed is worth
/// keeping, and nothing here guards a secret.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The sequence of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// An independent sequence for one part of the world, so that a fault added to one meter
    /// does not shift the faults of all others.
    pub fn fork(&self, part: u64) -> Self {
        let mut seed = Self(self.0 ^ part.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        Self(seed.roll())
    }

    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number within `range`; its start when the range is empty.
    pub fn between(&mut self, range: &RangeInclusive<u64>) -> u64 {
        let width = range.end().saturating_sub(*range.start());
        let step = match width.checked_add(1) {
            Some(width) => self.roll() % width,
            None => self.roll(),
        };
        range.start().saturating_add(step)
    }

    /// An index below `length`; zero when there is none.
    pub fn index(&mut self, length: usize) -> usize {
        let last = u64::try_from(length).unwrap_or(u64::MAX).saturating_sub(1);
        usize::try_from(self.between(&(0..=last))).unwrap_or(0)
    }

    /// A duration from `least` to `most`.
    pub fn duration(&mut self, least: Duration, most: Duration) -> Duration {
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.between(&(nanos(least)..=nanos(most))))
    }

    /// One octet.
    pub fn octet(&mut self) -> u8 {
        let [octet, ..] = self.roll().to_le_bytes();
        octet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence() {
        let rolls = |seed| {
            let mut dice = Dice::new(seed);
            [dice.roll(), dice.roll(), dice.roll()]
        };
        assert_eq!(rolls(7), rolls(7));
        assert_ne!(rolls(7), rolls(8));
        assert_ne!(Dice::new(7).fork(1).roll(), Dice::new(7).fork(2).roll());
    }

    #[test]
    fn numbers_stay_within_their_range_and_reach_both_ends() {
        let mut dice = Dice::new(1);
        let seen: Vec<u64> = (0..1000).map(|_| dice.between(&(3..=5))).collect();
        assert!(seen.iter().all(|number| (3..=5).contains(number)));
        assert!(seen.contains(&3) && seen.contains(&5));
        assert_eq!(dice.between(&(9..=9)), 9);
        assert_eq!(dice.index(0), 0);
    }
}
