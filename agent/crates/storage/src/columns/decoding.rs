//! Reading a block: never more than its limits, whatever the bytes say.

use super::{CONSTANT, Column, EMPTY, GROWTH, HOLED, LINEAR, MODES, Mode, grew};
use crate::limits::{CELLS_MAX, COLUMNS_MAX};
use crate::rice::{BitReader, PARAMETER_MAX};
use crate::wire::{Damage, Reader, unzigzag};

fn decode_runs(reader: &mut Reader<'_>, rows: usize) -> Result<Vec<bool>, Damage> {
    let count = reader.count(rows)?;
    let mut present = Vec::with_capacity(rows);
    for index in 0..count {
        let run = reader.count(rows - present.len())?;
        present.resize(present.len() + run, index % 2 == 0);
    }
    present.resize(rows, count % 2 == 0);
    Ok(present)
}

/// What a column's header says.
struct Header {
    present: Option<Vec<bool>>,
    plan: Plan,
}

enum Plan {
    Empty,
    Constant(i64),
    Linear(i64, i64),
    Exact(i64),
    Coded {
        mode: Mode,
        k: u32,
        start: i64,
        least: i64,
    },
}

/// Takes back what `encode` wrote.
pub(crate) fn decode(
    reader: &mut Reader<'_>,
    columns: usize,
    rows: usize,
) -> Result<Vec<Column>, Damage> {
    let cells = columns.saturating_mul(rows);
    if columns > COLUMNS_MAX || cells > CELLS_MAX {
        return Err(Damage::Content("size"));
    }
    let mut headers = Vec::with_capacity(columns);
    for _ in 0..columns {
        headers.push(decode_header(reader, rows)?);
    }
    let mut bits = BitReader::new(reader.0);
    let mut decoded: Vec<Column> = Vec::with_capacity(columns);
    for header in headers {
        let column = decode_column(&header, rows, decoded.last(), &mut bits)?;
        decoded.push(column);
    }
    let read = bits.bytes_read();
    reader.raw(read)?;
    Ok(decoded)
}

fn decode_header(reader: &mut Reader<'_>, rows: usize) -> Result<Header, Damage> {
    let mut tag = reader.byte()?;
    let mut present = None;
    if tag == HOLED {
        present = Some(decode_runs(reader, rows)?);
        tag = reader.byte()?;
    }
    let plan = match tag {
        EMPTY => Plan::Empty,
        CONSTANT => Plan::Constant(reader.zigzag()?),
        LINEAR => Plan::Linear(reader.zigzag()?, reader.zigzag()?),
        GROWTH => Plan::Exact(reader.zigzag()?),
        coded => {
            let mode = *MODES
                .get(usize::from(coded >> 5))
                .ok_or(Damage::Content("column header"))?;
            let start = reader.zigzag()?;
            let least = if mode == Mode::Climb {
                reader.zigzag()?
            } else {
                0
            };
            let k = u32::from(coded) & PARAMETER_MAX;
            Plan::Coded {
                mode,
                k,
                start,
                least,
            }
        }
    };
    Ok(Header { present, plan })
}

fn decode_column(
    header: &Header,
    rows: usize,
    before: Option<&Column>,
    bits: &mut BitReader<'_>,
) -> Result<Column, Damage> {
    let mut column = Vec::with_capacity(rows);
    let mut state = State::default();
    let mut last_before = None;
    for row in 0..rows {
        let now_before = before.and_then(|column| column.get(row).copied().flatten());
        let is_present = header
            .present
            .as_ref()
            .is_none_or(|present| present.get(row).copied().unwrap_or(false));
        let value = if is_present {
            state.next(&header.plan, grew(last_before, now_before), bits)?
        } else {
            None
        };
        column.push(value);
        last_before = now_before;
    }
    Ok(column)
}

/// Where the prediction of one column stands.
#[derive(Default)]
struct State {
    last: Option<i64>,
    step: i64,
}

impl State {
    fn next(
        &mut self,
        plan: &Plan,
        grown: i64,
        bits: &mut BitReader<'_>,
    ) -> Result<Option<i64>, Damage> {
        let value = match *plan {
            Plan::Empty => return Ok(None),
            Plan::Constant(value) => value,
            Plan::Linear(first, step) => self.last.map_or(first, |last| last.wrapping_add(step)),
            Plan::Exact(first) => self.last.map_or(first, |_| grown),
            Plan::Coded {
                mode: Mode::Level,
                k,
                start,
                ..
            } => start.wrapping_add(bits.rice(k)?.cast_signed()),
            Plan::Coded {
                mode,
                k,
                start,
                least,
            } => match self.last {
                None => start,
                Some(last) => self.coded(mode, last, grown, least, bits.rice(k)?),
            },
        };
        self.last = Some(value);
        Ok(Some(value))
    }

    const fn coded(&mut self, mode: Mode, last: i64, grown: i64, least: i64, residual: u64) -> i64 {
        match mode {
            Mode::Level | Mode::Step => last.wrapping_add(unzigzag(residual)),
            Mode::Slope => {
                self.step = self.step.wrapping_add(unzigzag(residual));
                last.wrapping_add(self.step)
            }
            Mode::Climb => last
                .wrapping_add(least)
                .wrapping_add(residual.cast_signed()),
            Mode::Growth => grown.wrapping_add(unzigzag(residual)),
        }
    }
}
