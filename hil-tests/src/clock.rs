//! Waiting, and the time of day.

use std::time::Duration;

use metering::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

use crate::limits::{CLOCK_MOVED_MS, LOOK_EVERY};

/// Lets time pass.
#[expect(
    clippy::disallowed_methods,
    reason = "the harness plays people, and people wait"
)]
pub fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// UTC now.
pub fn utc() -> Timestamp {
    let now = clock_gettime(ClockId::Realtime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let millis = u64::try_from(now.tv_nsec / 1_000_000).unwrap_or(0);
    Timestamp::from_millis(seconds * 1000 + millis)
}

/// Waits until half a second behind the mark of a period of two seconds, when its sample is done: what
/// is done now, and noticed within a second, falls between the samples of two marks.
pub fn wait_between_marks() {
    let millis = utc().millis() % 2000;
    pause(Duration::from_millis((2500 - millis) % 2000));
}

/// Whether the machine's own clock runs on while something is tested that looks at it: virtual
/// machines have theirs set now and then.
#[derive(Debug)]
pub struct Steady {
    utc: Timestamp,
    at: Instant,
}

impl Steady {
    /// From now on.
    pub fn begin() -> Self {
        Self {
            utc: utc(),
            at: Instant::now(),
        }
    }

    /// Milliseconds by which the clock has been set since, if more than clocks drift.
    pub fn moved(&self) -> Option<i64> {
        let passed = i64::try_from(self.at.elapsed().as_millis()).unwrap_or(i64::MAX);
        let moved = utc().millis_since(self.utc).saturating_sub(passed);
        (moved.abs() > CLOCK_MOVED_MS).then_some(moved)
    }
}

/// Waits until it is so; false if it was not within the time.
pub fn becomes(within: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + within;
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() >= until {
            return false;
        }
        pause(LOOK_EVERY);
    }
}

/// Waits until it is so, or fails the test.
#[track_caller]
pub fn wait_until(what: &str, within: Duration, is_so: impl FnMut() -> bool) {
    assert!(becomes(within, is_so), "not within {within:?}: {what}");
}
