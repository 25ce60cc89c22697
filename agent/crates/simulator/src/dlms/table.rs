//! A profile (class 7): which rows are meant, and how they are said.

use dlms::codec::{AccessResult, Column, Data, Outcome, Selection};

use super::clock::{Bound, stamp};
use super::scenario::{DlmsScenario, Nulls, Sorting};

/// A full row is said at least so often, in seconds.
const FULL_EVERY: i64 = 3600;

/// A profile at one moment.
pub(super) struct Table<'a> {
    pub(super) scenario: &'a DlmsScenario,
    /// The clock is the first one.
    pub(super) columns: Vec<Column>,
    /// Seconds of a period; 0 where rows come with events.
    pub(super) period_s: u32,
    pub(super) entries: u32,
    /// What the clock took for UTC when each row was written, oldest first.
    pub(super) stamps: Vec<i64>,
    /// The cells of a row behind the clock.
    pub(super) cells: &'a dyn Fn(usize) -> Vec<Data>,
}

impl Table<'_> {
    pub(super) fn attribute(&self, number: i8, selection: Option<&Selection>) -> Outcome {
        let newest_first = self.scenario.sorting == Sorting::NewestFirst;
        Ok(match number {
            2 => return self.buffer(selection),
            3 => Data::Array(self.columns.iter().map(column).collect()),
            4 => Data::DoubleLongUnsigned(self.period_s),
            5 => Data::Enum(if newest_first { 2 } else { 1 }),
            6 => column(self.columns.first().ok_or(AccessResult::OtherReason)?),
            7 => Data::DoubleLongUnsigned(u32::try_from(self.stamps.len()).unwrap_or(u32::MAX)),
            8 => Data::DoubleLongUnsigned(self.entries),
            _ => return Err(AccessResult::ObjectUndefined),
        })
    }

    fn buffer(&self, selection: Option<&Selection>) -> Outcome {
        let mut rows: Vec<usize> = (0..self.stamps.len()).collect();
        if self.scenario.sorting == Sorting::NewestFirst {
            rows.reverse();
        }
        let mut kept: Vec<usize> = (0..self.columns.len()).collect();
        match selection {
            None => {}
            Some(Selection::Range {
                by,
                from,
                to,
                columns,
            }) => {
                if !self.scenario.selects_range || self.columns.first() != Some(by) {
                    return Err(AccessResult::ScopeViolated);
                }
                let (Some(from), Some(to)) = (Bound::of(from), Bound::of(to)) else {
                    return Err(AccessResult::TypeUnmatched);
                };
                rows.retain(|row| self.is_within(*row, from, to));
                let is_wanted = |place: &usize| {
                    let known = self.columns.get(*place);
                    columns.is_empty() || known.is_some_and(|known| columns.contains(known))
                };
                kept.retain(is_wanted);
            }
            Some(Selection::Entries {
                from,
                to,
                from_column,
                to_column,
            }) => {
                if !self.scenario.selects_entries {
                    return Err(AccessResult::ScopeViolated);
                }
                rows = part(&rows, *from, *to);
                kept = part(&kept, (*from_column).into(), (*to_column).into());
            }
            Some(Selection::Other { .. }) => return Err(AccessResult::ScopeViolated),
        }
        Ok(self.say(&rows, &kept))
    }

    fn is_within(&self, row: usize, from: Bound, to: Bound) -> bool {
        let zone = &self.scenario.zone;
        self.stamps.get(row).is_some_and(|shown| {
            let (first, bound) = from.compare(*shown, zone);
            let (last, end) = to.compare(*shown, zone);
            first >= bound && last <= end
        })
    }

    fn say(&self, rows: &[usize], kept: &[usize]) -> Data {
        let mut before_in_answer = None;
        let said = rows.iter().map(|row| {
            let whole = self.row(*row);
            let before = match self.scenario.nulls {
                Nulls::Never => None,
                Nulls::InAnswer => before_in_answer.replace(*row),
                Nulls::InBuffer => self.before_in_buffer(*row),
            };
            let said = match before {
                Some(before) => self.shorten(*row, whole, before),
                None => whole,
            };
            let cells = kept.iter().filter_map(|place| said.get(*place).cloned());
            Data::Structure(cells.collect())
        });
        Data::Array(said.collect())
    }

    fn row(&self, row: usize) -> Vec<Data> {
        let shown = self.stamps.get(row).copied().unwrap_or_default();
        let mut cells = vec![stamp(shown, &self.scenario.zone)];
        cells.extend((self.cells)(row));
        cells
    }

    fn before_in_buffer(&self, row: usize) -> Option<usize> {
        let is_full = self.stamps.get(row)?.rem_euclid(FULL_EVERY) == 0;
        match self.scenario.sorting {
            _ if is_full => None,
            Sorting::OldestFirst => row.checked_sub(1),
            Sorting::NewestFirst => (row + 1 < self.stamps.len()).then_some(row + 1),
        }
    }

    /// Null-data for what is as in the row said before, and for a time one period from its own.
    fn shorten(&self, row: usize, whole: Vec<Data>, before: usize) -> Vec<Data> {
        let shown = |row: usize| self.stamps.get(row).copied().unwrap_or_default();
        let step = i64::from(self.period_s);
        let expected = match self.scenario.sorting {
            Sorting::OldestFirst => shown(before) + step,
            Sorting::NewestFirst => shown(before) - step,
        };
        let earlier = self.row(before);
        let pairs = whole.into_iter().zip(&earlier).enumerate();
        let shortened = pairs.map(|(place, (cell, earlier))| {
            let follows = match place {
                0 => shown(row) == expected && step > 0,
                _ => cell == *earlier,
            };
            if follows { Data::Null } else { cell }
        });
        shortened.collect()
    }
}

/// Places count from 1; an end of 0 is the last one.
fn part(all: &[usize], from: u32, to: u32) -> Vec<usize> {
    let place = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let end = if to == 0 { usize::MAX } else { place(to) };
    let skipped = place(from).saturating_sub(1);
    let count = end.saturating_sub(skipped);
    all.iter().skip(skipped).take(count).copied().collect()
}

fn column(column: &Column) -> Data {
    Data::Structure(vec![
        Data::LongUnsigned(column.attribute.class),
        Data::OctetString(column.attribute.name.0.to_vec()),
        Data::Integer(column.attribute.number),
        Data::LongUnsigned(column.index),
    ])
}
