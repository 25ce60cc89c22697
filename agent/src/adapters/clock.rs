//! The one place that reads the wall clock.
//!
//! Whether the kernel holds that clock synchronised is not asked here: the agent's sandbox
//! refuses it. A small unit outside writes it to a file (`systemd/pmu-clock-state.service`).

use metering::{ClockQuality, Moment, Timestamp};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// A state file not renewed for this long says nothing about now any more.
const STATE_FRESH_FOR: Duration = Duration::from_mins(10);
/// Both clocks are read within this, or again: a thread that had to wait between them would see a
/// step that nobody made.
const READ_WITHIN: Duration = Duration::from_millis(20);
const READS_MAX: u8 = 8;

/// One instant, on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// For deadlines.
    pub moment: Moment,
    /// For records.
    pub utc: Timestamp,
    /// How far `utc` can be trusted.
    pub quality: ClockQuality,
}

/// Where UTC comes from: the kernel, or a simulation.
pub trait WallClock: Send + Sync {
    /// UTC now.
    fn utc(&self) -> Timestamp;
}

/// The kernel's wall clock.
#[derive(Debug)]
pub struct SystemClock;

impl WallClock for SystemClock {
    fn utc(&self) -> Timestamp {
        #[expect(
            clippy::disallowed_methods,
            reason = "this adapter is where the wall clock is read"
        )]
        let since_1970 = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_millis(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The zone of this gateway, as its system is set; UTC where it says none.
pub fn local_zone() -> jiff::tz::TimeZone {
    jiff::tz::TimeZone::system()
}

/// Both clocks, shared by all tasks.
#[derive(Clone)]
pub struct Clock {
    wall: Arc<dyn WallClock>,
    quality: Arc<AtomicU8>,
    origin: Instant,
}

impl Clock {
    /// A clock over `wall`; its quality is unknown until [`Clock::note_quality`].
    pub fn new(wall: Arc<dyn WallClock>) -> Self {
        // An origin in the past, so that "an hour ago" is a moment too.
        let now = Instant::now();
        let origin = now.checked_sub(Duration::from_hours(1)).unwrap_or(now);
        Self {
            wall,
            quality: Arc::new(AtomicU8::new(0)),
            origin,
        }
    }

    /// Both clocks at one instant.
    pub fn now(&self) -> Now {
        let (moment, utc) = self.read_both();
        Now {
            moment: self.moment(moment),
            utc,
            quality: ClockQuality::from_level(self.quality.load(Ordering::Relaxed)),
        }
    }

    /// The closest of a few reads, if none is close enough.
    fn read_both(&self) -> (Instant, Timestamp) {
        let read = || {
            let before = Instant::now();
            let utc = self.wall.utc();
            (before.elapsed(), before, utc)
        };
        let mut closest = read();
        for _ in 1..READS_MAX {
            if closest.0 <= READ_WITHIN {
                break;
            }
            let next = read();
            if next.0 < closest.0 {
                closest = next;
            }
        }
        (closest.1, closest.2)
    }

    /// An instant of the runtime as a moment.
    pub fn moment(&self, at: Instant) -> Moment {
        Moment::new(at.saturating_duration_since(self.origin))
    }

    /// A moment as an instant of the runtime.
    pub fn instant(&self, at: Moment) -> Instant {
        self.origin + at.since_origin()
    }

    /// UTC at a moment of the recent past, by the wall clock as it runs now.
    pub fn utc_at(&self, at: Moment) -> Timestamp {
        let now = self.now();
        if at <= now.moment {
            now.utc.before(now.moment.since(at))
        } else {
            now.utc.after(at.since(now.moment))
        }
    }

    /// Tells every task how far the wall clock can be trusted from now on.
    pub fn note_quality(&self, quality: ClockQuality) {
        self.quality.store(quality.level(), Ordering::Relaxed);
    }
}

/// Reads the state that the unit outside the sandbox hands in.
///
/// The file holds `NTPSynchronized=yes` or `=no` (as systemd-timedated says it), or one word:
/// `synchronised`, `traceable`, `holdover`. No file, an old file or any other word: unsynchronised,
/// or holdover where the clock has been synchronised before.
pub fn read_quality(file: &Path, before: ClockQuality) -> ClockQuality {
    let fallen = if before >= ClockQuality::Holdover {
        ClockQuality::Holdover
    } else {
        ClockQuality::Unsynchronised
    };
    let fresh = std::fs::metadata(file)
        .and_then(|data| data.modified())
        .is_ok_and(|at| at.elapsed().unwrap_or_default() <= STATE_FRESH_FOR);
    if !fresh {
        return fallen;
    }
    let text = std::fs::read_to_string(file).unwrap_or_default();
    match text.split_whitespace().next() {
        Some("NTPSynchronized=yes" | "synchronised") => ClockQuality::Synchronised,
        Some("traceable") => ClockQuality::Traceable,
        _ => fallen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, before: ClockQuality, expected: ClockQuality) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        assert_eq!(read_quality(file.path(), before), expected);
    }

    #[test]
    fn only_clear_words_make_a_clock_trusted() {
        use ClockQuality::{Holdover, Synchronised, Traceable, Unsynchronised};
        check("NTPSynchronized=yes\n", Unsynchronised, Synchronised);
        check("traceable", Unsynchronised, Traceable);
        check("NTPSynchronized=no\n", Unsynchronised, Unsynchronised);
        check("NTPSynchronized=no\n", Synchronised, Holdover);
        check("yes", Unsynchronised, Unsynchronised);
        check("", Traceable, Holdover);
    }

    #[test]
    fn no_file_is_no_trust() {
        let missing = Path::new("/nonexistent/state");
        assert_eq!(
            read_quality(missing, ClockQuality::Unsynchronised),
            ClockQuality::Unsynchronised
        );
    }

    /// The kernel took the processor away between the two clocks, once.
    struct Preempted(AtomicU8);

    impl WallClock for Preempted {
        fn utc(&self) -> Timestamp {
            if self.0.fetch_add(1, Ordering::Relaxed) == 1 {
                #[expect(clippy::disallowed_methods, reason = "stands for the kernel's doing")]
                std::thread::sleep(Duration::from_millis(600));
            }
            SystemClock.utc()
        }
    }

    #[test]
    fn a_thread_that_had_to_wait_between_the_clocks_saw_no_step() {
        let clock = Clock::new(Arc::new(Preempted(AtomicU8::new(0))));
        let before = clock.now();
        let now = clock.now();
        assert_eq!(crate::tasks::heartbeat::step_between(before, now), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_moment_and_its_timestamp_belong_together() {
        let clock = Clock::new(Arc::new(SystemClock));
        let now = clock.now();
        let earlier = clock.utc_at(now.moment.before(Duration::from_secs(10)));
        assert!(now.utc.millis_since(earlier).abs_diff(10_000) < 1000);
        assert_eq!(clock.moment(clock.instant(now.moment)), now.moment);
    }
}
