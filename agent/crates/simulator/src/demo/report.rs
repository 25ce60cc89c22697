//! What the head-end says while it books: one line a block, read from its log as it grows.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use metering::{Quantity, Timestamp, Unit};

use super::export::{decimal, timestamp};
use super::limits::{PERIOD_S, REPORT_OCTETS_MAX};
use super::stage::{GATEWAY, HEAD_END};

/// What was booked of a meter so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Booked {
    /// End of the newest interval.
    pub(crate) end: Option<Timestamp>,
    /// Its first total.
    pub(crate) total: Option<Quantity>,
    /// What the total has grown by in it, where the one before is known.
    pub(crate) growth: Option<Quantity>,
    /// Its flags; empty = good.
    pub(crate) flags: String,
    /// Intervals.
    pub(crate) intervals: u64,
}

/// Follows the log.
#[derive(Debug)]
pub(crate) struct Report {
    log: PathBuf,
    read: u64,
    rest: Vec<u8>,
    is_connected: bool,
    meters: BTreeMap<String, Booked>,
}

impl Report {
    /// The report in this log.
    pub(crate) fn new(log: &Path) -> Self {
        Self {
            log: log.to_path_buf(),
            read: 0,
            rest: Vec::new(),
            is_connected: false,
            meters: BTreeMap::new(),
        }
    }

    /// Whether the head-end has said that it is connected, with all its subscriptions.
    pub(crate) const fn is_connected(&self) -> bool {
        self.is_connected
    }

    /// What was booked of a meter.
    pub(crate) fn of(&self, meter: &str) -> Booked {
        self.meters.get(meter).cloned().unwrap_or_default()
    }

    /// Reads what is new.
    pub(crate) fn follow(&mut self) -> io::Result<()> {
        let mut file = File::open(&self.log)?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut new = Vec::new();
        let count = file.take(REPORT_OCTETS_MAX).read_to_end(&mut new)?;
        self.read = self
            .read
            .saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        self.hear(&new);
        Ok(())
    }

    /// Takes octets of the log; a line that is not whole yet waits for its rest.
    fn hear(&mut self, octets: &[u8]) {
        self.rest.extend_from_slice(octets);
        let whole = self
            .rest
            .iter()
            .rposition(|octet| *octet == b'\n')
            .map_or(0, |at| at + 1);
        let lines: Vec<u8> = self.rest.drain(..whole).collect();
        for line in String::from_utf8_lossy(&lines).lines() {
            self.line(line);
        }
    }

    /// `gateway meter end value flags +count`; other lines are for people.
    fn line(&mut self, line: &str) {
        self.is_connected |=
            line.starts_with(&format!("# {HEAD_END} at ")) && line.ends_with(": connected");
        let words: Vec<&str> = line.split(' ').collect();
        let [GATEWAY, meter, end, value @ .., flags, count] = words.as_slice() else {
            return;
        };
        let count = count
            .strip_prefix('+')
            .and_then(|count| count.parse::<u64>().ok());
        let Some((end, count)) = timestamp(end).zip(count) else {
            return;
        };
        let total = quantity(value);
        let booked = self.meters.entry((*meter).to_owned()).or_default();
        booked.intervals = booked.intervals.saturating_add(count);
        if booked.end.is_some_and(|newest| end <= newest) {
            return;
        }
        let is_next = booked.end.is_some_and(|before| {
            end.millis_since(before) == i64::from(PERIOD_S) * 1000 && count == 1
        });
        booked.growth = total.zip(booked.total).filter(|_| is_next).and_then(growth);
        booked.end = Some(end);
        booked.total = total;
        booked.flags = if *flags == "good" {
            String::new()
        } else {
            (*flags).to_owned()
        };
    }
}

fn quantity(words: &[&str]) -> Option<Quantity> {
    let [number, unit] = words else { return None };
    let (digits, exponent) = decimal(number)?;
    let (unit, prefix) = Unit::parse(unit).ok()?;
    Some(Quantity {
        digits,
        exponent: exponent.checked_add(prefix)?,
        unit,
    })
}

/// Both totals are of one channel, so their exponents are the same.
fn growth((now, before): (Quantity, Quantity)) -> Option<Quantity> {
    let is_one_channel = now.exponent == before.exponent && now.unit == before.unit;
    let digits = now.digits.checked_sub(before.digits)?;
    is_one_channel.then_some(Quantity { digits, ..now })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(parts: &[&str]) -> Report {
        let mut report = Report::new(Path::new("/nonexistent"));
        for part in parts {
            report.hear(part.as_bytes());
        }
        report
    }

    #[test]
    fn bookings_are_read_however_the_log_is_cut() {
        let report = heard(&[
            "# headend-ingest at localhost:8883: connected\npmu-demo feeder-1 2026-11-23T00:00:20Z 10.50 kWh missing +1\npmu-de",
            "mo feeder-1 2026-11-23T00:00:40Z 10.57 kWh good +1\npmu-demo dead 2026-11-23T00:0",
            "0:40Z - missing +2\nsomething else\npmu-demo feeder-2 2026-11-23T00:00:40Z 1",
        ]);
        assert!(report.is_connected() && !heard(&["# pmu-demo: connected\n"]).is_connected());
        let feeder = report.of("feeder-1");
        assert_eq!((feeder.intervals, feeder.flags.as_str()), (2, ""));
        assert_eq!(
            feeder.growth.map(|growth| growth.to_string()).as_deref(),
            Some("0.07 kWh")
        );
        assert_eq!(
            feeder.total.map(|total| total.to_string()).as_deref(),
            Some("10.57 kWh")
        );
        let dead = report.of("dead");
        assert_eq!(
            (dead.intervals, dead.total, dead.flags.as_str()),
            (2, None, "missing")
        );
        assert_eq!(
            report.of("feeder-2"),
            Booked::default(),
            "its line is not whole"
        );
    }

    #[test]
    fn a_gap_has_no_growth_and_history_does_not_turn_the_table_back() {
        let report = heard(&[
            "pmu-demo feeder-1 2026-11-23T00:00:20Z 10.50 kWh good +1\n",
            "pmu-demo feeder-1 2026-11-23T00:01:00Z 10.64 kWh good +1\n",
            "pmu-demo feeder-1 2026-11-23T00:00:40Z 10.57 kWh good +1\n",
        ]);
        let feeder = report.of("feeder-1");
        assert_eq!((feeder.intervals, feeder.growth), (3, None));
        assert_eq!(feeder.total.map(|total| total.digits), Some(1064));
    }
}
