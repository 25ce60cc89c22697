//! A meter's clock: seven octets of decimal digits.
//!
//! Seconds, minutes, hours, day, month, zero, year. Some firmware puts the year modulo four into
//! the high bits of the day, and the day of the week into those of the month.

use super::fault::ContentFault;
use super::octets::{octet_of, two_digits};
use crate::catalogue::flag::{ByteOrder, WeekdayBase};
use crate::elster::octets::Octets;
use metering::MeterTime;

const DAY_BITS: u8 = 0x3F;
const MONTH_BITS: u8 = 0x1F;
/// The one year that belongs to the century before (one source: CX).
const LAST_CENTURY_YEAR: u8 = 99;

/// What a clock said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockStamp {
    /// The time it shows.
    pub time: MeterTime,
    /// The day of the week in its own numbers; 0 also where it has none.
    pub weekday: u8,
    /// The year modulo four; 0 also where it has none.
    pub year_bits: u8,
    /// Its octets, as they came.
    pub raw: [u8; 7],
}

/// A time that cannot be written to a clock of such meters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no time that the meter's clock can have; use one from 2000 to 2098")]
pub struct ClockFault(MeterTime);

impl ClockStamp {
    /// From the octets of a clock.
    pub fn decode(octets: &[u8]) -> Result<Self, ContentFault> {
        let raw = <[u8; 7]>::try_from(octets);
        let no_time = || ContentFault::NoTime {
            octets: octets.to_vec(),
        };
        let raw = raw.map_err(|_| no_time())?;
        let [second, minute, hour, day, month, _, year] = raw;
        let time = civil(
            [year, month & MONTH_BITS, day & DAY_BITS],
            [hour, minute, second],
        );
        Ok(Self {
            time: time.ok_or_else(no_time)?,
            weekday: month >> 5,
            year_bits: day >> 6,
            raw,
        })
    }

    /// Whether day of the week and year bits agree with the date; `None` where it has none, or
    /// nobody knows the day that counts as 0.
    pub fn agrees(&self, base: Option<WeekdayBase>) -> Option<bool> {
        let (year, _, _) = self.time.date();
        if self.weekday == 0 && self.year_bits == 0 {
            return None;
        }
        let weekday = match base? {
            WeekdayBase::Monday => self.time.weekday(),
            WeekdayBase::Sunday => (self.time.weekday() + 1) % 7,
        };
        let is_year = self.year_bits == 0 || u64::from(self.year_bits) == year % 4;
        Some(is_year && u64::from(self.weekday) == weekday)
    }

    /// The octets that set a clock: plain digits, as two sources write them.
    pub fn encode(time: MeterTime) -> Result<[u8; 7], ClockFault> {
        let ((year, month, day), (hour, minute, second)) = (time.date(), time.time_of_day());
        let digits = |number: u64| u8::try_from(number).map(octet_of);
        let all = || {
            let year = year.checked_sub(2000).filter(|year| *year < 99)?;
            Some([
                digits(second).ok()?,
                digits(minute).ok()?,
                digits(hour).ok()?,
                digits(day).ok()?,
                digits(month).ok()?,
                0,
                digits(year).ok()?,
            ])
        };
        all().ok_or(ClockFault(time))
    }
}

fn civil(date: [u8; 3], time: [u8; 3]) -> Option<MeterTime> {
    let [year, month, day] = date.map(two_digits);
    let [hour, minute, second] = time.map(two_digits);
    let year = match year? {
        LAST_CENTURY_YEAR => 1900 + u16::from(LAST_CENTURY_YEAR),
        year => 2000 + u16::from(year),
    };
    let date = [year, u16::from(month?), u16::from(day?)];
    MeterTime::from_civil(date, [hour?, minute?, second?])
}

/// A clock that counts seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondsStamp {
    /// The time it shows.
    pub time: MeterTime,
    /// What stands behind it.
    pub rest: Vec<u8>,
}

impl SecondsStamp {
    pub(super) fn decode(octets: &[u8]) -> Option<Self> {
        let mut left = Octets(octets);
        Some(Self {
            time: left.time(ByteOrder::LowFirst)?,
            rest: left.0.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(octets: [u8; 7], expected: Option<&str>) {
        let found = ClockStamp::decode(&octets).ok();
        let told = found.map(|stamp| stamp.time.to_string());
        assert_eq!(told.as_deref(), expected, "{octets:02X?}");
    }

    #[test]
    fn a_clock_is_read_digit_by_digit() {
        check(
            [0, 0x30, 0x12, 0x03, 0x05, 0, 0x26],
            Some("2026-05-03 12:30:00"),
        );
        check(
            [0x59, 0x59, 0x23, 0x31, 0x12, 0, 0x99],
            Some("1999-12-31 23:59:59"),
        );
        check([0, 0, 0, 0x29, 0x02, 0, 0x24], Some("2024-02-29 00:00:00"));
        check([0, 0, 0, 0x29, 0x02, 0, 0x25], None);
        check([0x60, 0, 0, 1, 1, 0, 0x25], None);
        check([0x0A, 0, 0, 1, 1, 0, 0x25], None);
        check([0, 0, 0, 0, 0, 0, 0], None);
        check([0xFF; 7], None);
    }

    #[test]
    fn year_and_weekday_may_stand_in_high_bits() {
        // 3 May 2026 is a Sunday, 6 from Monday; 2026 modulo 4 is 2.
        let octets = [0, 0x30, 0x12, 0x83, 0xC5, 0, 0x26];
        check(octets, Some("2026-05-03 12:30:00"));
        let stamp = ClockStamp::decode(&octets).unwrap();
        assert_eq!(stamp.agrees(Some(WeekdayBase::Monday)), Some(true));
        assert_eq!(stamp.agrees(Some(WeekdayBase::Sunday)), Some(false));
        assert_eq!(stamp.agrees(None), None);
        let plain = ClockStamp::decode(&[0, 0x30, 0x12, 0x03, 0x05, 0, 0x26]).unwrap();
        assert_eq!(plain.agrees(Some(WeekdayBase::Monday)), None);
    }

    #[test]
    fn a_time_beyond_the_digits_is_not_written() {
        for seconds in [0, 4_102_444_800] {
            assert!(ClockStamp::encode(MeterTime::from_seconds(seconds)).is_err());
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in 946_684_800_u64..4_070_908_800) {
            let time = MeterTime::from_seconds(seconds);
            let octets = ClockStamp::encode(time).unwrap();
            prop_assert_eq!(ClockStamp::decode(&octets).unwrap().time, time);
        }

        #[test]
        fn no_octets_make_it_panic(octets: Vec<u8>) {
            if let Ok(stamp) = ClockStamp::decode(&octets) {
                stamp.agrees(Some(WeekdayBase::Monday));
            }
        }
    }
}
