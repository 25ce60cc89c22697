//! The instrumentation profile, as far as one source describes it: an average of voltages,
//! currents and power for each period.

use super::civil::DAY;
use super::contents::Contents;
use super::encode::{bcd_high_first, time};
use super::energy::Source;
use super::model::period_code;

/// Quantity and phase of each channel: voltages of three phases, the system's power.
const CHANNELS: [u8; 4] = [0x12, 0x22, 0x42, 0x04];
/// Places of the definition.
const PLACES: usize = 8;
/// Behind the period of a header stand so many octets that our source passes over.
const UNKNOWN: usize = 5;
/// Of a header: its mark, time, definition, period, unknown.
const HEADER: usize = 1 + 4 + 2 * PLACES + 1 + UNKNOWN;
/// Of a record: status, four octets for each channel.
const RECORD: usize = 1 + 4 * CHANNELS.len();

impl Contents {
    /// Octets of the days that were asked for, without padding.
    pub(super) fn instrument_octets(&self, utc: i64) -> usize {
        let days = usize::try_from(self.instrument_days).unwrap_or(0);
        let whole = HEADER + RECORD * self.instrument_records();
        let of_today = self.history.clock.local(utc).rem_euclid(DAY) / self.instrument_period();
        let today = HEADER + RECORD * usize::try_from(of_today).unwrap_or(0);
        match days.checked_sub(1) {
            None => 0,
            Some(before) => whole * before + today,
        }
    }

    fn instrument_period(&self) -> i64 {
        i64::from(self.scenario.minutes.max(1)) * 60
    }

    fn instrument_records(&self) -> usize {
        usize::try_from(DAY / self.instrument_period()).unwrap_or(0)
    }

    /// A part of the days that were asked for, filled up with `FF`.
    ///
    /// Days of this profile have always the same length: it keeps standard time.
    pub(super) fn instrument_part(&self, offset: usize, count: usize, utc: i64) -> Vec<u8> {
        let whole = HEADER + RECORD * self.instrument_records();
        let end = self.instrument_octets(utc);
        let today = self.history.clock.local(utc).div_euclid(DAY);
        let first = today - (self.instrument_days - 1).max(0);
        let mut octets = Vec::new();
        let mut day = offset / whole;
        let begin = day * whole;
        while begin + octets.len() < (offset + count).min(end) {
            let date = first + i64::try_from(day).unwrap_or(0);
            self.instrument_day(date, &mut octets);
            day += 1;
        }
        octets.truncate(end.saturating_sub(begin));
        let mut part = octets.split_off((offset - begin).min(octets.len()));
        part.resize(count, 0xff);
        part
    }

    fn instrument_day(&self, date: i64, octets: &mut Vec<u8>) {
        octets.push(0xe4);
        octets.extend(time(date * DAY));
        octets.extend(definition());
        octets.push(period_code(self.scenario.minutes));
        octets.extend([0; UNKNOWN]);
        for record in 0..self.instrument_records() {
            let begin = date * DAY + i64::try_from(record).unwrap_or(0) * self.instrument_period();
            octets.push(0);
            for code in CHANNELS {
                let value = self.instrument_value(code, begin);
                // Sign and exponent: four decimals less this many.
                octets.push(if code == 0x04 { 3 } else { 2 });
                octets.extend(bcd_high_first(value, 3));
            }
        }
    }

    fn instrument_value(&self, code: u8, begin: i64) -> u128 {
        let phase = u128::from(code >> 4);
        let period = self.instrument_period();
        let total = |utc| self.energies.total(Source::Import, utc);
        let mean = (total(begin + period) - total(begin)) / u128::from(period.unsigned_abs());
        if code == 0x04 {
            // Milliwatts to kilowatts with one decimal.
            mean / 100_000
        } else {
            11_000 + phase * 10 + mean % 97
        }
    }
}

/// 775, and part of each header: storage and quantity of each channel.
pub(super) fn definition() -> Vec<u8> {
    let mut octets: Vec<u8> = CHANNELS.iter().flat_map(|code| [0, *code]).collect();
    octets.resize(2 * PLACES, 0);
    octets
}
