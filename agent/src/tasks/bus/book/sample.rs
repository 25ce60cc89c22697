//! Samples at interval ends become rows of the load profile.

use super::{Book, HELD_MAX, Said, flags_of, offset_ms};
use crate::adapters::clock::Clock;
use crate::front::GATEWAY_PROFILE;
use crate::limits::BLOCK_ROWS_MAX;
use crate::plan::SAMPLE;
use crate::tasks::storekeeper::Record;
use desk::MeterTrust;
use metering::{EventCode, Flag, Flags, ProfileRows, ProfileShape, Row, Timestamp};
use meters::Span;
use meters::planner::{Answered, Why};
use meters::profile_maker::{Made, ProfileMaker, ProfileSettings, SampledTotal, TotalChannel};

/// Why a profile begins, or goes on after a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Begin {
    /// The gateway started.
    Start,
    /// The meter's settings changed.
    Change,
}

impl Begin {
    fn flag(self) -> Flag {
        match self {
            Self::Start => Flag::GatewayRestart,
            Self::Change => Flag::ConfigChanged,
        }
    }
}

/// What came at one interval end.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    mark: Timestamp,
    words: Vec<Answered>,
    failed: Vec<(Span, Why)>,
}

impl Sample {
    pub(super) fn new(mark: Timestamp, words: Vec<Answered>, failed: Vec<(Span, Why)>) -> Self {
        Self {
            mark,
            words,
            failed,
        }
    }

    /// Why values are missing, all reasons together.
    fn flags(&self) -> Flags {
        self.failed
            .iter()
            .fold(Flags::NONE, |flags, (_, why)| flags.union(flags_of(*why)))
    }
}

impl Book {
    /// Begins, or begins anew, to make a profile after the row `last`; rows for the marks that
    /// passed meanwhile.
    pub(in super::super) fn begin_profile(
        &mut self,
        last: Option<&(Row, ProfileShape)>,
        late_after: std::time::Duration,
        begin: Begin,
        clock: &Clock,
    ) -> Vec<Record> {
        let now = clock.now().utc;
        let Some(profile) = &self.settings.profile else {
            return Vec::new();
        };
        if self.plan.totals.is_empty() {
            return Vec::new();
        }
        let channels = self.plan.totals.iter().map(|total| TotalChannel {
            obis: total.obis,
            exponent: total.exponent,
            unit: total.unit,
            modulus: total.rollover,
            max_per_interval: self.max_per_interval(total.exponent, profile.period.seconds()),
        });
        let settings = ProfileSettings { late_after };
        let channels: Vec<TotalChannel> = channels.collect();
        let known = last.map(|(row, _)| row);
        let mut maker = ProfileMaker::new(channels.clone(), profile.period, settings, known);
        let mut rows = Vec::new();
        match last {
            Some((_, shape)) if *shape == maker.shape() => {
                let upto = first_mark(profile.period, now).before(profile.period.duration());
                let gap = maker.fill_gap(upto, Flags::from(begin.flag()));
                if let Some((first, last)) = gap.cut {
                    let meter = self.id();
                    log::error!(meter:%; "{meter}: no intervals are made for {first} to {last}, the gap is too long");
                }
                rows = gap.rows;
            }
            // Other totals or another period: a new profile begins.
            _ => maker = ProfileMaker::new(channels, profile.period, settings, None),
        }
        match begin {
            Begin::Start => maker.restarted(),
            Begin::Change => maker.reconfigured(),
        }
        self.maker = Some(maker);
        self.records(&rows, clock)
    }

    /// The gateway's clock was set back: goes on after the last row before now.
    pub(in super::super) fn continue_after(&mut self, last: Option<&Row>) {
        if let Some(maker) = &mut self.maker {
            maker.continue_after(last);
        }
        self.last_interval = last.map(|row| row.end);
    }

    fn max_per_interval(&self, exponent: i8, period_s: u32) -> Option<i64> {
        let power_w = i64::from(self.settings.max_power_kw?) * 1000;
        let energy_wh = power_w.checked_mul(i64::from(period_s))? / 3600 + 1;
        let scaled = metering::rescale(energy_wh, 0, exponent.min(0))?;
        Some(match u32::try_from(exponent.max(0)) {
            Ok(places) => scaled / 10_i64.checked_pow(places)? + 1,
            Err(_) => scaled,
        })
    }

    pub(super) fn hear_sample(&mut self, sample: Sample, clock: &Clock, said: &mut Said) {
        match self.trust() {
            MeterTrust::Unknown => {
                if self.held.len() >= HELD_MAX {
                    let oldest = self.held.remove(0);
                    self.missed(oldest.mark, Flags::from(Flag::Missing), clock, said);
                }
                self.held.push(sample);
            }
            MeterTrust::Wrong => {
                let flags = Flags::from(Flag::Missing).with(Flag::NotValid);
                self.missed(sample.mark, flags, clock, said);
            }
            MeterTrust::Right | MeterTrust::Untold if sample.words.is_empty() => {
                let flags = sample.flags().with(Flag::Missing);
                self.missed(sample.mark, flags, clock, said);
            }
            MeterTrust::Right | MeterTrust::Untold => self.make(&sample, clock, said),
        }
    }

    fn make(&mut self, sample: &Sample, clock: &Clock, said: &mut Said) {
        let Some(maker) = &mut self.maker else { return };
        let taken = sample
            .words
            .iter()
            .map(|answered| answered.taken)
            .max()
            .unwrap_or_default();
        let offset = offset_ms(taken, sample.mark, clock);
        let mut values = Vec::new();
        for total in &self.plan.totals {
            values.push(decoded(total, &sample.words));
        }
        let quality = clock.now().quality;
        let before = sample.mark.before(maker.shape().period.duration());
        let gap = maker.fill_gap(before, Flags::NONE);
        match maker.sample(sample.mark, offset, &values, quality) {
            Made::Row(mut row) => {
                row.flags = row.flags.union(sample.flags());
                self.say_row(&row, clock, said);
                let mut rows = gap.rows;
                rows.push(row);
                let records = self.records(&rows, clock);
                said.records.extend(records);
            }
            Made::ReadAgain => {
                let records = self.records(&gap.rows, clock);
                said.records.extend(records);
                said.read_again.push((SAMPLE, Some(sample.mark)));
            }
            Made::Nothing => {}
        }
    }

    fn say_row(&self, row: &Row, clock: &Clock, said: &mut Said) {
        let end = row.end;
        if row.flags.has(Flag::Implausible) {
            let detail = format!(
                "jumped at {end} beyond what it can measure, and reading it twice gave the same; \
                 check max-power-kw and the meter"
            );
            said.events
                .push(self.event(EventCode::ImplausibleValue, detail, clock));
        }
        if row.flags.has(Flag::MeterReset) {
            let detail = format!("a total went back at {end}; no increment is made across it");
            said.events
                .push(self.event(EventCode::MeterReset, detail, clock));
        }
    }

    /// The second read of a hard-to-believe sample is not possible.
    pub(in super::super) fn cannot_read_again(
        &mut self,
        mark: Option<Timestamp>,
        clock: &Clock,
    ) -> Vec<Record> {
        let mut said = Said::default();
        if let Some(mark) = mark {
            let flags = Flags::from(Flag::Missing).with(Flag::Implausible);
            self.missed(mark, flags, clock, &mut said);
        }
        said.records
    }

    pub(super) fn hear_missed(
        &mut self,
        first: Timestamp,
        last: Timestamp,
        why: Why,
        clock: &Clock,
        said: &mut Said,
    ) {
        let Some(period) = self.settings.profile.as_ref().map(|profile| profile.period) else {
            return;
        };
        // The same road as a sample: what is held back until the meter has said who it is must
        // not be overtaken.
        let reason = (self.plan.planned.probe, why);
        let mut mark = first;
        while mark <= last {
            self.hear_sample(Sample::new(mark, Vec::new(), vec![reason]), clock, said);
            mark = mark.after(period.duration());
        }
    }

    fn missed(&mut self, mark: Timestamp, flags: Flags, clock: &Clock, said: &mut Said) {
        if let Some(row) = self
            .maker
            .as_mut()
            .and_then(|maker| maker.missed(mark, flags))
        {
            let records = self.records(&[row], clock);
            said.records.extend(records);
        }
    }

    fn records(&mut self, rows: &[Row], clock: &Clock) -> Vec<Record> {
        let Some(maker) = &self.maker else {
            return Vec::new();
        };
        let (shape, quality) = (maker.shape(), clock.now().quality);
        for row in rows {
            self.intervals += 1;
            self.flagged += u64::from(!row.flags.is_good());
            self.last_interval = Some(row.end);
        }
        let blocks = rows.chunks(BLOCK_ROWS_MAX).map(|rows| {
            Record::Rows(ProfileRows {
                meter: self.settings.id.clone(),
                profile: GATEWAY_PROFILE,
                shape: shape.clone(),
                clock: quality,
                rows: rows.to_vec(),
            })
        });
        blocks.collect()
    }
}

/// The first mark the planner will still sample: up to half a period late is better than never.
fn first_mark(period: metering::Period, now: Timestamp) -> Timestamp {
    let last = period.mark_at_or_before(now);
    if now >= last.after(period.duration() / 2) {
        last.after(period.duration())
    } else {
        last
    }
}

fn decoded(total: &meters::catalogue::Register, words: &[Answered]) -> Option<SampledTotal> {
    let find = |span: Span| words.iter().find(|answered| answered.span == span);
    let own = find(total.span())?;
    let scale = total.scale_register.and_then(|scale| find(scale.span));
    let found = total.decode(&own.words, scale.map(|answered| answered.words.as_slice()));
    let found = found.ok().flatten()?;
    Some(SampledTotal {
        digits: found.quantity.digits,
        exponent: found.quantity.exponent,
        is_coarse: found.coarse,
    })
}
