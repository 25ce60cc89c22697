//! One running total: its scale, its steps, and whether a step can be believed.

use crate::limits::{ROLLOVER_PART, SECOND_LOOK_SLACK};
use metering::{Flag, Flags, Obis, Period, Timestamp, Unit, rescale};

/// A running total that becomes a register channel and an increment channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalChannel {
    /// Which quantity; never one that may run backwards, such as import less export.
    pub obis: Obis,
    /// Power of ten of the channel.
    pub exponent: i8,
    /// Unit of the channel.
    pub unit: Unit,
    /// How many counts the register has until it begins at zero again, in the channel's scale.
    pub modulus: Option<i64>,
    /// What the meter can measure in one interval at most, in the channel's scale.
    pub max_per_interval: Option<i64>,
}

/// A total as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampledTotal {
    /// The number without its decimal point.
    pub digits: i64,
    /// Power of ten that belongs to the digits.
    pub exponent: i8,
    /// Whether the meter's number format no longer resolves the last digit.
    pub is_coarse: bool,
}

/// A register as it was last known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) mark: Timestamp,
    pub(super) value: i64,
    /// The clock was set since: how long ago it was cannot be told from the mark.
    pub(super) is_timeless: bool,
}

impl Known {
    pub(super) fn new(mark: Timestamp, value: i64) -> Self {
        Self {
            mark,
            value,
            is_timeless: false,
        }
    }

    /// A step that is believed however long it took.
    pub(super) fn forward(self, value: i64) -> Step {
        match value.checked_sub(self.value) {
            Some(step @ 0..) => Step::Forward(step),
            _ => Step::Jumped,
        }
    }
}

/// What a register says, seen from the one known before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// There is none before.
    First,
    Forward(i64),
    /// It passed its highest count; the increment across it.
    Rolled(i64),
    Back,
    /// Further than the meter can measure.
    Jumped,
}

impl TotalChannel {
    /// A total in the channel's scale; a digit that does not fit there makes it no value at all.
    pub(super) fn in_scale(&self, total: Option<SampledTotal>, flags: &mut Flags) -> Option<i64> {
        let total = total?;
        if total.is_coarse {
            *flags = flags.with(Flag::Coarse);
        }
        let value = rescale(total.digits, total.exponent, self.exponent);
        if value.is_none() {
            *flags = flags.with(Flag::NotValid);
        }
        value
    }

    /// What the register says, seen from the one known before.
    pub(super) fn step(
        &self,
        known: Option<Known>,
        mark: Timestamp,
        value: i64,
        period: Period,
    ) -> Step {
        let Some(known) = known else {
            return Step::First;
        };
        let seconds = mark.seconds().saturating_sub(known.mark.seconds());
        let intervals = i64::try_from(seconds / u64::from(period.seconds())).unwrap_or(i64::MAX);
        let limit = self
            .max_per_interval
            .map(|most| most.saturating_mul(intervals));
        match value.checked_sub(known.value) {
            Some(step @ 0..) if limit.is_none_or(|limit| step <= limit) => Step::Forward(step),
            Some(back @ ..0) => match self.rolled(known.value, value, back, limit) {
                Some(step) => Step::Rolled(step),
                None => Step::Back,
            },
            _ => Step::Jumped,
        }
    }

    /// The increment across the highest count, if the register can have passed it.
    fn rolled(&self, before: i64, after: i64, back: i64, limit: Option<i64>) -> Option<i64> {
        let modulus = self.modulus?;
        let range = 0..modulus;
        let part = modulus / ROLLOVER_PART;
        let step = back.checked_add(modulus)?;
        (range.contains(&before)
            && range.contains(&after)
            && step <= limit.unwrap_or(part).min(part))
        .then_some(step)
    }

    /// Whether a second look at the register saw the same as the first.
    pub(super) fn confirms(&self, first: Option<i64>, second: i64) -> bool {
        let slack = self.max_per_interval.unwrap_or(SECOND_LOOK_SLACK);
        first
            .and_then(|first| second.checked_sub(first))
            .is_some_and(|step| (0..=slack).contains(&step))
    }
}

impl Step {
    /// Whether nothing about it needs a second look.
    pub(super) fn is_plain(self) -> bool {
        matches!(self, Self::First | Self::Forward(_))
    }

    /// What is added in the interval, and why not, where it is not known.
    pub(super) fn increment(self, is_next: bool, flags: &mut Flags) -> Option<i64> {
        let (flag, value) = match self {
            Self::First => (Some(Flag::Missing), None),
            Self::Forward(step) => (None, Some(step)),
            Self::Rolled(step) => (Some(Flag::Rollover), Some(step)),
            Self::Back => (Some(Flag::MeterReset), None),
            Self::Jumped => (Some(Flag::Implausible), None),
        };
        if let Some(flag) = flag {
            *flags = flags.with(flag);
        }
        if value.is_some() && !is_next {
            *flags = flags.with(Flag::Missing);
            return None;
        }
        value
    }
}
