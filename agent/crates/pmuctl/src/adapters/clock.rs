//! The one place that reads the wall clock.

use metering::{Moment, Timestamp};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// One instant, on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// For deadlines.
    pub moment: Moment,
    /// For records.
    pub utc: Timestamp,
}

/// Both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// Clocks that count from now.
    pub fn start() -> Self {
        Self {
            origin: Instant::now(),
        }
    }

    /// Both clocks at one instant.
    pub fn now(&self) -> Now {
        Now {
            moment: Moment::new(self.origin.elapsed()),
            utc: utc(),
        }
    }
}

/// UTC by the kernel's clock.
pub fn utc() -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "this adapter is where the wall clock is read"
    )]
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
}
