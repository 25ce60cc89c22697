//! How often something may happen.

use metering::Moment;
use std::time::Duration;

/// A bucket that holds `capacity` tokens and gains one every `refill`.
///
/// It keeps one moment only: the one at which the bucket will be full again.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    refill: Duration,
    deficit_max: Duration,
    full_at: Moment,
}

impl TokenBucket {
    /// A full bucket; a capacity of zero counts as one.
    pub fn new(capacity: u32, refill: Duration) -> Self {
        Self {
            refill,
            deficit_max: refill.saturating_mul(capacity.saturating_sub(1)),
            full_at: Moment::default(),
        }
    }

    /// Takes a token if one is there.
    pub fn take(&mut self, now: Moment) -> bool {
        if self.full_at.since(now) > self.deficit_max {
            return false;
        }
        self.full_at = self.full_at.max(now).after(self.refill);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bucket: &mut TokenBucket, second: u64, expected: bool) {
        let now = Moment::new(Duration::from_secs(second));
        assert_eq!(bucket.take(now), expected, "at {second} s");
    }

    #[test]
    fn a_burst_is_allowed_and_then_one_every_refill() {
        let mut bucket = TokenBucket::new(3, Duration::from_secs(10));
        check(&mut bucket, 100, true);
        check(&mut bucket, 100, true);
        check(&mut bucket, 100, true);
        check(&mut bucket, 109, false);
        check(&mut bucket, 110, true);
        check(&mut bucket, 110, false);
        check(&mut bucket, 1000, true);
        check(&mut bucket, 1000, true);
        check(&mut bucket, 1000, true);
        check(&mut bucket, 1000, false);
    }

    #[test]
    fn a_clock_that_stands_still_refills_nothing() {
        let mut bucket = TokenBucket::new(0, Duration::from_secs(1));
        check(&mut bucket, 0, true);
        check(&mut bucket, 0, false);
    }
}
