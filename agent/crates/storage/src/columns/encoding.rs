//! Writing a block: for each column the cheapest of its predictions.

use super::{CONSTANT, Column, EMPTY, GROWTH, HOLED, LINEAR, MODES, Mode, grew};
use crate::rice::{BitWriter, best_parameter};
use crate::wire::{Writer, zigzag};

/// Appends the columns, all of `rows` rows.
pub(crate) fn encode(columns: &[Column], rows: usize, out: &mut Writer) {
    let mut bits = BitWriter::default();
    let mut before: Option<&Column> = None;
    for column in columns {
        debug_assert_eq!(column.len(), rows);
        encode_column(column, before, out, &mut bits);
        before = Some(column);
    }
    out.raw(&bits.finish());
}

fn encode_column(column: &Column, before: Option<&Column>, out: &mut Writer, bits: &mut BitWriter) {
    let values: Vec<i64> = column.iter().flatten().copied().collect();
    let Some((first, rest)) = values.split_first() else {
        out.byte(EMPTY);
        return;
    };
    if values.len() < column.len() {
        out.byte(HOLED);
        encode_runs(column, out);
    }
    if rest.iter().all(|value| value == first) {
        out.byte(CONSTANT);
        out.zigzag(*first);
        return;
    }
    let steps = steps(&values);
    if let Some((step, more)) = steps.split_first()
        && more.iter().all(|other| other == step)
    {
        out.byte(LINEAR);
        out.zigzag(*first);
        out.zigzag(*step);
        return;
    }
    let growth = growth(column, before);
    let choices = MODES.map(|mode| Choice::of(mode, &values, &steps, &growth));
    let Some(best) = choices.iter().min_by_key(|choice| choice.cost()) else {
        return;
    };
    if best.mode == Mode::Growth && best.residuals.iter().all(|residual| *residual == 0) {
        out.byte(GROWTH);
        out.zigzag(*first);
        return;
    }
    let k = u8::try_from(best.parameter).unwrap_or(0);
    out.byte(best.mode.number() << 5 | k);
    out.raw(&best.start);
    for residual in &best.residuals {
        bits.rice(*residual, best.parameter);
    }
}

/// One way to write a column.
struct Choice {
    mode: Mode,
    start: Vec<u8>,
    residuals: Vec<u64>,
    parameter: u32,
    bits: u64,
}

impl Choice {
    fn of(mode: Mode, values: &[i64], steps: &[i64], growth: &[i64]) -> Self {
        let first = values.first().copied().unwrap_or(0);
        let mut start = Writer::default();
        let residuals: Vec<u64> = match mode {
            Mode::Level => {
                let least = values.iter().copied().min().unwrap_or(0);
                start.zigzag(least);
                values.iter().map(|value| above(*value, least)).collect()
            }
            Mode::Step => {
                start.zigzag(first);
                steps.iter().map(|step| zigzag(*step)).collect()
            }
            Mode::Slope => {
                start.zigzag(first);
                let mut last = 0;
                let bend =
                    |step: &i64| zigzag(step.wrapping_sub(std::mem::replace(&mut last, *step)));
                steps.iter().map(bend).collect()
            }
            Mode::Climb => {
                let least = steps.iter().copied().min().unwrap_or(0);
                start.zigzag(first);
                start.zigzag(least);
                steps.iter().map(|step| above(*step, least)).collect()
            }
            Mode::Growth => {
                start.zigzag(first);
                let missed = values.iter().zip(growth).skip(1);
                missed
                    .map(|(value, predicted)| zigzag(value.wrapping_sub(*predicted)))
                    .collect()
            }
        };
        let (parameter, bits) = best_parameter(&residuals);
        Self {
            mode,
            start: start.0,
            residuals,
            parameter,
            bits,
        }
    }

    fn cost(&self) -> u64 {
        self.bits + 8 * u64::try_from(self.start.len()).unwrap_or(0)
    }
}

/// How far a value lies above the least one; right for every pair of i64.
const fn above(value: i64, least: i64) -> u64 {
    value.wrapping_sub(least).cast_unsigned()
}

fn steps(values: &[i64]) -> Vec<i64> {
    values
        .array_windows()
        .map(|[before, after]| after.wrapping_sub(*before))
        .collect()
}

/// For each row of `column` that has a value: what the column before grew by.
fn growth(column: &Column, before: Option<&Column>) -> Vec<i64> {
    let mut last = None;
    let mut grown = Vec::with_capacity(column.len());
    for (row, value) in column.iter().enumerate() {
        let now = before.and_then(|column| column.get(row).copied().flatten());
        if value.is_some() {
            grown.push(grew(last, now));
        }
        last = now;
    }
    grown
}

/// Lengths of the runs, present ones first, without the last one.
fn encode_runs(column: &Column, out: &mut Writer) {
    let mut runs = Vec::new();
    let (mut present, mut length) = (true, 0_usize);
    for value in column {
        if value.is_some() != present {
            runs.push(length);
            present = !present;
            length = 0;
        }
        length += 1;
    }
    out.count(runs.len());
    for run in runs {
        out.count(run);
    }
}
