//! What is written to a clock to set it.

use crate::catalogue::dlms::DeviationSense;
use crate::clock_basis::{ClockBasis, Instants};
use dlms::codec::{Data, DateTime};
use metering::Timestamp;

/// Summer time is in force.
const SUMMER: u8 = 0x80;

/// What a clock of this calendar shows at an instant, to the second. Deviation and summer time are said
/// where it is known how the clock counts them, else the meter knows them itself. None in an hour that
/// comes twice if nothing would say which one is meant, and beyond the years that a clock has.
pub fn clock_setting(basis: &ClockBasis, sense: DeviationSense, at: Timestamp) -> Option<Data> {
    let shown = basis.shown_at(at);
    let stretch = basis.stretch_at(at.seconds());
    let minutes = i16::try_from(stretch.offset / 60).ok()?;
    let deviation = match sense {
        DeviationSense::ToUtc => Some(-minutes),
        DeviationSense::FromUtc => Some(minutes),
        DeviationSense::Unsure => None,
    };
    let comes_twice = matches!(basis.instants_of(shown), Instants::Twice(..));
    if deviation.is_none() && comes_twice {
        return None;
    }
    let ((year, month, day), (hour, minute, second)) = (shown.date(), shown.time_of_day());
    let small = |number: u64| u8::try_from(number).ok();
    // The first of January 1970 was a Thursday.
    let weekday = (shown.seconds() / 86_400 + 3) % 7 + 1;
    let time = DateTime {
        year: Some(u16::try_from(year).ok()?),
        month: Some(small(month)?),
        day: Some(small(day)?),
        weekday: Some(small(weekday)?),
        hour: Some(small(hour)?),
        minute: Some(small(minute)?),
        second: Some(small(second)?),
        hundredths: Some(0),
        deviation,
        status: deviation.map(|_| if stretch.is_daylight { SUMMER } else { 0 }),
    };
    Some(Data::OctetString(time.encode().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(at: &str, sense: DeviationSense, expected: Option<&str>) {
        let basis = "posix:CET-1CEST,M3.5.0,M10.5.0/3".parse().unwrap();
        let at = at.parse().unwrap();
        let found = clock_setting(&basis, sense, Timestamp::from_seconds(at));
        let digits = found.map(|data| {
            let octets = data.octets().unwrap().iter();
            octets
                .map(|octet| format!("{octet:02x}"))
                .collect::<Vec<_>>()
                .concat()
        });
        assert_eq!(digits.as_deref(), expected);
    }

    #[test]
    fn a_clock_is_set_to_local_time_with_what_is_known_of_its_deviation() {
        use DeviationSense::{FromUtc, ToUtc, Unsure};
        // 2026-06-01 10:00:05 UTC, a Monday; noon in summer time.
        check("1780308005", ToUtc, Some("07ea0601010c000500ff8880"));
        check("1780308005", FromUtc, Some("07ea0601010c000500007880"));
        check("1780308005", Unsure, Some("07ea0601010c0005008000ff"));
        // 2026-12-06, a Sunday, 23:30:00 UTC: Monday there.
        check("1796599800", ToUtc, Some("07ea0c0701001e0000ffc400"));
        // 2026-10-25 00:30 and 01:30 UTC: half past two, twice.
        check("1792888200", ToUtc, Some("07ea0a1907021e0000ff8880"));
        check("1792891800", ToUtc, Some("07ea0a1907021e0000ffc400"));
        check("1792888200", Unsure, None);
    }
}
