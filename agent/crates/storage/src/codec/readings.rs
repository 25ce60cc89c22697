//! Instantaneous values of one commit window: the same quantity of all meters side by side.

use super::{millis, next_column, read_instant, read_meter};
use crate::columns::{self, Column};
use crate::limits::{CELLS_MAX, POLLS_MAX};
use crate::shape::PollShape;
use crate::wire::{Damage, Reader, Writer};
use metering::{ClockQuality, MeterId, MeterReadings};

pub(super) fn encode(polls: &[MeterReadings], out: &mut Writer) {
    let mut meters: Vec<&MeterId> = polls.iter().map(|poll| &poll.meter).collect();
    meters.sort_unstable();
    meters.dedup();
    write_names(&meters, out);
    let (shapes, shape_of) = shapes(polls);
    out.count(shapes.len());
    for shape in &shapes {
        shape.write(out);
    }
    out.count(polls.len());
    let number = |index: usize| i64::try_from(index).ok();
    let own = |poll: &MeterReadings| number(meters.binary_search(&&poll.meter).unwrap_or(0));
    let about = [
        polls.iter().map(own).collect::<Column>(),
        shape_of.iter().map(|shape| number(*shape)).collect(),
        polls
            .iter()
            .map(|poll| Some(millis(poll.taken_at)))
            .collect(),
        polls
            .iter()
            .map(|poll| Some(i64::from(poll.clock.level())))
            .collect(),
    ];
    columns::encode(&about, polls.len(), out);
    for (index, shape) in shapes.iter().enumerate() {
        let mine: Vec<&MeterReadings> = polls
            .iter()
            .zip(&shape_of)
            .filter_map(|(poll, shape)| (*shape == index).then_some(poll))
            .collect();
        columns::encode(&value_columns(&mine, shape.0.len()), mine.len(), out);
    }
}

/// The digits of some polls of one shape, a column each quantity.
pub(crate) fn value_columns(polls: &[&MeterReadings], width: usize) -> Vec<Column> {
    let digits = |poll: &&MeterReadings, column: usize| {
        let reading = poll.values.get(column)?;
        Some(reading.quantity?.digits)
    };
    (0..width)
        .map(|column| polls.iter().map(|poll| digits(poll, column)).collect())
        .collect()
}

/// The fewest shapes that explain all polls, and which of them each poll has.
pub(crate) fn shapes(polls: &[MeterReadings]) -> (Vec<PollShape>, Vec<usize>) {
    let mut shapes: Vec<PollShape> = Vec::new();
    let mut shape_of = Vec::with_capacity(polls.len());
    for poll in polls {
        let shape = PollShape::of(poll);
        let known = shapes.iter_mut().position(|known| known.absorb(&shape));
        shape_of.push(known.unwrap_or(shapes.len()));
        if known.is_none() {
            shapes.push(shape);
        }
    }
    (shapes, shape_of)
}

pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Vec<MeterReadings>, Damage> {
    let meters = read_names(reader)?;
    let shapes: Vec<PollShape> = (0..reader.count(POLLS_MAX)?)
        .map(|_| PollShape::read(reader))
        .collect::<Result<_, _>>()?;
    let count = reader.count(POLLS_MAX)?;
    let mut about = columns::decode(reader, 4, count)?.into_iter();
    let (owners, shape_of) = (next_column(&mut about)?, next_column(&mut about)?);
    let (times, clocks) = (next_column(&mut about)?, next_column(&mut about)?);
    let mut values = Vec::with_capacity(shapes.len());
    let mut cells = 0_usize;
    for (index, shape) in shapes.iter().enumerate() {
        let mine = i64::try_from(index).ok();
        let rows = shape_of.iter().filter(|shape| **shape == mine).count();
        cells += rows * shape.0.len();
        if cells > CELLS_MAX {
            return Err(Damage::Content("size"));
        }
        let block = columns::decode(reader, shape.0.len(), rows)?;
        values.push((block, 0_usize));
    }
    let mut polls = Vec::with_capacity(count);
    for row in 0..count {
        let cell = |column: &Column| column.get(row).copied().flatten();
        let index = |column| cell(column).and_then(|index| usize::try_from(index).ok());
        let shape_index = index(&shape_of).ok_or(Damage::Content("shape"))?;
        let shape = shapes.get(shape_index).ok_or(Damage::Content("shape"))?;
        let block = values
            .get_mut(shape_index)
            .ok_or(Damage::Content("shape"))?;
        let owner = index(&owners).and_then(|index| meters.get(index));
        let clock = cell(&clocks).and_then(|level| u8::try_from(level).ok());
        polls.push(MeterReadings {
            meter: owner.ok_or(Damage::Content("meter"))?.clone(),
            taken_at: read_instant(cell(&times))?,
            clock: ClockQuality::from_level(clock.ok_or(Damage::Content("clock"))?),
            values: readings_of(shape, block)?,
        });
    }
    Ok(polls)
}

/// The readings of the block's next row.
fn readings_of(
    shape: &PollShape,
    block: &mut (Vec<Column>, usize),
) -> Result<Vec<metering::Reading>, Damage> {
    let (columns, next) = block;
    let row = *next;
    *next += 1;
    let digits = columns
        .iter()
        .map(|column| column.get(row).copied().flatten());
    digits
        .enumerate()
        .map(|(column, digits)| shape.reading(column, digits))
        .collect()
}

/// Sorted names, each as what it shares with the one before and the rest.
fn write_names(meters: &[&MeterId], out: &mut Writer) {
    out.count(meters.len());
    let mut before = "";
    for meter in meters {
        let name = meter.as_str();
        let pairs = before.bytes().zip(name.bytes());
        let shared = pairs.take_while(|(a, b)| a == b).count();
        out.count(shared);
        out.bytes(name.as_bytes().get(shared..).unwrap_or_default());
        before = name;
    }
}

fn read_names(reader: &mut Reader<'_>) -> Result<Vec<MeterId>, Damage> {
    let count = reader.count(POLLS_MAX)?;
    let mut meters = Vec::new();
    let mut before: Vec<u8> = Vec::new();
    for _ in 0..count {
        let shared = reader.count(before.len())?;
        before.truncate(shared);
        before.extend_from_slice(reader.bytes(64)?);
        let mut name = Writer::default();
        name.bytes(&before);
        meters.push(read_meter(&mut Reader(&name.0))?);
    }
    Ok(meters)
}
