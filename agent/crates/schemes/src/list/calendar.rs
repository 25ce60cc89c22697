//! Between our instants and jiff's, and from local times to instants.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use metering::Timestamp;

pub(super) const MINUTES_PER_DAY: u16 = 1440;
pub(super) const S_PER_DAY: u64 = 86_400;

/// Instants beyond the year 9999 do not occur.
pub(super) fn to_jiff(at: Timestamp) -> jiff::Timestamp {
    let millis = i64::try_from(at.millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX)
}

/// Instants before 1970 do not occur.
pub(super) fn from_jiff(at: jiff::Timestamp) -> Timestamp {
    Timestamp::from_millis(u64::try_from(at.as_millisecond()).unwrap_or(0))
}

pub(super) fn local_date(zone: &TimeZone, at: Timestamp) -> Date {
    zone.to_datetime(to_jiff(at)).date()
}

/// The instant of a local time. One that the clock jumps over counts by the offset before the jump,
/// as RFC 5545 has it; of one that comes twice the first is meant.
pub(super) fn instant(zone: &TimeZone, local: DateTime) -> Option<Timestamp> {
    let at = zone.to_ambiguous_timestamp(local).compatible().ok()?;
    Some(from_jiff(at))
}

/// The instant at so many minutes of a local day; 1440 is the next midnight.
pub(super) fn instant_of(zone: &TimeZone, date: Date, minute: u16) -> Option<Timestamp> {
    let (date, minute) = if minute >= MINUTES_PER_DAY {
        (date.tomorrow().ok()?, minute - MINUTES_PER_DAY)
    } else {
        (date, minute)
    };
    let hour = i8::try_from(minute / 60).ok()?;
    let minute = i8::try_from(minute % 60).ok()?;
    instant(zone, date.at(hour, minute, 0, 0))
}

/// All dates from the first to the last, if both are dates of this era.
pub(super) fn dates(first: Date, last: Date) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(first), |date| date.tomorrow().ok())
        .take_while(move |date| *date <= last)
}

/// So many days earlier or later, kept within the calendar.
pub(super) fn shifted(date: Date, days: i32) -> Date {
    let span = jiff::Span::new().try_days(days).unwrap_or_default();
    date.saturating_add(span)
}

/// `07:30`, in minutes; `24:00` only where the end of a day is meant.
pub(super) fn minute_text(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// The reverse of [`minute_text`].
pub(crate) fn minute_of(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two = |text: &str| text.len() == 2 && text.bytes().all(|octet| octet.is_ascii_digit());
    if !two(hour) || !two(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let of_day = hour * 60 + minute;
    (minute < 60 && of_day <= MINUTES_PER_DAY).then_some(of_day)
}
