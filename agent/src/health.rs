//! Signs of life: the watchdog is fed only while every task makes progress.

use crate::limits::PROGRESS_WITHIN;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;

/// Name of the storekeeper's pulse.
pub const STOREKEEPER: &str = "the storekeeper";

/// One task's sign of life. The task beats; the heartbeat looks.
#[derive(Debug, Clone)]
pub struct Pulse {
    name: Arc<str>,
    origin: Instant,
    last_ms: Arc<AtomicU64>,
}

impl Pulse {
    /// A pulse for the task `name`.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            origin: Instant::now(),
            last_ms: Arc::default(),
        }
    }

    /// The task has made progress.
    pub fn beat(&self) {
        self.last_ms.store(self.elapsed_ms(), Ordering::Relaxed);
    }

    /// Whose pulse this is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is the pulse that nothing excuses.
    pub fn is_storekeeper(&self) -> bool {
        &*self.name == STOREKEEPER
    }

    /// Whether the last beat is recent.
    pub fn is_beating(&self) -> bool {
        let last = self.last_ms.load(Ordering::Relaxed);
        let limit = u64::try_from(PROGRESS_WITHIN.as_millis()).unwrap_or(u64::MAX);
        self.elapsed_ms().saturating_sub(last) <= limit
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_stands_still_is_noticed() {
        let pulse = Pulse::new("bus main");
        assert!(pulse.is_beating());
        tokio::time::advance(PROGRESS_WITHIN + Duration::from_secs(1)).await;
        assert!(!pulse.is_beating());
        pulse.beat();
        assert!(pulse.is_beating());
    }
}
