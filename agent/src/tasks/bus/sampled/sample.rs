//! What came of a meter's totals at one interval end.

use crate::adapters::clock::Clock;
use metering::{ClockQuality, Flag, Flags, Moment, Timestamp};
use meters::planner::Why;
use meters::profile_maker::SampledTotal;

/// What came at one interval end.
#[derive(Debug, Clone)]
pub(in super::super) struct Sample {
    pub(super) mark: Timestamp,
    /// One a total; none where it did not come.
    pub(super) values: Vec<Option<SampledTotal>>,
    /// Whether anything came at all.
    pub(super) has_come: bool,
    /// Why values are missing, all reasons together.
    pub(super) flags: Flags,
    /// By the clock as it ran then: it may be set before the sample is made a row.
    pub(super) offset_ms: i32,
    pub(super) clock: ClockQuality,
}

impl Sample {
    /// Values that were taken at about one instant.
    pub(in super::super) fn new(
        mark: Timestamp,
        values: Vec<Option<SampledTotal>>,
        taken: Moment,
        failed: impl Iterator<Item = Why>,
        clock: &Clock,
    ) -> Self {
        Self {
            mark,
            values,
            has_come: true,
            flags: reasons(failed),
            offset_ms: offset_ms(taken, mark, clock),
            clock: clock.now().quality,
        }
    }

    /// Nothing came.
    pub(in super::super) fn missing(
        mark: Timestamp,
        failed: impl Iterator<Item = Why>,
        clock: &Clock,
    ) -> Self {
        Self {
            mark,
            values: Vec::new(),
            has_come: false,
            flags: reasons(failed),
            offset_ms: 0,
            clock: clock.now().quality,
        }
    }
}

fn reasons(failed: impl Iterator<Item = Why>) -> Flags {
    failed.fold(Flags::NONE, |flags, why| flags.union(flags_of(why)))
}

/// Why a value was not had, as flags of its interval.
fn flags_of(why: Why) -> Flags {
    let missing = Flags::from(Flag::Missing);
    match why {
        Why::Damaged => missing.with(Flag::LinkError),
        Why::Clock => missing.with(Flag::TimeSet),
        Why::Late => missing.with(Flag::LateSample),
        Why::Replaced => missing.with(Flag::ConfigChanged),
        Why::Silent | Why::LineGone | Why::Refused(_) | Why::Exception(_) | Why::NotReadable => {
            missing
        }
    }
}

/// Milliseconds from a mark to the instant a sample was taken.
fn offset_ms(taken: Moment, mark: Timestamp, clock: &Clock) -> i32 {
    let offset = clock.utc_at(taken).millis_since(mark);
    i32::try_from(offset).unwrap_or(if offset < 0 { i32::MIN } else { i32::MAX })
}
