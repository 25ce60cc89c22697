//! Which rows to ask for next. Pure.
//!
//! A meter takes a range of time, or places of rows, or neither. By time a part has the marks that
//! are wanted; by place, those that are at least as old as their distance from now: there may be
//! fewer rows than marks, never more without a clock that was set back.

use crate::catalogue::dlms::DlmsProfile;
use crate::clock_basis::ClockBasis;
use crate::collection::Marks;
use crate::cosem::{CosemTime, ProfileSetup, RowOrder};
use crate::limits::COSEM_STAMP_LATE_S;
use ::dlms::codec::Selection;
use metering::{MeterTime, Period, Timestamp};
use std::time::Duration;

const HOUR_S: u64 = 3600;

/// How rows are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowsWay {
    /// By time.
    Range,
    /// By place.
    Entry,
    /// Not at all: the whole buffer is read, and what is known is dropped.
    Whole,
}

/// What a part rests on.
#[derive(Debug, Clone, Copy)]
pub struct PartGround<'a> {
    /// The profile.
    pub profile: &'a DlmsProfile,
    /// How it is set up now.
    pub setup: &'a ProfileSetup,
    /// Its period.
    pub period: Period,
    /// The calendar of the meter's clock.
    pub basis: &'a ClockBasis,
    /// The instant that the meter's clock shows now.
    pub now: Timestamp,
    /// Rows to ask for at most.
    pub rows_max: u32,
    /// Rows further back to begin, because the first one referred to one before it.
    pub back: u32,
}

/// Rows to ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfilePart {
    /// How the meter is asked; none for all rows.
    pub selection: Option<Selection>,
    /// The last mark that is sure to be answered, where rows are chosen by time.
    pub last: Timestamp,
    /// Distance from the newest row up to which rows are answered, where they are chosen by place.
    pub age: u32,
    /// There are rows before the first one.
    pub begins_within: bool,
}

/// The next part of `wanted`. `age`: how far from the newest row the part before it came.
pub fn next_part(
    way: RowsWay,
    wanted: Marks,
    age: Option<u32>,
    ground: &PartGround<'_>,
) -> ProfilePart {
    let part = match way {
        RowsWay::Range => range(wanted, ground),
        RowsWay::Entry => entries(wanted, age, ground),
        RowsWay::Whole => None,
    };
    part.unwrap_or(ProfilePart {
        selection: None,
        last: wanted.last,
        age: 0,
        begins_within: false,
    })
}

fn range(wanted: Marks, ground: &PartGround<'_>) -> Option<ProfilePart> {
    let step = ground.period.duration();
    let (_, by) = ground.setup.time_column()?;
    let last = wanted
        .first
        .after(step.saturating_mul(ground.rows_max.saturating_sub(1)))
        .min(wanted.last);
    // The row that the first one refers to was sent before it, whichever of them is older.
    let back = step.saturating_mul(ground.back);
    let (earlier, later) = match ground.setup.order {
        RowOrder::NewestFirst => (Duration::ZERO, back),
        RowOrder::OldestFirst | RowOrder::Other => (back, Duration::ZERO),
    };
    // From behind the mark before the first, as a power failure may have cut the interval.
    let from = wanted
        .first
        .before(earlier.saturating_add(step))
        .after(Duration::from_secs(1));
    let to = last
        .after(later)
        .after(Duration::from_secs(COSEM_STAMP_LATE_S));
    let (from, to) = if ground.profile.stamps_ends {
        (from, to)
    } else {
        (from.before(step), to.before(step))
    };
    let (from, to) = shown(ground.basis, from, to);
    Some(ProfilePart {
        selection: Some(Selection::Range {
            by,
            from: CosemTime::data(from)?,
            to: CosemTime::data(to)?,
            columns: Vec::new(),
        }),
        last,
        age: 0,
        begins_within: true,
    })
}

/// What the clock showed; an hour wider where it was moved in between.
fn shown(basis: &ClockBasis, from: Timestamp, to: Timestamp) -> (MeterTime, MeterTime) {
    let (first, last) = (basis.shown_at(from), basis.shown_at(to));
    let passed = to.seconds().saturating_sub(from.seconds());
    if first.seconds().saturating_add(passed) == last.seconds() {
        return (first, last);
    }
    (
        MeterTime::from_seconds(first.seconds().saturating_sub(HOUR_S)),
        MeterTime::from_seconds(last.seconds().saturating_add(HOUR_S)),
    )
}

fn entries(wanted: Marks, age: Option<u32>, ground: &PartGround<'_>) -> Option<ProfilePart> {
    let in_use = ground.setup.in_use?;
    let marks = ground.now.seconds().saturating_sub(wanted.first.seconds());
    let marks = marks / u64::from(ground.period.seconds());
    // One more for the row that may be written just now, and one for a part of an interval.
    let far = u32::try_from(marks).unwrap_or(u32::MAX).saturating_add(3);
    let oldest = age.unwrap_or(far).min(in_use).max(1);
    let newest = oldest.saturating_sub(ground.rows_max);
    let begun = oldest.saturating_add(ground.back).min(in_use);
    // Places count from 1; place `begun` from the newest row is the first one of the part.
    let (from, to) = match ground.setup.order {
        RowOrder::NewestFirst => (newest.saturating_add(1), begun),
        RowOrder::OldestFirst | RowOrder::Other => (
            in_use.saturating_sub(begun) + 1,
            in_use.saturating_sub(newest),
        ),
    };
    let from = match ground.setup.order {
        // Rows before it in the buffer are newer.
        RowOrder::NewestFirst => from.saturating_sub(ground.back).max(1),
        RowOrder::OldestFirst | RowOrder::Other => from,
    };
    Some(ProfilePart {
        selection: Some(Selection::entries(from, to)),
        last: wanted.first,
        age: newest,
        begins_within: from > 1,
    })
}

#[cfg(test)]
mod tests;
