//! A calendar laid out in UTC: exact over every move of the clock.

use super::rate::{Rates, Tariff, Undecided, day_of, rates_of};
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use metering::Timestamp;
use metering::scheme::{Calendar, CalendarClock, CivilDate, Deferred, DstEdge, DstRule, TimeOfDay};
use metering::scheme::{WeekOfMonth, Word};

const DAY_SECONDS: i64 = 86_400;
/// 2200-01-01, where dates of tariffs end.
const END_SECONDS: i64 = 7_258_118_400;

/// From `from` on, and before `to`, these rates are active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The first instant.
    pub from: Timestamp,
    /// The first instant that is no more part of it.
    pub to: Timestamp,
    /// What is active.
    pub rates: Rates,
}

/// A zone of the IANA database on this machine, such as `Europe/London`.
pub fn zone_named(name: &str) -> Result<TimeZone, UnknownZone> {
    TimeZone::get(name).map_err(|_| UnknownZone(crate::complaint::shown(name)))
}

/// A name of no zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a zone that this machine knows; write one such as Europe/London")]
pub struct UnknownZone(String);

/// The zone of a clock that runs by a meter's own rule: `standard_seconds` ahead of UTC in winter.
pub fn zone_of_rule(standard_seconds: i32, rule: &DstRule) -> Option<TimeZone> {
    let summer = standard_seconds.checked_add(i32::from(rule.shift_minutes) * 60)?;
    let (begins, ends) = (edge_text(rule.begins), edge_text(rule.ends));
    let text = format!(
        "STD{}DST{},{begins},{ends}",
        posix_offset(standard_seconds),
        posix_offset(summer)
    );
    TimeZone::posix(&text).ok()
}

/// POSIX counts westwards.
fn posix_offset(seconds: i32) -> String {
    let sign = if seconds > 0 { "-" } else { "" };
    let size = seconds.unsigned_abs();
    format!(
        "{sign}{}:{:02}:{:02}",
        size / 3600,
        size / 60 % 60,
        size % 60
    )
}

fn edge_text(edge: DstEdge) -> String {
    let week = 1 + WeekOfMonth::ALL
        .iter()
        .take_while(|week| **week != edge.week)
        .count();
    let weekday = (edge.weekday.index() + 1) % 7;
    format!("M{}.{week}.{weekday}/{}", edge.month, edge.hour)
}

/// The zone of a calendar's clock in a year: standard time is the zone's lesser offset of 1 January
/// and 1 July, without daylight saving.
pub fn clock_zone(clock: CalendarClock, zone: &TimeZone, year: u16) -> TimeZone {
    match clock {
        CalendarClock::Utc => TimeZone::UTC,
        CalendarClock::Local => zone.clone(),
        CalendarClock::Standard => TimeZone::fixed(standard_offset(zone, year)),
    }
}

/// The lesser offset of 1 January and 1 July.
pub(super) fn standard_offset(zone: &TimeZone, year: u16) -> Offset {
    let at = |month| {
        let date = CivilDate::new(year, month, 1).unwrap_or_default();
        let seconds = i64::from(date.day_number()) * DAY_SECONDS;
        stamp(seconds).map_or(Offset::UTC, |at| zone.to_offset(at))
    };
    at(1).min(at(7))
}

/// A whole year as the clock of the tariff's first calendar shows it, from 1 January 00:00 to the
/// next one.
pub fn expand_year(
    tariff: Tariff<'_>,
    zone: &TimeZone,
    year: u16,
) -> Result<Vec<Segment>, Undecided> {
    let deferred = tariff.deferred.map(|one| &one.calendar);
    let calendar = tariff.active.or(deferred).ok_or(Undecided::NoCalendar)?;
    let own = clock_zone(calendar.clock, zone, year);
    let first = |year| {
        let date = CivilDate::new(year, 1, 1).ok_or(Undecided::OutOfRange)?;
        first_instant(&own, date, TimeOfDay::MIDNIGHT).ok_or(Undecided::OutOfRange)
    };
    let end = match year {
        2199 => END_SECONDS,
        _ => first(year + 1)?,
    };
    expand_seconds(tariff, zone, first(year)?, end)
}

/// What is active from an instant to another, without gap, each instant once.
pub fn expand(
    tariff: Tariff<'_>,
    zone: &TimeZone,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Segment>, Undecided> {
    let seconds = |at: Timestamp| i64::try_from(at.seconds()).unwrap_or(i64::MAX);
    // A part of a second at the end is part of what is asked for.
    let end = seconds(to).saturating_add(i64::from(!to.millis().is_multiple_of(1000)));
    expand_seconds(tariff, zone, seconds(from), end)
}

fn expand_seconds(
    tariff: Tariff<'_>,
    zone: &TimeZone,
    from: i64,
    to: i64,
) -> Result<Vec<Segment>, Undecided> {
    let mut segments = Vec::new();
    let change = tariff.deferred.and_then(|one| {
        let at = change_instant(tariff.active, one, zone)?;
        Some((at, one))
    });
    let middle = change.map_or(to, |(at, _)| at.clamp(from.min(to), to));
    if from < middle {
        let calendar = tariff.active.ok_or(Undecided::NoCalendar)?;
        lay_out(calendar, zone, false, from, middle, &mut segments)?;
    }
    if let Some((_, deferred)) = change {
        lay_out(&deferred.calendar, zone, true, middle, to, &mut segments)?;
    }
    Ok(segments)
}

/// The instant at which the clock of the calendar that ends first shows the time of the change.
fn change_instant(active: Option<&Calendar>, deferred: &Deferred, zone: &TimeZone) -> Option<i64> {
    let clock = active.unwrap_or(&deferred.calendar).clock;
    let own = clock_zone(clock, zone, deferred.date.year());
    first_instant(&own, deferred.date, deferred.time)
}

/// The first instant at which a clock shows a time, or a later one where it leaps over it.
fn first_instant(zone: &TimeZone, date: CivilDate, time: TimeOfDay) -> Option<i64> {
    let shown = civil(date, time)?;
    let found = zone.to_ambiguous_timestamp(shown);
    if let jiff::tz::AmbiguousOffset::Gap { after, .. } = found.offset() {
        // By the new offset the reading lies before the leap, which is the next thing to happen.
        let lowest = after.to_timestamp(shown).ok()?;
        let leap = zone.following(lowest).next()?;
        return Some(leap.timestamp().as_second());
    }
    Some(found.earlier().ok()?.as_second())
}

fn civil(date: CivilDate, time: TimeOfDay) -> Option<DateTime> {
    let day = date.month_day();
    let small = |number: u16| i8::try_from(number).ok();
    DateTime::new(
        i16::try_from(date.year()).ok()?,
        small(day.month().into())?,
        small(day.day().into())?,
        small(time.minutes() / 60)?,
        small(time.minutes() % 60)?,
        0,
        0,
    )
    .ok()
}

fn stamp(seconds: i64) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_second(seconds).ok()
}

/// Goes from stretch to stretch of one offset, and in each from day to day.
fn lay_out(
    calendar: &Calendar,
    zone: &TimeZone,
    is_deferred: bool,
    from: i64,
    to: i64,
    segments: &mut Vec<Segment>,
) -> Result<(), Undecided> {
    if from < 0 || to > END_SECONDS {
        return Err(Undecided::OutOfRange);
    }
    let mut at = from;
    while at < to {
        let instant = stamp(at).ok_or(Undecided::OutOfRange)?;
        let year = CivilDate::from_day_number(u32::try_from(at / DAY_SECONDS).unwrap_or(0));
        let year = year.unwrap_or_default().year();
        let own = clock_zone(calendar.clock, zone, year);
        let offset = i64::from(own.to_offset(instant).seconds());
        let mut until = to;
        if let Some(next) = own.following(instant).next() {
            until = until.min(next.timestamp().as_second());
        }
        if calendar.clock == CalendarClock::Standard {
            // Its offset is that of the year.
            let next = CivilDate::new(year + 1, 1, 1).map(CivilDate::day_number);
            until = until.min(next.map_or(to, |day| i64::from(day) * DAY_SECONDS));
        }
        while at < until {
            at = lay_out_day(calendar, is_deferred, offset, [at, until], segments)?;
        }
    }
    Ok(())
}

/// The rest of the day at `at`, up to `until`; where it ends.
fn lay_out_day(
    calendar: &Calendar,
    is_deferred: bool,
    offset: i64,
    [at, until]: [i64; 2],
    segments: &mut Vec<Segment>,
) -> Result<i64, Undecided> {
    let number = (at + offset).div_euclid(DAY_SECONDS);
    let date = u32::try_from(number)
        .ok()
        .and_then(CivilDate::from_day_number);
    let date = date.ok_or(Undecided::OutOfRange)?;
    let midnight = number * DAY_SECONDS - offset;
    let end = until.min(midnight + DAY_SECONDS);
    let (reason, day_type) = day_of(calendar, date)?;
    let mut switches = day_type.switches.clone();
    switches.sort_by_key(|switch| switch.at);
    let instant = |time: TimeOfDay| midnight + i64::from(time.minutes()) * 60;
    let first = switches.first().map_or(end, |switch| instant(switch.at));
    if first > at {
        let minutes = u16::try_from((at - midnight) / 60).unwrap_or(0);
        return Err(Undecided::NoSwitch {
            day_type: day_type.name.clone(),
            time: TimeOfDay::from_minutes(minutes).unwrap_or_default(),
        });
    }
    let ends = switches.iter().skip(1).map(|next| instant(next.at));
    for (switch, next) in switches.iter().zip(ends.chain([end])) {
        let (from, to) = (instant(switch.at).max(at), next.min(end));
        if from < to {
            let mut rates = rates_of(reason.clone(), day_type, switch);
            rates.why.is_deferred = is_deferred;
            push(segments, from, to, rates);
        }
    }
    Ok(end)
}

/// A stretch that goes on as the one before is part of it.
fn push(segments: &mut Vec<Segment>, from: i64, to: i64, rates: Rates) {
    let at = |seconds: i64| Timestamp::from_seconds(u64::try_from(seconds).unwrap_or(0));
    let (from, to) = (at(from), at(to));
    match segments.last_mut() {
        Some(last) if last.to == from && last.rates == rates => last.to = to,
        _ => segments.push(Segment { from, to, rates }),
    }
}

#[cfg(test)]
mod tests;
