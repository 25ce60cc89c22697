//! What the head-end booked, from the CSV of `pmuctl head-end export`.

use std::time::Duration;

use metering::{Obis, Quantity, Timestamp, Unit};

/// One value of one interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Booking {
    /// Of which meter.
    pub(crate) meter: String,
    /// Of which profile.
    pub(crate) profile: String,
    /// Beginning and end of its interval.
    pub(crate) start: Timestamp,
    /// See `start`.
    pub(crate) end: Timestamp,
    /// When the gateway says that it was sampled.
    pub(crate) sampled: Timestamp,
    /// Which quantity.
    pub(crate) obis: Obis,
    /// The value, if there is one.
    pub(crate) value: Option<Quantity>,
    /// Flags of the interval, as words joined by `+`; empty = good.
    pub(crate) flags: String,
}

impl Booking {
    /// Whether the interval carries this flag.
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flags.split('+').any(|word| word == flag)
    }
}

/// A line that is not of the layout.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the head-end's export cannot be read: {problem}")]
pub(crate) struct ExportFault {
    line: usize,
    problem: &'static str,
}

const COLUMNS: &str =
    "start_utc,end_utc,meter_stamp,channel,obis,value,unit,raw,quality,flags,version";

/// Reads an export: for each profile of each meter a head of `# key: value`, the names of the
/// columns, and a line for each value.
pub(crate) fn parse(text: &str) -> Result<Vec<Booking>, ExportFault> {
    let (mut meter, mut profile) = (String::new(), String::new());
    let mut bookings = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let fault = |problem| ExportFault {
            line: number,
            problem,
        };
        if let Some(head) = line.strip_prefix("# ") {
            match head.split_once(": ") {
                Some(("device", name)) => name.clone_into(&mut meter),
                Some(("scheme id", name)) => name.clone_into(&mut profile),
                Some(_) => {}
                None => return Err(fault("a head without a key")),
            }
        } else if line.starts_with("start_utc") {
            if line != COLUMNS {
                return Err(fault("other columns than expected"));
            }
        } else {
            bookings.push(booking(&meter, &profile, line).map_err(fault)?);
        }
    }
    Ok(bookings)
}

fn booking(meter: &str, profile: &str, line: &str) -> Result<Booking, &'static str> {
    let fields: Vec<&str> = line.split(',').collect();
    let [start, end, sampled, _, obis, value, unit, _, _, flags, _] = fields.as_slice() else {
        return Err("not eleven columns");
    };
    if meter.is_empty() || profile.is_empty() {
        return Err("a value before its head");
    }
    let (unit, prefix) = Unit::parse(unit).map_err(|_| "no unit")?;
    let value = if value.is_empty() {
        None
    } else {
        let (digits, exponent) = decimal(value).ok_or("no decimal number")?;
        let exponent = exponent.checked_add(prefix).ok_or("no decimal number")?;
        Some(Quantity {
            digits,
            exponent,
            unit,
        })
    };
    Ok(Booking {
        meter: meter.to_owned(),
        profile: profile.to_owned(),
        start: timestamp(start).ok_or("no time of its start")?,
        end: timestamp(end).ok_or("no time of its end")?,
        sampled: timestamp(sampled).ok_or("no time of its sample")?,
        obis: obis.parse().map_err(|_| "no OBIS code")?,
        value,
        flags: (*flags).to_owned(),
    })
}

/// Digits and power of ten of `-123.45`.
pub(crate) fn decimal(text: &str) -> Option<(i64, i8)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let unsigned = whole.strip_prefix('-').unwrap_or(whole);
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if unsigned.is_empty() || !is_digits(unsigned) || !is_digits(fraction) {
        return None;
    }
    let exponent = i8::try_from(fraction.len()).ok()?.checked_neg()?;
    Some((format!("{whole}{fraction}").parse().ok()?, exponent))
}

/// Reads `2026-11-23T04:17:00.120Z`, the form in which a [`Timestamp`] shows itself.
pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (seconds, millis) = time.split_once('.').unwrap_or((time, "000"));
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(seconds, ':', [2, 2, 2])?;
    let [millis] = numbers(millis, '.', [3])?;
    let is_civil = (1..=12).contains(&month) && (1..=31).contains(&day);
    if !is_civil || year < 1970 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let of_day = Duration::from_secs(hour * 3600 + minute * 60 + second);
    let midnight = Timestamp::from_seconds(day_number(year, month, day)? * 86_400);
    Some(midnight.after(of_day + Duration::from_millis(millis)))
}

/// Numbers of so many digits each.
fn numbers<const N: usize>(text: &str, separator: char, widths: [usize; N]) -> Option<[u64; N]> {
    let mut parts = text.split(separator);
    let mut found = [0; N];
    for (slot, width) in found.iter_mut().zip(widths) {
        let part = parts.next().filter(|part| part.len() == width)?;
        if !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *slot = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

/// Days since 1970 of a proleptic Gregorian date: years begin in March, so that the leap day ends
/// them.
fn day_number(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = if month > 2 { year } else { year - 1 };
    let since_march = (month + 9) % 12;
    let leap_days = year / 4 - year / 100 + year / 400;
    let days = year * 365 + leap_days + (153 * since_march + 2) / 5 + day - 1;
    days.checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXPORT: &str = "# device: feeder-1\n# gateway: pmu-demo\n# scheme id: 1-0:99.1.0\n\
        # period: 5 s\n\
        start_utc,end_utc,meter_stamp,channel,obis,value,unit,raw,quality,flags,version\n\
        2026-11-23T00:00:00Z,2026-11-23T00:00:05Z,2026-11-23T00:00:05.120Z,1,1-0:1.8.0,1230,Wh,123,valid,,0\n\
        2026-11-23T00:00:00Z,2026-11-23T00:00:05Z,2026-11-23T00:00:05.120Z,2,1-0:1.29.0,,Wh,,missing,missing+late-sample,0\n";

    #[test]
    fn an_export_is_read() {
        let bookings = parse(EXPORT).unwrap();
        assert_eq!(bookings.len(), 2);
        let [first, second] = bookings.as_slice() else {
            panic!("two values")
        };
        assert_eq!(first.meter, "feeder-1");
        assert_eq!(first.sampled.millis_since(first.end), 120);
        assert_eq!(first.end.millis_since(first.start), 5000);
        assert_eq!(first.value.map(|value| value.digits), Some(1230));
        assert!(first.flags.is_empty() && second.value.is_none());
        assert!(second.has("late-sample") && !second.has("late"));
    }

    #[test]
    fn another_layout_is_refused_with_its_line() {
        let line = |text: &str| parse(text).map_err(|fault| fault.line);
        let row = EXPORT.lines().nth(5).unwrap();
        assert_eq!(line(row), Err(1), "a value before its head");
        assert_eq!(line(&EXPORT.replace(",Wh,123", ",Xh,123")), Err(6));
        assert_eq!(line(&EXPORT.replace("1230,Wh", "1x,Wh")), Err(6));
        assert_eq!(line(&EXPORT.replace("flags,version", "flags")), Err(5));
        assert_eq!(line(&EXPORT.replace("05.120Z,2", "05.12Z,2")), Err(7));
    }

    #[test]
    fn decimals_keep_their_digits() {
        assert_eq!(decimal("1230"), Some((1230, 0)));
        assert_eq!(decimal("-0.070"), Some((-70, -3)));
        for text in ["", "-", ".5", "+1", "1e3", "1.2.3", "99999999999999999999"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_timestamp_is_read_as_it_is_shown(millis in 0_u64..4_102_444_800_000) {
            let at = Timestamp::from_millis(millis);
            prop_assert_eq!(timestamp(&at.to_string()), Some(at));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,200}", fields in "[0-9TZ:.,-]{0,120}") {
            for text in [&text, &fields] {
                drop(parse(text));
                drop(booking("m", "p", text));
                prop_assert!(decimal(text).is_none_or(|(_, exponent)| exponent <= 0));
                prop_assert!(timestamp(text).is_none_or(|at| at.to_string().ends_with('Z')));
            }
        }
    }
}
