//! A quarter of an hour of instantaneous values of one meter, as the archive keeps it.

use crate::chunk::{read_reference, write_reference};
use crate::codec::{next_column, read_instant};
use crate::columns::{self, Column};
use crate::limits::{CHUNK_ROWS_MAX, COLUMNS_MAX, SECTIONS_MAX, TELEMETRY_SLOT_SECONDS};
use crate::shape::PollShape;
use crate::wire::{Damage, Reader, Writer, place};
use metering::{ClockQuality, MeterId, MeterReadings, Reading, Timestamp};
use std::collections::BTreeMap;

const VERSION: u8 = 1;
/// Columns in front of the values: instant and quality of the clock.
const FIXED: usize = 2;

/// The number of the slot that an instant falls into.
pub(crate) fn slot_of(at: Timestamp) -> u32 {
    u32::try_from(at.seconds() / TELEMETRY_SLOT_SECONDS).unwrap_or(u32::MAX)
}

/// The instant at which a slot begins.
pub(crate) fn slot_start(slot: u32) -> Timestamp {
    Timestamp::from_seconds(u64::from(slot) * TELEMETRY_SLOT_SECONDS)
}

pub(crate) fn slot_place(slot: u32, meter: u16) -> [u8; 17] {
    place(b'T', u64::from(slot), u64::from(meter))
}

/// One poll without its meter's name and its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Poll {
    shape: usize,
    clock: ClockQuality,
    digits: Box<[Option<i64>]>,
}

/// The polls of a slot. Two polls are the same if they were taken at the same instant and list
/// the same quantities.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Slot {
    shapes: Vec<PollShape>,
    polls: BTreeMap<(Timestamp, usize), Poll>,
}

impl Slot {
    /// Puts a poll in its place; a later one of the same instant replaces an earlier one.
    pub(crate) fn put(&mut self, poll: &MeterReadings) {
        let digits = poll
            .values
            .iter()
            .map(|reading| Some(reading.quantity?.digits));
        self.put_poll(
            &PollShape::of(poll),
            poll.taken_at,
            poll.clock,
            digits.collect(),
        );
    }

    fn put_poll(
        &mut self,
        form: &PollShape,
        at: Timestamp,
        clock: ClockQuality,
        digits: Box<[Option<i64>]>,
    ) {
        let known = self.shapes.iter_mut().position(|known| known.absorb(form));
        let shape = known.unwrap_or_else(|| {
            self.shapes.push(form.clone());
            self.shapes.len() - 1
        });
        let list = self.shapes.iter().position(|known| known.lists_as(form));
        let poll = Poll {
            shape,
            clock,
            digits,
        };
        self.polls.insert((at, list.unwrap_or(shape)), poll);
    }

    /// Takes over all polls of another one; they replace those of the same instant.
    pub(crate) fn merge(&mut self, news: Self) {
        for ((at, _), poll) in news.polls {
            if let Some(shape) = news.shapes.get(poll.shape) {
                self.put_poll(shape, at, poll.clock, poll.digits);
            }
        }
    }

    /// Drops the oldest polls beyond what one chunk may hold, and says how many.
    pub(crate) fn trim(&mut self) -> usize {
        let widest = self.shapes.iter().map(|shape| shape.0.len() + FIXED).max();
        let most = CHUNK_ROWS_MAX.min(crate::limits::CELLS_MAX / widest.unwrap_or(1));
        let surplus = self.polls.len().saturating_sub(most);
        for _ in 0..surplus {
            self.polls.pop_first();
        }
        surplus
    }

    pub(crate) fn len(&self) -> usize {
        self.polls.len()
    }

    /// Values of all polls.
    pub(crate) fn cells(&self) -> usize {
        self.polls.values().map(|poll| poll.digits.len()).sum()
    }

    /// The polls as they were read.
    pub(crate) fn readings(&self, meter: &MeterId) -> Result<Vec<MeterReadings>, Damage> {
        let poll = |((at, _), poll): (&(Timestamp, usize), &Poll)| {
            let shape = self.shapes.get(poll.shape);
            let shape = shape.ok_or(Damage::Content("shape"))?;
            let values = poll.digits.iter().enumerate();
            let values: Result<Vec<Reading>, Damage> = values
                .map(|(column, digits)| shape.reading(column, *digits))
                .collect();
            Ok(MeterReadings {
                meter: meter.clone(),
                taken_at: *at,
                clock: poll.clock,
                values: values?,
            })
        };
        self.polls.iter().map(poll).collect()
    }

    pub(crate) fn encode(
        &self,
        slot: u32,
        place: &[u8],
        mut number: impl FnMut(&[u8]) -> Option<u32>,
    ) -> Vec<u8> {
        let mut out = Writer::default();
        out.byte(VERSION);
        let used = |index: &usize| self.polls.values().any(|poll| poll.shape == *index);
        let used: Vec<usize> = (0..self.shapes.len()).filter(used).collect();
        out.count(used.len());
        for (index, shape) in self.shapes.iter().enumerate() {
            if !used.contains(&index) {
                continue;
            }
            let mut form = Writer::default();
            shape.write(&mut form);
            write_reference(&form.0, &mut number, &mut out);
            self.encode_section(index, shape, slot, &mut out);
        }
        out.finish(place)
    }

    fn encode_section(&self, index: usize, shape: &PollShape, slot: u32, out: &mut Writer) {
        let mine: Vec<(&Timestamp, &Poll)> = self
            .polls
            .iter()
            .filter(|(_, poll)| poll.shape == index)
            .map(|((at, _), poll)| (at, poll))
            .collect();
        let start = slot_start(slot);
        let times = mine.iter().map(|(at, _)| Some(at.millis_since(start)));
        let clocks = mine
            .iter()
            .map(|(_, poll)| Some(i64::from(poll.clock.level())));
        let mut block: Vec<Column> = vec![times.collect(), clocks.collect()];
        for column in 0..shape.0.len() {
            let digits = mine
                .iter()
                .map(|(_, poll)| poll.digits.get(column).copied());
            block.push(digits.map(Option::flatten).collect());
        }
        out.count(shape.0.len());
        out.count(mine.len());
        columns::encode(&block, mine.len(), out);
    }

    pub(crate) fn decode<'a>(
        chunk: &[u8],
        slot: u32,
        place: &[u8],
        resolve: impl Fn(u32) -> Option<&'a [u8]>,
    ) -> Result<Self, Damage> {
        let mut reader = Reader::open(chunk, place, VERSION)?;
        Self::decode_content(&mut reader, slot, &resolve)
    }

    fn decode_content<'a>(
        reader: &mut Reader<'_>,
        slot: u32,
        resolve: &impl Fn(u32) -> Option<&'a [u8]>,
    ) -> Result<Self, Damage> {
        let mut found = Self::default();
        let mut room = CHUNK_ROWS_MAX;
        for _ in 0..reader.count(SECTIONS_MAX)? {
            let shape = read_reference(reader, resolve, PollShape::read)?;
            room -= found.decode_section(reader, &shape, slot, room)?;
        }
        Reader(reader.0).end()?;
        Ok(found)
    }

    fn decode_section(
        &mut self,
        reader: &mut Reader<'_>,
        shape: &PollShape,
        slot: u32,
        room: usize,
    ) -> Result<usize, Damage> {
        let width = reader.count(COLUMNS_MAX - FIXED)?;
        if width != shape.0.len() {
            return Err(Damage::Content("shape"));
        }
        let count = reader.count(room)?;
        let mut columns = columns::decode(reader, width + FIXED, count)?.into_iter();
        let times = next_column(&mut columns)?;
        let clocks = next_column(&mut columns)?;
        let values: Vec<Column> = columns.collect();
        let start = i64::try_from(slot_start(slot).millis()).unwrap_or(i64::MAX);
        for (row, (time, clock)) in times.iter().zip(&clocks).enumerate() {
            let at = read_instant(time.and_then(|time| start.checked_add(time)))?;
            let level = clock.and_then(|level| u8::try_from(level).ok());
            let clock = ClockQuality::from_level(level.ok_or(Damage::Content("clock"))?);
            let digits = values
                .iter()
                .map(|column| column.get(row).copied().flatten());
            self.put_poll(shape, at, clock, digits.collect());
        }
        Ok(count)
    }

    /// Reading any bytes ends in a value or an error.
    pub(crate) fn fuzz(bytes: &[u8]) {
        let place = slot_place(1, 2);
        drop(Self::decode(bytes, 1, &place, |_| None));
        if let Ok(slot) = Self::decode_content(&mut Reader(bytes), 1, &|_| None) {
            let chunk = slot.encode(1, &place, |_| None);
            let again = Self::decode(&chunk, 1, &place, |_| None).map(|slot| slot.len());
            assert_eq!(again, Ok(slot.len()));
        }
    }
}
