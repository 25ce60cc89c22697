//! Load profiles for meters that keep none: rows made of the totals sampled at interval ends.
//!
//! Each total gives two channels: the register as it stood at the mark, and its increment since
//! the mark before.
//!
//! - An increment exists only between rows on **consecutive marks that both have the register**.
//!   After a gap the register is there, the increment is `None` and the row carries `missing`: the
//!   energy of the gap is in the difference of the registers, and is never put into one interval.
//! - A register that went **back** is a rollover if the modulus is known and the increment across
//!   it is plausible (`rollover`, increment given), else a reset (`meter-reset`, increment `None`).
//! - A register that **jumped** further than the meter can measure has no increment either
//!   (`implausible`), and the register stays in the row.
//! - Each of these three is read twice first. If the second look is believable, it counts. If it
//!   does not confirm the first, the register itself is `None` (`missing` and `implausible`).
//! - A **mark is made once**, whatever the clock does: where it was set back, marks that come again
//!   keep their rows, and marks that never had one are made.
//! - Nothing can be said of a jump **across a step of the clock**, because nobody knows how long it
//!   took: it is read twice and then believed.

mod rows_made;
mod total;

pub use total::{SampledTotal, TotalChannel};

use crate::limits::GAP_ROWS_MAX;
use metering::{
    Channel, ChannelKind, ClockQuality, Flag, Flags, Period, ProfileShape, Row, Timestamp,
};
use rows_made::RowsMade;
use std::time::Duration;
use total::{Known, Step};

/// What a profile maker keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileSettings {
    /// How far from its mark a sample may be taken without a remark.
    pub late_after: Duration,
}

/// What came of a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// A row, to be stored.
    Row(Row),
    /// Hard to believe: read the totals again for this mark, or call `missed` if that fails.
    ReadAgain,
    /// Nothing: the mark has its row already, or is no mark of the grid.
    Nothing,
}

/// Rows for marks that nobody sampled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gap {
    /// One a mark, oldest first.
    pub rows: Vec<Row>,
    /// First and last of the older marks that were too many to make rows for.
    pub cut: Option<(Timestamp, Timestamp)>,
}

/// Makes the profile of one meter.
#[derive(Debug, Clone)]
pub struct ProfileMaker {
    channels: Vec<TotalChannel>,
    period: Period,
    late_after: Duration,
    made: RowsMade,
    /// The register of each channel that was read last, and for which mark.
    known: Vec<Option<Known>>,
    /// For the next row.
    pending: Flags,
    doubted: Option<FirstLook>,
}

/// A sample that was hard to believe.
#[derive(Debug, Clone)]
struct FirstLook {
    mark: Timestamp,
    values: Vec<Option<i64>>,
}

impl ProfileMaker {
    /// A maker that goes on after the last stored row.
    pub fn new(
        channels: Vec<TotalChannel>,
        period: Period,
        settings: ProfileSettings,
        last: Option<&Row>,
    ) -> Self {
        let known = |index| {
            let row = last?;
            let value = (*row.values.get(index * 2)?)?;
            Some(Known::new(row.end, value))
        };
        Self {
            known: (0..channels.len()).map(known).collect(),
            channels,
            period,
            late_after: settings.late_after,
            made: RowsMade::new(period, last.map(|row| row.end)),
            pending: Flags::NONE,
            doubted: None,
        }
    }

    /// The columns: register and increment of each total in turn.
    pub fn shape(&self) -> ProfileShape {
        let channel = |total: &TotalChannel, obis, kind| Channel {
            obis,
            exponent: total.exponent,
            unit: total.unit,
            kind,
        };
        let pair = |total: &TotalChannel| {
            let increment = total.obis.as_increment();
            [
                channel(total, total.obis, ChannelKind::Register),
                channel(total, increment, ChannelKind::Increment),
            ]
        };
        ProfileShape {
            period: self.period,
            channels: self.channels.iter().flat_map(pair).collect(),
        }
    }

    /// Totals sampled for a mark, one a channel; what is missing at the end counts as `None`.
    /// Call `fill_gap` up to the mark before first, so that rows are on consecutive marks.
    pub fn sample(
        &mut self,
        mark: Timestamp,
        offset_ms: i32,
        totals: &[Option<SampledTotal>],
        clock: ClockQuality,
    ) -> Made {
        if !self.is_new(mark) {
            return Made::Nothing;
        }
        let mut flags = Flags::NONE;
        let values: Vec<Option<i64>> = self
            .channels
            .iter()
            .zip(totals.iter().copied().chain(std::iter::repeat(None)))
            .map(|(channel, total)| channel.in_scale(total, &mut flags))
            .collect();
        let first_look = self.doubted.take().filter(|look| look.mark == mark);
        if first_look.is_none() && self.is_doubtful(mark, &values) {
            self.doubted = Some(FirstLook { mark, values });
            return Made::ReadAgain;
        }
        if u128::from(offset_ms.unsigned_abs()) > self.late_after.as_millis() {
            flags = flags.with(Flag::LateSample);
        }
        if clock <= ClockQuality::Unsynchronised {
            flags = flags.with(Flag::ClockUnsynchronised);
        }
        let first_values = first_look.map(|look| look.values);
        let columns = self.columns(mark, &values, first_values.as_deref(), &mut flags);
        Made::Row(self.row(mark, columns, flags, offset_ms))
    }

    /// A mark without a sample. `None` if it has its row already.
    pub fn missed(&mut self, mark: Timestamp, flags: Flags) -> Option<Row> {
        if !self.is_new(mark) {
            return None;
        }
        let was_doubted = self.doubted.take().is_some_and(|look| look.mark == mark);
        let mut flags = flags.with(Flag::Missing);
        if was_doubted {
            flags = flags.with(Flag::Implausible);
        }
        let columns = vec![None; self.channels.len() * 2];
        Some(self.row(mark, columns, flags, 0))
    }

    /// A row without values for each mark up to and with `up_to` that has none yet; nothing where
    /// there is no row at all. What `restarted` and `clock_stepped` left stays for the next row
    /// with values, because that interval is the one in which it happened or ended.
    pub fn fill_gap(&mut self, up_to: Timestamp, flags: Flags) -> Gap {
        let up_to = self.period.mark_at_or_before(up_to);
        let step = self.period.duration();
        let Some(last) = self.made.up_to().filter(|&last| last < up_to) else {
            return Gap::default();
        };
        let (first, cut) = self.cut(last.after(step), up_to);
        let pending = std::mem::replace(&mut self.pending, Flags::NONE);
        let mut rows = Vec::new();
        let mut mark = first;
        while mark <= up_to {
            rows.extend(self.missed(mark, flags));
            mark = mark.after(step);
        }
        self.pending = pending;
        Gap { rows, cut }
    }

    /// How far back rows are made for marks that nobody sampled.
    pub fn reach(period: Period) -> Duration {
        let length = u64::from(period.seconds());
        Duration::from_secs((GAP_ROWS_MAX - 1).saturating_mul(length))
    }

    /// The first of the newest marks up to `last` for which rows are made, and what lies before it
    /// from `first` on. That is given up.
    pub fn cut(
        &mut self,
        first: Timestamp,
        last: Timestamp,
    ) -> (Timestamp, Option<(Timestamp, Timestamp)>) {
        let kept = first.max(last.before(Self::reach(self.period)));
        if kept == first {
            return (first, None);
        }
        let end = kept.before(self.period.duration());
        self.made.settle_up_to(end);
        (kept, Some((first, end)))
    }

    /// The gateway started within the interval that the next row ends.
    pub fn restarted(&mut self) {
        self.pending = self.pending.with(Flag::GatewayRestart);
    }

    /// The meter's settings changed within the interval that the next row ends.
    pub fn reconfigured(&mut self) {
        self.pending = self.pending.with(Flag::ConfigChanged);
    }

    /// The gateway's clock was set within the interval that the next row ends.
    pub fn clock_stepped(&mut self) {
        self.pending = self.pending.with(Flag::TimeSet);
        for known in self.known.iter_mut().flatten() {
            known.is_timeless = true;
        }
    }

    /// The clock shows a time for which there may be rows already: marks after `after` are to come
    /// but those in `rows`.
    pub fn continue_after(&mut self, after: Timestamp, rows: &[Timestamp]) {
        self.made.begin_after(self.period.mark_at_or_before(after));
        self.doubted = None;
        self.has_rows(rows);
    }

    /// These marks have rows that another maker made.
    pub fn has_rows(&mut self, marks: &[Timestamp]) {
        let period = self.period;
        let is_mine = |mark: &&Timestamp| period.mark_at_or_before(**mark) == **mark;
        for mark in marks.iter().filter(is_mine) {
            self.made.add(*mark);
        }
    }

    /// Whether there is a row, or a mark from which on there must be one.
    pub fn has_begun(&self) -> bool {
        self.made.up_to().is_some()
    }

    /// Whether there are rows after marks that are still to come.
    pub fn is_behind(&self) -> bool {
        self.made.is_ahead()
    }

    fn is_new(&self, mark: Timestamp) -> bool {
        self.period.mark_at_or_before(mark) == mark && !self.made.has(mark)
    }

    fn row(
        &mut self,
        end: Timestamp,
        values: Vec<Option<i64>>,
        flags: Flags,
        offset_ms: i32,
    ) -> Row {
        let pending = std::mem::replace(&mut self.pending, Flags::NONE);
        self.made.add(end);
        Row {
            end,
            values,
            flags: flags.union(pending),
            offset_ms,
        }
    }

    fn is_doubtful(&self, mark: Timestamp, values: &[Option<i64>]) -> bool {
        let channels = self.channels.iter().zip(&self.known).zip(values);
        channels.into_iter().any(|((channel, known), value)| {
            value.is_some_and(|value| !channel.step(*known, mark, value, self.period).is_plain())
        })
    }

    /// Register and increment of each channel; keeps the registers for the next row.
    fn columns(
        &mut self,
        mark: Timestamp,
        values: &[Option<i64>],
        first_values: Option<&[Option<i64>]>,
        flags: &mut Flags,
    ) -> Vec<Option<i64>> {
        let mut columns = Vec::with_capacity(values.len() * 2);
        let mut next_known = self.known.clone();
        let channels = self.channels.iter().zip(&mut next_known);
        for (index, ((channel, known), value)) in channels.zip(values).enumerate() {
            let Some(value) = *value else {
                *flags = flags.with(Flag::Missing);
                columns.extend([None, None]);
                continue;
            };
            let step = channel.step(*known, mark, value, self.period);
            let first = first_values.and_then(|values| *values.get(index)?);
            if !step.is_plain() && !channel.confirms(first, value) {
                *flags = flags.with(Flag::Missing).with(Flag::Implausible);
                columns.extend([None, None]);
                continue;
            }
            let is_next =
                known.is_some_and(|known| known.mark.after(self.period.duration()) == mark);
            let step = match (step, *known) {
                (Step::Jumped, Some(known)) if known.is_timeless => known.forward(value),
                (step, _) => step,
            };
            let increment = step.increment(is_next, flags);
            columns.extend([Some(value), increment]);
            *known = Some(Known::new(mark, value));
        }
        self.known = next_known;
        columns
    }
}

#[cfg(test)]
mod tests;
