//! The local time of a meter: an offset, and a rule for the summer.

use super::civil::{Civil, DAY, days, weekday};

/// When summer time begins or ends: a weekday of a week of a month, at an hour of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// 1 to 12.
    pub month: i64,
    /// 1 to 4, or 5 for the last.
    pub week: i64,
    /// 0 for Monday.
    pub weekday: i64,
    /// The hour of UTC.
    pub hour: i64,
}

/// An offset from UTC, and one more hour in summer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone {
    /// Local standard time minus UTC, in seconds.
    pub offset: i64,
    /// The beginning and the end of summer time.
    pub summer: Option<(Change, Change)>,
}

impl Zone {
    /// UTC all year.
    pub const UTC: Self = Self {
        offset: 0,
        summer: None,
    };

    /// Central Europe: an hour ahead, two in summer, changing at 01:00 UTC on the last Sundays of
    /// March and October.
    pub const CENTRAL_EUROPE: Self = Self {
        offset: 3600,
        summer: Some((Change::sunday(3, 5, 1), Change::sunday(10, 5, 1))),
    };

    /// Great Britain: as Central Europe, an hour behind it.
    pub const BRITAIN: Self = Self {
        offset: 0,
        ..Self::CENTRAL_EUROPE
    };

    /// Local time minus UTC at this moment of UTC.
    pub fn offset_at(&self, utc: i64) -> i64 {
        let before = self.changes(utc).filter(|(at, _)| *at <= utc).max();
        self.offset + before.map_or(0, |(_, summer)| if summer { 3600 } else { 0 })
    }

    /// The next change behind this moment of UTC.
    pub fn next_change(&self, utc: i64) -> Option<i64> {
        let after = self.changes(utc).map(|(at, _)| at);
        after.filter(|at| *at > utc).min()
    }

    /// The changes of the years around this moment: when, and whether to summer time.
    fn changes(&self, utc: i64) -> impl Iterator<Item = (i64, bool)> {
        let year = Civil::of(utc).year;
        let rules = self.summer.into_iter();
        rules.flat_map(move |(begin, end)| {
            (year - 1..=year + 1)
                .flat_map(move |year| [(begin.in_year(year), true), (end.in_year(year), false)])
        })
    }
}

impl Change {
    const fn sunday(month: i64, week: i64, hour: i64) -> Self {
        Self {
            month,
            week,
            weekday: 6,
            hour,
        }
    }

    fn in_year(self, year: i64) -> i64 {
        let first = days(year, self.month, 1);
        let (next_year, next_month) = if self.month == 12 {
            (year + 1, 1)
        } else {
            (year, self.month + 1)
        };
        let end = days(next_year, next_month, 1);
        let to_weekday = (self.weekday - weekday(first)).rem_euclid(7);
        let mut day = first + to_weekday + 7 * (self.week - 1);
        if day >= end {
            day -= 7;
        }
        day * DAY + self.hour * 3600
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(zone: Zone, utc: Civil, hours: i64) {
        assert_eq!(zone.offset_at(utc.seconds()), hours * 3600, "{utc:?}");
    }

    #[test]
    fn summer_begins_and_ends_with_its_rule() {
        let europe = Zone::CENTRAL_EUROPE;
        check(europe, Civil::date(2025, 3, 30).at(0, 59), 1);
        check(europe, Civil::date(2025, 3, 30).at(1, 0), 2);
        check(europe, Civil::date(2025, 10, 26).at(0, 59), 2);
        check(europe, Civil::date(2025, 10, 26).at(1, 0), 1);
        check(europe, Civil::date(2024, 3, 31).at(1, 0), 2);
        check(europe, Civil::date(2024, 12, 31), 1);
        check(Zone::BRITAIN, Civil::date(2025, 7, 1), 1);
        check(Zone::UTC, Civil::date(2025, 7, 1), 0);
        let next = europe.next_change(Civil::date(2025, 6, 1).seconds());
        assert_eq!(next, Some(Civil::date(2025, 10, 26).at(1, 0).seconds()));
        assert_eq!(Zone::UTC.next_change(0), None);
    }
}
