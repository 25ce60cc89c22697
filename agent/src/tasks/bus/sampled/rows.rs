//! Rows on their way to the store.

use super::{Rows, Sampled, passed_mark};
use crate::adapters::clock::Clock;
use crate::front::GATEWAY_PROFILE;
use crate::limits::BLOCK_ROWS_MAX;
use crate::tasks::storekeeper::Record;
use metering::{EventCode, Flag, Flags, ProfileRows, Row, Timestamp};
use meters::profile_maker::{Gap, ProfileMaker};
use std::time::Duration;
use storage::{GapRange, GapReason, GapRecord};

impl Sampled {
    /// The rows of a gap; what is too long for rows will be told in one piece.
    pub(super) fn told(&mut self, gap: Gap) -> Vec<Row> {
        if let Some((first, last)) = gap.cut {
            let meter = &self.meter;
            log::error!(meter:%; "{meter}: no intervals are made for {first} to {last}, the gap is too long");
            self.cuts.push((first, last));
        }
        gap.rows
    }

    /// The record of a gap without rows.
    fn cut_record(&self, (first, last): (Timestamp, Timestamp), step: Duration) -> Record {
        Record::Gap(GapRecord {
            what: GapRange::Rows {
                meter: self.meter.clone(),
                profile: GATEWAY_PROFILE,
                from: first.before(step),
                to: last,
            },
            why: GapReason::NotMeasured,
            request: Vec::new(),
        })
    }

    pub(super) fn say_row(&self, row: &Row, clock: &Clock, said: &mut Rows) {
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

    pub(super) fn missed(&mut self, mark: Timestamp, flags: Flags, clock: &Clock, said: &mut Rows) {
        let Some(maker) = &mut self.maker else { return };
        let gap = lost_before(mark, maker, clock);
        let missed = maker.missed(mark, flags);
        let mut rows = self.told(gap);
        rows.extend(missed);
        let records = self.records(&rows, clock);
        said.records.extend(records);
    }

    pub(super) fn records(&mut self, rows: &[Row], clock: &Clock) -> Vec<Record> {
        let Some(maker) = &self.maker else {
            return Vec::new();
        };
        let (shape, quality) = (maker.shape(), clock.now().quality);
        for row in rows {
            self.made.intervals += 1;
            self.made.flagged += u64::from(!row.flags.is_good());
            self.made.last = Some(row.end);
            self.newest = self.newest.max(self.made.last);
        }
        // One block holds rows on consecutive marks only.
        let step = shape.period.duration();
        let runs = rows.chunk_by(|row, next| row.end.after(step) == next.end);
        let blocks = runs.flat_map(|run| run.chunks(BLOCK_ROWS_MAX));
        let blocks = blocks.map(|rows| {
            Record::Rows(ProfileRows {
                meter: self.meter.clone(),
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
pub(super) fn lost_before(mark: Timestamp, maker: &mut ProfileMaker, clock: &Clock) -> Gap {
    let period = maker.shape().period;
    let before = mark.before(period.duration());
    let passed = passed_mark(period, clock.now().utc);
    maker.fill_gap(before.min(passed), Flags::NONE)
}
