//! Two of the three kinds of time: `Moment` for deadlines, `Timestamp` for records. The third,
//! what a meter's own clock says, comes with the protocols that can ask for it.

use std::fmt;
use std::time::Duration;

/// A point on the monotonic clock, counted from an origin that only one process knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(Duration);

impl Moment {
    /// The moment `since_origin` after the origin.
    pub const fn new(since_origin: Duration) -> Self {
        Self(since_origin)
    }

    /// Time since the origin.
    pub const fn since_origin(self) -> Duration {
        self.0
    }

    /// Time from `earlier` to this moment; zero if it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// This much later.
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(wait))
    }

    /// This much earlier, not before the origin.
    pub fn before(self, lead: Duration) -> Self {
        Self(self.0.saturating_sub(lead))
    }
}

/// UTC in milliseconds since 1970 (POSIX, without leap seconds).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// From milliseconds since 1970.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// From whole seconds since 1970.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since 1970.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// Whole UTC days since 1970.
    pub const fn day(self) -> u64 {
        self.0 / 86_400_000
    }

    /// This much later.
    pub fn after(self, wait: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        )
    }

    /// This much earlier, not before 1970.
    pub fn before(self, lead: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(u64::try_from(lead.as_millis()).unwrap_or(u64::MAX)),
        )
    }

    /// Milliseconds from `other` to this one, negative if this one is earlier.
    pub fn millis_since(self, other: Self) -> i64 {
        let gap = i64::try_from(self.0.abs_diff(other.0)).unwrap_or(i64::MAX);
        if self.0 >= other.0 { gap } else { -gap }
    }
}

/// `2026-11-23T04:17:00.000Z`; proleptic Gregorian, so that no library is needed for a record.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.day());
        let of_day = self.0 % 86_400_000;
        let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
        let (second, milli) = (of_day / 1000 % 60, of_day % 1000);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )?;
        if milli == 0 {
            f.write_str("Z")
        } else {
            write!(f, ".{milli:03}Z")
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Year, month, day of a day since 1970, by counting from 1 March 0000, so that the leap day
/// ends its year.
fn civil(day: u64) -> (u64, u64, u64) {
    let shifted = day + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day_of_month = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day_of_month)
}

/// How far the gateway's own clock can be trusted at a record's time (contract: `tq`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ClockQuality {
    /// Never set, or the kernel says it is not synchronised.
    #[default]
    Unsynchronised,
    /// Was synchronised, and runs free since.
    Holdover,
    /// Synchronised by NTP.
    Synchronised,
    /// Synchronised by an authenticated or better source (NTS, PTP).
    Traceable,
}

impl ClockQuality {
    /// The number of the contract, 0 to 3.
    pub const fn level(self) -> u8 {
        match self {
            Self::Unsynchronised => 0,
            Self::Holdover => 1,
            Self::Synchronised => 2,
            Self::Traceable => 3,
        }
    }

    /// The quality behind a number of the contract; what is not known is not trusted.
    pub const fn from_level(level: u8) -> Self {
        match level {
            1 => Self::Holdover,
            2 => Self::Synchronised,
            3 => Self::Traceable,
            _ => Self::Unsynchronised,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(seconds: u64, expected: &str) {
        assert_eq!(Timestamp::from_seconds(seconds).to_string(), expected);
    }

    #[test]
    fn timestamps_read_as_iso_8601() {
        check(0, "1970-01-01T00:00:00Z");
        check(951_782_400, "2000-02-29T00:00:00Z");
        check(951_868_799, "2000-02-29T23:59:59Z");
        check(1_709_251_199, "2024-02-29T23:59:59Z");
        check(4_102_444_800, "2100-01-01T00:00:00Z");
        check(4_107_542_400, "2100-03-01T00:00:00Z");
        assert_eq!(
            Timestamp::from_millis(1_050).to_string(),
            "1970-01-01T00:00:01.050Z"
        );
    }

    #[test]
    fn time_never_wraps() {
        let last = Timestamp::from_millis(u64::MAX);
        assert_eq!(last.after(Duration::from_secs(1)), last);
        assert_eq!(
            Timestamp::default().before(Duration::from_secs(1)),
            Timestamp::default()
        );
        assert_eq!(Timestamp::default().millis_since(last), -i64::MAX);
        assert_eq!(
            Moment::default().since(Moment::new(Duration::MAX)),
            Duration::ZERO
        );
    }
}
