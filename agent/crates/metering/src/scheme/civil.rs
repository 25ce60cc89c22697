//! Dates and times of a tariff: what a meter's clock shows, without a zone.

use crate::MeterTime;
use std::fmt;
use std::str::FromStr;

/// Text that is no date, time, month and day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not {wanted}")]
pub struct InvalidCivil {
    found: String,
    wanted: &'static str,
}

fn invalid(text: &str, wanted: &'static str) -> InvalidCivil {
    let found = text.chars().take(40).collect();
    InvalidCivil { found, wanted }
}

/// Digits only, as many as told: `u16::from_str` would also take a plus sign.
fn digits(text: &str, count: usize) -> Option<u16> {
    let plain = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Weekday {
    /// The first day.
    #[default]
    Monday,
    /// The second day.
    Tuesday,
    /// The third day.
    Wednesday,
    /// The fourth day.
    Thursday,
    /// The fifth day.
    Friday,
    /// The sixth day.
    Saturday,
    /// The seventh day.
    Sunday,
}

impl Weekday {
    /// Monday = 0.
    pub fn index(self) -> usize {
        Self::all().position(|day| day == self).unwrap_or(0)
    }

    /// Monday to Sunday.
    pub fn all() -> impl Iterator<Item = Self> {
        use Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
        [
            Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday,
        ]
        .into_iter()
    }
}

/// A date from 1970-01-01 to 2199-12-31: no meter of ours counts further.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CivilDate(u32);

/// 2199-12-31 in days since 1970.
const LAST_DAY: u32 = 84_005;

impl CivilDate {
    /// The last date there is.
    pub const LAST: Self = Self(LAST_DAY);

    /// The date of year, month and day, where there is one.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let time = MeterTime::from_civil([year, month.into(), day.into()], [0; 3])?;
        Self::from_day_number(u32::try_from(time.day()).ok()?)
    }

    /// The date so many days after 1970-01-01.
    pub fn from_day_number(number: u32) -> Option<Self> {
        (number <= LAST_DAY).then_some(Self(number))
    }

    /// Days since 1970-01-01.
    pub const fn day_number(self) -> u32 {
        self.0
    }

    fn parts(self) -> (u64, u64, u64) {
        MeterTime::from_seconds(u64::from(self.0) * 86_400).date()
    }

    /// The year.
    pub fn year(self) -> u16 {
        u16::try_from(self.parts().0).unwrap_or(u16::MAX)
    }

    /// Month and day.
    pub fn month_day(self) -> MonthDay {
        let (_, month, day) = self.parts();
        let small = |number| u8::try_from(number).unwrap_or(u8::MAX);
        MonthDay {
            month: small(month),
            day: small(day),
        }
    }

    /// The day of the week.
    pub fn weekday(self) -> Weekday {
        // 1970-01-01 was a Thursday.
        let index = usize::try_from((self.0 + 3) % 7).unwrap_or(0);
        Weekday::all().nth(index).unwrap_or_default()
    }

    /// The next date; the last one has none.
    pub fn next(self) -> Option<Self> {
        Self::from_day_number(self.0 + 1)
    }

    /// So many days earlier or later, where there is such a date.
    pub fn shifted(self, days: i32) -> Option<Self> {
        Self::from_day_number(self.0.checked_add_signed(days)?)
    }
}

/// `2026-12-25`.
impl fmt::Display for CivilDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Debug for CivilDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CivilDate {
    type Err = InvalidCivil;

    fn from_str(text: &str) -> Result<Self, InvalidCivil> {
        let parsed = || {
            let (year, rest) = text.split_once('-')?;
            let date: MonthDay = rest.parse().ok()?;
            Self::new(digits(year, 4)?, date.month, date.day)
        };
        parsed().ok_or_else(|| {
            let wanted = "a date from 1970-01-01 to 2199-12-31, as 2026-12-25";
            invalid(text, wanted)
        })
    }
}

/// A month and a day of it: a date of every year.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonthDay {
    month: u8,
    day: u8,
}

impl Default for MonthDay {
    fn default() -> Self {
        Self { month: 1, day: 1 }
    }
}

impl MonthDay {
    /// 1 January.
    pub const FIRST: Self = Self { month: 1, day: 1 };

    /// A month and a day that it has in a leap year.
    pub fn new(month: u8, day: u8) -> Option<Self> {
        CivilDate::new(2000, month, day).map(|_| Self { month, day })
    }

    /// The month, 1 to 12.
    pub const fn month(self) -> u8 {
        self.month
    }

    /// The day of the month.
    pub const fn day(self) -> u8 {
        self.day
    }

    /// The date of a year; 29 February has none in most years.
    pub fn in_year(self, year: u16) -> Option<CivilDate> {
        CivilDate::new(year, self.month, self.day)
    }
}

/// `12-25`.
impl fmt::Display for MonthDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}-{:02}", self.month, self.day)
    }
}

impl fmt::Debug for MonthDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MonthDay {
    type Err = InvalidCivil;

    fn from_str(text: &str) -> Result<Self, InvalidCivil> {
        let parsed = || {
            let (month, day) = text.split_once('-')?;
            let small = |text| u8::try_from(digits(text, 2)?).ok();
            Self::new(small(month)?, small(day)?)
        };
        parsed().ok_or_else(|| invalid(text, "a month and a day, as 12-25"))
    }
}

/// A minute of the day, 00:00 to 23:59.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// The beginning of a day.
    pub const MIDNIGHT: Self = Self(0);

    /// From an hour and a minute.
    pub fn new(hour: u8, minute: u8) -> Option<Self> {
        (hour < 24 && minute < 60).then(|| Self(u16::from(hour) * 60 + u16::from(minute)))
    }

    /// From the minutes since midnight.
    pub fn from_minutes(minutes: u16) -> Option<Self> {
        (minutes < 1440).then_some(Self(minutes))
    }

    /// Minutes since midnight.
    pub const fn minutes(self) -> u16 {
        self.0
    }
}

/// `07:30`.
impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl fmt::Debug for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TimeOfDay {
    type Err = InvalidCivil;

    fn from_str(text: &str) -> Result<Self, InvalidCivil> {
        let parsed = || {
            let (hour, minute) = text.split_once(':')?;
            let small = |text| u8::try_from(digits(text, 2)?).ok();
            Self::new(small(hour)?, small(minute)?)
        };
        parsed().ok_or_else(|| invalid(text, "a time from 00:00 to 23:59"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_they_are_shown() {
        for text in ["1970-01-01", "2024-02-29", "2026-12-25", "2199-12-31"] {
            let date: CivilDate = text.parse().unwrap();
            assert_eq!(date.to_string(), text);
        }
        assert_eq!(CivilDate::LAST.to_string(), "2199-12-31");
        assert_eq!(CivilDate::LAST.next(), None);
        for text in [
            "2025-02-29",
            "2200-01-01",
            "1969-12-31",
            "2026-1-01",
            "x",
            "+026-01-01",
        ] {
            assert!(text.parse::<CivilDate>().is_err(), "{text}");
        }
    }

    #[test]
    fn weekdays_follow_each_other() {
        let sunday: CivilDate = "2026-05-03".parse().unwrap();
        assert_eq!(sunday.weekday(), Weekday::Sunday);
        assert_eq!(sunday.next().unwrap().weekday(), Weekday::Monday);
        assert_eq!(sunday.shifted(-1).unwrap().weekday(), Weekday::Saturday);
        assert_eq!(CivilDate::default().shifted(-1), None);
    }

    #[test]
    fn a_leap_day_has_a_date_in_leap_years() {
        let day: MonthDay = "02-29".parse().unwrap();
        assert_eq!(day.in_year(2024).unwrap().to_string(), "2024-02-29");
        assert_eq!(day.in_year(2025), None);
        assert!("02-30".parse::<MonthDay>().is_err());
    }

    #[test]
    fn a_time_is_a_minute_of_the_day() {
        assert_eq!("23:59".parse::<TimeOfDay>().unwrap().minutes(), 1439);
        for text in ["24:00", "7:30", "07:60", "0730", ""] {
            assert!(text.parse::<TimeOfDay>().is_err(), "{text}");
        }
    }
}
