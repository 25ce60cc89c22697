//! The precise wait for the silence of a real line.

use tokio::time::{Instant, sleep_until};

use crate::limits::{PRECISE_WAIT_MAX, SPIN};

/// Waits until `until`, early never, late by some ten microseconds.
///
/// The runtime's timer rounds up to the next millisecond, which at 19 200 baud costs seven per
/// cent of the bus. Dropping the future is harmless: the helping thread ends by itself within
/// milliseconds.
pub async fn precise_wait(until: Instant) {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return;
    }
    if left > PRECISE_WAIT_MAX
        && let Some(nearly) = until.checked_sub(PRECISE_WAIT_MAX / 2)
    {
        sleep_until(nearly).await;
    }
    let waited = tokio::task::spawn_blocking(move || block_until(until.into_std())).await;
    if waited.is_err() {
        // The runtime is going down and takes no more blocking work.
        sleep_until(until).await;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that may block and look at the real clock: the silence before a request"
)]
fn block_until(until: std::time::Instant) {
    let left = until.saturating_duration_since(std::time::Instant::now());
    if let Some(sleep) = left.checked_sub(SPIN) {
        std::thread::sleep(sleep);
    }
    while std::time::Instant::now() < until {
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_wait_is_never_short() {
        for wait_us in [0, 40, 900, 4_010, 13_000] {
            let until = Instant::now() + Duration::from_micros(wait_us);
            precise_wait(until).await;
            assert!(Instant::now() >= until, "{wait_us} us");
        }
    }

    #[tokio::test]
    async fn a_moment_that_has_passed_costs_nothing() {
        let now = Instant::now();
        precise_wait(now).await;
        assert!(now.elapsed() < Duration::from_millis(20));
    }
}
