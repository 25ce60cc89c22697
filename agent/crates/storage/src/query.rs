//! Questions about what was measured: the archive, and above it what is not sealed yet.

use crate::archive::{PROFILES, TELEMETRY, get_day, get_slot};
use crate::chunk::{Day, day_of, day_start};
use crate::error::{InFile, StoreError};
use crate::hot;
use crate::slot::{Slot, slot_of};
use crate::wire::Damage;
use crate::{Body, Store, StoreFile, Stream, codec};
use metering::{MeterId, MeterReadings, ProfileId, ProfileRows, ProfileShape, Row, Timestamp};
use redb::ReadableTable;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Intervals of one meter's profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProfileData {
    /// Intervals in order, each once, in blocks of consecutive marks, one shape and one clock
    /// quality.
    pub blocks: Vec<ProfileRows>,
    /// Times (after, up to) whose chunk cannot be read.
    pub damaged: Vec<(Timestamp, Timestamp)>,
    /// There are more than `limit`; ask again from the last end.
    pub more: bool,
}

/// Which way through the days.
#[derive(Clone, Copy)]
enum Order {
    Up,
    Down,
}

impl Store {
    /// The intervals that end after `after`, up to and including `upto`, at most `limit`.
    /// Where an interval was stored more than once, the latest one counts.
    pub fn profile(
        &self,
        meter: &MeterId,
        profile: ProfileId,
        after: Timestamp,
        upto: Timestamp,
        limit: usize,
    ) -> Result<ProfileData, StoreError> {
        let mut found = Day::default();
        let mut data = ProfileData::default();
        let is_asked = |end: Timestamp| after < end && end <= upto;
        let first = after.after(Duration::from_millis(1));
        let days = day_of(first)..=day_of(upto);
        self.each_day(meter, profile, days, Order::Up, |number, day| {
            let Ok(chunk) = day else {
                let start = day_start(number);
                let end = start.after(Duration::from_hours(24));
                data.damaged.push((start, end));
                return true;
            };
            let rows = chunk.rows.into_values();
            for kept in rows.filter(|kept| is_asked(kept.row.end)) {
                if let Some(shape) = chunk.shapes.get(kept.shape) {
                    found.put(shape, kept.clock, kept.row);
                }
            }
            found.rows.len() <= limit
        })?;
        // What is newer than the last row of a page comes with the next one.
        let last = found.rows.keys().nth(limit).copied();
        for block in self.unsealed(meter, profile)? {
            for row in block.rows {
                if is_asked(row.end) && last.is_none_or(|last| row.end <= last) {
                    found.put(&block.shape, block.clock, row);
                }
            }
        }
        data.more = found.rows.len() > limit;
        while found.rows.len() > limit {
            found.rows.pop_last();
        }
        data.blocks = blocks(meter, profile, found);
        Ok(data)
    }

    /// The newest interval, by its end.
    pub fn last_row(
        &self,
        meter: &MeterId,
        profile: ProfileId,
    ) -> Result<Option<(Row, ProfileShape)>, StoreError> {
        let mut newest: Option<(Row, ProfileShape)> = None;
        for block in self.unsealed(meter, profile)? {
            for row in block.rows {
                if newest
                    .as_ref()
                    .is_none_or(|(known, _)| known.end <= row.end)
                {
                    newest = Some((row, block.shape.clone()));
                }
            }
        }
        self.each_day(meter, profile, 0..=u16::MAX, Order::Down, |_, day| {
            let Some((_, kept)) = day.as_ref().ok().and_then(|day| day.rows.last_key_value())
            else {
                return true;
            };
            if newest
                .as_ref()
                .is_none_or(|(known, _)| known.end < kept.row.end)
                && let Some(shape) = day.as_ref().ok().and_then(|day| day.shapes.get(kept.shape))
            {
                newest = Some((kept.row.clone(), shape.clone()));
            }
            false
        })?;
        Ok(newest)
    }

    /// The instantaneous values taken after `after`, up to and including `upto`, oldest first,
    /// at most `limit` polls. What cannot be read is left out.
    pub fn telemetry(
        &self,
        meter: &MeterId,
        after: Timestamp,
        upto: Timestamp,
        limit: usize,
    ) -> Result<Vec<MeterReadings>, StoreError> {
        let mut polls = Vec::new();
        let is_asked = |poll: &MeterReadings| after < poll.taken_at && poll.taken_at <= upto;
        self.each_slot(meter, slot_of(after)..=slot_of(upto), |slot| {
            let sealed = slot.readings(meter).unwrap_or_default();
            polls.extend(sealed.into_iter().filter(is_asked));
            polls.len() < limit
        })?;
        let cursor = &self.streams.get(Stream::Telemetry).cursor;
        self.each_unsealed(Stream::Telemetry, cursor.sealed, |number, row| {
            let entry = codec::decode(Stream::Telemetry, number, row);
            if let Ok(Body::Readings(fresh)) = entry.map(|entry| entry.body) {
                let mine = fresh.into_iter().filter(|poll| poll.meter == *meter);
                polls.extend(mine.filter(is_asked));
            }
        })?;
        polls.sort_by_key(|poll| poll.taken_at);
        polls.dedup();
        polls.truncate(limit);
        Ok(polls)
    }

    /// Looks at the chunks of some days, one after the other, while `look` says so.
    fn each_day(
        &self,
        meter: &MeterId,
        profile: ProfileId,
        days: RangeInclusive<u16>,
        order: Order,
        mut look: impl FnMut(u16, Result<Day, Damage>) -> bool,
    ) -> Result<(), StoreError> {
        let registry = &self.archive.registry;
        let (Some(meter), Some(profile)) = (registry.meter(meter), registry.profile(profile))
        else {
            return Ok(());
        };
        let transaction = self.archive.read()?;
        let table = transaction.open_table(PROFILES).of(StoreFile::Archive)?;
        let oldest = table.first().of(StoreFile::Archive)?;
        let newest = table.last().of(StoreFile::Archive)?;
        let (Some((oldest, _)), Some((newest, _))) = (oldest, newest) else {
            return Ok(());
        };
        let first = oldest.value().0.max(*days.start());
        let last = newest.value().0.min(*days.end());
        for step in 0..=last.saturating_sub(first) {
            let day = match order {
                Order::Up => first + step,
                Order::Down => last - step,
            };
            if days.contains(&day)
                && let Some(chunk) = get_day(&table, (day, profile, meter), registry)?
                && !look(day, chunk)
            {
                break;
            }
        }
        Ok(())
    }

    fn each_slot(
        &self,
        meter: &MeterId,
        slots: RangeInclusive<u32>,
        mut look: impl FnMut(Slot) -> bool,
    ) -> Result<(), StoreError> {
        let registry = &self.archive.registry;
        let Some(meter) = registry.meter(meter) else {
            return Ok(());
        };
        let transaction = self.archive.read()?;
        let table = transaction.open_table(TELEMETRY).of(StoreFile::Archive)?;
        let oldest = table.first().of(StoreFile::Archive)?;
        let newest = table.last().of(StoreFile::Archive)?;
        let (Some((oldest, _)), Some((newest, _))) = (oldest, newest) else {
            return Ok(());
        };
        let first = oldest.value().0.max(*slots.start());
        let last = newest.value().0.min(*slots.end());
        for slot in first..=last {
            if let Some(Ok(chunk)) = get_slot(&table, (slot, meter), registry)?
                && !look(chunk)
            {
                break;
            }
        }
        Ok(())
    }

    /// Blocks of a profile that the archive does not have yet, in the order they were stored.
    fn unsealed(
        &self,
        meter: &MeterId,
        profile: ProfileId,
    ) -> Result<Vec<ProfileRows>, StoreError> {
        let mut blocks = Vec::new();
        let sealed = self.streams.get(Stream::Profiles).cursor.sealed;
        self.each_unsealed(Stream::Profiles, sealed, |number, row| {
            let owner = codec::decode_owner(number, row);
            if !owner.is_ok_and(|(owner, kind)| owner == *meter && kind == profile) {
                return;
            }
            let entry = codec::decode(Stream::Profiles, number, row);
            if let Ok(Body::Profile(block)) = entry.map(|entry| entry.body) {
                blocks.push(block);
            }
        })?;
        Ok(blocks)
    }

    fn each_unsealed(
        &self,
        stream: Stream,
        sealed: u64,
        mut look: impl FnMut(u64, &[u8]),
    ) -> Result<(), StoreError> {
        let transaction = hot::reading(&self.hot)?;
        let log = transaction
            .open_table(hot::log(stream))
            .of(StoreFile::Hot)?;
        let rows = log.range(sealed + 1..);
        for row in rows.of(StoreFile::Hot)? {
            let (key, value) = row.of(StoreFile::Hot)?;
            look(key.value(), value.value());
        }
        Ok(())
    }
}

/// Rows as blocks whose marks follow each other.
fn blocks(meter: &MeterId, profile: ProfileId, found: Day) -> Vec<ProfileRows> {
    let mut blocks: Vec<ProfileRows> = Vec::new();
    for kept in found.rows.into_values() {
        let Some(shape) = found.shapes.get(kept.shape) else {
            continue;
        };
        if let Some(open) = blocks.last_mut()
            && open.shape == *shape
            && open.clock == kept.clock
            && let Some(before) = open.rows.last()
            && before.end.after(shape.period.duration()) == kept.row.end
        {
            open.rows.push(kept.row);
        } else {
            blocks.push(ProfileRows {
                meter: meter.clone(),
                profile,
                shape: shape.clone(),
                clock: kept.clock,
                rows: vec![kept.row],
            });
        }
    }
    blocks
}
