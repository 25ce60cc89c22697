//! Looking after what is stored: checksums in slices, the audit chain, figures.

use crate::archive::{PROFILES, TELEMETRY, UNREADABLE, decode_day, decode_slot};
use crate::audit::{AuditLink, AuditSegment, AuditVerdict};
use crate::chunk::day_start;
use crate::database::META;
use crate::error::{InFile, StoreError};
use crate::hot::{self, AUDIT};
use crate::slot::slot_start;
use crate::{FileTraffic, Store, StoreFile, Stream, codec};
use metering::{MeterId, Timestamp};
use redb::{ReadableTable, ReadableTableMetadata};

/// Where a check goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VerifyFrom(Step);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Log(Stream, u64),
    Commands(u64),
    Profiles(u16, u8, u16),
    Telemetry(u32, u16),
}

impl Default for Step {
    fn default() -> Self {
        Self::Log(Stream::Profiles, 0)
    }
}

/// Something stored that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DamagedItem {
    /// An entry of the log.
    Entry {
        /// Its stream.
        stream: Stream,
        /// Its number.
        number: u64,
    },
    /// A command of the journal.
    Command {
        /// Its place in the order of acceptance.
        order: u64,
    },
    /// A day of a meter's profile.
    Profile {
        /// Whose, unless the registry does not know.
        meter: Option<MeterId>,
        /// When the day begins.
        day: Timestamp,
    },
    /// A quarter of an hour of a meter's telemetry.
    Telemetry {
        /// Whose, unless the registry does not know.
        meter: Option<MeterId>,
        /// When it begins.
        slot: Timestamp,
    },
}

/// One slice of a check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifySlice {
    /// Rows looked at.
    pub checked: usize,
    /// What cannot be read.
    pub damaged: Vec<DamagedItem>,
    /// Where to go on; `None` at the end.
    pub next: Option<VerifyFrom>,
}

/// Figures about the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreStats {
    /// What went to and came from the hot file.
    pub hot: FileTraffic,
    /// What went to and came from the archive.
    pub archive: FileTraffic,
    /// Entries in the log.
    pub log_rows: u64,
    /// Days of profiles in the archive, one for each meter.
    pub profile_chunks: u64,
    /// Quarters of an hour of telemetry in the archive, one for each meter.
    pub telemetry_chunks: u64,
    /// Chunks that could not be read when something was to be added; their bytes are kept.
    pub unreadable_chunks: u64,
    /// Audit records held.
    pub audit_records: u64,
    /// Names and shapes that the archive has numbered.
    pub registered: usize,
    /// Profile values in the chunks written since the store was opened, and their bytes.
    pub profile_values: u64,
    /// See `profile_values`.
    pub profile_bytes: u64,
    /// Telemetry values in the chunks written since the store was opened, and their bytes.
    pub telemetry_values: u64,
    /// See `telemetry_values`.
    pub telemetry_bytes: u64,
}

impl Store {
    /// Checks up to `rows` stored values by their checksums and contents. Begin with
    /// `VerifyFrom::default()`; the background check after an unclean stop takes slice after
    /// slice.
    pub fn verify(&self, from: VerifyFrom, rows: usize) -> Result<VerifySlice, StoreError> {
        let mut slice = VerifySlice::default();
        let mut step = Some(from.0);
        while let Some(at) = step
            && slice.checked < rows
        {
            step = match at {
                Step::Log(stream, number) => self.verify_log((stream, number), rows, &mut slice)?,
                Step::Commands(order) => self.verify_command(order, &mut slice)?,
                Step::Profiles(day, profile, meter) => {
                    self.verify_profiles((day, profile, meter), rows, &mut slice)?
                }
                Step::Telemetry(slot, meter) => {
                    self.verify_telemetry((slot, meter), rows, &mut slice)?
                }
            };
        }
        slice.next = step.map(VerifyFrom);
        Ok(slice)
    }

    fn verify_log(
        &self,
        from: (Stream, u64),
        rows: usize,
        slice: &mut VerifySlice,
    ) -> Result<Option<Step>, StoreError> {
        let transaction = hot::reading(&self.hot)?;
        let (stream, first) = from;
        let table = transaction
            .open_table(hot::log(stream))
            .of(StoreFile::Hot)?;
        for row in table.range(first..).of(StoreFile::Hot)? {
            let (key, value) = row.of(StoreFile::Hot)?;
            let number = key.value();
            if slice.checked >= rows {
                return Ok(Some(Step::Log(stream, number)));
            }
            slice.checked += 1;
            if codec::decode(stream, number, value.value()).is_err() {
                slice.damaged.push(DamagedItem::Entry { stream, number });
            }
        }
        let mut later = Stream::ALL.into_iter().filter(|other| *other > stream);
        let next = later.next().map(|stream| Step::Log(stream, 0));
        Ok(Some(next.unwrap_or(Step::Commands(0))))
    }

    fn verify_command(
        &self,
        from: u64,
        slice: &mut VerifySlice,
    ) -> Result<Option<Step>, StoreError> {
        let Some((order, is_sound)) = self.check_command(from)? else {
            return Ok(Some(Step::Profiles(0, 0, 0)));
        };
        slice.checked += 1;
        if !is_sound {
            slice.damaged.push(DamagedItem::Command { order });
        }
        Ok(Some(Step::Commands(order.saturating_add(1))))
    }

    fn verify_profiles(
        &self,
        from: (u16, u8, u16),
        rows: usize,
        slice: &mut VerifySlice,
    ) -> Result<Option<Step>, StoreError> {
        let registry = &self.archive.registry;
        let transaction = self.archive.read()?;
        let table = transaction.open_table(PROFILES).of(StoreFile::Archive)?;
        for row in table.range(from..).of(StoreFile::Archive)? {
            let (key, value) = row.of(StoreFile::Archive)?;
            let (day, profile, meter) = key.value();
            if slice.checked >= rows {
                return Ok(Some(Step::Profiles(day, profile, meter)));
            }
            slice.checked += 1;
            if decode_day(key.value(), value.value(), registry).is_err() {
                slice.damaged.push(DamagedItem::Profile {
                    meter: registry.meter_name(meter).cloned(),
                    day: day_start(day),
                });
            }
        }
        Ok(Some(Step::Telemetry(0, 0)))
    }

    fn verify_telemetry(
        &self,
        from: (u32, u16),
        rows: usize,
        slice: &mut VerifySlice,
    ) -> Result<Option<Step>, StoreError> {
        let registry = &self.archive.registry;
        let transaction = self.archive.read()?;
        let table = transaction.open_table(TELEMETRY).of(StoreFile::Archive)?;
        for row in table.range(from..).of(StoreFile::Archive)? {
            let (key, value) = row.of(StoreFile::Archive)?;
            let (slot, meter) = key.value();
            if slice.checked >= rows {
                return Ok(Some(Step::Telemetry(slot, meter)));
            }
            slice.checked += 1;
            if decode_slot(key.value(), value.value(), registry).is_err() {
                slice.damaged.push(DamagedItem::Telemetry {
                    meter: registry.meter_name(meter).cloned(),
                    slot: slot_start(slot),
                });
            }
        }
        Ok(None)
    }

    /// Audit records from a number on, oldest first, at most `limit`.
    pub fn audit_records(&self, from: u64, limit: usize) -> Result<Vec<AuditLink>, StoreError> {
        let transaction = hot::reading(&self.hot)?;
        let table = transaction.open_table(AUDIT).of(StoreFile::Hot)?;
        let rows = table.range(from..).of(StoreFile::Hot)?;
        rows.take(limit)
            .map(|row| {
                let (number, value) = row.of(StoreFile::Hot)?;
                let number = number.value();
                AuditLink::decode(number, value.value()).map_err(|damage| {
                    StoreError::damaged(StoreFile::Hot, format!("audit record {number}"), damage)
                })
            })
            .collect()
    }

    /// A piece of the audit chain from a number on, or from the oldest record held, at most
    /// `limit` records, with the head before it.
    pub fn audit_segment(&self, from: u64, limit: usize) -> Result<AuditSegment, StoreError> {
        let transaction = hot::reading(&self.hot)?;
        let meta = transaction.open_table(META).of(StoreFile::Hot)?;
        let mut before = hot::audit_base(&meta)?;
        let from = from.min(self.audit_head.number.saturating_add(1));
        if from > before.number.saturating_add(1) {
            let previous = self.audit_records(from - 1, 1)?;
            before = previous.first().map_or(before, AuditLink::head);
        }
        let links = self.audit_records(before.number.saturating_add(1), limit)?;
        Ok(AuditSegment { before, links })
    }

    /// Follows the audit chain from its beginning to its head.
    pub fn verify_audit(&self) -> Result<AuditVerdict, StoreError> {
        let transaction = hot::reading(&self.hot)?;
        let meta = transaction.open_table(META).of(StoreFile::Hot)?;
        let table = transaction.open_table(AUDIT).of(StoreFile::Hot)?;
        let mut head = hot::audit_base(&meta)?;
        let mut verdict = AuditVerdict {
            first: head.number + 1,
            last: self.audit_head.number,
            broken_at: None,
        };
        for row in table.iter().of(StoreFile::Hot)? {
            let (number, value) = row.of(StoreFile::Hot)?;
            let link = AuditLink::decode(number.value(), value.value());
            match link {
                Ok(link) if link.follows(head) => head = link.head(),
                _ => {
                    verdict.broken_at = Some(head.number + 1);
                    return Ok(verdict);
                }
            }
        }
        if head != self.audit_head {
            verdict.broken_at = Some(head.number + 1);
        }
        Ok(verdict)
    }

    /// Figures for metrics and for people.
    pub fn stats(&self) -> Result<StoreStats, StoreError> {
        let hot = hot::reading(&self.hot)?;
        let archive = self.archive.read()?;
        let mut log_rows = 0;
        for stream in Stream::ALL {
            let log = hot.open_table(hot::log(stream)).of(StoreFile::Hot)?;
            log_rows += log.len().of(StoreFile::Hot)?;
        }
        let audit = hot.open_table(AUDIT).of(StoreFile::Hot)?;
        let days = archive.open_table(PROFILES).of(StoreFile::Archive)?;
        let slots = archive.open_table(TELEMETRY).of(StoreFile::Archive)?;
        let unreadable = archive.open_table(UNREADABLE).of(StoreFile::Archive)?;
        let tally = self.archive.tally;
        Ok(StoreStats {
            hot: self.hot.counters.traffic(),
            archive: self.archive.file().counters.traffic(),
            log_rows,
            profile_chunks: days.len().of(StoreFile::Archive)?,
            telemetry_chunks: slots.len().of(StoreFile::Archive)?,
            unreadable_chunks: unreadable.len().of(StoreFile::Archive)?,
            audit_records: audit.len().of(StoreFile::Hot)?,
            registered: self.archive.registry.len(),
            profile_values: tally.profile_values,
            profile_bytes: tally.profile_bytes,
            telemetry_values: tally.telemetry_values,
            telemetry_bytes: tally.telemetry_bytes,
        })
    }

    /// Bytes of all pages that hold profile chunks, half-empty ones too. Reads the whole table:
    /// for benches and inspections, not for metrics.
    pub fn profile_page_bytes(&self) -> Result<u64, StoreError> {
        let archive = self.archive.read()?;
        let days = archive.open_table(PROFILES).of(StoreFile::Archive)?;
        let stats = days.stats().of(StoreFile::Archive)?;
        Ok(stats.stored_bytes() + stats.metadata_bytes() + stats.fragmented_bytes())
    }
}
