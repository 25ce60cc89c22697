//! The wall clock of a simulated world: it runs with the runtime's clock, and people set it.

use metering::Timestamp;
use pmu_agent::adapters::clock::WallClock;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A wall clock with its whole history.
#[derive(Debug)]
pub(super) struct WorldClock {
    /// Since when the clock has run from which reading, oldest first.
    settings: Mutex<Vec<(Instant, Timestamp)>>,
}

impl WorldClock {
    pub(super) fn new(utc: Timestamp) -> Self {
        Self {
            settings: Mutex::new(vec![(Instant::now(), utc)]),
        }
    }

    /// Somebody sets the clock.
    pub(super) fn step(&self, by_ms: i64) {
        let now = self.utc();
        let by = Duration::from_millis(by_ms.unsigned_abs());
        let set = if by_ms < 0 {
            now.before(by)
        } else {
            now.after(by)
        };
        self.history().push((Instant::now(), set));
    }

    /// Every instant at which the clock showed this reading: more than one after it was set back,
    /// none in what it skipped. `slack` widens each stretch at its ends.
    pub(super) fn instants_of(&self, utc: Timestamp, slack: Duration) -> Vec<Instant> {
        let history = self.history().clone();
        let mut found = Vec::new();
        for (index, (since, shown)) in history.iter().enumerate() {
            let until = history.get(index + 1).map_or(Instant::now(), |next| next.0);
            let offset = utc.millis_since(*shown);
            let away = Duration::from_millis(offset.unsigned_abs());
            let at = if offset < 0 {
                since.checked_sub(away)
            } else {
                since.checked_add(away)
            };
            found.extend(at.filter(|at| *at + slack >= *since && *at <= until + slack));
        }
        found
    }

    /// How often somebody set it.
    pub(super) fn steps(&self) -> usize {
        self.history().len() - 1
    }

    fn history(&self) -> std::sync::MutexGuard<'_, Vec<(Instant, Timestamp)>> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WallClock for WorldClock {
    fn utc(&self) -> Timestamp {
        let history = self.history();
        let (since, shown) = history[history.len() - 1];
        shown.after(since.elapsed())
    }
}
