//! The text of a rule.

use super::{COUNT_MAX, Day, End, Frequency, Rule, Until};
use crate::complaint::shown;
use crate::site::Unfit;
use crate::site::place::unfit;
use jiff::civil::{Date, DateTime, Weekday};
use std::collections::BTreeSet;
use std::str::FromStr;

const OCTETS_MAX: usize = 500;
const WEEKDAYS: [(&str, Weekday); 7] = [
    ("MO", Weekday::Monday),
    ("TU", Weekday::Tuesday),
    ("WE", Weekday::Wednesday),
    ("TH", Weekday::Thursday),
    ("FR", Weekday::Friday),
    ("SA", Weekday::Saturday),
    ("SU", Weekday::Sunday),
];
/// Most occurrences of one day: a list is not a poll.
const TIMES_A_DAY_MAX: usize = 96;

pub(super) fn weekday_word(weekday: Weekday) -> &'static str {
    WEEKDAYS
        .iter()
        .find(|(_, known)| *known == weekday)
        .map_or("", |(word, _)| word)
}

impl FromStr for Rule {
    type Err = Unfit;
    fn from_str(text: &str) -> Result<Self, Unfit> {
        if text.len() > OCTETS_MAX {
            return Err(unfit(
                format!("a rule of more than {OCTETS_MAX} characters"),
                "make several lists",
            ));
        }
        let upper = text.trim().to_ascii_uppercase();
        let mut parts = Parts::of(upper.strip_prefix("RRULE:").unwrap_or(&upper))?;
        let frequency = match parts.take("FREQ") {
            Some("YEARLY") => Frequency::Yearly,
            Some("MONTHLY") => Frequency::Monthly,
            Some("WEEKLY") => Frequency::Weekly,
            Some("DAILY") => Frequency::Daily,
            Some("HOURLY" | "MINUTELY" | "SECONDLY") => {
                return Err(unfit(
                    "FREQ is shorter than a day",
                    "use every-minutes, or BYHOUR and BYMINUTE",
                ));
            }
            _ => {
                return Err(unfit(
                    "FREQ is missing or not known",
                    "begin with FREQ=DAILY, WEEKLY, MONTHLY or YEARLY",
                ));
            }
        };
        let interval = match parts.take("INTERVAL") {
            None => 1,
            Some(text) => number(text, "INTERVAL", 1, 1000)?,
        };
        let count = parts
            .take("COUNT")
            .map(|text| number(text, "COUNT", 1, COUNT_MAX))
            .transpose()?;
        let until = parts.take("UNTIL").map(until).transpose()?;
        let end = match (count, until) {
            (Some(_), Some(_)) => {
                return Err(unfit(
                    "COUNT and UNTIL exclude each other",
                    "keep one of them",
                ));
            }
            (Some(count), None) => Some(End::Count(count)),
            (None, until) => until.map(End::Until),
        };
        let week_start = match parts.take("WKST") {
            None => Weekday::Monday,
            Some(word) => weekday(word)?,
        };
        if parts.take("BYSECOND").is_some_and(|seconds| seconds != "0") {
            return Err(unfit(
                "BYSECOND is not used here",
                "leave it out; offset-seconds shifts all runs",
            ));
        }
        let rule = Self {
            frequency,
            interval,
            end,
            months: numbers(parts.take("BYMONTH"), "BYMONTH", 1, 12, false)?,
            month_days: numbers(parts.take("BYMONTHDAY"), "BYMONTHDAY", 1, 31, true)?,
            days: days(parts.take("BYDAY"))?,
            hours: numbers(parts.take("BYHOUR"), "BYHOUR", 0, 23, false)?,
            minutes: numbers(parts.take("BYMINUTE"), "BYMINUTE", 0, 59, false)?,
            positions: numbers(parts.take("BYSETPOS"), "BYSETPOS", 1, 366, true)?,
            week_start,
        };
        parts.finish()?;
        rule.proven()
    }
}

impl Rule {
    /// What parts forbid each other.
    fn proven(self) -> Result<Self, Unfit> {
        let numbered = self.days.iter().any(|day| day.ordinal.is_some());
        if numbered && matches!(self.frequency, Frequency::Weekly | Frequency::Daily) {
            return Err(unfit(
                "a numbered BYDAY needs months or years",
                "use FREQ=MONTHLY or YEARLY, or drop the number",
            ));
        }
        if !self.month_days.is_empty() && self.frequency == Frequency::Weekly {
            return Err(unfit(
                "BYMONTHDAY does not go with FREQ=WEEKLY",
                "use FREQ=MONTHLY or DAILY",
            ));
        }
        let narrowed = [&self.months, &self.month_days, &self.hours, &self.minutes];
        let narrowed = narrowed.iter().any(|items| !items.is_empty()) || !self.days.is_empty();
        if !self.positions.is_empty() && !narrowed {
            return Err(unfit(
                "BYSETPOS has nothing to choose from",
                "add BYDAY, BYMONTHDAY or BYHOUR",
            ));
        }
        if self.hours.len().max(1) * self.minutes.len().max(1) > TIMES_A_DAY_MAX {
            let problem = format!("more than {TIMES_A_DAY_MAX} times a day");
            return Err(unfit(problem, "use every-minutes"));
        }
        Ok(self)
    }
}

/// The parts of a rule that are not read yet.
struct Parts<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Result<Self, Unfit> {
        let mut parts: Vec<(&str, &str)> = Vec::new();
        for part in text.split(';') {
            let Some((name, value)) = part.split_once('=') else {
                let problem = format!("`{}` is not a part of a rule", shown(part));
                return Err(unfit(
                    problem,
                    "write FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=1;BYMINUTE=30",
                ));
            };
            if parts.iter().any(|(known, _)| *known == name) {
                return Err(unfit(
                    format!("{} stands twice", shown(name)),
                    "keep one of them",
                ));
            }
            parts.push((name, value));
        }
        Ok(Self(parts))
    }

    fn take(&mut self, name: &str) -> Option<&'a str> {
        let at = self.0.iter().position(|(known, _)| *known == name)?;
        Some(self.0.remove(at).1)
    }

    fn finish(self) -> Result<(), Unfit> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => {
                let remedy = "use FREQ, INTERVAL, COUNT, UNTIL, BYMONTH, BYMONTHDAY, BYDAY, BYHOUR, BYMINUTE, BYSETPOS, WKST";
                Err(unfit(format!("{} is not used here", shown(name)), remedy))
            }
        }
    }
}

fn number<T: FromStr + PartialOrd + std::fmt::Display + Copy>(
    text: &str,
    name: &str,
    min: T,
    max: T,
) -> Result<T, Unfit> {
    let digits = text.bytes().all(|octet| octet.is_ascii_digit());
    match text.parse() {
        Ok(found) if digits && found >= min && found <= max => Ok(found),
        _ => Err(unfit(
            format!("{name}: `{}` is out of range", shown(text)),
            format!("use {min} to {max}"),
        )),
    }
}

/// A list of numbers in order, each once; negative ones count from the end where that is allowed.
fn numbers<T>(
    text: Option<&str>,
    name: &str,
    min: T,
    max: T,
    from_end: bool,
) -> Result<Vec<T>, Unfit>
where
    T: FromStr + Ord + std::fmt::Display + Copy + std::ops::Neg<Output = T>,
{
    let Some(text) = text else {
        return Ok(Vec::new());
    };
    let mut found = BTreeSet::new();
    for item in text.split(',') {
        let negative = item.strip_prefix('-').filter(|_| from_end);
        let size = number(negative.unwrap_or(item), name, min, max)?;
        found.insert(if negative.is_some() { -size } else { size });
    }
    Ok(found.into_iter().collect())
}

fn weekday(word: &str) -> Result<Weekday, Unfit> {
    let found = WEEKDAYS.iter().find(|(known, _)| *known == word);
    let unknown = || {
        unfit(
            format!("`{}` is not a day of the week", shown(word)),
            "use MO, TU, WE, TH, FR, SA, SU",
        )
    };
    found.map(|(_, weekday)| *weekday).ok_or_else(unknown)
}

fn days(text: Option<&str>) -> Result<Vec<Day>, Unfit> {
    let Some(text) = text else {
        return Ok(Vec::new());
    };
    let mut found: Vec<Day> = Vec::new();
    for item in text.split(',') {
        let at = item
            .find(|letter: char| letter.is_ascii_alphabetic())
            .unwrap_or(item.len());
        let (ordinal, word) = item.split_at_checked(at).unwrap_or(("", item));
        let weekday = weekday(word)?;
        let ordinal = match ordinal {
            "" => None,
            text => {
                let size: i8 = number(
                    text.strip_prefix(['+', '-']).unwrap_or(text),
                    "BYDAY",
                    1,
                    53,
                )?;
                Some(if text.starts_with('-') { -size } else { size })
            }
        };
        let day = Day { ordinal, weekday };
        if !found.contains(&day) {
            found.push(day);
        }
    }
    found.sort_by_key(|day| (day.ordinal, day.weekday.to_monday_zero_offset()));
    Ok(found)
}

/// `20261231`, `20261231T230000` by the local clock, or `20261231T230000Z`.
fn until(text: &str) -> Result<Until, Unfit> {
    let day = || {
        Date::strptime("%Y%m%d", text)
            .ok()
            .map(|date| Until::Local(date.at(23, 59, 59, 0)))
    };
    let local = || {
        DateTime::strptime("%Y%m%dT%H%M%S", text)
            .ok()
            .map(Until::Local)
    };
    let instant = || {
        let utc = DateTime::strptime("%Y%m%dT%H%M%S", text.strip_suffix('Z')?).ok()?;
        let at = jiff::tz::TimeZone::UTC.to_timestamp(utc).ok()?;
        Some(Until::Instant(super::super::calendar::from_jiff(at)))
    };
    day().or_else(local).or_else(instant).ok_or_else(|| {
        let problem = format!("UNTIL: `{}` is not a date", shown(text));
        unfit(
            problem,
            "write 20261231, 20261231T230000 or 20261231T230000Z",
        )
    })
}
