//! How busy the line is.

use crate::limits::UTILISATION_WINDOW;
use metering::Moment;
use std::time::Duration;

/// Line time in use, by the minute.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    since: Moment,
    busy: Duration,
    last_per_mille: u16,
}

impl Load {
    pub(crate) fn new(now: Moment) -> Self {
        Self {
            since: now,
            busy: Duration::ZERO,
            last_per_mille: 0,
        }
    }

    /// An exchange of this length ended now.
    pub(crate) fn add(&mut self, took: Duration, now: Moment) {
        self.busy = self.busy.saturating_add(took);
        self.turn(now);
    }

    /// Closes the window if it is over.
    pub(crate) fn turn(&mut self, now: Moment) {
        let window = now.since(self.since);
        if window >= UTILISATION_WINDOW {
            let share = self.busy.as_micros() * 1000 / window.as_micros().max(1);
            self.last_per_mille = u16::try_from(share.min(1000)).unwrap_or(1000);
            self.since = now;
            self.busy = Duration::ZERO;
        }
    }

    /// Of the last full window.
    pub(crate) fn per_mille(self) -> u16 {
        self.last_per_mille
    }
}
