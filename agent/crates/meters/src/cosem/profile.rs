//! Load profiles (class 7): the buffer of an answer in, rows with their marks out.
//!
//! - Stamps become instants in UTC, so the hour that comes twice in autumn is two hours and that
//!   which is left out in spring is none.
//! - A stamp between two marks ends a part of an interval; parts of one mark become one row, with
//!   the flag *short*.
//! - A mark that comes again because the clock was set back does not replace its row: it is told.
//! - Bits of the status that the model does not name are kept and told.

mod columns;
mod happening;
mod joined;
#[cfg(test)]
mod tests;

pub use happening::{CosemHappening, bit_words};

use super::fault::CosemFault;
use super::number::ScalerUnit;
use super::rows::{self, RowTime};
use super::setup::{ColumnRole, ProfileSetup};
use super::timeline::{self, Calendar, PlacedRow};
use crate::catalogue::dlms::{CodeTable, DlmsModel, DlmsProfile};
use crate::clock_basis::ClockBasis;
use crate::limits::{COSEM_GRID_PERIOD_MAX_S, COSEM_STAMP_LATE_S, NO_NUMBERS_TOLD_MAX};
use columns::Columns;
use dlms::codec::{Attribute, Data};
use joined::Joined;
use metering::{Flag, Flags, MeterTime, Period, ProfileShape, Row, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// An interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosemRow {
    /// Its mark, as a row that can be stored.
    pub row: Row,
    /// What the meter's clock showed; none where the time was counted from the row before.
    pub shown: Option<MeterTime>,
    /// Its place in the answer, from 1.
    pub place: usize,
    /// Its status, bit by bit as the meter says it.
    pub status: Option<u64>,
    /// Parts that were put together.
    pub parts: u16,
}

/// Rows on consecutive marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosemBlock {
    /// Columns and period.
    pub shape: ProfileShape,
    /// Oldest first.
    pub rows: Vec<Row>,
}

/// Rows behind each other that have the same bits of status without a meaning in the model file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusRun {
    /// Those bits; 0 where all have a meaning.
    pub bits: u64,
    /// The mark of the first row.
    pub first: Timestamp,
    /// The mark of the last row.
    pub last: Timestamp,
}

/// What an answer gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileRead {
    /// Columns and period.
    pub shape: ProfileShape,
    /// Oldest first, each mark once.
    pub rows: Vec<CosemRow>,
    /// What it tells beside them.
    pub happenings: Vec<CosemHappening>,
    /// Status bits that no flag stands for, from the oldest row to the newest.
    pub unknown: Vec<StatusRun>,
}

/// Reads buffers of one profile.
#[derive(Debug, Clone, Copy)]
pub struct ProfileReader<'a> {
    profile: &'a DlmsProfile,
    codes: Option<&'a CodeTable>,
    calendar: Calendar<'a>,
}

impl<'a> ProfileReader<'a> {
    /// For a profile of a meter whose clock runs by this calendar.
    pub fn new(model: &'a DlmsModel, profile: &'a DlmsProfile, basis: &'a ClockBasis) -> Self {
        let sense = model.clock.deviation;
        Self {
            profile,
            codes: model.codes_of(profile),
            calendar: Calendar { basis, sense },
        }
    }

    /// Reads an answer. `begins_within`: rows before its first one exist, and were not asked for.
    pub fn read(
        &self,
        setup: &ProfileSetup,
        scalers: &BTreeMap<Attribute, ScalerUnit>,
        answer: &Data,
        begins_within: bool,
    ) -> Result<ProfileRead, CosemFault> {
        let period = Period::from_seconds(setup.period_s).map_err(|_| CosemFault::Period {
            seconds: setup.period_s,
        })?;
        let whole = rows::expand(setup, self.profile.nulls, answer, begins_within)?;
        let mut happenings = Vec::new();
        let columns = Columns::of(
            self.profile,
            setup,
            scalers,
            &whole,
            period,
            &mut happenings,
        );
        let placed = timeline::place(whole, setup.order, period.duration(), self.calendar);
        if placed.is_turned {
            happenings.push(CosemHappening::OrderContradicted);
        }
        for row in &placed.without {
            let found = match &row.time {
                RowTime::None(found) => found.clone(),
                RowTime::Said(_) | RowTime::Counted => String::new(),
            };
            let place = row.place;
            happenings.push(CosemHappening::NoTime { place, found });
        }
        tell_order(&placed.rows, &mut happenings);
        let mut joined = Joined::new(&columns.channels);
        let mut unknown: Vec<StatusRun> = Vec::new();
        for row in &placed.rows {
            let read = self.row(row, setup, &columns, period, &mut happenings);
            let bits = self.unknown_bits(read.status.unwrap_or(0));
            let (first, last) = (read.row.end, read.row.end);
            match unknown.last_mut() {
                Some(run) if run.bits == bits => run.last = last,
                _ => unknown.push(StatusRun { bits, first, last }),
            }
            joined.take(read, &mut happenings);
        }
        let all = unknown.iter().fold(0, |all, run| all | run.bits);
        if all != 0 {
            happenings.push(CosemHappening::UnknownBits(all));
        }
        Ok(ProfileRead {
            shape: ProfileShape {
                period,
                channels: columns.channels.clone().into(),
            },
            rows: joined.rows(),
            happenings,
            unknown,
        })
    }

    fn row(
        &self,
        placed: &PlacedRow,
        setup: &ProfileSetup,
        columns: &Columns,
        period: Period,
        happenings: &mut Vec<CosemHappening>,
    ) -> CosemRow {
        let status = status(setup, &placed.row.cells);
        let mut flags = self.flags(status.unwrap_or(0));
        if placed.time.and_then(|time| time.is_summer()) == Some(true) {
            flags = flags.with(Flag::DstActive);
        }
        let at = if self.profile.stamps_ends {
            placed.at
        } else {
            placed.at.after(period.duration())
        };
        let end = mark(at, period);
        if end > at {
            flags = flags.with(Flag::Short);
        }
        let (values, is_coarse) = columns.values(&placed.row.cells);
        if is_coarse {
            flags = flags.with(Flag::Coarse);
        }
        if values.iter().any(Option::is_none) {
            flags = flags.with(Flag::Missing);
            let told = happenings.iter().filter(|told| told.is_no_number()).count();
            let room = NO_NUMBERS_TOLD_MAX.saturating_sub(told);
            happenings.extend(columns.no_numbers(&placed.row.cells, end).take(room));
        }
        CosemRow {
            row: Row {
                end,
                values,
                flags,
                offset_ms: i32::try_from(at.millis_since(end)).unwrap_or(0),
            },
            shown: placed.shown(),
            place: placed.row.place,
            status,
            parts: 1,
        }
    }

    fn flags(&self, status: u64) -> Flags {
        let bits = self.codes.into_iter().flat_map(|table| &table.bits);
        let set = bits.filter(|bit| has(status, bit.bit));
        set.filter_map(|bit| bit.flag)
            .fold(Flags::NONE, Flags::with)
    }

    fn unknown_bits(&self, status: u64) -> u64 {
        self.codes
            .map_or(status, |table| table.unknown_bits(status))
    }
}

impl ProfileRead {
    /// Rows that can be stored: one block for each stretch of consecutive marks.
    pub fn blocks(&self) -> Vec<CosemBlock> {
        let step = self.shape.period.duration();
        let mut blocks: Vec<CosemBlock> = Vec::new();
        for found in &self.rows {
            let row = found.row.clone();
            let last = blocks.last_mut();
            let last = last.filter(|block| {
                let end = block.rows.last().map(|last| last.end.after(step));
                end == Some(row.end)
            });
            match last {
                Some(block) => block.rows.push(row),
                None => blocks.push(CosemBlock {
                    shape: self.shape.clone(),
                    rows: vec![row],
                }),
            }
        }
        blocks
    }

    /// The end of the newest row.
    pub fn newest(&self) -> Option<Timestamp> {
        self.rows.last().map(|found| found.row.end)
    }
}

/// Steps back, and clocks that are in doubt.
fn tell_order(rows: &[PlacedRow], happenings: &mut Vec<CosemHappening>) {
    for pair in rows.windows(2) {
        if let [one, next] = pair
            && next.at < one.at
        {
            let seconds = one.at.seconds() - next.at.seconds();
            let at = next.at;
            happenings.push(CosemHappening::SetBack { at, seconds });
        }
    }
    let mut unsure = rows.iter().filter(|row| row.is_unsure).map(|row| row.at);
    if let Some(first) = unsure.next() {
        let last = unsure.next_back().unwrap_or(first);
        happenings.push(CosemHappening::UnsureHour { first, last });
    }
    let is_doubtful = |row: &&PlacedRow| row.time.is_some_and(|time| time.is_doubtful());
    let mut doubtful = rows.iter().filter(is_doubtful).map(|row| row.at);
    if let Some(first) = doubtful.next() {
        let rows = 1 + doubtful.count();
        happenings.push(CosemHappening::DoubtfulClock { first, rows });
    }
}

/// The mark that a stamp belongs to: the one it lies at or shortly behind, else the next one.
fn mark(at: Timestamp, period: Period) -> Timestamp {
    if period.seconds() > COSEM_GRID_PERIOD_MAX_S {
        return at;
    }
    let before = period.mark_at_or_before(at);
    if at <= before.after(Duration::from_secs(COSEM_STAMP_LATE_S)) {
        before
    } else {
        period.mark_after(at)
    }
}

fn has(status: u64, bit: u8) -> bool {
    1_u64
        .checked_shl(bit.into())
        .is_some_and(|mask| status & mask != 0)
}

/// The bits of the status column; the first bit of a bit string is bit 0.
fn status(setup: &ProfileSetup, cells: &[Data]) -> Option<u64> {
    let mut columns = setup.columns.iter();
    let place = columns.position(|known| known.role == ColumnRole::Status)?;
    match cells.get(place)? {
        Data::BitString(bits) => {
            let octets = bits.octets().iter().take(8);
            let reversed = (0_u32..).zip(octets);
            Some(reversed.fold(0, |all, (place, octet)| {
                all | u64::from(octet.reverse_bits()) << (8 * place)
            }))
        }
        other => u64::try_from(other.integer()?).ok(),
    }
}
