//! The precise wait for the silence of a real line.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep_until};

use crate::limits::PRECISE_LATE_BY;

/// A timer of the kernel that wakes the line's own thread, like an octet that arrives.
///
/// The runtime's timer rounds up to the next millisecond, which at 19 200 baud costs seven per
/// cent of the bus; a helping thread that sleeps and spins is as precise as this, but costs more
/// than the whole rest of an exchange.
#[derive(Debug)]
pub struct PreciseTimer {
    /// Made at the first wait, because that happens within a runtime.
    alarm: Option<AsyncFd<OwnedFd>>,
}

impl PreciseTimer {
    /// A timer that is not armed.
    pub const fn new() -> Self {
        Self { alarm: None }
    }

    /// How late a wait may end.
    pub const fn late_by(&self) -> Duration {
        PRECISE_LATE_BY
    }

    /// Waits until `until`, early never, late by some ten microseconds. May be dropped at any
    /// time.
    ///
    /// # Panics
    ///
    /// Outside of a runtime with IO.
    pub async fn wait_until(&mut self, until: Instant) {
        if let Err(error) = self.try_wait_until(until).await {
            // A kernel without descriptors to spare: less precise, and never early either.
            sleep_until(until).await;
            drop(error);
        }
    }

    async fn try_wait_until(&mut self, until: Instant) -> io::Result<()> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            let alarm = match &mut self.alarm {
                Some(alarm) => alarm,
                none => none.insert(alarm_clock()?),
            };
            // What an earlier wait left behind ends here; arming anew forgets an old alarm.
            arm(alarm, left)?;
            alarm.readable().await?.clear_ready();
        }
    }
}

impl Default for PreciseTimer {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(
    deprecated,
    reason = "its successor wants a promise that an OwnedFd keeps by itself: it stays the same \
              descriptor for as long as it lives"
)]
fn alarm_clock() -> io::Result<AsyncFd<OwnedFd>> {
    let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
    let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
    AsyncFd::with_interest(timer, tokio::io::Interest::READABLE)
}

fn arm(alarm: &AsyncFd<OwnedFd>, left: Duration) -> io::Result<()> {
    let once = Itimerspec {
        it_interval: Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        },
        it_value: Timespec::try_from(left).map_err(io::Error::other)?,
    };
    timerfd_settime(alarm.get_ref(), TimerfdTimerFlags::empty(), &once)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn the_wait_is_never_short() {
        let mut timer = PreciseTimer::new();
        for wait_us in [0, 40, 900, 4_010, 13_000] {
            let until = Instant::now() + Duration::from_micros(wait_us);
            timer.wait_until(until).await;
            assert!(Instant::now() >= until, "{wait_us} us");
        }
    }

    #[tokio::test]
    async fn a_moment_that_has_passed_costs_nothing() {
        let now = Instant::now();
        PreciseTimer::new().wait_until(now).await;
        assert!(now.elapsed() < Duration::from_millis(20));
    }

    #[tokio::test]
    async fn a_wait_that_was_dropped_does_not_shorten_the_next() {
        let mut timer = PreciseTimer::new();
        for _ in 0..20 {
            let dropped = Instant::now() + Duration::from_micros(1_500);
            let short = Duration::from_millis(1);
            // Whichever comes first: the alarm of the dropped wait may ring or not.
            let _ended = timeout(short, timer.wait_until(dropped)).await;
            let until = Instant::now() + Duration::from_millis(4);
            timer.wait_until(until).await;
            assert!(Instant::now() >= until);
        }
    }

    /// A wait by the runtime's timer would be half a millisecond late on the average.
    #[tokio::test]
    async fn the_wait_is_precise() {
        let mut timer = PreciseTimer::new();
        let mut late = Vec::new();
        for _ in 0..50 {
            let until = Instant::now() + Duration::from_micros(1_250);
            timer.wait_until(until).await;
            late.push(Instant::now() - until);
        }
        late.sort();
        assert!(late[10] < Duration::from_micros(400), "{late:?}");
    }
}
