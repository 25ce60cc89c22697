//! Waiting, and the time of day.

use std::time::Duration;

use metering::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

use crate::limits::LOOK_EVERY;

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
