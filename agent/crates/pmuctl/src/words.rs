//! Numbers and times as people write and read them.

use crate::limits::COLUMNS;
use jiff::civil::{Date, DateTime};
use metering::Timestamp;
use std::time::Duration;

const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1000),
    ("min", 60_000),
    ("m", 60_000),
    ("h", 3_600_000),
];

/// Reads `500ms`, `60s`, `60`, `2m`, `1h`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.strip_prefix(digits).unwrap_or_default();
    let millis = match unit {
        "" => Some(1000),
        unit => UNITS
            .iter()
            .find(|known| known.0 == unit)
            .map(|known| known.1),
    };
    let count: Option<u64> = digits.parse().ok();
    let is_number = digits.bytes().all(|b| b.is_ascii_digit());
    count
        .filter(|_| is_number)
        .zip(millis)
        .and_then(|(count, millis)| count.checked_mul(millis))
        .map(Duration::from_millis)
        .ok_or_else(|| format!("`{text}` is not a length of time; write 500ms, 60s, 2m or 1h"))
}

/// Reads `2026-11-23`, `2026-11-23T04:30` (both UTC), `2026-11-23T04:30:00Z`, or a time with an
/// offset.
pub fn parse_time(text: &str) -> Result<Timestamp, String> {
    let utc = jiff::tz::TimeZone::UTC;
    let moment = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let moment = match text.parse::<Date>() {
            Ok(date) if text.len() == 10 => date.to_datetime(jiff::civil::Time::midnight()),
            _ => text.parse::<DateTime>().ok()?,
        };
        utc.to_timestamp(moment).ok()
    });
    moment
        .and_then(|moment| u64::try_from(moment.as_millisecond()).ok())
        .map(Timestamp::from_millis)
        .ok_or_else(|| format!("`{text}` is not a time; write 2026-11-23 or 2026-11-23T04:30:00Z"))
}

/// A text from elsewhere without anything that a terminal would obey, not longer than `limit`.
pub fn plain(text: &str, limit: usize) -> String {
    let mut short: String = text.chars().take(limit).map(shown).collect();
    if text.chars().nth(limit).is_some() {
        short.pop();
        short.push('~');
    }
    short
}

/// A character, unless a terminal would obey it or would show its neighbours in another order.
fn shown(c: char) -> char {
    let reorders = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}');
    if c.is_control() || reorders { '?' } else { c }
}

/// Several lines from elsewhere, as they are but for what a terminal would obey.
pub(crate) fn plain_lines(text: &str) -> String {
    let shown = |c: char| if c == '\n' { c } else { shown(c) };
    text.chars().map(shown).collect()
}

/// `12.3 MB`: powers of ten, as disks are sold.
pub(crate) fn bytes_text(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")];
    match units.iter().find(|unit| bytes >= unit.0) {
        None => format!("{bytes} B"),
        Some((size, unit)) => {
            format!("{}.{} {unit}", bytes / size, bytes % size / (size / 10))
        }
    }
}

/// `3 d 4 h`, `12 min`, `45 s`.
pub(crate) fn age_text(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// `1 interval`, `2 intervals`.
pub(crate) fn counted(count: impl Into<u64>, noun: &str) -> String {
    let count = count.into();
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// Thousandths as `43.2 %`.
pub(crate) fn per_mille_text(share: u32) -> String {
    format!("{}.{} %", share / 10, share % 10)
}

/// Breaks a text into lines of at most `width` characters at its spaces, each behind `indent`.
pub(crate) fn wrapped(text: &str, indent: &str, width: usize) -> String {
    let room = width.saturating_sub(indent.len()).max(1);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let length = word.chars().count();
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + length <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    let lines: Vec<String> = lines
        .iter()
        .map(|line| format!("{indent}{line}\n"))
        .collect();
    lines.concat()
}

/// An item of a list behind its mark, with its further lines below its first.
pub(crate) fn wrapped_item(mark: &str, text: &str) -> String {
    wrapped_item_in(mark, text, COLUMNS)
}

/// The same in lines of `width` characters.
pub(crate) fn wrapped_item_in(mark: &str, text: &str, width: usize) -> String {
    let indent = " ".repeat(3 + mark.chars().count());
    let lines = wrapped(text, &indent, width);
    let first = lines.strip_prefix(&indent).unwrap_or_default();
    if first.is_empty() {
        return String::new();
    }
    format!("  {mark} {first}")
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// What hexadecimal digits stand for.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| {
        let digits = std::str::from_utf8(pair).ok()?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)
    };
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    bytes.filter(|_| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check_duration(text: &str, millis: Option<u64>) {
        assert_eq!(
            parse_duration(text).ok(),
            millis.map(Duration::from_millis),
            "{text}"
        );
    }

    #[test]
    fn lengths_of_time_are_read() {
        check_duration("500ms", Some(500));
        check_duration("60s", Some(60_000));
        check_duration("60", Some(60_000));
        check_duration("2m", Some(120_000));
        check_duration("2min", Some(120_000));
        check_duration("1h", Some(3_600_000));
        for text in [
            "",
            "s",
            "1.5s",
            "-1s",
            "+1s",
            "1 s",
            "1d",
            "99999999999999999999h",
        ] {
            check_duration(text, None);
        }
    }

    #[track_caller]
    fn check_time(text: &str, seconds: Option<u64>) {
        assert_eq!(
            parse_time(text).ok(),
            seconds.map(Timestamp::from_seconds),
            "{text}"
        );
    }

    #[test]
    fn times_are_read_as_utc() {
        check_time("2026-11-23", Some(1_795_392_000));
        check_time("2026-11-23T04:30", Some(1_795_408_200));
        check_time("2026-11-23T04:30:00Z", Some(1_795_408_200));
        check_time("2026-11-23T05:30:00+01:00", Some(1_795_408_200));
        for text in ["", "yesterday", "2026-13-01", "1969-12-31", "04:30"] {
            check_time(text, None);
        }
    }

    #[test]
    fn sizes_and_ages_read_well() {
        assert_eq!(bytes_text(999), "999 B");
        assert_eq!(bytes_text(12_345_678), "12.3 MB");
        assert_eq!(age_text(45), "45 s");
        assert_eq!(counted(1_u64, "day"), "1 day");
        assert_eq!(counted(0_u32, "day"), "0 days");
        assert_eq!(age_text(3 * 86_400 + 4 * 3600), "3 d 4 h");
        assert_eq!(per_mille_text(432), "43.2 %");
        assert_eq!(wrapped("one two three", "  ", 9), "  one two\n  three\n");
        assert_eq!(wrapped_item("1.", "one"), "  1. one\n");
        assert_eq!(wrapped_item("-", ""), "");
    }

    #[test]
    fn a_terminal_is_not_commanded_from_elsewhere() {
        assert_eq!(plain("a\x1b[2Jb\r\n\u{9b}c", 80), "a?[2Jb???c");
        assert_eq!(plain("abcdef", 4), "abc~");
        assert_eq!(plain("1\u{202e}2", 80), "1?2");
        assert_eq!(plain_lines("a\x1b[2J\nb\r"), "a?[2J\nb?");
    }

    proptest! {
        #[test]
        fn no_text_makes_a_parser_panic(text: String) {
            drop(parse_duration(&text));
            drop(parse_time(&text));
            assert!(plain(&text, 10).chars().count() <= 10);
        }
    }
}
