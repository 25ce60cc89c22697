//! Judges what the head-end booked of FLAG meters by what they really held: every interval of
//! their own load profile exactly once, each value exact.

use std::collections::BTreeMap;
use std::fmt;

use metering::{ChannelKind, Obis, Timestamp};
use simulator::elster::{Source, TrueInterval};
use storage::ledger::{BookedRow, BookedValue};

use crate::bus::Bus;
use crate::flag::SimulatedFlag;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlagVerdict {
    /// Meters with intervals.
    pub meters: usize,
    /// Intervals.
    pub intervals: usize,
    /// Values compared.
    pub compared: usize,
    /// How often each combination of flags occurs.
    pub flags: BTreeMap<String, usize>,
    /// What is not what the meter held, in words.
    pub wrong: Vec<String>,
    /// What the meter holds and nobody booked.
    pub lost: Vec<String>,
}

impl fmt::Display for FlagVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} meters, {} intervals, {} values compared, {} wrong, {} lost",
            self.meters,
            self.intervals,
            self.compared,
            self.wrong.len(),
            self.lost.len()
        )?;
        for (flags, count) in &self.flags {
            write!(f, ", {count} {flags}")?;
        }
        Ok(())
    }
}

impl FlagVerdict {
    /// Fails the test unless every interval is there, once, and right.
    #[track_caller]
    pub fn must_be_clean(&self) {
        let shown = |list: &[String]| {
            let first = list.iter().take(12).cloned().collect::<Vec<_>>();
            first.join("\n  ")
        };
        assert!(
            self.wrong.is_empty(),
            "{self}\nwrong:\n  {}",
            shown(&self.wrong)
        );
        assert!(
            self.lost.is_empty(),
            "{self}\nlost:\n  {}",
            shown(&self.lost)
        );
        assert!(self.compared > 0, "{self}: nothing was compared");
    }

    /// Both together.
    pub fn and(mut self, other: Self) -> Self {
        self.meters += other.meters;
        self.intervals += other.intervals;
        self.compared += other.compared;
        for (flags, count) in other.flags {
            *self.flags.entry(flags).or_default() += count;
        }
        self.wrong.extend(other.wrong);
        self.lost.extend(other.lost);
        self
    }

    /// How many intervals carry this flag.
    pub fn with_flag(&self, flag: &str) -> usize {
        let carry = |words: &str| words.split('+').any(|word| word == flag);
        let counts = self.flags.iter().filter(|(words, _)| carry(words));
        counts.map(|(_, count)| count).sum()
    }
}

/// Which of the simulated totals a code names; `None` for what is no quantity of them.
pub fn source_of(obis: Obis) -> Option<Source> {
    let text = obis.to_string();
    let quantity = text.split(':').nth(1)?.split('.').next()?;
    Some(match quantity {
        "1" => Source::Import,
        "2" => Source::Export,
        "5" => Source::Q1,
        "6" => Source::Q2,
        "7" => Source::Q3,
        "8" => Source::Q4,
        "9" => Source::VaImport,
        "10" => Source::VaExport,
        _ => return None,
    })
}

/// Seconds of UTC, signed as the simulated meters count them.
pub fn seconds(at: Timestamp) -> i64 {
    i64::try_from(at.seconds()).expect("a time of this century")
}

/// Judges the intervals that end behind `from` and at `upto` at the latest: the meters' own, of
/// every FLAG meter on these lines that keeps a load profile.
pub fn judge_flag(
    rows: &[BookedRow],
    buses: &[&Bus],
    (from, upto): (Timestamp, Timestamp),
) -> FlagVerdict {
    let mut verdict = FlagVerdict::default();
    let meters = buses.iter().flat_map(|bus| &bus.flags);
    for meter in meters.filter(|meter| meter.holds.model().has_profile()) {
        let booked: BTreeMap<i64, &BookedRow> = rows
            .iter()
            .filter(|row| row.meter.as_str() == meter.id && row.end > from && row.end <= upto)
            .map(|row| (seconds(row.end), row))
            .collect();
        judge_meter(meter, &booked, (from, upto), &mut verdict);
    }
    verdict
}

fn judge_meter(
    meter: &SimulatedFlag,
    booked: &BTreeMap<i64, &BookedRow>,
    (from, upto): (Timestamp, Timestamp),
    verdict: &mut FlagVerdict,
) {
    verdict.meters += usize::from(!booked.is_empty());
    let mut held: BTreeMap<i64, TrueInterval> = BTreeMap::new();
    for interval in meter.holds.intervals(seconds(from), seconds(upto)) {
        let end = mark(meter, &interval);
        if end <= seconds(from) || end > seconds(upto) {
            continue;
        }
        // A clock that is set back comes twice by one mark: its parts add up.
        match held.get_mut(&end) {
            Some(first) => {
                for (sum, part) in first.channels.iter_mut().zip(interval.channels) {
                    sum.shown += part.shown;
                }
            }
            None => drop(held.insert(end, interval)),
        }
    }
    for (end, interval) in &held {
        match booked.get(end) {
            Some(row) => judge_row(meter, row, interval, verdict),
            None => verdict
                .lost
                .push(format!("{}: no interval ends at {}", meter.id, utc(*end))),
        }
    }
    for (end, row) in booked {
        verdict.intervals += 1;
        if !row.flags.is_good() {
            *verdict.flags.entry(row.flags.to_string()).or_default() += 1;
        }
        if !held.contains_key(end) {
            verdict.wrong.push(format!(
                "{}: an interval was booked that ends at {}, and the meter has none",
                meter.id, row.end
            ));
        }
    }
}

/// The mark of UTC at which an interval ends, by the meter's own clock, as far off as that was.
fn mark(meter: &SimulatedFlag, interval: &TrueInterval) -> i64 {
    let holds = &meter.holds;
    // An interval that ends with summer time still belongs to it.
    let within = interval.end - 1;
    let offset = holds.local(within) - holds.clock_error(within) - within;
    interval.local_end - offset
}

fn judge_row(
    meter: &SimulatedFlag,
    row: &BookedRow,
    held: &TrueInterval,
    verdict: &mut FlagVerdict,
) {
    if i64::from(row.period_seconds) != held.period {
        verdict.wrong.push(format!(
            "{} {}: a period of {} s, the meter's is {} s",
            meter.id, row.end, row.period_seconds, held.period
        ));
    }
    for value in &row.values {
        let Some(source) = source_of(value.channel.obis) else {
            continue;
        };
        let Some(channel) = held
            .channels
            .iter()
            .find(|channel| channel.source == source)
        else {
            verdict.wrong.push(format!(
                "{} {}: the meter has no channel {}",
                meter.id, row.end, value.channel.obis
            ));
            continue;
        };
        verdict.compared += 1;
        let shown = i128::try_from(channel.shown).expect("a demand");
        if !is_right(value, shown, held.period, meter.ratio) {
            verdict.wrong.push(format!(
                "{} {}: {} is booked as {:?}×10^{}, the meter showed {shown} mW",
                meter.id, row.end, value.channel.obis, value.value, value.channel.exponent
            ));
        }
    }
}

/// Whether a booked value is exactly what a meter showed, milliwatts of average demand: itself, or
/// the energy of the interval times the ratio of the transformers.
fn is_right(value: &BookedValue, shown: i128, period: i64, (up, down): (u32, u32)) -> bool {
    let Some(digits) = value.value.map(i128::from) else {
        return false;
    };
    let exponent = value.channel.exponent;
    // Both sides in millionths of the unit, so that nothing is rounded here.
    let scale = |number: i128| match u32::try_from(6 + i32::from(exponent)) {
        Ok(power) => number.checked_mul(10_i128.checked_pow(power)?),
        Err(_) => None,
    };
    let Some(booked) = scale(digits) else {
        return false;
    };
    match value.channel.kind {
        ChannelKind::Average => booked == shown * 1000,
        ChannelKind::Increment => {
            let exact = shown * 1000 * i128::from(period) * i128::from(up);
            let parts = 3600 * i128::from(down);
            // What is no finite decimal is rounded at a millionth.
            (booked * parts - exact).abs() * 2 <= parts
        }
        ChannelKind::Register => false,
    }
}

fn utc(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(u64::try_from(seconds).unwrap_or(0))
}
