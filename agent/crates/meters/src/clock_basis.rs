//! From what a meter's clock shows to UTC.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use metering::{MeterTime, Timestamp};
use std::fmt;
use std::str::FromStr;

/// 9999-12-31: the calendar of the time zone library ends there.
const LAST_SECOND: u64 = 253_402_207_200;

/// By which calendar a meter's clock runs.
///
/// Written as `utc`, as a fixed offset (`+03:00`), as a zone of the IANA database
/// (`Europe/Berlin`), or as `posix:` and a POSIX zone (`posix:CET-1CEST,M3.5.0,M10.5.0/3`), which
/// needs no database.
#[derive(Clone, PartialEq, Eq)]
pub struct ClockBasis {
    text: String,
    zone: TimeZone,
}

/// A text that is no clock basis.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a clock basis this machine knows; write utc, an offset such as +03:00, or a zone such as Europe/Berlin"
)]
pub struct InvalidClockBasis(String);

impl ClockBasis {
    /// UTC.
    pub fn utc() -> Self {
        Self {
            text: "utc".to_owned(),
            zone: TimeZone::UTC,
        }
    }

    /// Whether its clock is moved for daylight saving time at any time after `at`.
    pub fn has_daylight_saving(&self, at: Timestamp) -> bool {
        stamp(at.seconds()).is_some_and(|at| self.zone.following(at).next().is_some())
    }

    /// What a clock of this basis shows at an instant.
    pub fn shown_at(&self, at: Timestamp) -> MeterTime {
        let seconds = at.seconds();
        let offset = stamp(seconds).map_or(0, |at| self.zone.to_offset(at).seconds());
        MeterTime::from_seconds(seconds.saturating_add_signed(i64::from(offset)))
    }

    /// The instants at which the clock showed a time: one, two where an hour came twice, and where
    /// it was left out the one of a clock that was not moved.
    pub fn instants_of(&self, shown: MeterTime) -> Instants {
        let plain = Instants::Once(Timestamp::from_seconds(shown.seconds()));
        let Some(time) = civil(shown) else {
            return plain;
        };
        let at = |offset: Offset| {
            let back = i64::from(offset.seconds());
            Timestamp::from_seconds(shown.seconds().saturating_add_signed(-back))
        };
        match self.zone.to_ambiguous_timestamp(time).offset() {
            AmbiguousOffset::Unambiguous { offset } => Instants::Once(at(offset)),
            AmbiguousOffset::Gap { before, .. } => Instants::Never(at(before)),
            AmbiguousOffset::Fold { before, after } => Instants::Twice(at(before), at(after)),
        }
    }

    /// The stretch of time around an instant in which the clock is not moved.
    pub(crate) fn stretch_at(&self, at: u64) -> Stretch {
        let Some(stamp) = stamp(at) else {
            return Stretch::default();
        };
        let info = self.zone.to_offset_info(stamp);
        let next = self.zone.following(stamp).next();
        let until = next.and_then(|next| u64::try_from(next.timestamp().as_second()).ok());
        Stretch {
            from: at,
            until: until.unwrap_or(u64::MAX),
            offset: i64::from(info.offset().seconds()),
            is_daylight: info.dst().is_dst(),
        }
    }
}

/// When a clock showed a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instants {
    /// At this instant.
    Once(Timestamp),
    /// At both of these, the first with daylight saving time.
    Twice(Timestamp, Timestamp),
    /// A clock that was moved never showed it; one that was not did so at this instant.
    Never(Timestamp),
}

/// A stretch of UTC seconds with one offset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// Where it is known to hold from, and until where.
    from: u64,
    until: u64,
    /// Seconds that the clock is ahead of UTC.
    pub(crate) offset: i64,
    pub(crate) is_daylight: bool,
}

impl Stretch {
    pub(crate) fn holds(self, at: u64) -> bool {
        (self.from..self.until).contains(&at)
    }
}

fn stamp(seconds: u64) -> Option<jiff::Timestamp> {
    let seconds = i64::try_from(seconds.min(LAST_SECOND)).ok()?;
    jiff::Timestamp::from_second(seconds).ok()
}

fn civil(shown: MeterTime) -> Option<DateTime> {
    let ((year, month, day), (hour, minute, second)) = (shown.date(), shown.time_of_day());
    let small = |number: u64| i8::try_from(number).ok();
    DateTime::new(
        i16::try_from(year).ok()?,
        small(month)?,
        small(day)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        0,
    )
    .ok()
}

impl FromStr for ClockBasis {
    type Err = InvalidClockBasis;

    fn from_str(text: &str) -> Result<Self, InvalidClockBasis> {
        let invalid = || InvalidClockBasis(text.chars().take(60).collect());
        let zone = if text.eq_ignore_ascii_case("utc") {
            TimeZone::UTC
        } else if let Some(rule) = text.strip_prefix("posix:") {
            TimeZone::posix(rule).map_err(|_| invalid())?
        } else if text.starts_with(['+', '-']) {
            TimeZone::fixed(fixed(text).ok_or_else(invalid)?)
        } else {
            TimeZone::get(text).map_err(|_| invalid())?
        };
        Ok(Self {
            text: text.to_owned(),
            zone,
        })
    }
}

/// `+03:00`, up to 18 hours either way.
fn fixed(text: &str) -> Option<Offset> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |part: &str| {
        let is_plain = part.len() == 2 && part.bytes().all(|octet| octet.is_ascii_digit());
        is_plain.then(|| part.parse::<i32>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    if hours > 18 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

impl fmt::Display for ClockBasis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for ClockBasis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERLIN: &str = "posix:CET-1CEST,M3.5.0,M10.5.0/3";

    fn time(date: [u16; 3], time: [u8; 3]) -> MeterTime {
        MeterTime::from_civil(date, time).unwrap()
    }

    #[track_caller]
    fn check(basis: &str, shown: MeterTime, expected: &str) {
        let basis: ClockBasis = basis.parse().unwrap();
        let told = match basis.instants_of(shown) {
            Instants::Once(at) => at.to_string(),
            Instants::Twice(first, second) => format!("{first} or {second}"),
            Instants::Never(at) => format!("never, or {at}"),
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn a_clock_is_read_by_its_basis() {
        let noon = time([2026, 7, 1], [12, 0, 0]);
        check("utc", noon, "2026-07-01T12:00:00Z");
        check("+05:30", noon, "2026-07-01T06:30:00Z");
        check("-03:00", noon, "2026-07-01T15:00:00Z");
        check(BERLIN, noon, "2026-07-01T10:00:00Z");
        check(
            BERLIN,
            time([2026, 1, 1], [0, 0, 0]),
            "2025-12-31T23:00:00Z",
        );
    }

    #[test]
    fn an_hour_comes_twice_in_autumn_and_is_left_out_in_spring() {
        let twice = "2026-10-25T00:30:00Z or 2026-10-25T01:30:00Z";
        check(BERLIN, time([2026, 10, 25], [2, 30, 0]), twice);
        let never = "never, or 2026-03-29T01:30:00Z";
        check(BERLIN, time([2026, 3, 29], [2, 30, 0]), never);
    }

    #[test]
    fn a_clock_shows_what_its_basis_says() {
        let basis: ClockBasis = BERLIN.parse().unwrap();
        let at = Timestamp::from_seconds(1_800_000_000);
        assert_eq!(basis.shown_at(at).to_string(), "2027-01-15 09:00:00");
        assert!(basis.has_daylight_saving(at));
        assert!(!ClockBasis::utc().has_daylight_saving(at));
        assert!(
            !"+01:00"
                .parse::<ClockBasis>()
                .unwrap()
                .has_daylight_saving(at)
        );
    }

    #[test]
    fn what_is_no_basis_is_refused() {
        for text in ["", "here", "+1", "+25:00", "+0300", "posix:", "Mars/Base"] {
            assert!(text.parse::<ClockBasis>().is_err(), "{text}");
        }
    }

    #[test]
    fn no_time_makes_it_panic() {
        let basis: ClockBasis = BERLIN.parse().unwrap();
        for seconds in [0, u64::from(u32::MAX), LAST_SECOND, u64::MAX] {
            drop(format!(
                "{:?}",
                basis.instants_of(MeterTime::from_seconds(seconds))
            ));
            basis.shown_at(Timestamp::from_seconds(seconds));
            basis.stretch_at(seconds);
        }
    }
}
