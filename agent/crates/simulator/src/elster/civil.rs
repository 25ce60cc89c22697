//! Dates, counted by the meter's own code: it must not share a mistake with the gateway.
//!
//! A moment is a number of seconds since 1970-01-01, of UTC or of the meter's local time; which of
//! the two, its name says.

/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// A date and a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Civil {
    /// The year.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 59.
    pub second: i64,
}

impl Civil {
    /// Midnight of a date.
    pub const fn date(year: i64, month: i64, day: i64) -> Self {
        Self {
            year,
            month,
            day,
            hour: 0,
            minute: 0,
            second: 0,
        }
    }

    /// At a time of day.
    pub const fn at(self, hour: i64, minute: i64) -> Self {
        Self {
            hour,
            minute,
            ..self
        }
    }

    /// Seconds since 1970-01-01.
    pub const fn seconds(self) -> i64 {
        let of_day = self.hour * 3600 + self.minute * 60 + self.second;
        days(self.year, self.month, self.day) * DAY + of_day
    }

    /// The date and time of so many seconds since 1970-01-01.
    pub const fn of(seconds: i64) -> Self {
        let of_day = seconds.rem_euclid(DAY);
        // The year begins in March, so that the leap day is its last.
        let shifted = seconds.div_euclid(DAY) + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 {
            from_march + 3
        } else {
            from_march - 9
        };
        let is_next = month <= 2;
        let year = year_of_era + era * 400 + if is_next { 1 } else { 0 };
        Self {
            year,
            month,
            day,
            hour: of_day / 3600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
        }
    }

    /// 0 for Monday.
    pub const fn weekday(self) -> i64 {
        weekday(days(self.year, self.month, self.day))
    }
}

/// Days since 1970-01-01.
pub const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    era * 146_097 + day_of_era - 719_468
}

/// 0 for Monday; 1970-01-01 was a Thursday.
pub const fn weekday(days: i64) -> i64 {
    (days + 3).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (date, seconds, weekday) in [
            (Civil::date(1970, 1, 1), 0, 3),
            (Civil::date(2000, 2, 29), 951_782_400, 1),
            (Civil::date(2025, 1, 1), 1_735_689_600, 2),
            (Civil::date(2026, 5, 3).at(12, 30), 1_777_811_400, 6),
            (Civil::date(1969, 12, 31).at(23, 59), -60, 2),
        ] {
            assert_eq!(date.seconds(), seconds, "{date:?}");
            assert_eq!(Civil::of(seconds), date);
            assert_eq!(date.weekday(), weekday, "{date:?}");
        }
    }

    #[test]
    fn every_day_leads_back_for_four_centuries() {
        for day in -36_525..109_573 {
            let date = Civil::of(day * DAY);
            assert_eq!(days(date.year, date.month, date.day), day);
        }
    }
}
