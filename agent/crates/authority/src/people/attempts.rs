//! How often somebody may guess.

use metering::Moment;
use std::time::Duration;

/// Failures without a pause: people mistype.
const FREE_FAILURES: u32 = 3;
/// The first pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Failures until it is locked.
const LOCKED_FROM: u32 = 10;
/// How long it is locked. It opens by itself: a lock for ever would be a weapon against the owner.
const LOCKED_FOR: Duration = Duration::from_mins(15);
/// Without a failure for so long, all is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(24);

/// Failures in a row of one name, or of all unknown names together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attempts {
    failures: u32,
    last: Option<Moment>,
}

/// Whether another guess is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// It is.
    Open,
    /// Not for so long.
    Pause(Duration),
    /// Not for so long, and somebody should look who guesses.
    Locked(Duration),
}

impl Attempts {
    /// Whether another guess is looked at now.
    pub fn patience(&self, now: Moment) -> Patience {
        let Some(last) = self.last else {
            return Patience::Open;
        };
        let since = now.since(last);
        if since >= FORGOTTEN_AFTER {
            return Patience::Open;
        }
        let left = self.pause().saturating_sub(since);
        if left.is_zero() {
            Patience::Open
        } else if self.failures >= LOCKED_FROM {
            Patience::Locked(left)
        } else {
            Patience::Pause(left)
        }
    }

    /// A wrong guess.
    pub fn fail(&mut self, now: Moment) {
        let forgotten = self
            .last
            .is_some_and(|last| now.since(last) >= FORGOTTEN_AFTER);
        self.failures = if forgotten {
            1
        } else {
            self.failures.saturating_add(1)
        };
        self.last = Some(now);
    }

    /// The right one.
    pub fn succeed(&mut self) {
        *self = Self::default();
    }

    fn pause(&self) -> Duration {
        if self.failures >= LOCKED_FROM {
            return LOCKED_FOR;
        }
        let doubled = self.failures.checked_sub(FREE_FAILURES);
        doubled.map_or(Duration::ZERO, |times| {
            FIRST_PAUSE * 2_u32.pow(times.min(9))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: u64) -> Moment {
        Moment::new(Duration::from_secs(seconds))
    }

    #[track_caller]
    fn check(failures: u32, expected: Patience) {
        let mut attempts = Attempts::default();
        for _ in 0..failures {
            attempts.fail(at(100));
        }
        assert_eq!(attempts.patience(at(100)), expected, "{failures}");
    }

    #[test]
    fn pauses_double_and_then_it_is_locked() {
        let pause = |seconds| Patience::Pause(Duration::from_secs(seconds));
        check(0, Patience::Open);
        check(2, Patience::Open);
        check(3, pause(1));
        check(4, pause(2));
        check(9, pause(64));
        check(10, Patience::Locked(LOCKED_FOR));
        check(400, Patience::Locked(LOCKED_FOR));
    }

    #[test]
    fn a_lock_opens_by_itself_and_closes_again_at_the_next_failure() {
        let mut attempts = Attempts::default();
        (0..10).for_each(|_| attempts.fail(at(0)));
        assert_eq!(
            attempts.patience(at(899)),
            Patience::Locked(Duration::from_secs(1))
        );
        assert_eq!(attempts.patience(at(900)), Patience::Open);
        attempts.fail(at(900));
        assert_eq!(
            attempts.patience(at(901)),
            Patience::Locked(Duration::from_secs(899))
        );
        attempts.fail(at(100_000));
        assert_eq!(attempts.patience(at(100_000)), Patience::Open);
        attempts.succeed();
        assert_eq!(attempts, Attempts::default());
    }

    proptest! {
        #[test]
        fn a_guesser_has_no_more_than_a_hundred_and_thirty_guesses_a_day(
            waits in prop::collection::vec(0_u64..2000, 0..2000)
        ) {
            let (mut attempts, mut now, mut guesses) = (Attempts::default(), 0, 0);
            for wait in waits {
                now += wait;
                if now >= 86_400 {
                    break;
                }
                if attempts.patience(at(now)) == Patience::Open {
                    attempts.fail(at(now));
                    guesses += 1;
                }
            }
            prop_assert!(guesses <= 130, "{}", guesses);
        }
    }
}
