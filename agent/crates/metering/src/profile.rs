//! Load profiles: equal-length intervals of several channels.

use crate::{ClockQuality, Flags, MeterId, Obis, Timestamp, Unit};
use std::sync::Arc;
use std::time::Duration;

/// What a channel's numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChannelKind {
    /// The total as it stood at the interval's end.
    Register,
    /// Average over the interval.
    Average,
    /// What was added within the interval.
    Increment,
}

/// One column of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Channel {
    /// Which quantity.
    pub obis: Obis,
    /// Power of ten of every value in the column.
    pub exponent: i8,
    /// Unit of every value in the column.
    pub unit: Unit,
    /// Total, average or increment.
    pub kind: ChannelKind,
}

/// Length of an interval: whole seconds that divide a day, so that marks fall on a fixed grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(u32);

/// A length no grid can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a period of {0} s does not divide a day of 86400 s")]
pub struct InvalidPeriod(u32);

impl Period {
    /// The half-hour of most markets.
    pub const HALF_HOUR: Self = Self(1800);

    /// A period from its seconds.
    pub fn from_seconds(seconds: u32) -> Result<Self, InvalidPeriod> {
        if seconds > 0 && 86_400 % seconds == 0 {
            Ok(Self(seconds))
        } else {
            Err(InvalidPeriod(seconds))
        }
    }

    /// Its length in seconds.
    pub const fn seconds(self) -> u32 {
        self.0
    }

    /// Its length.
    pub fn duration(self) -> Duration {
        Duration::from_secs(u64::from(self.0))
    }

    /// The latest mark (interval end) at or before `at`.
    pub fn mark_at_or_before(self, at: Timestamp) -> Timestamp {
        let length = u64::from(self.0);
        Timestamp::from_seconds(at.seconds() / length * length)
    }

    /// The first mark after `at`.
    pub fn mark_after(self, at: Timestamp) -> Timestamp {
        self.mark_at_or_before(at).after(self.duration())
    }
}

/// Which of a meter's profiles, by its OBIS code (`1-0:99.1.0` = load profile 1).
pub type ProfileId = Obis;

/// The columns of a profile and the length of its intervals.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProfileShape {
    /// Length of an interval.
    pub period: Period,
    /// The columns.
    pub channels: Arc<[Channel]>,
}

/// One interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// End of the interval; its natural key together with meter and profile.
    pub end: Timestamp,
    /// One value a channel, in the channel's own scale; `None` = no value.
    pub values: Vec<Option<i64>>,
    /// Remarks; none = good.
    pub flags: Flags,
    /// Milliseconds from the interval's end to the instant the sample was really taken.
    pub offset_ms: i32,
}

/// Consecutive rows of one profile of one meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileRows {
    /// Whose profile.
    pub meter: MeterId,
    /// Which profile.
    pub profile: ProfileId,
    /// Its columns and period.
    pub shape: ProfileShape,
    /// How far the gateway's clock could be trusted.
    pub clock: ClockQuality,
    /// Rows on consecutive marks, oldest first.
    pub rows: Vec<Row>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_divides_the_day() {
        for seconds in [1, 5, 60, 900, 1800, 3600, 86_400] {
            assert!(Period::from_seconds(seconds).is_ok(), "{seconds}");
        }
        for seconds in [0, 7, 86_401] {
            assert!(Period::from_seconds(seconds).is_err(), "{seconds}");
        }
    }

    #[test]
    fn marks_lie_on_the_grid() {
        let half_hour = Period::from_seconds(1800).unwrap();
        let at = Timestamp::from_millis(1_800_000);
        assert_eq!(half_hour.mark_at_or_before(at), at);
        assert_eq!(half_hour.mark_after(at), Timestamp::from_seconds(3600));
        assert_eq!(
            half_hour
                .mark_at_or_before(Timestamp::from_millis(1_799_999))
                .seconds(),
            0
        );
    }
}
