//! One day of one profile of one meter, as the archive keeps it.
//!
//! `version | sections | per section: shape, channels, rows, unit of time, columns | CRC-32C`.
//! There is one section as long as the shape stays the same, which is nearly always.

use crate::codec::{fixed_columns, next_column, read_instant, rows_of};
use crate::columns::{self, Column};
use crate::limits::{CELLS_MAX, CHUNK_ROWS_MAX, COLUMNS_MAX, SECTIONS_MAX};
use crate::shape::{read_profile_shape, write_profile_shape};
use crate::slot::Slot;
use crate::wire::{Damage, Reader, Writer, place};
use metering::{ClockQuality, ProfileShape, Row, Timestamp};
use std::collections::BTreeMap;

const VERSION: u8 = 1;
/// 2020-01-01, the first day that has a number of its own.
const FIRST_DAY: u64 = 18_262;

/// The number of the day that an interval with this end belongs to: midnight ends its day.
/// Days before 2020, as of a clock never set, share the number 0.
pub(crate) fn day_of(end: Timestamp) -> u16 {
    let instant = Timestamp::from_millis(end.millis().saturating_sub(1));
    let since = instant.day().saturating_sub(FIRST_DAY);
    u16::try_from(since).unwrap_or(u16::MAX)
}

/// The instant at which a day begins.
pub(crate) fn day_start(day: u16) -> Timestamp {
    Timestamp::from_seconds((FIRST_DAY + u64::from(day)) * 86_400)
}

pub(crate) fn day_place(day: u16, profile: u8, meter: u16) -> [u8; 17] {
    place(
        b'D',
        u64::from(day),
        u64::from(profile) << 16 | u64::from(meter),
    )
}

/// One interval with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Which of the day's shapes it has.
    pub(crate) shape: usize,
    pub(crate) clock: ClockQuality,
    pub(crate) row: Row,
}

/// The intervals of a day, by their ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Day {
    pub(crate) shapes: Vec<ProfileShape>,
    pub(crate) rows: BTreeMap<Timestamp, Kept>,
}

impl Day {
    /// Puts an interval in its place; a later one with the same end replaces an earlier one.
    pub(crate) fn put(&mut self, shape: &ProfileShape, clock: ClockQuality, row: Row) {
        let known = self.shapes.iter().position(|known| known == shape);
        let shape = known.unwrap_or_else(|| {
            self.shapes.push(shape.clone());
            self.shapes.len() - 1
        });
        self.rows.insert(row.end, Kept { shape, clock, row });
    }

    /// Drops the oldest rows beyond what one chunk may hold, and says how many.
    pub(crate) fn trim(&mut self) -> usize {
        let widest = self
            .shapes
            .iter()
            .map(|shape| shape.channels.len() + 4)
            .max();
        let most = CHUNK_ROWS_MAX.min(CELLS_MAX / widest.unwrap_or(1));
        let surplus = self.rows.len().saturating_sub(most);
        for _ in 0..surplus {
            self.rows.pop_first();
        }
        surplus
    }

    /// The bytes of the chunk. `number` gives a shape its number, or not, and then the chunk
    /// carries it.
    pub(crate) fn encode(
        &self,
        day: u16,
        place: &[u8],
        mut number: impl FnMut(&[u8]) -> Option<u32>,
    ) -> Vec<u8> {
        let mut out = Writer::default();
        out.byte(VERSION);
        let used = |index: &usize| self.rows.values().any(|kept| kept.shape == *index);
        let used: Vec<usize> = (0..self.shapes.len()).filter(used).collect();
        out.count(used.len());
        for (index, shape) in self.shapes.iter().enumerate() {
            if !used.contains(&index) {
                continue;
            }
            let mut form = Writer::default();
            write_profile_shape(shape, &mut form);
            write_reference(&form.0, &mut number, &mut out);
            self.encode_section(index, shape, day, &mut out);
        }
        out.finish(place)
    }

    fn encode_section(&self, index: usize, shape: &ProfileShape, day: u16, out: &mut Writer) {
        let kept: Vec<&Kept> = self
            .rows
            .values()
            .filter(|kept| kept.shape == index)
            .collect();
        let rows: Vec<Row> = kept.iter().map(|kept| kept.row.clone()).collect();
        let start = day_start(day);
        let offsets: Vec<i64> = rows.iter().map(|row| row.end.millis_since(start)).collect();
        let period = i64::from(shape.period.seconds()) * 1000;
        let on_grid = offsets.iter().all(|offset| offset % period == 0);
        let unit = if on_grid { period } else { 1 };
        out.count(shape.channels.len());
        out.count(rows.len());
        out.byte(u8::from(on_grid));
        let ends = offsets.iter().map(|offset| Some(offset / unit)).collect();
        let clocks = kept.iter().map(|kept| Some(i64::from(kept.clock.level())));
        let mut block = vec![clocks.collect::<Column>()];
        block.extend(fixed_columns(ends, &rows, shape.channels.len()));
        columns::encode(&block, rows.len(), out);
    }

    /// Takes a chunk apart. `resolve` gives the shape behind a number.
    pub(crate) fn decode<'a>(
        chunk: &[u8],
        day: u16,
        place: &[u8],
        resolve: impl Fn(u32) -> Option<&'a [u8]>,
    ) -> Result<Self, Damage> {
        let mut reader = Reader::open(chunk, place, VERSION)?;
        Self::decode_content(&mut reader, day, &resolve)
    }

    fn decode_content<'a>(
        reader: &mut Reader<'_>,
        day: u16,
        resolve: &impl Fn(u32) -> Option<&'a [u8]>,
    ) -> Result<Self, Damage> {
        let mut found = Self::default();
        let mut room = CHUNK_ROWS_MAX;
        for _ in 0..reader.count(SECTIONS_MAX)? {
            let shape = read_reference(reader, resolve, read_profile_shape)?;
            room -= found.decode_section(reader, &shape, day, room)?;
        }
        Reader(reader.0).end()?;
        Ok(found)
    }

    fn decode_section(
        &mut self,
        reader: &mut Reader<'_>,
        shape: &ProfileShape,
        day: u16,
        room: usize,
    ) -> Result<usize, Damage> {
        let channels = reader.count(COLUMNS_MAX - 4)?;
        if channels != shape.channels.len() {
            return Err(Damage::Content("shape"));
        }
        let count = reader.count(room)?;
        let unit = match reader.byte()? {
            0 => 1,
            _ => i64::from(shape.period.seconds()) * 1000,
        };
        let mut columns = columns::decode(reader, channels + 4, count)?.into_iter();
        let clocks = next_column(&mut columns)?;
        let ends = next_column(&mut columns)?;
        let start = i64::try_from(day_start(day).millis()).unwrap_or(i64::MAX);
        let instant = |end: i64| {
            let offset = end.checked_mul(unit);
            read_instant(offset.and_then(|offset| start.checked_add(offset)))
        };
        let rows = rows_of(&ends, &mut columns, instant)?;
        for (row, clock) in rows.into_iter().zip(clocks) {
            let level = clock.and_then(|level| u8::try_from(level).ok());
            let clock = ClockQuality::from_level(level.ok_or(Damage::Content("clock"))?);
            self.put(shape, clock, row);
        }
        Ok(count)
    }
}

/// A shape by its number, or in full behind a zero.
pub(crate) fn write_reference(
    shape: &[u8],
    number: &mut impl FnMut(&[u8]) -> Option<u32>,
    out: &mut Writer,
) {
    if let Some(number) = number(shape) {
        out.varint(u64::from(number) + 1);
    } else {
        out.varint(0);
        out.raw(shape);
    }
}

pub(crate) fn read_reference<'a, T>(
    reader: &mut Reader<'_>,
    resolve: &impl Fn(u32) -> Option<&'a [u8]>,
    read: impl Fn(&mut Reader<'_>) -> Result<T, Damage>,
) -> Result<T, Damage> {
    match reader.varint()? {
        0 => read(reader),
        number => {
            let number = u32::try_from(number - 1).ok();
            let known = number.and_then(resolve).ok_or(Damage::Content("shape"))?;
            read(&mut Reader(known))
        }
    }
}

/// Whatever the bytes are, reading them as a chunk ends in a value or an error. For the fuzzer.
///
/// # Panics
/// When what was read is not what it becomes when written and read again.
pub fn fuzz_chunk(bytes: &[u8]) {
    let place = day_place(1, 2, 3);
    drop(Day::decode(bytes, 1, &place, |_| None));
    if let Ok(day) = Day::decode_content(&mut Reader(bytes), 1, &|_| None) {
        let chunk = day.encode(1, &place, |_| None);
        let again = Day::decode(&chunk, 1, &place, |_| None).map(|day| day.rows.len());
        assert_eq!(again, Ok(day.rows.len()));
    }
    Slot::fuzz(bytes);
}

#[cfg(test)]
mod tests;
