//! The wall clock, tied to the time that the wire lives by.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use metering::Timestamp;
use simulator::wire::Wire;

/// When the time of a wire was zero, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Began(Timestamp);

impl Began {
    /// Reads both clocks together.
    pub(crate) fn of(wire: &Wire) -> Self {
        Self(utc().before(wire.now()))
    }

    /// When that was.
    pub(crate) const fn utc(self) -> Timestamp {
        self.0
    }

    /// The time of the wire at an instant of UTC; zero for what lies before its beginning.
    pub(crate) fn time_at(self, at: Timestamp) -> Duration {
        let millis = at.millis_since(self.0);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }

    /// How far the wall clock has moved against the other one since.
    pub(crate) fn drift(self, wire: &Wire) -> Duration {
        Duration::from_millis(Self::of(wire).0.millis_since(self.0).unsigned_abs())
    }
}

/// UTC now.
fn utc() -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "the gateway under demonstration stamps its records by this clock"
    )]
    let now = SystemTime::now();
    let since_1970 = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
impl Began {
    /// The instant at which the wire is this old.
    pub(crate) fn after(self, age: Duration) -> Timestamp {
        self.0.after(age)
    }
}
