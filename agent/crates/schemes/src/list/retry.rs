//! How often a meter is tried again.

use std::time::Duration;

/// Some quick tries, then pauses that grow, until the window closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPlan {
    /// Tries soon after the first one.
    pub quick: u8,
    /// The pause before each of them.
    pub quick_pause: Duration,
    /// The pause after them; each further one is twice as long.
    pub back_off: Duration,
    /// The longest pause.
    pub back_off_max: Duration,
}

impl Default for RetryPlan {
    fn default() -> Self {
        Self {
            quick: 3,
            quick_pause: Duration::from_secs(10),
            back_off: Duration::from_mins(1),
            back_off_max: Duration::from_mins(30),
        }
    }
}

impl RetryPlan {
    /// The pause after so many failures in this window, from 1.
    pub fn pause(&self, failures: u16) -> Duration {
        let quick = u16::from(self.quick);
        if failures <= quick {
            return self.quick_pause;
        }
        let doublings = u32::from(failures - quick - 1).min(16);
        self.back_off
            .saturating_mul(1 << doublings)
            .min(self.back_off_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_quick_tries_then_pauses_that_grow() {
        let plan = RetryPlan::default();
        let pauses = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, u16::MAX]
            .map(|failures| plan.pause(failures).as_secs());
        assert_eq!(
            pauses,
            [10, 10, 10, 60, 120, 240, 480, 960, 1800, 1800, 1800]
        );
    }
}
