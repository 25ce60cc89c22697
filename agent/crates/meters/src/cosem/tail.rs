//! Rows of a log or of billing sets in the order in which they came about, and where somebody left
//! off reading them.
//!
//! Such a buffer is a ring: rows have no number, and places in it move when it is full. What was
//! read last is known by what it says: the newest rows, each as a print of a few octets.

use super::fault::CosemFault;
use super::rows;
use super::setup::{ProfileSetup, RowOrder};
use super::timeline::{self, Calendar};
use crate::catalogue::dlms::{DlmsModel, DlmsProfile};
use crate::clock_basis::ClockBasis;
use crate::sum::SUM;
use dlms::codec::Data;
use metering::{MeterTime, Timestamp};
use std::time::Duration;

/// Rows that are remembered: as many as may say the same by chance, and some more.
const PRINTS_MAX: usize = 16;
/// Octets of a print.
const PRINT_OCTETS: usize = 8;

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderedRow {
    /// Its place in the answer, from 1.
    pub place: usize,
    /// When; none where the meter gives no time.
    pub at: Option<Timestamp>,
    /// What its clock showed.
    pub shown: Option<MeterTime>,
    /// Its cells, one a column.
    pub cells: Vec<Data>,
}

/// The rows of an answer, those that came about first first. `begins_within`: rows before its first
/// one exist, and were not asked for.
pub fn rows_in_order(
    (model, profile): (&DlmsModel, &DlmsProfile),
    basis: &ClockBasis,
    setup: &ProfileSetup,
    answer: &Data,
    begins_within: bool,
) -> Result<Vec<OrderedRow>, CosemFault> {
    let calendar = Calendar {
        basis,
        sense: model.clock.deviation,
    };
    let whole = rows::expand(setup, profile.nulls, answer, begins_within)?;
    let period = Duration::from_secs(setup.period_s.into());
    let placed = timeline::place(whole, setup.order, period, calendar);
    let places: Vec<usize> = placed.rows.iter().map(|row| row.row.place).collect();
    let is_newest_first = match (places.first(), places.last()) {
        (Some(first), Some(last)) if first != last => first > last,
        _ => setup.order == RowOrder::NewestFirst,
    };
    let timed = placed.rows.iter().map(|row| OrderedRow {
        place: row.row.place,
        at: Some(row.at),
        shown: Some(row.shown().unwrap_or_else(|| basis.shown_at(row.at))),
        cells: row.row.cells.clone(),
    });
    // A row without a time stays between its neighbours.
    let without = placed.without.iter().map(|row| OrderedRow {
        place: row.place,
        at: None,
        shown: None,
        cells: row.cells.clone(),
    });
    let mut all: Vec<OrderedRow> = timed.chain(without).collect();
    all.sort_by_key(|row| row.place);
    if is_newest_first {
        all.reverse();
    }
    Ok(all)
}

/// The newest rows that were read, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowTail {
    prints: Vec<[u8; PRINT_OCTETS]>,
}

impl RowTail {
    /// From what was kept; what makes no sense is as good as nothing.
    pub fn decode(kept: &[u8]) -> Self {
        let (prints, rest) = kept.as_chunks::<PRINT_OCTETS>();
        if !rest.is_empty() || prints.len() > PRINTS_MAX {
            return Self::default();
        }
        Self {
            prints: prints.to_vec(),
        }
    }

    /// As it is kept.
    pub fn encode(&self) -> Vec<u8> {
        self.prints.as_flattened().to_vec()
    }

    /// Whether nothing was read yet.
    pub fn is_empty(&self) -> bool {
        self.prints.is_empty()
    }

    /// How many of these rows were read: those up to the one that was read last. None if that is
    /// not among them.
    pub fn read_of(&self, time_at: usize, rows: &[OrderedRow]) -> Option<usize> {
        let prints: Vec<_> = rows.iter().map(|row| print(time_at, row)).collect();
        let agrees = |end: &usize| {
            let said = prints.iter().take(*end).rev();
            said.zip(self.prints.iter().rev())
                .all(|(said, known)| said == known)
        };
        if self.is_empty() {
            return None;
        }
        (1..=rows.len()).rev().find(agrees)
    }

    /// These were read behind the others.
    pub fn follow(&mut self, time_at: usize, rows: &[OrderedRow]) {
        self.prints
            .extend(rows.iter().map(|row| print(time_at, row)));
        let over = self.prints.len().saturating_sub(PRINTS_MAX);
        self.prints.drain(..over);
    }
}

/// What a row says: its time as the clock showed it, and its other cells.
fn print(time_at: usize, row: &OrderedRow) -> [u8; PRINT_OCTETS] {
    let mut digest = SUM.digest();
    match (row.shown, row.cells.get(time_at)) {
        (Some(shown), _) => digest.update(&shown.seconds().to_be_bytes()),
        (None, Some(cell)) => digest.update(&cell.encode()),
        (None, None) => {}
    }
    let cells = row.cells.iter().enumerate();
    for (_, cell) in cells.filter(|(place, _)| *place != time_at) {
        digest.update(&cell.encode());
    }
    digest.finalize().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(seconds: u64, code: u8) -> OrderedRow {
        OrderedRow {
            place: 1,
            at: None,
            shown: Some(MeterTime::from_seconds(seconds)),
            cells: vec![Data::Null, Data::Unsigned(code)],
        }
    }

    fn log(count: u64) -> Vec<OrderedRow> {
        (0..count)
            .map(|number| row(number / 2 * 60, u8::try_from(number % 3).unwrap()))
            .collect()
    }

    #[test]
    fn what_was_read_is_found_again_by_what_it_says() {
        let all = log(40);
        let mut tail = RowTail::default();
        assert!(tail.read_of(0, &all).is_none());
        tail.follow(0, &all[..30]);
        let tail = RowTail::decode(&tail.encode());
        assert_eq!(tail.read_of(0, &all), Some(30));
        // The ring has moved on: nearly all that was read is overwritten, or all of it.
        assert_eq!(tail.read_of(0, &all[29..]), Some(1));
        assert_eq!(tail.read_of(0, &all[20..35]), Some(10));
        assert_eq!(tail.read_of(0, &all[30..]), None);
        assert_eq!(tail.read_of(0, &all[..30]), Some(30), "nothing new");
        assert_eq!(tail.read_of(0, &[]), None);
    }

    #[test]
    fn twins_within_a_second_are_counted() {
        let twins = vec![row(60, 1), row(60, 1), row(60, 1)];
        let mut tail = RowTail::default();
        tail.follow(0, &[row(0, 5)]);
        tail.follow(0, &twins[..2]);
        let all = [vec![row(0, 5)], twins].concat();
        assert_eq!(tail.read_of(0, &all), Some(3));
    }

    proptest! {
        #[test]
        fn nothing_kept_makes_it_panic(kept: Vec<u8>) {
            let tail = RowTail::decode(&kept);
            prop_assert_eq!(RowTail::decode(&tail.encode()), tail);
        }

        #[test]
        fn each_row_is_read_once(count in 0_u64..120, steps in prop::collection::vec(1_usize..9, 0..30)) {
            let all = log(count);
            let mut tail = RowTail::default();
            let mut read = 0;
            for step in steps {
                let there = (read + step).min(all.len());
                let held = &all[there.saturating_sub(20)..there];
                let known = tail.read_of(0, held).unwrap_or(0);
                let news = &held[known..];
                tail.follow(0, news);
                read += news.len();
                prop_assert_eq!(read, there);
            }
        }
    }
}
