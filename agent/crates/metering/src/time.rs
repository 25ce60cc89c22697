//! Three kinds of time: `Moment` for deadlines, `Timestamp` for records, `MeterTime` for what a
//! meter's own clock says.

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
        write_civil(f, self.seconds(), 'T')?;
        let milli = self.0 % 1000;
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

fn write_civil(f: &mut fmt::Formatter<'_>, seconds: u64, separator: char) -> fmt::Result {
    let (year, month, day) = civil(seconds / 86_400);
    let of_day = seconds % 86_400;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    write!(
        f,
        "{year:04}-{month:02}-{day:02}{separator}{hour:02}:{minute:02}:{second:02}"
    )
}

/// What a meter's own clock shows: a calendar time without zone, as seconds since 1970-01-01
/// 00:00 of that calendar. Only a clock basis makes a [`Timestamp`] of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MeterTime(u64);

impl MeterTime {
    /// From seconds since 1970-01-01 00:00 of the meter's calendar.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// From year, month, day, hour, minute and second, where they are a time after 1970.
    pub fn from_civil(date: [u16; 3], time: [u8; 3]) -> Option<Self> {
        let [year, month, day] = date.map(u64::from);
        let [hour, minute, second] = time.map(u64::from);
        if year < 1970 || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let days = days_of(year, month, day)?;
        Some(Self(days * 86_400 + hour * 3600 + minute * 60 + second))
    }

    /// Seconds since 1970-01-01 00:00 of the meter's calendar.
    pub const fn seconds(self) -> u64 {
        self.0
    }

    /// Days since 1970-01-01 of the meter's calendar.
    pub const fn day(self) -> u64 {
        self.0 / 86_400
    }

    /// Year, month and day.
    pub fn date(self) -> (u64, u64, u64) {
        civil(self.day())
    }

    /// Hour, minute and second.
    pub const fn time_of_day(self) -> (u64, u64, u64) {
        let of_day = self.0 % 86_400;
        (of_day / 3600, of_day / 60 % 60, of_day % 60)
    }

    /// Day of the week, Monday = 0.
    pub const fn weekday(self) -> u64 {
        // 1970-01-01 was a Thursday.
        (self.day() + 3) % 7
    }
}

/// `2026-11-23 04:17:00`.
impl fmt::Display for MeterTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_civil(f, self.0, ' ')
    }
}

impl fmt::Debug for MeterTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Days since 1970 of a date, if there is such a date.
fn days_of(year: u64, month: u64, day: u64) -> Option<u64> {
    if year > 9999 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // As in `civil`: the year begins in March.
    let (march_year, march_month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let (era, of_era) = (march_year / 400, march_year % 400);
    let of_year = (153 * march_month + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    let days = days.checked_sub(719_468)?;
    (civil(days) == (year, month, day)).then_some(days)
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

    #[track_caller]
    fn check_civil(date: [u16; 3], time: [u8; 3], expected: Option<&str>) {
        let found = MeterTime::from_civil(date, time);
        assert_eq!(
            found.map(|time| time.to_string()).as_deref(),
            expected,
            "{date:?} {time:?}"
        );
    }

    #[test]
    fn a_calendar_time_exists_or_not() {
        check_civil([1970, 1, 1], [0, 0, 0], Some("1970-01-01 00:00:00"));
        check_civil([2024, 2, 29], [23, 59, 59], Some("2024-02-29 23:59:59"));
        check_civil([2026, 5, 3], [12, 30, 0], Some("2026-05-03 12:30:00"));
        check_civil([2025, 2, 29], [0, 0, 0], None);
        check_civil([2025, 4, 31], [0, 0, 0], None);
        check_civil([2025, 0, 1], [0, 0, 0], None);
        check_civil([2025, 13, 1], [0, 0, 0], None);
        check_civil([2025, 1, 0], [0, 0, 0], None);
        check_civil([2025, 1, 1], [24, 0, 0], None);
        check_civil([1969, 12, 31], [0, 0, 0], None);
        check_civil([0, 1, 1], [0, 0, 0], None);
        for day in 0..60_000 {
            let time = MeterTime::from_seconds(day * 86_400);
            let (year, month, of_month) = time.date();
            assert_eq!(days_of(year, month, of_month), Some(day));
        }
    }

    #[test]
    fn the_week_begins_on_monday() {
        let sunday = MeterTime::from_civil([2026, 5, 3], [12, 30, 0]).unwrap();
        assert_eq!(sunday.weekday(), 6);
        assert_eq!(sunday.time_of_day(), (12, 30, 0));
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
