//! The gateway's clock, as the driver needs it.

use metering::{ClockQuality, Timestamp};
use tokio::time::Instant;

/// What UTC was at an instant of the line's time, and how far that can be trusted.
pub trait GatewayClock: Send + Sync {
    /// UTC at this instant.
    fn utc_at(&self, at: Instant) -> Timestamp;

    /// How far it can be trusted now.
    fn quality(&self) -> ClockQuality;
}
