//! Rows of a profile on the line of time.
//!
//! Stamps are what a clock showed. Which of the two hours of an autumn change a row lies in is told
//! by its own deviation or status, else by the rows around it: rows come one after the other.

use super::rows::{RowTime, WholeRow};
use super::setup::RowOrder;
use super::time::CosemTime;
use crate::catalogue::dlms::DeviationSense;
use crate::clock_basis::{ClockBasis, Instants};
use metering::{MeterTime, Timestamp};
use std::time::Duration;

/// A row whose instant is known.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PlacedRow {
    /// Its stamp as an instant.
    pub(super) at: Timestamp,
    /// What the clock showed; none where the time was counted.
    pub(super) time: Option<CosemTime>,
    /// It may also be the other hour of an autumn change.
    pub(super) is_unsure: bool,
    pub(super) row: WholeRow,
}

/// Rows in the order in which they came about.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Placed {
    pub(super) rows: Vec<PlacedRow>,
    /// Rows without a time.
    pub(super) without: Vec<WholeRow>,
    /// The rows lie the other way than the meter says.
    pub(super) is_turned: bool,
}

/// By which calendar stamps are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Calendar<'a> {
    pub(super) basis: &'a ClockBasis,
    pub(super) sense: DeviationSense,
}

/// Steps against the order that a meter says, from which on it is not believed.
const EVIDENCE: usize = 2;

/// Places rows; a time that is not said lies one period behind that of the row before.
pub(super) fn place(
    rows: Vec<WholeRow>,
    order: RowOrder,
    period: Duration,
    calendar: Calendar<'_>,
) -> Placed {
    let order_found = found_order(&rows, order, calendar);
    let is_newest_first = order_found == RowOrder::NewestFirst;
    let mut placed = Placed {
        is_turned: order != RowOrder::Other && order_found != order,
        ..Placed::default()
    };
    let mut said: Vec<Instants> = Vec::new();
    for row in &rows {
        if let RowTime::Said(time) = &row.time {
            said.push(time.instants(calendar.basis, calendar.sense));
        }
    }
    if is_newest_first {
        said.reverse();
    }
    let mut instants = in_sequence(&said);
    if is_newest_first {
        instants.reverse();
    }
    let mut instants = instants.into_iter();
    let mut last: Option<(Timestamp, bool)> = None;
    for row in rows {
        let (at, time) = match &row.time {
            RowTime::Said(time) => (instants.next(), Some(*time)),
            RowTime::Counted if is_newest_first => {
                (last.map(|(at, unsure)| (at.before(period), unsure)), None)
            }
            RowTime::Counted => (last.map(|(at, unsure)| (at.after(period), unsure)), None),
            RowTime::None(_) => (None, None),
        };
        last = at;
        match at {
            Some((at, is_unsure)) => placed.rows.push(PlacedRow {
                at,
                time,
                is_unsure,
                row,
            }),
            None => placed.without.push(row),
        }
    }
    if is_newest_first {
        placed.rows.reverse();
    }
    placed
}

/// The order that stamps show, where they show one clearly.
fn found_order(rows: &[WholeRow], said: RowOrder, calendar: Calendar<'_>) -> RowOrder {
    let sure = rows.iter().filter_map(|row| match &row.time {
        RowTime::Said(time) => match time.instants(calendar.basis, calendar.sense) {
            Instants::Once(at) | Instants::Never(at) => Some(at),
            Instants::Twice(..) => None,
        },
        _ => None,
    });
    let sure: Vec<Timestamp> = sure.collect();
    let (mut up, mut down) = (0_usize, 0_usize);
    for pair in sure.windows(2) {
        if let [one, next] = pair {
            up += usize::from(next > one);
            down += usize::from(next < one);
        }
    }
    let (against, other) = match said {
        RowOrder::NewestFirst => (up, RowOrder::OldestFirst),
        RowOrder::OldestFirst | RowOrder::Other => (down, RowOrder::NewestFirst),
    };
    let with = up + down - against;
    if against >= EVIDENCE && against > with * 2 {
        return other;
    }
    match said {
        RowOrder::Other => RowOrder::OldestFirst,
        known => known,
    }
}

/// One instant for each stamp, the oldest first; where an hour came twice, the neighbours decide.
/// With each: whether nothing decided.
fn in_sequence(said: &[Instants]) -> Vec<(Timestamp, bool)> {
    let both = |instants: &Instants| match *instants {
        Instants::Once(at) | Instants::Never(at) => (at, at),
        Instants::Twice(first, second) => (first, second),
    };
    let is_sure = |instants: &Instants| !matches!(instants, Instants::Twice(..));
    let first_sure = said.iter().position(is_sure);
    let (before, behind) = said
        .split_at_checked(first_sure.unwrap_or(0))
        .unwrap_or((&[], said));
    let mut found: Vec<(Timestamp, bool)> = Vec::with_capacity(said.len());
    let mut next: Option<Timestamp> = None;
    // From the first sure one back: the later hour, if that is before what follows.
    if let Some(sure) = behind.first().filter(|_| first_sure.is_some()) {
        next = Some(both(sure).0);
    }
    for instants in before.iter().rev() {
        let (first, second) = both(instants);
        let at = if next.is_none_or(|next| second < next) {
            second
        } else {
            first
        };
        found.push((at, false));
        next = Some(at);
    }
    found.reverse();
    let mut last = found.last().map(|(at, _)| *at);
    let mut has_turned = first_sure.is_some();
    for instants in behind {
        let (first, second) = both(instants);
        let is_behind = last.is_none_or(|last| first > last);
        let at = if is_behind { first } else { second };
        has_turned |= !is_behind;
        found.push((at, false));
        last = Some(at);
    }
    if !has_turned {
        // All lie in an hour that came twice, and nothing tells in which one.
        for (_, is_unsure) in &mut found {
            *is_unsure = true;
        }
    }
    found
}

impl PlacedRow {
    /// What the clock showed.
    pub(super) fn shown(&self) -> Option<MeterTime> {
        self.time.map(|time| time.shown)
    }
}
