//! The intervals of a profile against the advance of the meter's registers, and so against what is
//! doubtful of a profile: how its values are coded, whether it counts what the registers count.
//!
//! Registers are read at an arbitrary second and intervals end on a grid, so nothing is interpolated:
//! the advance between two looks at a register is at least what the intervals between both hold, and
//! at most that and the intervals in which the looks lie. Both are compared as the meter counts, so
//! transformer ratios do not matter.

mod stored;
mod sums;
mod words;

use super::{ProfileColumns, ProfileRow};
use crate::limits::{
    ADVANCE_CHANNELS_MAX, ADVANCE_MISSING_MAX, ADVANCE_SPAN_MAX_S, ADVANCE_SPAN_MIN_S,
    ADVANCE_TOTALS_MAX, ADVANCE_WAIT_S, CLOCK_LOOK_SLACK_S,
};
use metering::{Flag, Flags, Obis, Timestamp};
use sums::Sums;

/// What totals showed at a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegisterLook {
    /// The moment, by the meter's clock as its intervals are.
    pub at: Timestamp,
    /// Totals with their digits, as the meter counts.
    pub totals: Vec<(Obis, i64)>,
}

impl RegisterLook {
    fn total(&self, obis: Obis) -> Option<i64> {
        let found = self.totals.iter().find(|total| total.0 == obis);
        found.map(|total| total.1)
    }
}

/// How intervals and registers stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdvanceResult {
    /// They agree.
    Agrees,
    /// They do not.
    Differs {
        /// The total that differs most.
        total: Obis,
    },
    /// They do not as the model says that values are coded, but they do in the other coding that a
    /// source names.
    OtherCoding {
        /// The total that tells it most clearly.
        total: Obis,
    },
}

/// A comparison. Energies are in the profile's unit of demand times seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdvanceVerdict {
    /// The first look at the registers.
    pub from: Timestamp,
    /// The second one.
    pub to: Timestamp,
    /// Intervals between both that the meter does not have.
    pub missing: u32,
    /// Values between both that are no numbers.
    pub no_numbers: u32,
    /// The advance of the total that the result names, or of the first one.
    pub advance: i128,
    /// What the intervals of that total add up to: at least.
    pub at_least: i128,
    /// And at most.
    pub at_most: i128,
    /// What came of it.
    pub result: AdvanceResult,
}

/// Compares as rows and looks come in. Small enough to be kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AdvanceCheck {
    first: Option<RegisterLook>,
    second: Option<RegisterLook>,
    period_s: u64,
    mask: u16,
    /// What each channel measures.
    channels: Vec<Option<Obis>>,
    sums: Vec<Sums>,
    /// The end of the newest row that was counted.
    to: Option<u64>,
    /// Between rows that were counted.
    missing: Vec<(u64, u64)>,
    told: Option<AdvanceVerdict>,
    /// What is stored may be older.
    is_changed: bool,
}

impl AdvanceCheck {
    /// From what is stored; what cannot be read begins anew.
    pub fn decode(stored: &[u8]) -> Self {
        stored::decode(stored).unwrap_or_default()
    }

    /// As it is stored.
    pub fn encode(&self) -> Vec<u8> {
        stored::encode(self)
    }

    /// Whether it changed since this was asked last.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.is_changed)
    }

    /// The last verdict, unless it was that all is well.
    pub fn told(&self) -> Option<&AdvanceVerdict> {
        self.told.as_ref()
    }

    /// The registers were read.
    pub fn look(&mut self, mut look: RegisterLook) {
        look.totals.truncate(ADVANCE_TOTALS_MAX);
        let Some(first) = &self.first else {
            self.is_changed = !look.totals.is_empty();
            self.first = Some(look).filter(|look| !look.totals.is_empty());
            return;
        };
        let has_same = first
            .totals
            .iter()
            .any(|(obis, _)| look.total(*obis).is_some());
        let is_late = look.at.seconds() >= first.at.seconds() + ADVANCE_SPAN_MIN_S;
        if look.at < first.at {
            // The meter's clock was set back.
            self.restart();
        } else if self.second.is_none() && has_same && is_late {
            self.second = Some(look);
            self.is_changed = true;
        }
    }

    /// The next row, oldest first; rows that came before are not counted twice.
    pub fn row(&mut self, columns: &ProfileColumns, row: &ProfileRow) {
        let Some(first) = self.first.as_ref().map(|first| first.at.seconds()) else {
            return;
        };
        let period = u64::from(columns.period.seconds());
        let end = row.end.seconds();
        let begin = end.saturating_sub(period);
        if end + CLOCK_LOOK_SLACK_S <= first {
            return;
        }
        if self.channels.is_empty() {
            self.take_columns(columns);
        }
        let is_same = self.mask == columns.mask && self.period_s == period;
        if !is_same || is_disturbed(row.flags) || columns.channels.len() != self.channels.len() {
            self.restart();
            return;
        }
        if self.is_new(begin, end, first) {
            self.count(row, begin, end, first);
            self.is_changed = true;
        }
    }

    fn take_columns(&mut self, columns: &ProfileColumns) {
        let channels = columns.channels.iter().take(ADVANCE_CHANNELS_MAX);
        let total = |channel: &super::ProfileChannel| channel.measured.map(|(obis, _)| obis);
        self.channels = channels.map(total).collect();
        self.sums = vec![Sums::default(); self.channels.len()];
        self.period_s = u64::from(columns.period.seconds());
        self.mask = columns.mask;
    }

    /// Whether a row is counted for the first time; notes what is missing before it.
    fn is_new(&mut self, begin: u64, end: u64, first: u64) -> bool {
        let period = self.period_s.max(1);
        let expected = self.to.unwrap_or_else(|| {
            let wanted = first.saturating_sub(CLOCK_LOOK_SLACK_S);
            let before = begin.saturating_sub(wanted).div_ceil(period);
            begin.saturating_sub(before * period)
        });
        if begin >= expected {
            if begin > expected {
                self.missing.push((expected, begin));
            }
            self.to = Some(end);
            return true;
        }
        let within = |stretch: &&(u64, u64)| stretch.0 <= begin && end <= stretch.1;
        let Some(place) = self.missing.iter().position(|stretch| within(&stretch)) else {
            return false;
        };
        let (from, to) = self.missing.swap_remove(place);
        let around = [(from, begin), (end, to)];
        self.missing
            .extend(around.into_iter().filter(|(from, to)| from < to));
        self.missing.sort_unstable();
        true
    }

    fn count(&mut self, row: &ProfileRow, begin: u64, end: u64, first: u64) {
        if self.missing.len() > ADVANCE_MISSING_MAX {
            self.restart();
            return;
        }
        let second = self.second.as_ref().map(|second| second.at.seconds());
        let lies = sums::Lies::of(begin, end, first, second);
        let nothing = None;
        let others = row.others.iter().chain(std::iter::repeat(&nothing));
        for ((sums, own), other) in self.sums.iter_mut().zip(&row.values).zip(others) {
            sums.add(lies, *own, *other, self.period_s);
        }
    }

    /// A comparison, once rows reach beyond the second look. `register_unit` is the last digit of a
    /// register in the profile's unit of demand times seconds; `is_empty` says whether the meter is
    /// known to have no rows between two instants. The second value: whether it is news.
    pub fn verdict(
        &mut self,
        register_unit: i128,
        is_empty: impl Fn(Timestamp, Timestamp) -> bool,
    ) -> Option<(AdvanceVerdict, bool)> {
        let (first, second) = self.first.as_ref().zip(self.second.as_ref())?;
        let (from, to) = (first.at, second.at);
        let reached = self.to?;
        if reached < to.seconds() + CLOCK_LOOK_SLACK_S {
            return None;
        }
        let within = |stretch: &&(u64, u64)| stretch.0 < to.seconds() + CLOCK_LOOK_SLACK_S;
        let known = |stretch: &(u64, u64)| {
            let step = std::time::Duration::from_secs(self.period_s);
            let first_mark = Timestamp::from_seconds(stretch.0).after(step);
            is_empty(first_mark, Timestamp::from_seconds(stretch.1))
        };
        if !self.missing.iter().filter(within).all(known) {
            // They may be read yet.
            if reached > to.seconds() + ADVANCE_WAIT_S {
                self.restart();
            }
            return None;
        }
        let missing: u64 = self
            .missing
            .iter()
            .filter(within)
            .map(|gap| gap.1 - gap.0)
            .sum();
        let missing = u32::try_from(missing / self.period_s.max(1)).unwrap_or(u32::MAX);
        let Some(verdict) = self.compare(from, to, missing, register_unit) else {
            self.restart();
            return None;
        };
        self.go_on(&verdict);
        let kind = |verdict: &AdvanceVerdict| std::mem::discriminant(&verdict.result);
        let is_well = verdict.result == AdvanceResult::Agrees;
        let is_news = !is_well && self.told.as_ref().map(kind) != Some(kind(&verdict));
        self.told = (!is_well).then_some(verdict);
        self.is_changed = true;
        Some((verdict, is_news))
    }

    /// Nothing where no channel has a total.
    fn compare(
        &self,
        from: Timestamp,
        to: Timestamp,
        missing: u32,
        register_unit: i128,
    ) -> Option<AdvanceVerdict> {
        let mut verdict = AdvanceVerdict {
            from,
            to,
            missing,
            no_numbers: 0,
            advance: 0,
            at_least: 0,
            at_most: 0,
            result: AdvanceResult::Agrees,
        };
        let mut all_fit_other = true;
        let (mut worst, mut compared) = (0, 0_usize);
        for (sums, obis) in self.sums.iter().zip(&self.channels) {
            let Some((obis, advance)) = obis.zip(self.advance(*obis, register_unit)) else {
                continue;
            };
            compared += 1;
            verdict.no_numbers = verdict.no_numbers.saturating_add(sums.no_numbers);
            let room = self.room(advance, register_unit);
            let (at_least, at_most) = sums.own_bounds();
            let off = at_least
                .saturating_sub(advance)
                .max(advance.saturating_sub(at_most));
            let is_worse = off > room && off > worst;
            all_fit_other &= sums.fits_other(advance, room);
            if is_worse {
                worst = off;
                verdict.result = AdvanceResult::Differs { total: obis };
            }
            if is_worse || compared == 1 {
                verdict.advance = advance;
                (verdict.at_least, verdict.at_most) = (at_least, at_most);
            }
        }
        if let AdvanceResult::Differs { total } = verdict.result
            && all_fit_other
        {
            verdict.result = AdvanceResult::OtherCoding { total };
        }
        (compared > 0).then_some(verdict)
    }

    fn advance(&self, obis: Option<Obis>, register_unit: i128) -> Option<i128> {
        let obis = obis?;
        let total = |look: Option<&RegisterLook>| look?.total(obis).map(i128::from);
        let moved = total(self.second.as_ref())? - total(self.first.as_ref())?;
        moved.checked_mul(register_unit)
    }

    /// What rounding may make: a last digit of the register a look, one of the profile an interval,
    /// and a thousandth (metering-domain V7).
    fn room(&self, advance: i128, register_unit: i128) -> i128 {
        let at = |look: &Option<RegisterLook>| look.as_ref().map_or(0, |look| look.at.seconds());
        let span = at(&self.second).saturating_sub(at(&self.first));
        // One digit an interval, times its seconds.
        let of_profile = i128::from(span + 2 * self.period_s);
        register_unit
            .saturating_mul(2)
            .saturating_add(of_profile)
            .saturating_add(advance.saturating_abs() / 1000)
    }

    /// The longer two looks lie apart, the finer the comparison; but what went wrong once is not
    /// held against the meter for ever.
    fn go_on(&mut self, verdict: &AdvanceVerdict) {
        let span = verdict.to.seconds().saturating_sub(verdict.from.seconds());
        let begins_anew = verdict.result != AdvanceResult::Agrees || span > ADVANCE_SPAN_MAX_S;
        for sums in &mut self.sums {
            sums.go_on(begins_anew);
        }
        let second = self.second.take();
        if begins_anew {
            self.first = second;
            let from = verdict.to.seconds();
            self.missing.retain(|stretch| stretch.1 > from);
        }
    }

    /// What is counted so far is of no use: the next look at the registers is the first one.
    pub fn restart(&mut self) {
        let told = self.told.take();
        *self = Self {
            told,
            is_changed: true,
            ..Self::default()
        };
    }
}

/// Whether a row cannot be held against a register: its time or its meaning is not sure.
fn is_disturbed(flags: Flags) -> bool {
    [
        Flag::TimeSet,
        Flag::ConfigChanged,
        Flag::NotValid,
        Flag::Long,
        Flag::MeterReset,
        Flag::Overflow,
    ]
    .into_iter()
    .any(|flag| flags.has(flag))
}

#[cfg(test)]
mod tests;
