//! How busy the line is.

use crate::limits::UTILISATION_WINDOW;
use metering::Moment;
use std::time::Duration;

/// Line time in use, by the minute.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    since: Moment,
    seen: Moment,
    busy: Duration,
    /// Of the last full window, once there was one.
    last_per_mille: Option<u16>,
}

impl Load {
    pub(crate) fn new(now: Moment) -> Self {
        Self {
            since: now,
            seen: now,
            busy: Duration::ZERO,
            last_per_mille: None,
        }
    }

    /// An exchange of this length ended now.
    pub(crate) fn add(&mut self, took: Duration, now: Moment) {
        self.busy = self.busy.saturating_add(took);
        self.turn(now);
    }

    /// Closes the window if it is over.
    pub(crate) fn turn(&mut self, now: Moment) {
        self.seen = now;
        if now.since(self.since) >= UTILISATION_WINDOW {
            self.last_per_mille = Some(self.share());
            self.since = now;
            self.busy = Duration::ZERO;
        }
    }

    /// Of the last full window; of the time since the start before there was one.
    pub(crate) fn per_mille(self) -> u16 {
        self.last_per_mille.unwrap_or_else(|| self.share())
    }

    fn share(self) -> u16 {
        let window = self.seen.since(self.since).as_micros().max(1);
        let share = self.busy.as_micros() * 1000 / window;
        u16::try_from(share.min(1000)).unwrap_or(1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::new(Duration::from_secs(seconds))
    }

    #[test]
    fn the_first_minute_shows_what_is_known_so_far() {
        let mut load = Load::new(at(100));
        assert_eq!(load.per_mille(), 0);
        load.add(Duration::from_secs(2), at(104));
        assert_eq!(load.per_mille(), 500);
        load.turn(at(110));
        assert_eq!(load.per_mille(), 200);
        load.add(Duration::from_secs(13), at(160));
        assert_eq!(load.per_mille(), 250);
        load.add(Duration::from_secs(2), at(164));
        assert_eq!(load.per_mille(), 250, "the last full window");
    }
}
