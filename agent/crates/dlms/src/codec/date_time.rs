//! COSEM date and time.

use std::ops::RangeInclusive;

use super::fault::DecodeFault;

/// A date and time of a meter's clock, or a pattern of it. What is not given is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DateTime {
    /// The year.
    pub year: Option<u16>,
    /// The month, 1 to 12. 0xFD is where summer time ends, 0xFE where it begins.
    pub month: Option<u8>,
    /// The day, 1 to 31. 0xFD is the last but one of the month, 0xFE the last.
    pub day: Option<u8>,
    /// Monday is 1.
    pub weekday: Option<u8>,
    /// 0 to 23.
    pub hour: Option<u8>,
    /// 0 to 59.
    pub minute: Option<u8>,
    /// 0 to 59.
    pub second: Option<u8>,
    /// Hundredths of a second.
    pub hundredths: Option<u8>,
    /// Minutes from local time to UTC: -120 in UTC+2. Some meters turn the sign.
    pub deviation: Option<i16>,
    /// The status of the clock: 0x01 invalid, 0x02 doubtful, 0x04 another base, 0x08 invalid
    /// status, 0x80 summer time.
    pub status: Option<u8>,
}

/// Minutes that a deviation may have.
const DEVIATION: RangeInclusive<i16> = -840..=840;

impl DateTime {
    /// From its twelve octets.
    pub fn decode(octets: [u8; 12]) -> Result<Self, DecodeFault> {
        let [
            y1,
            y0,
            month,
            day,
            weekday,
            hour,
            minute,
            second,
            hundredths,
            d1,
            d0,
            status,
        ] = octets;
        let year = u16::from_be_bytes([y1, y0]);
        let deviation = i16::from_be_bytes([d1, d0]);
        if deviation != i16::MIN && !DEVIATION.contains(&deviation) {
            let part = "the deviation of a clock";
            return Err(DecodeFault::Unexpected { part, value: d1 });
        }
        Ok(Self {
            year: (year != 0xffff).then_some(year),
            month: field("the month", month, &[1..=12, 0xfd..=0xfe])?,
            day: field("the day", day, &[1..=31, 0xfd..=0xfe])?,
            weekday: field("the weekday", weekday, &[1..=7])?,
            hour: field("the hour", hour, &[0..=23])?,
            minute: field("the minute", minute, &[0..=59])?,
            second: field("the second", second, &[0..=59])?,
            hundredths: field("the hundredths", hundredths, &[0..=99])?,
            deviation: (deviation != i16::MIN).then_some(deviation),
            status: (status != 0xff).then_some(status),
        })
    }

    /// Its twelve octets.
    pub fn encode(&self) -> [u8; 12] {
        let [y1, y0] = self.year.unwrap_or(0xffff).to_be_bytes();
        let [d1, d0] = self.deviation.unwrap_or(i16::MIN).to_be_bytes();
        let or_none = |field: Option<u8>| field.unwrap_or(0xff);
        [
            y1,
            y0,
            or_none(self.month),
            or_none(self.day),
            or_none(self.weekday),
            or_none(self.hour),
            or_none(self.minute),
            or_none(self.second),
            or_none(self.hundredths),
            d1,
            d0,
            or_none(self.status),
        ]
    }
}

fn field(
    part: &'static str,
    value: u8,
    allowed: &[RangeInclusive<u8>],
) -> Result<Option<u8>, DecodeFault> {
    match value {
        0xff => Ok(None),
        value if allowed.iter().any(|range| range.contains(&value)) => Ok(Some(value)),
        value => Err(DecodeFault::Unexpected { part, value }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(octets: [u8; 12], expected: Result<(u16, u8, u8, Option<i16>), &str>) {
        match (DateTime::decode(octets), expected) {
            (Ok(read), Ok((year, month, hour, deviation))) => {
                assert_eq!(read.year, Some(year));
                assert_eq!(read.month, Some(month));
                assert_eq!(read.hour, Some(hour));
                assert_eq!(read.deviation, deviation);
                assert_eq!(read.encode(), octets);
            }
            (Err(fault), Err(words)) => assert_eq!(fault.to_string(), words),
            (read, expected) => panic!("{read:?} is not {expected:?}"),
        }
    }

    #[test]
    fn date_times_are_read_and_written() {
        // A Kaifa and a Kamstrup meter's, as pushed; then one in UTC+2 and summer time.
        check(
            [0x07, 0xe3, 12, 16, 1, 7, 58, 30, 0xff, 0x80, 0, 0xff],
            Ok((2019, 12, 7, None)),
        );
        check(
            [0x07, 0xe1, 8, 20, 7, 21, 0, 5, 0xff, 0x80, 0, 0],
            Ok((2017, 8, 21, None)),
        );
        check(
            [0x07, 0xea, 6, 1, 1, 0, 15, 0, 0, 0xff, 0x88, 0x80],
            Ok((2026, 6, 0, Some(-120))),
        );
    }

    #[test]
    fn what_no_clock_shows_is_refused() {
        let sound = [0x07, 0xea, 6, 1, 1, 0, 15, 0, 0, 0xff, 0x88, 0x80];
        for (place, value, words) in [
            (2, 13, "the month 0x0d is not allowed there"),
            (3, 32, "the day 0x20 is not allowed there"),
            (4, 8, "the weekday 0x08 is not allowed there"),
            (5, 24, "the hour 0x18 is not allowed there"),
            (6, 60, "the minute 0x3c is not allowed there"),
            (
                9,
                0x20,
                "the deviation of a clock 0x20 is not allowed there",
            ),
        ] {
            let mut octets = sound;
            octets[place] = value;
            check(octets, Err(words));
        }
    }

    #[test]
    fn a_pattern_without_anything_is_all_none() {
        let read = DateTime::decode([
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x80, 0, 0xff,
        ]);
        assert_eq!(read.unwrap().year, None);
        assert_eq!(read.unwrap().deviation, None);
    }
}
