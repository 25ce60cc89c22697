//! Sealing: entries move from the log into the archive's chunks.
//!
//! The archive is committed first, the cursor in the hot file after it. A crash in between
//! seals the same entries once more: they find themselves in the chunk and change nothing.

use crate::archive::{self, PROFILES, TELEMETRY, Tally, get_day, get_slot};
use crate::chunk::{Day, day_of, day_place};
use crate::error::{InFile, StoreError};
use crate::hot;
use crate::limits::{SEAL_ENTRIES_MAX, SEAL_VALUES_MAX};
use crate::registry::Registry;
use crate::slot::{Slot, slot_of, slot_place};
use crate::{Body, Store, StoreFile, Stream, codec};
use metering::{MeterReadings, ProfileRows};
use redb::WriteTransaction;
use std::collections::BTreeMap;

/// What one call of `Store::seal` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SealReport {
    /// Entries now in the archive.
    pub entries: u64,
    /// Chunks written.
    pub chunks: u64,
    /// Entries that could not be read and were passed over; they stay in the log until the
    /// head-end confirms them.
    pub damaged: u64,
    /// Chunks that could not be read and were replaced; their bytes are kept.
    pub unreadable_chunks: u64,
    /// Rows that found no room in a full chunk.
    pub dropped_rows: u64,
    /// There is more to seal.
    pub more: bool,
}

/// Entries gathered by where they go.
#[derive(Default)]
struct Gathered {
    days: BTreeMap<(u16, u8, u16), Day>,
    slots: BTreeMap<(u32, u16), Slot>,
    entries: u64,
    damaged: u64,
    values: usize,
    /// How far each stream was read.
    upto: Vec<(Stream, u64)>,
    more: bool,
}

impl Store {
    /// Moves what is in the log and not yet in the archive there, as much as one commit should
    /// hold. Call it shortly after each quarter of an hour, so that every chunk of telemetry is
    /// written once, and again while the report says `more`.
    pub fn seal(&mut self) -> Result<SealReport, StoreError> {
        let mut registry = self.archive.registry.clone();
        let mut gathered = Gathered::default();
        for stream in [Stream::Profiles, Stream::Telemetry] {
            self.gather(stream, &mut registry, &mut gathered)?;
        }
        let mut report = SealReport {
            entries: gathered.entries,
            damaged: gathered.damaged,
            more: gathered.more,
            ..SealReport::default()
        };
        let upto = std::mem::take(&mut gathered.upto);
        if upto.is_empty() {
            self.flush()?;
            return Ok(report);
        }
        if !gathered.days.is_empty() || !gathered.slots.is_empty() {
            self.write_chunks(gathered, registry, &mut report)?;
        }
        self.write_hot(|_, streams| {
            for (stream, number) in upto {
                streams.get_mut(stream).cursor.sealed = number;
            }
            Ok(())
        })?;
        Ok(report)
    }

    fn gather(
        &self,
        stream: Stream,
        registry: &mut Registry,
        gathered: &mut Gathered,
    ) -> Result<(), StoreError> {
        let cursor = &self.streams.get(stream).cursor;
        let mut upto = cursor.sealed;
        let transaction = hot::reading(&self.hot)?;
        let log = transaction
            .open_table(hot::log(stream))
            .of(StoreFile::Hot)?;
        let rows = log.range(upto + 1..);
        for row in rows.of(StoreFile::Hot)? {
            let (key, value) = row.of(StoreFile::Hot)?;
            if gathered.is_full() {
                gathered.more = true;
                break;
            }
            let number = key.value();
            upto = number;
            match codec::decode(stream, number, value.value()).map(|entry| entry.body) {
                Ok(Body::Profile(block)) => gathered.take_block(&block, registry)?,
                Ok(Body::Readings(polls)) => gathered.take_polls(&polls, registry)?,
                Ok(_) => {}
                Err(damage) => {
                    log::error!(stream:% = stream, number, error:% = damage;
                        "an entry of the log is damaged and cannot be archived");
                    gathered.damaged += 1;
                    continue;
                }
            }
            gathered.entries += 1;
        }
        // Numbers that were dropped before they were sealed are passed over.
        if !gathered.more {
            upto = cursor.newest();
        }
        if upto > cursor.sealed {
            gathered.upto.push((stream, upto));
        }
        Ok(())
    }

    fn write_chunks(
        &mut self,
        gathered: Gathered,
        mut registry: Registry,
        report: &mut SealReport,
    ) -> Result<(), StoreError> {
        let transaction = self.archive.write()?;
        let mut tally = self.archive.tally;
        write_days(
            &transaction,
            gathered.days,
            &mut registry,
            &mut tally,
            report,
        )?;
        write_slots(
            &transaction,
            gathered.slots,
            &mut registry,
            &mut tally,
            report,
        )?;
        registry.write_news(&transaction, &self.archive.registry)?;
        transaction.commit().of(StoreFile::Archive)?;
        self.archive.registry = registry;
        self.archive.tally = tally;
        Ok(())
    }
}

impl Gathered {
    fn is_full(&self) -> bool {
        let entries = usize::try_from(self.entries + self.damaged).unwrap_or(usize::MAX);
        self.values >= SEAL_VALUES_MAX || entries >= SEAL_ENTRIES_MAX
    }

    fn take_block(
        &mut self,
        block: &ProfileRows,
        registry: &mut Registry,
    ) -> Result<(), StoreError> {
        let meter = registry.add_meter(block.meter.clone())?;
        let profile = registry.add_profile(block.profile)?;
        for row in &block.rows {
            self.values += row.values.len() + 3;
            let key = (day_of(row.end), profile, meter);
            let day = self.days.entry(key).or_default();
            day.put(&block.shape, block.clock, row.clone());
        }
        Ok(())
    }

    fn take_polls(
        &mut self,
        polls: &[MeterReadings],
        registry: &mut Registry,
    ) -> Result<(), StoreError> {
        for poll in polls {
            self.values += poll.values.len() + 1;
            let meter = registry.add_meter(poll.meter.clone())?;
            let key = (slot_of(poll.taken_at), meter);
            self.slots.entry(key).or_default().put(poll);
        }
        Ok(())
    }
}

fn write_days(
    transaction: &WriteTransaction,
    days: BTreeMap<(u16, u8, u16), Day>,
    registry: &mut Registry,
    tally: &mut Tally,
    report: &mut SealReport,
) -> Result<(), StoreError> {
    let mut table = transaction.open_table(PROFILES).of(StoreFile::Archive)?;
    for (key, news) in days {
        let (number, profile, meter) = key;
        let mut day = match get_day(&table, key, registry)? {
            None => Day::default(),
            Some(Ok(day)) => day,
            Some(Err(damage)) => {
                log::error!(day = number, meter, error:% = damage;
                    "a day of the archive cannot be read; it is kept aside and begun anew");
                let minor = u64::from(profile) << 16 | u64::from(meter);
                let name = (b'D', u64::from(number), minor);
                archive::keep_unreadable(transaction, &table, key, name).of(StoreFile::Archive)?;
                report.unreadable_chunks += 1;
                Day::default()
            }
        };
        for kept in news.rows.into_values() {
            if let Some(shape) = news.shapes.get(kept.shape) {
                day.put(shape, kept.clock, kept.row);
            }
        }
        report.dropped_rows += count(day.trim());
        let place = day_place(number, profile, meter);
        let chunk = day.encode(number, &place, |shape| registry.add_shape(shape));
        tally.profile_bytes += count(chunk.len());
        let values = day.rows.values().map(|kept| kept.row.values.len());
        tally.profile_values += count(values.sum());
        report.chunks += 1;
        table.insert(key, chunk.as_slice()).of(StoreFile::Archive)?;
    }
    Ok(())
}

fn write_slots(
    transaction: &WriteTransaction,
    slots: BTreeMap<(u32, u16), Slot>,
    registry: &mut Registry,
    tally: &mut Tally,
    report: &mut SealReport,
) -> Result<(), StoreError> {
    let mut table = transaction.open_table(TELEMETRY).of(StoreFile::Archive)?;
    for (key, news) in slots {
        let (number, meter) = key;
        let mut slot = match get_slot(&table, key, registry)? {
            None => Slot::default(),
            Some(Ok(slot)) => slot,
            Some(Err(damage)) => {
                log::error!(slot = number, meter, error:% = damage;
                    "telemetry of the archive cannot be read; it is kept aside and begun anew");
                let name = (b'T', u64::from(number), u64::from(meter));
                archive::keep_unreadable(transaction, &table, key, name).of(StoreFile::Archive)?;
                report.unreadable_chunks += 1;
                Slot::default()
            }
        };
        slot.merge(news);
        report.dropped_rows += count(slot.trim());
        let place = slot_place(number, meter);
        let chunk = slot.encode(number, &place, |shape| registry.add_shape(shape));
        tally.telemetry_bytes += count(chunk.len());
        tally.telemetry_values += count(slot.cells());
        report.chunks += 1;
        table.insert(key, chunk.as_slice()).of(StoreFile::Archive)?;
    }
    Ok(())
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
