//! Judges what the head-end booked by what the meters really held.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use metering::{ChannelKind, Flag, Quantity, Timestamp};
use storage::ledger::{BookedRow, BookedValue};

use crate::bus::{Bus, SimulatedMeter};
use crate::limits::SAMPLE_SLACK;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Meters with intervals.
    pub meters: usize,
    /// Intervals.
    pub intervals: usize,
    /// Intervals with every value.
    pub whole: usize,
    /// Intervals with a flag.
    pub flagged: usize,
    /// How often each combination of flags occurs.
    pub flags: BTreeMap<String, usize>,
    /// Totals compared with the meter's own.
    pub compared: usize,
    /// What is not what the meter held, in words.
    pub wrong: Vec<String>,
    /// Marks without an interval between others, and missing values without a flag.
    pub lost: Vec<String>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} meters, {} intervals ({} whole, {} flagged), {} totals compared, {} wrong, {} lost",
            self.meters,
            self.intervals,
            self.whole,
            self.flagged,
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

impl Verdict {
    /// Whether every value was right and nothing is missing without a word.
    pub const fn is_clean(&self) -> bool {
        self.wrong.is_empty() && self.lost.is_empty()
    }

    /// Fails the test unless every value was right and nothing is missing without a word.
    #[track_caller]
    pub fn must_be_clean(&self) {
        let shown = |list: &[String]| {
            list.iter()
                .take(12)
                .cloned()
                .collect::<Vec<_>>()
                .join("\n  ")
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
    }
}

/// Judges the rows of one gateway whose meters hang on these lines.
pub fn judge(rows: &[BookedRow], buses: &[&Bus]) -> Verdict {
    judge_within(rows, buses, SAMPLE_SLACK)
}

/// The same where a sample may be further from the instant its row names, because a meter thinks
/// long.
pub fn judge_within(rows: &[BookedRow], buses: &[&Bus], slack: Duration) -> Verdict {
    let mut verdict = judge_unseen(rows);
    for (id, rows) in by_meter(rows) {
        let found = buses.iter().find_map(|bus| {
            let meter = bus.meters.iter().find(|meter| meter.id == id)?;
            Some((*bus, meter))
        });
        match found {
            Some((bus, meter)) => judge_values(bus, meter, &rows, slack, &mut verdict),
            None => verdict
                .wrong
                .push(format!("{id} is not a meter of these lines")),
        }
    }
    verdict
}

/// Judges rows of meters whose truth nobody knows: the grid, the flags, the sums.
pub fn judge_unseen(rows: &[BookedRow]) -> Verdict {
    let by_meter = by_meter(rows);
    let mut verdict = Verdict {
        meters: by_meter.len(),
        ..Verdict::default()
    };
    for (id, rows) in by_meter {
        judge_grid(id, &rows, &mut verdict);
    }
    verdict
}

fn by_meter(rows: &[BookedRow]) -> BTreeMap<&str, Vec<&BookedRow>> {
    let mut found: BTreeMap<&str, Vec<&BookedRow>> = BTreeMap::new();
    for row in rows {
        found.entry(row.meter.as_str()).or_default().push(row);
    }
    found
}

fn judge_grid(id: &str, rows: &[&BookedRow], verdict: &mut Verdict) {
    let mut before: Option<&BookedRow> = None;
    for row in rows {
        verdict.intervals += 1;
        let is_whole = row.values.iter().all(|value| value.value.is_some());
        verdict.whole += usize::from(is_whole);
        if !row.flags.is_good() {
            verdict.flagged += 1;
            *verdict.flags.entry(row.flags.to_string()).or_default() += 1;
        }
        if !is_whole && row.flags.is_good() {
            verdict.lost.push(format!(
                "{id} {}: a value is missing and no flag says so",
                row.end
            ));
        }
        if let Some(before) = before {
            let next = before
                .end
                .after(Duration::from_secs(u64::from(row.period_seconds)));
            if row.end > next {
                verdict
                    .lost
                    .push(format!("{id}: no interval from {next} up to {}", row.end));
            }
            judge_increments(id, before, row, row.end == next, verdict);
        }
        before = Some(row);
    }
}

/// An increment is the difference of two totals of consecutive marks, or nothing.
fn judge_increments(
    id: &str,
    before: &BookedRow,
    row: &BookedRow,
    is_next: bool,
    verdict: &mut Verdict,
) {
    for value in row
        .values
        .iter()
        .filter(|value| value.channel.kind == ChannelKind::Increment)
    {
        let Some(increment) = value.value else {
            continue;
        };
        let total = |row: &BookedRow| {
            let mine = |other: &&BookedValue| {
                other.channel.kind == ChannelKind::Register
                    && other.channel.obis.as_increment() == value.channel.obis
            };
            row.values.iter().find(mine).and_then(|other| other.value)
        };
        let steps = total(before).zip(total(row)).map(|(from, to)| to - from);
        let rolled = row.flags.has(Flag::Rollover);
        if !rolled && (!is_next || steps != Some(increment)) {
            let obis = value.channel.obis;
            verdict.wrong.push(format!(
                "{id} {}: {obis} says +{increment}, the totals {steps:?}",
                row.end
            ));
        }
    }
}

fn judge_values(
    bus: &Bus,
    meter: &SimulatedMeter,
    rows: &[&BookedRow],
    slack: Duration,
    verdict: &mut Verdict,
) {
    for row in rows {
        let totals = row
            .values
            .iter()
            .filter(|value| value.channel.kind == ChannelKind::Register);
        for value in totals {
            let Some(digits) = value.value else { continue };
            verdict.compared += 1;
            let taken = sampled_at(row);
            let at = bus.time_at(taken);
            let quantity = Quantity {
                digits,
                exponent: value.channel.exponent,
                unit: value.channel.unit,
            };
            let (from, to) = (at.saturating_sub(slack), at + slack);
            if !meter.holds.showed(value.channel.obis, quantity, from, to) {
                let then = meter.holds.shows(value.channel.obis, at);
                let obis = value.channel.obis;
                verdict.wrong.push(format!(
                    "{} {}: {obis} is booked as {quantity}, the meter held {then:?} (sampled {} ms after the mark)",
                    meter.id, row.end, row.offset_ms
                ));
            }
        }
    }
}

/// When the row says that its totals were taken.
fn sampled_at(row: &BookedRow) -> Timestamp {
    let offset = Duration::from_millis(u64::from(row.offset_ms.unsigned_abs()));
    if row.offset_ms < 0 {
        row.end.before(offset)
    } else {
        row.end.after(offset)
    }
}
