//! Recurrence rules of iCalendar (RFC 5545, 3.3.10), as far as a meter list needs them: days and
//! times of day. They are counted out in local time; the zone is the caller's.

mod parse;

use super::calendar::dates;
use jiff::civil::{Date, DateTime, Weekday};
use metering::Timestamp;
use std::fmt;

/// Most occurrences that a rule may count.
pub(super) const COUNT_MAX: u32 = 10_000;

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    frequency: Frequency,
    interval: u16,
    end: Option<End>,
    months: Vec<i8>,
    month_days: Vec<i8>,
    days: Vec<Day>,
    hours: Vec<i8>,
    minutes: Vec<i8>,
    positions: Vec<i16>,
    week_start: Weekday,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frequency {
    Yearly,
    Monthly,
    Weekly,
    Daily,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Count(u32),
    Until(Until),
}

/// The last occurrence is not after this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    Local(DateTime),
    Instant(Timestamp),
}

/// A day of the week, or the n-th of a month or year, from the end if negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Day {
    ordinal: Option<i8>,
    weekday: Weekday,
}

impl Rule {
    pub(super) fn until(&self) -> Option<Until> {
        match self.end {
            Some(End::Until(until)) => Some(until),
            _ => None,
        }
    }

    /// Local times on the days from `first` to `last`, in order. The start itself is one of them
    /// only if the rule names it.
    pub(super) fn between(&self, start: DateTime, first: Date, last: Date) -> Vec<DateTime> {
        let mut left = match self.end {
            Some(End::Count(count)) => count,
            _ => u32::MAX,
        };
        let filled = self.filled(start);
        // What is counted has to be counted from the beginning.
        let skipped = if left == u32::MAX {
            filled.periods_before(start.date(), first)
        } else {
            0
        };
        let mut found = Vec::new();
        for number in skipped.. {
            let Some((from, to)) = filled.period(start.date(), number) else {
                break;
            };
            if from > last || left == 0 {
                break;
            }
            for local in filled.of_period(from, to) {
                if local < start {
                    continue;
                }
                let over =
                    matches!(self.end, Some(End::Until(Until::Local(until))) if local > until);
                if over || left == 0 {
                    return found;
                }
                left = left.saturating_sub(1);
                if (first..=last).contains(&local.date()) {
                    found.push(local);
                }
            }
        }
        found
    }

    /// What the rule leaves open is taken from the start.
    fn filled(&self, start: DateTime) -> Self {
        let mut filled = self.clone();
        if filled.hours.is_empty() {
            filled.hours.push(start.hour());
        }
        if filled.minutes.is_empty() {
            filled.minutes.push(start.minute());
        }
        if filled.month_days.is_empty() && filled.days.is_empty() {
            match filled.frequency {
                Frequency::Yearly => {
                    if filled.months.is_empty() {
                        filled.months.push(start.month());
                    }
                    filled.month_days.push(start.day());
                }
                Frequency::Monthly => filled.month_days.push(start.day()),
                Frequency::Weekly => filled.days.push(Day {
                    ordinal: None,
                    weekday: start.weekday(),
                }),
                Frequency::Daily => {}
            }
        }
        filled
    }

    /// How many whole periods lie between the start and a day, with one to spare.
    fn periods_before(&self, start: Date, day: Date) -> i32 {
        let years = i32::from(day.year()) - i32::from(start.year());
        let units = match self.frequency {
            Frequency::Yearly => years,
            Frequency::Monthly => years * 12 + i32::from(day.month()) - i32::from(start.month()),
            Frequency::Weekly => days_between(start, day) / 7,
            Frequency::Daily => days_between(start, day),
        };
        (units / i32::from(self.interval) - 1).max(0)
    }

    /// The first and the last day of a period, counted from that of the start.
    fn period(&self, start: Date, number: i32) -> Option<(Date, Date)> {
        let ahead = number.checked_mul(i32::from(self.interval))?;
        match self.frequency {
            Frequency::Yearly => {
                let year = i16::try_from(i32::from(start.year()).checked_add(ahead)?).ok()?;
                let first = Date::new(year, 1, 1).ok()?;
                Some((first, first.last_of_year()))
            }
            Frequency::Monthly => {
                let month = (i32::from(start.year()) * 12 + i32::from(start.month()) - 1)
                    .checked_add(ahead)?;
                let year = i16::try_from(month.div_euclid(12)).ok()?;
                let first =
                    Date::new(year, i8::try_from(month.rem_euclid(12) + 1).ok()?, 1).ok()?;
                Some((first, first.last_of_month()))
            }
            Frequency::Weekly => {
                let since = start.weekday().since(self.week_start);
                let first = moved(start, ahead.checked_mul(7)?.checked_sub(i32::from(since))?)?;
                Some((first, moved(first, 6)?))
            }
            Frequency::Daily => {
                let day = moved(start, ahead)?;
                Some((day, day))
            }
        }
    }

    /// What of a period the rule names.
    fn of_period(&self, from: Date, to: Date) -> Vec<DateTime> {
        let days = dates(from, to).filter(|date| self.names(*date));
        let times = days.flat_map(|date| {
            self.hours.iter().flat_map(move |hour| {
                self.minutes
                    .iter()
                    .map(move |minute| date.at(*hour, *minute, 0, 0))
            })
        });
        let times: Vec<DateTime> = times.collect();
        if self.positions.is_empty() {
            return times;
        }
        let length = i64::try_from(times.len()).unwrap_or(i64::MAX);
        let place = |position: i16| {
            let position = i64::from(position);
            usize::try_from(if position > 0 {
                position - 1
            } else {
                length + position
            })
            .ok()
        };
        let mut places: Vec<usize> = self
            .positions
            .iter()
            .filter_map(|position| place(*position))
            .collect();
        places.sort_unstable();
        places.dedup();
        places
            .into_iter()
            .filter_map(|place| times.get(place).copied())
            .collect()
    }

    fn names(&self, date: Date) -> bool {
        let from_end = date.day() - date.days_in_month() - 1;
        (self.months.is_empty() || self.months.contains(&date.month()))
            && (self.month_days.is_empty()
                || self.month_days.contains(&date.day())
                || self.month_days.contains(&from_end))
            && (self.days.is_empty() || self.days.iter().any(|day| self.is_day(*day, date)))
    }

    fn is_day(&self, day: Day, date: Date) -> bool {
        if day.weekday != date.weekday() {
            return false;
        }
        let Some(ordinal) = day.ordinal else {
            return true;
        };
        let of_year = self.frequency == Frequency::Yearly && self.months.is_empty();
        let (at, length) = if of_year {
            (date.day_of_year(), date.days_in_year())
        } else {
            (i16::from(date.day()), i16::from(date.days_in_month()))
        };
        let from_start = (at - 1) / 7 + 1;
        let from_end = -((length - at) / 7 + 1);
        let ordinal = i16::from(ordinal);
        ordinal == from_start || ordinal == from_end
    }
}

fn moved(date: Date, days: i32) -> Option<Date> {
    date.checked_add(jiff::Span::new().try_days(days).ok()?)
        .ok()
}

fn days_between(start: Date, day: Date) -> i32 {
    start.until(day).map_or(0, |span| span.get_days())
}

/// The rule in one form, whatever the order it was written in.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list<T: ToString>(items: &[T]) -> String {
            items
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(",")
        }
        let frequency = match self.frequency {
            Frequency::Yearly => "YEARLY",
            Frequency::Monthly => "MONTHLY",
            Frequency::Weekly => "WEEKLY",
            Frequency::Daily => "DAILY",
        };
        write!(f, "FREQ={frequency}")?;
        match self.end {
            Some(End::Count(count)) => write!(f, ";COUNT={count}")?,
            Some(End::Until(Until::Local(until))) => {
                write!(f, ";UNTIL={}", until.strftime("%Y%m%dT%H%M%S"))?;
            }
            Some(End::Until(Until::Instant(until))) => {
                let until = super::calendar::to_jiff(until);
                write!(f, ";UNTIL={}", until.strftime("%Y%m%dT%H%M%SZ"))?;
            }
            None => {}
        }
        if self.interval > 1 {
            write!(f, ";INTERVAL={}", self.interval)?;
        }
        let days: Vec<String> = self.days.iter().map(ToString::to_string).collect();
        for (name, items) in [
            ("BYMONTH", list(&self.months)),
            ("BYMONTHDAY", list(&self.month_days)),
            ("BYDAY", days.join(",")),
            ("BYHOUR", list(&self.hours)),
            ("BYMINUTE", list(&self.minutes)),
            ("BYSETPOS", list(&self.positions)),
        ] {
            if !items.is_empty() {
                write!(f, ";{name}={items}")?;
            }
        }
        if self.week_start != Weekday::Monday {
            write!(f, ";WKST={}", parse::weekday_word(self.week_start))?;
        }
        Ok(())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(ordinal) = self.ordinal {
            write!(f, "{ordinal}")?;
        }
        f.write_str(parse::weekday_word(self.weekday))
    }
}

#[cfg(test)]
mod tests;
