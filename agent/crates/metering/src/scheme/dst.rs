//! Daylight saving time as meters keep it: two edges by week, weekday, month and hour.

use super::civil::{CivilDate, Weekday};
use super::words::words;

words!(
    /// Which of a month's days of one name.
    WeekOfMonth {
        /// Days 1 to 7.
        #[default]
        First = "first",
        /// Days 8 to 14.
        Second = "second",
        /// Days 15 to 21.
        Third = "third",
        /// Days 22 to 28.
        Fourth = "fourth",
        /// The last one that the month has.
        Last = "last",
    }
);

/// The moment at which the clock is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct DstEdge {
    /// Which of the month's days of that name.
    pub week: WeekOfMonth,
    /// The day's name.
    pub weekday: Weekday,
    /// The month, 1 to 12.
    pub month: u8,
    /// The full hour that the clock shows, or would show, just before it is moved.
    pub hour: u8,
}

impl DstEdge {
    /// Its date in a year; none where the month is none.
    pub fn date(self, year: u16) -> Option<CivilDate> {
        let first = CivilDate::new(year, self.month, 1)?;
        let ahead = (7 + self.weekday.index() - first.weekday().index()) % 7;
        let weeks = match self.week {
            WeekOfMonth::First => 0,
            WeekOfMonth::Second => 1,
            WeekOfMonth::Third => 2,
            WeekOfMonth::Fourth => 3,
            WeekOfMonth::Last => 4,
        };
        let days = i32::try_from(ahead + 7 * weeks).ok()?;
        let of_month = |date: &CivilDate| date.month_day().month() == self.month;
        let found = first.shifted(days).filter(of_month);
        found.or_else(|| first.shifted(days - 7))
    }
}

/// When a meter moves its clock, and by how much: the same in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct DstRule {
    /// Minutes ahead in summer: 60 or 120.
    pub shift_minutes: u16,
    /// The clock goes ahead.
    pub begins: DstEdge,
    /// The clock goes back.
    pub ends: DstEdge,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(week: WeekOfMonth, weekday: Weekday, month: u8, year: u16, expected: &str) {
        let edge = DstEdge {
            week,
            weekday,
            month,
            hour: 2,
        };
        assert_eq!(edge.date(year).unwrap().to_string(), expected);
    }

    #[test]
    fn an_edge_has_a_date_in_every_year() {
        check(WeekOfMonth::Last, Weekday::Sunday, 3, 2026, "2026-03-29");
        check(WeekOfMonth::Last, Weekday::Sunday, 10, 2026, "2026-10-25");
        check(WeekOfMonth::Last, Weekday::Sunday, 3, 2024, "2024-03-31");
        check(WeekOfMonth::Second, Weekday::Sunday, 3, 2026, "2026-03-08");
        check(WeekOfMonth::First, Weekday::Sunday, 11, 2026, "2026-11-01");
        check(
            WeekOfMonth::Fourth,
            Weekday::Saturday,
            2,
            2025,
            "2025-02-22",
        );
        check(WeekOfMonth::Last, Weekday::Saturday, 2, 2025, "2025-02-22");
        assert_eq!(DstEdge::default().date(2026), None);
    }
}
