//! How long a meter thinks, learned from its answers.

use std::time::Duration;

use crate::limits::{PATIENCE_FLOOR, TURNAROUND_WINDOW};

/// The learned turnaround of one meter: from the last octet of a request to the first of its
/// answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Turnaround {
    longest_before: Duration,
    longest_now: Duration,
    answers: u32,
    smoothed: Option<(Duration, Duration)>,
}

impl Turnaround {
    /// The longest turnaround of the last one to two thousand answers.
    pub fn longest(&self) -> Duration {
        self.longest_now.max(self.longest_before)
    }

    /// The usual turnaround, once there was an answer.
    pub fn usual(&self) -> Option<Duration> {
        self.smoothed.map(|(usual, _)| usual)
    }

    /// Beyond this an answer is slow: the usual turnaround with four mean deviations on top, as
    /// TCP waits before it sends again.
    pub fn patience(&self) -> Option<Duration> {
        self.smoothed
            .map(|(usual, deviation)| (usual + deviation * 4).max(PATIENCE_FLOOR))
    }

    /// An answer came in time.
    pub(crate) fn learn(&mut self, turnaround: Duration) {
        self.smoothed = Some(match self.smoothed {
            None => (turnaround, turnaround / 2),
            Some((usual, deviation)) => (
                (usual * 7 + turnaround) / 8,
                (deviation * 3 + usual.abs_diff(turnaround)) / 4,
            ),
        });
        self.longest_now = self.longest_now.max(turnaround);
        self.answers += 1;
        if self.answers >= TURNAROUND_WINDOW {
            self.answers = 0;
            self.longest_before = self.longest_now;
            self.longest_now = turnaround;
        }
    }

    /// An answer came after its request was given up; it says nothing of what is usual.
    pub(crate) fn learn_late(&mut self, turnaround: Duration) {
        self.longest_now = self.longest_now.max(turnaround);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn patience_follows_the_usual_and_the_longest_is_kept() {
        let mut turnaround = Turnaround::default();
        assert_eq!(turnaround.patience(), None);
        for _ in 0..100 {
            turnaround.learn(40 * MS);
        }
        assert!(turnaround.patience().is_some_and(|p| p < 50 * MS));
        turnaround.learn(200 * MS);
        assert_eq!(turnaround.longest(), 200 * MS);
        assert!(turnaround.usual().is_some_and(|u| u == 60 * MS));
    }

    #[test]
    fn one_freak_is_forgotten_in_the_end() {
        let mut turnaround = Turnaround::default();
        turnaround.learn_late(900 * MS);
        for _ in 0..TURNAROUND_WINDOW {
            turnaround.learn(10 * MS);
        }
        assert_eq!(turnaround.longest(), 900 * MS);
        for _ in 0..TURNAROUND_WINDOW {
            turnaround.learn(10 * MS);
        }
        assert_eq!(turnaround.longest(), 10 * MS);
    }
}
