//! Samples at interval ends become rows of the load profile.

use super::{Book, HELD_MAX, Said, flags_of, offset_ms};
use crate::adapters::clock::Clock;
use crate::front::GATEWAY_PROFILE;
use crate::limits::BLOCK_ROWS_MAX;
use crate::plan::SAMPLE;
use crate::tasks::bus::place::{Ahead, Place};
use crate::tasks::storekeeper::Record;
use desk::MeterTrust;
use metering::{ClockQuality, EventCode, Flag, Flags, Period, ProfileRows, Row, Timestamp};
use meters::Span;
use meters::planner::{Answered, Why};
use meters::profile_maker::{Gap, Made, ProfileMaker, ProfileSettings, SampledTotal, TotalChannel};
use std::time::Duration;
use storage::{GapRange, GapReason, GapRecord};

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
    /// By the clock as it ran then: it may be set before the sample is made a row.
    offset_ms: i32,
    clock: ClockQuality,
}

impl Sample {
    pub(super) fn new(
        mark: Timestamp,
        words: Vec<Answered>,
        failed: Vec<(Span, Why)>,
        clock: &Clock,
    ) -> Self {
        let taken = words.iter().map(|answered| answered.taken).max();
        Self {
            mark,
            words,
            failed,
            offset_ms: taken.map_or(0, |taken| offset_ms(taken, mark, clock)),
            clock: clock.now().quality,
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
    /// Begins, or begins anew, to make a profile where `place` is; rows for the marks that passed
    /// meanwhile.
    pub(in super::super) fn begin_profile(
        &mut self,
        place: &Place,
        late_after: Duration,
        begin: Begin,
        clock: &Clock,
    ) -> Vec<Record> {
        self.unplaced = None;
        let Some(profile) = &self.settings.profile else {
            return Vec::new();
        };
        if self.plan.totals.is_empty() {
            return Vec::new();
        }
        let period = profile.period;
        let channels = self.plan.totals.iter().map(|total| TotalChannel {
            obis: total.obis,
            exponent: total.exponent,
            unit: total.unit,
            modulus: total.rollover,
            max_per_interval: self.max_per_interval(total.exponent, period.seconds()),
        });
        let settings = ProfileSettings { late_after };
        let channels: Vec<TotalChannel> = channels.collect();
        let passed = passed_mark(period, clock.now().utc);
        // What is held has come already.
        let held = self.held.first();
        let passed = held.map_or(passed, |held| {
            passed.min(held.mark.before(period.duration()))
        });
        let newest = place.newest.as_ref();
        // Of rows on both sides of now nobody knows which was made last.
        let known = newest.filter(|_| place.astride.is_none());
        let known = known.map(|(row, _)| row);
        let mut maker = ProfileMaker::new(channels.clone(), period, settings, known);
        let is_same = newest.is_some_and(|(_, shape)| *shape == maker.shape());
        if !is_same {
            // Other totals or another period: a new profile begins, after the old one.
            maker = ProfileMaker::new(channels, period, settings, None);
            if let Some((row, _)) = newest {
                maker.continue_after(row.end.max(passed), &[]);
            }
        }
        if let Some(astride) = &place.astride {
            let after = astride.after.filter(|_| is_same);
            maker.continue_after(after.unwrap_or(passed), &astride.ahead.rows);
        }
        let mut flags = Flags::from(begin.flag());
        if place.astride.is_some() {
            maker.clock_stepped();
            flags = flags.with(Flag::TimeSet);
        }
        let rows = if is_same {
            self.told(maker.fill_gap(passed, flags))
        } else {
            Vec::new()
        };
        match begin {
            Begin::Start => maker.restarted(),
            Begin::Change => maker.reconfigured(),
        }
        self.maker = Some(maker);
        self.newest = newest.map(|(row, _)| row.end);
        let ahead = place.astride.as_ref().map(|astride| &astride.ahead);
        self.looked_up_to = ahead.and_then(|ahead| ahead.looked_up_to);
        self.records(&rows, clock)
    }

    /// Where the profile goes on cannot be read now: samples wait until it can.
    pub(in super::super) fn begin_later(&mut self, begin: Begin) {
        self.unplaced = Some(begin);
    }

    /// What waited for the profile to begin.
    pub(in super::super) fn hear_held(&mut self, clock: &Clock) -> Said {
        let mut said = Said::default();
        for sample in std::mem::take(&mut self.held) {
            self.hear_sample(sample, clock, &mut said);
        }
        said
    }

    /// The gateway's clock was set back: marks that come again keep their rows, and those that
    /// have none are made.
    pub(in super::super) fn continue_after(
        &mut self,
        passed: Timestamp,
        ahead: &Ahead,
        clock: &Clock,
    ) -> Vec<Record> {
        let Some(maker) = &mut self.maker else {
            return Vec::new();
        };
        let gap = maker.fill_gap(passed, Flags::from(Flag::TimeSet));
        maker.continue_after(passed, &ahead.rows);
        self.looked_up_to = ahead.looked_up_to;
        let rows = self.told(gap);
        self.records(&rows, clock)
    }

    /// More rows after now are known.
    pub(in super::super) fn saw_ahead(&mut self, ahead: &Ahead) {
        if let Some(maker) = &mut self.maker {
            maker.has_rows(&ahead.rows);
        }
        self.looked_up_to = ahead.looked_up_to;
    }

    /// The rows of a gap; what is too long for rows will be told in one piece.
    fn told(&mut self, gap: Gap) -> Vec<Row> {
        if let Some((first, last)) = gap.cut {
            let meter = self.id();
            log::error!(meter:%; "{meter}: no intervals are made for {first} to {last}, the gap is too long");
            self.cuts.push((first, last));
        }
        gap.rows
    }

    /// The record of a gap without rows.
    fn cut_record(&self, (first, last): (Timestamp, Timestamp), step: Duration) -> Record {
        Record::Gap(GapRecord {
            what: GapRange::Rows {
                meter: self.settings.id.clone(),
                profile: GATEWAY_PROFILE,
                from: first.before(step),
                to: last,
            },
            why: GapReason::NotMeasured,
            request: Vec::new(),
        })
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
        if self.unplaced.is_some() {
            // What is let go here is a gap that the beginning of the profile fills.
            if self.held.len() >= HELD_MAX {
                self.held.remove(0);
            }
            self.held.push(sample);
            return;
        }
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
        let mut values = Vec::new();
        for total in &self.plan.totals {
            values.push(decoded(total, &sample.words));
        }
        let gap = lost_before(sample.mark, maker, clock);
        let made = maker.sample(sample.mark, sample.offset_ms, &values, sample.clock);
        let mut rows = self.told(gap);
        match made {
            Made::Row(mut row) => {
                row.flags = row.flags.union(sample.flags());
                self.say_row(&row, clock, said);
                rows.push(row);
                let records = self.records(&rows, clock);
                said.records.extend(records);
            }
            Made::ReadAgain => {
                let records = self.records(&rows, clock);
                said.records.extend(records);
                said.read_again.push((SAMPLE, Some(sample.mark)));
            }
            Made::Nothing => said.records.extend(self.records(&rows, clock)),
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
        let Some(maker) = &mut self.maker else { return };
        if why == Why::Clock && first < last && !maker.has_begun() {
            // A gateway without a clock of its own starts years ago: nothing is lost there.
            return;
        }
        let (first, cut) = maker.cut(first, last);
        self.told(Gap {
            rows: Vec::new(),
            cut,
        });
        // The same road as a sample: what is held back until the meter has said who it is must
        // not be overtaken.
        let reason = (self.plan.planned.probe, why);
        let mut mark = first;
        while mark <= last {
            self.hear_sample(
                Sample::new(mark, Vec::new(), vec![reason], clock),
                clock,
                said,
            );
            mark = mark.after(period.duration());
        }
    }

    fn missed(&mut self, mark: Timestamp, flags: Flags, clock: &Clock, said: &mut Said) {
        let Some(maker) = &mut self.maker else { return };
        let gap = lost_before(mark, maker, clock);
        let missed = maker.missed(mark, flags);
        let mut rows = self.told(gap);
        rows.extend(missed);
        let records = self.records(&rows, clock);
        said.records.extend(records);
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
            self.newest = self.newest.max(self.last_interval);
        }
        // One block holds rows on consecutive marks only.
        let step = shape.period.duration();
        let runs = rows.chunk_by(|row, next| row.end.after(step) == next.end);
        let blocks = runs.flat_map(|run| run.chunks(BLOCK_ROWS_MAX));
        let blocks = blocks.map(|rows| {
            Record::Rows(ProfileRows {
                meter: self.settings.id.clone(),
                profile: GATEWAY_PROFILE,
                shape: shape.clone(),
                clock: quality,
                rows: rows.to_vec(),
            })
        });
        let mut records: Vec<Record> = blocks.collect();
        let cuts = std::mem::take(&mut self.cuts);
        records.extend(cuts.into_iter().map(|cut| self.cut_record(cut, step)));
        records
    }
}

/// Rows for the marks before this one that nobody told of. What the clock has not passed is not
/// lost yet: a sample of the clock's former setting may come late.
fn lost_before(mark: Timestamp, maker: &mut ProfileMaker, clock: &Clock) -> Gap {
    let period = maker.shape().period;
    let before = mark.before(period.duration());
    let passed = passed_mark(period, clock.now().utc);
    maker.fill_gap(before.min(passed), Flags::NONE)
}

/// The last mark that the planner will not sample any more: up to half a period late is better
/// than never.
pub(in super::super) fn passed_mark(period: Period, now: Timestamp) -> Timestamp {
    let last = period.mark_at_or_before(now);
    if now >= last.after(period.duration() / 2) {
        last
    } else {
        last.before(period.duration())
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
