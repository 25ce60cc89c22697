//! Rows of a meter's profile against what is stored: what is new is kept, what is equal is not kept
//! twice, what contradicts is kept beside it and said.

use super::flag::SessionSaid;
use super::known::Known;
use super::view::SessionTotals;
use crate::adapters::clock::Clock;
use crate::front::{CONFLICT_PROFILE, GATEWAY_PROFILE};
use crate::limits::BLOCK_ROWS_MAX;
use crate::tasks::storekeeper::{Look, Record, StoreHandle};
use desk::CollectResult;
use metering::{
    Event, EventCode, Flag, Flags, MeterId, ProfileId, ProfileRows, ProfileShape, Row, Timestamp,
};
use meters::collection::{Conflict, merge};

/// What belongs to one meter while its rows are kept.
pub(super) struct Keeping<'a> {
    pub(super) store: &'a StoreHandle,
    pub(super) clock: &'a Clock,
    pub(super) meter: &'a MeterId,
    pub(super) known: &'a mut Known,
    pub(super) brought: &'a mut CollectResult,
    pub(super) totals: &'a mut SessionTotals,
    pub(super) said: &'a mut SessionSaid,
}

impl Keeping<'_> {
    /// Keeps what is new of a block. False while the store cannot say what it holds.
    pub(super) async fn block(&mut self, block: ProfileRows) -> bool {
        let Some(found) = self.stored_like(&block, GATEWAY_PROFILE).await else {
            return false;
        };
        let is_same = |known: &&ProfileRows| known.shape == block.shape;
        let (same, others): (Vec<_>, Vec<_>) = found.iter().partition(is_same);
        let stored: Vec<Row> = same.iter().flat_map(|known| known.rows.clone()).collect();
        let others = others.iter().flat_map(|known| &known.rows);
        let others: Vec<Timestamp> = others.map(|row| row.end).collect();
        self.brought.intervals += count(block.rows.len());
        let (elsewhere, rows): (Vec<Row>, Vec<Row>) = block
            .rows
            .iter()
            .cloned()
            .partition(|row| others.contains(&row.end));
        let merged = merge(&stored, rows);
        self.brought.new += count(merged.new.len());
        let mut kept = merged.new;
        kept.extend(merged.completed);
        kept.sort_by_key(|row| row.end);
        self.count_rows(&kept);
        self.keep_rows(GATEWAY_PROFILE, &block.shape, &kept);
        let read = merged.conflicts.iter().map(|found| found.read.clone());
        let conflicting: Vec<Row> = elsewhere.into_iter().chain(read).collect();
        if conflicting.is_empty() {
            return true;
        }
        let Some(told) = self.stored_like(&block, CONFLICT_PROFILE).await else {
            return false;
        };
        let told: Vec<Row> = told.iter().flat_map(|known| known.rows.clone()).collect();
        self.tell_conflicts(&block.shape, &merged.conflicts, conflicting, &told);
        true
    }

    /// What the store holds of a profile where a block lies. Nothing if it cannot say.
    async fn stored_like(
        &self,
        block: &ProfileRows,
        profile: ProfileId,
    ) -> Option<Vec<ProfileRows>> {
        let (first, last) = (block.rows.first()?, block.rows.last()?);
        let mut from = first.end.before(block.shape.period.duration());
        let mut all: Vec<ProfileRows> = Vec::new();
        loop {
            let ask = |reply| Look::Profile {
                meter: block.meter.clone(),
                profile,
                from,
                to: last.end,
                reply,
            };
            let found = self.store.ask(ask).await.ok()?;
            let newest = found.blocks.last().and_then(|known| known.rows.last());
            let newest = newest.map(|row| row.end);
            all.extend(found.blocks);
            match newest.filter(|_| found.more) {
                Some(newest) => from = newest,
                None => return Some(all),
            }
        }
    }

    fn count_rows(&mut self, rows: &[Row]) {
        let totals = &mut *self.totals;
        totals.intervals += count(rows.len());
        let flagged = rows.iter().filter(|row| is_remarkable(row.flags));
        totals.flagged += count(flagged.count());
        let newest = rows.last().map(|row| row.end);
        totals.last_interval = totals.last_interval.max(newest);
    }

    fn keep_rows(&mut self, profile: ProfileId, shape: &ProfileShape, rows: &[Row]) {
        let step = shape.period.duration();
        let runs = rows.chunk_by(|row, next| row.end.after(step) == next.end);
        let blocks = runs.flat_map(|run| run.chunks(BLOCK_ROWS_MAX));
        let clock = self.clock.now().quality;
        let records = blocks.map(|rows| {
            Record::Rows(ProfileRows {
                meter: self.meter.clone(),
                profile,
                shape: shape.clone(),
                clock,
                rows: rows.to_vec(),
            })
        });
        let records: Vec<Record> = records.collect();
        self.said.records.extend(records);
    }

    /// Both readings are kept, and a person is told of each mark once. `told` is what was kept so
    /// before: of three readings of one mark, two are kept and all are told.
    fn tell_conflicts(
        &mut self,
        shape: &ProfileShape,
        found: &[Conflict],
        mut rows: Vec<Row>,
        told: &[Row],
    ) {
        rows.retain(|row| {
            let before = told.iter().find(|told| told.end == row.end);
            before.is_none_or(|before| {
                let words = format!("conflict {} {:?} {}", row.end, row.values, row.flags);
                before.values != row.values && self.known.is_news(&words)
            })
        });
        let Some(first) = rows.first() else {
            return;
        };
        let end = first.end;
        self.brought.conflicts += count(rows.len());
        self.totals.conflicts += count(rows.len());
        let detail = match found.iter().find(|conflict| conflict.read.end == end) {
            Some(conflict) => format!(
                "{} intervals differ from what was read before, the first ends {end}: stored {}, \
                 read now {}; the first reading stays, the second is profile {CONFLICT_PROFILE}",
                rows.len(),
                values(&conflict.stored),
                values(&conflict.read)
            ),
            None => format!(
                "{} intervals have other channels than what was read before, the first ends {end}; \
                 the first reading stays, the second is profile {CONFLICT_PROFILE}",
                rows.len()
            ),
        };
        self.said.events.push(Event {
            at: self.clock.now().utc,
            code: EventCode::MeterProfileConflict,
            meter: Some(self.meter.clone()),
            detail,
        });
        rows.retain(|row| !told.iter().any(|told| told.end == row.end));
        rows.sort_by_key(|row| row.end);
        self.keep_rows(CONFLICT_PROFILE, shape, &rows);
    }
}

/// Whether there is more to say of an interval than that it is summer.
fn is_remarkable(flags: Flags) -> bool {
    flags.bits() & !Flags::NONE.with(Flag::DstActive).bits() != 0
}

fn values(row: &Row) -> String {
    let each = row.values.iter().map(|value| match value {
        Some(value) => value.to_string(),
        None => "none".to_owned(),
    });
    let flags = if row.flags.is_good() {
        String::new()
    } else {
        format!(" ({})", row.flags)
    };
    format!("{}{flags}", each.collect::<Vec<_>>().join(" "))
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
