//! What a meter measures: a load that rises and falls, and the total it adds up to.

use std::time::Duration;

use crate::dice::Dice;

/// A load between one and two times its base, as a triangle over time.
///
/// Integers only, so that the total is the exact integral of the load at every millisecond and
/// never falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadShape {
    /// The total at the start.
    pub start: u64,
    /// What the base load adds per hour, in the total's last digit.
    pub per_hour: u64,
    /// From one trough of the load to the next; not zero.
    pub cycle_ms: u64,
}

const HOUR_MS: u128 = 3_600_000;

impl LoadShape {
    /// A shape for one register of one meter, different for each pair: the total grows by
    /// `per_hour` to twice as much.
    pub fn for_register(seed: u64, unit: u8, register: u64, per_hour: u64) -> Self {
        let mut dice = Dice::new(seed).fork(u64::from(unit)).fork(register);
        Self {
            start: dice.between(&(1_000_000..=9_000_000)),
            per_hour: dice.between(&(per_hour..=per_hour.saturating_mul(2))),
            cycle_ms: dice.between(&(20_000..=120_000)),
        }
    }

    /// The total, in its last digit, rounded down.
    pub fn total(&self, at: Duration) -> u64 {
        let now = at.as_millis();
        let cycle = u128::from(self.cycle_ms.max(2));
        let (cycles, within) = (now / cycle, now % cycle);
        let half = cycle / 2;
        // Twice the integral of the triangle (0 to 1 and back) in units of `half`, so that it
        // stays whole: within * within up to the peak, the rest from the far end.
        let doubled = if within <= half {
            within * within
        } else {
            let rest = cycle - within;
            (cycle * half).saturating_sub(rest * rest)
        };
        let above = (cycles * cycle * half + doubled) / (2 * half);
        let grown = u128::from(self.per_hour) * (now + above) / HOUR_MS;
        self.start
            .saturating_add(u64::try_from(grown).unwrap_or(u64::MAX))
    }

    /// The load now, in last digits per hour.
    pub fn load(&self, at: Duration) -> u64 {
        let cycle = u128::from(self.cycle_ms.max(2));
        let within = at.as_millis() % cycle;
        let half = cycle / 2;
        let height = if within <= half {
            within
        } else {
            cycle - within
        };
        let above = u128::from(self.per_hour) * height / half;
        self.per_hour
            .saturating_add(u64::try_from(above).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_hour_adds_one_and_a_half_times_the_base() {
        let shape = LoadShape {
            start: 100,
            per_hour: 36_000,
            cycle_ms: 60_000,
        };
        assert_eq!(shape.total(Duration::ZERO), 100);
        assert_eq!(shape.total(Duration::from_hours(1)), 100 + 54_000);
        assert_eq!(shape.load(Duration::ZERO), 36_000);
        assert_eq!(shape.load(Duration::from_secs(30)), 72_000);
    }

    #[test]
    fn meters_and_registers_differ() {
        let shape = |unit, register| LoadShape::for_register(1, unit, register, 1000);
        assert_ne!(shape(1, 1), shape(2, 1));
        assert_ne!(shape(1, 1), shape(1, 2));
        assert_eq!(shape(1, 1), shape(1, 1));
    }

    proptest! {
        #[test]
        fn the_total_never_falls(
            start in 0_u64..10_000_000, per_hour in 0_u64..10_000_000, cycle_ms in 2_u64..200_000,
            at in 0_u64..1_000_000_000, step in 0_u64..10_000,
        ) {
            let shape = LoadShape { start, per_hour, cycle_ms };
            let (early, later) = (Duration::from_millis(at), Duration::from_millis(at + step));
            prop_assert!(shape.total(early) <= shape.total(later));
            prop_assert!(shape.load(early) >= per_hour);
        }
    }
}
