//! The store: one owner, one writer, two files.

use crate::append::Plan;
use crate::archive::Archive;
use crate::batch::Batch;
use crate::database::{FileState, OnRepair, OpenFile, Opening};
use crate::error::{InFile, StoreError};
use crate::hot::{self, QUARANTINE, STATE, StreamState};
use crate::limits::{EVENTS_KEPT, PERSIST_AFTER};
use crate::medium::{Folder, Medium};
use crate::stream::PerStream;
use crate::{AuditHead, StoreFile, Stream, remember};
use metering::Timestamp;
use redb::{ReadableDatabase, WriteTransaction};
use std::collections::BTreeSet;
use std::path::Path;

/// How the store is opened.
#[derive(Clone)]
pub struct StoreOptions {
    /// Random; becomes the epoch if a new hot file, or the identity if a new archive is made.
    pub epoch: [u8; 8],
    /// Memory for pages of the hot file.
    pub hot_cache_bytes: usize,
    /// Memory for pages of the archive.
    pub archive_cache_bytes: usize,
    /// Told how far a repair after an unclean stop has come, so that nobody takes a store that
    /// repairs itself for one that hangs.
    pub on_repair: Option<OnRepair>,
}

impl StoreOptions {
    /// The cache sizes of a gateway that shall stay below 20 MiB.
    pub fn new(epoch: [u8; 8]) -> Self {
        Self {
            epoch,
            hot_cache_bytes: 2 * 1024 * 1024,
            archive_cache_bytes: 3 * 1024 * 1024,
            on_repair: None,
        }
    }
}

/// In which state the store was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenReport {
    /// The store was not closed; `Store::verify` in the background is due.
    pub unclean_stop: bool,
    /// The hot file.
    pub hot: FileState,
    /// The archive.
    pub archive: FileState,
    /// Files that the database had to repair.
    pub repaired: Vec<StoreFile>,
}

/// What a watermark freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Freed {
    /// Entries that were unconfirmed until now.
    pub entries: u64,
    /// Their bytes in the log.
    pub bytes: u64,
}

/// The durable store. Every method blocks: its owner runs on a thread of its own.
///
/// After an error whose remedy is `Reopen` the store refuses further writes. Close it, open it
/// again, and repeat what is missing: a failed `append` has written all of its batch or nothing,
/// and `next` tells which.
#[derive(Debug)]
pub struct Store {
    pub(crate) hot: OpenFile,
    pub(crate) archive: Archive,
    pub(crate) epoch: [u8; 8],
    pub(crate) streams: PerStream<StreamState>,
    pub(crate) audit_head: AuditHead,
    pub(crate) quarantined: BTreeSet<(u8, u64)>,
    /// A watermark is not on disk yet.
    is_dirty: bool,
    persisted_at: Timestamp,
}

impl Store {
    /// Opens the store in a folder, which must exist. A broken file is set aside and replaced
    /// by a fresh one; the report says so.
    pub fn open(folder: &Path, options: &StoreOptions) -> Result<(Self, OpenReport), StoreError> {
        Self::open_on(&Folder::new(folder), options)
    }

    /// Opens the store on any medium.
    pub fn open_on(
        medium: &dyn Medium,
        options: &StoreOptions,
    ) -> Result<(Self, OpenReport), StoreError> {
        let opening = |file, cache_bytes| Opening {
            medium,
            file,
            cache_bytes,
            on_repair: options.on_repair.clone(),
        };
        let (archive, archive_state) = Archive::open(
            &opening(StoreFile::Archive, options.archive_cache_bytes),
            options.epoch,
        )?;
        let (hot, state, hot_state) = opening(StoreFile::Hot, options.hot_cache_bytes)
            .run(|file, is_fresh| hot::prepare(file, is_fresh, options.epoch))?;
        let repaired = [(&hot, StoreFile::Hot), (archive.file(), StoreFile::Archive)];
        let report = OpenReport {
            unclean_stop: state.was_in_use,
            hot: hot_state,
            archive: archive_state,
            repaired: repaired
                .into_iter()
                .filter_map(|(file, name)| file.was_repaired.then_some(name))
                .collect(),
        };
        let is_known = report.archive == FileState::Existing;
        let known_archive = state.archive.filter(|_| is_known);
        let mut store = Self {
            hot,
            archive,
            epoch: state.epoch,
            streams: state.streams,
            audit_head: state.audit_head,
            quarantined: state.quarantined,
            is_dirty: false,
            persisted_at: Timestamp::default(),
        };
        store.meet_archive(known_archive)?;
        Ok((store, report))
    }

    /// With another archive than before, everything still in the log is sealed once more.
    fn meet_archive(&mut self, known: Option<[u8; 8]>) -> Result<(), StoreError> {
        let id = self.archive.id();
        if known == Some(id) {
            return Ok(());
        }
        for stream in Stream::ALL {
            let cursor = &mut self.streams.get_mut(stream).cursor;
            cursor.sealed = cursor.freed;
        }
        let transaction = self.hot.database.begin_write().of(StoreFile::Hot)?;
        hot::write_archive(&transaction, id).of(StoreFile::Hot)?;
        hot::write_cursors(&transaction, &self.streams).of(StoreFile::Hot)?;
        transaction.commit().of(StoreFile::Hot)
    }

    /// Random bytes made with the hot file: numbers count within them.
    pub const fn epoch(&self) -> [u8; 8] {
        self.epoch
    }

    /// The number that the next entry of a stream will get.
    pub const fn next(&self, stream: Stream) -> u64 {
        self.streams.get(stream).cursor.next
    }

    /// Writes a batch as one commit and says which numbers its entries got. It is durable when
    /// this returns. On an error all of it or nothing was written: after reopening, `next` of
    /// its streams tells which, before the batch is repeated.
    pub fn append(&mut self, batch: Batch) -> Result<Vec<(Stream, u64)>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let (given, ()) = self.append_with(batch, Timestamp::default(), |_, _| Ok(()))?;
        Ok(given)
    }

    /// Writes a batch at `at` or later, and `more` within the same commit.
    pub(crate) fn append_with<T>(
        &mut self,
        batch: Batch,
        at: Timestamp,
        more: impl FnOnce(&WriteTransaction, &Plan) -> Result<T, StoreError>,
    ) -> Result<(Vec<(Stream, u64)>, T), StoreError> {
        let plan = Plan::of(batch, &self.streams, self.audit_head)?;
        let at = plan.at.max(at);
        let persists = self.is_dirty && is_apart(at, self.persisted_at);
        let transaction = self.hot.database.begin_write().of(StoreFile::Hot)?;
        plan.write(&transaction).of(StoreFile::Hot)?;
        remember::write(&transaction, &plan.remembered)?;
        let written = more(&transaction, &plan)?;
        if persists {
            hot::write_cursors(&transaction, &self.streams).of(StoreFile::Hot)?;
        }
        transaction.commit().of(StoreFile::Hot)?;
        if persists {
            self.is_dirty = false;
            self.persisted_at = at;
        }
        let given = plan.applied(&mut self.streams, &mut self.audit_head);
        Ok((given, written))
    }

    /// Takes in a watermark of the head-end: everything up to `upto`, and some runs beyond.
    ///
    /// It holds at once in memory. On disk it is with the first commit five minutes or more after
    /// the last one that carried one, with the next `seal`, `retain`, `flush` or `close`; a
    /// crash before only repeats messages. A lower one than before changes nothing.
    pub fn confirm(
        &mut self,
        stream: Stream,
        upto: u64,
        islands: &[(u64, u64)],
    ) -> Result<Freed, StoreError> {
        let mut cursor = self.streams.get(stream).cursor.clone();
        let fresh = cursor.confirm(upto, islands)?;
        let freed = self.weigh(stream, &fresh)?;
        let state = self.streams.get_mut(stream);
        self.is_dirty |= state.cursor != cursor;
        state.cursor = cursor;
        state.unsent_entries = state.unsent_entries.saturating_sub(freed.entries);
        state.unsent_bytes = state.unsent_bytes.saturating_sub(freed.bytes);
        Ok(freed)
    }

    /// Entries and bytes of some runs of the log.
    fn weigh(&self, stream: Stream, runs: &[(u64, u64)]) -> Result<Freed, StoreError> {
        let mut freed = Freed::default();
        if runs.is_empty() {
            return Ok(freed);
        }
        let transaction = hot::reading(&self.hot)?;
        let log = transaction
            .open_table(hot::log(stream))
            .of(StoreFile::Hot)?;
        for (first, last) in runs {
            for row in log.range(*first..=*last).of(StoreFile::Hot)? {
                let (_, value) = row.of(StoreFile::Hot)?;
                freed.entries += 1;
                freed.bytes += u64::try_from(value.value().len()).unwrap_or(0);
            }
        }
        Ok(freed)
    }

    /// Makes the watermarks durable and deletes what has done its work.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        if !self.is_dirty {
            return Ok(());
        }
        self.write_hot(|_, _| Ok(()))
    }

    /// One commit of the hot file: what `write` does to the streams and the tables, the
    /// cursors, and the deletion of rows that have done their work. Nothing of it counts before
    /// the commit has returned.
    pub(crate) fn write_hot<T>(
        &mut self,
        write: impl FnOnce(&WriteTransaction, &mut PerStream<StreamState>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut streams = self.streams.clone();
        let transaction = self.hot.database.begin_write().of(StoreFile::Hot)?;
        let result = write(&transaction, &mut streams)?;
        let settled = delete_done(&transaction, &mut streams, &self.quarantined);
        let settled = settled.of(StoreFile::Hot)?;
        hot::write_cursors(&transaction, &streams).of(StoreFile::Hot)?;
        transaction.commit().of(StoreFile::Hot)?;
        self.streams = streams;
        self.is_dirty = false;
        for key in settled {
            self.quarantined.remove(&key);
        }
        Ok(result)
    }

    /// A value kept with `set_state`.
    pub fn state(&self, kind: u8, id: u32) -> Result<Option<Vec<u8>>, StoreError> {
        let transaction = self.hot.database.begin_read().of(StoreFile::Hot)?;
        let table = transaction.open_table(STATE).of(StoreFile::Hot)?;
        let value = table.get((kind, id)).of(StoreFile::Hot)?;
        Ok(value.map(|value| value.value().to_vec()))
    }

    /// Keeps a small value durably, in a commit of its own; better is `Batch::set_state`.
    pub fn set_state(&mut self, kind: u8, id: u32, value: &[u8]) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.set_state(kind, id, value.to_vec());
        self.append(batch).map(drop)
    }

    /// The newest link of the audit chain.
    pub const fn audit_head(&self) -> AuditHead {
        self.audit_head
    }

    /// Writes what is not durable yet, and closes both files. What fails here is reported; the
    /// entries are safe all the same.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.write_hot(|transaction, _| hot::write_closed(transaction).of(StoreFile::Hot))?;
        self.hot.database.close().of(StoreFile::Hot)?;
        self.archive.close()
    }
}

/// Deletes rows that are confirmed and sealed, and moves the cursors' `freed` on. Says which
/// entries need not be set aside any longer, because the head-end has them after all.
fn delete_done(
    transaction: &WriteTransaction,
    streams: &mut PerStream<StreamState>,
    quarantined: &BTreeSet<(u8, u64)>,
) -> Result<Vec<(u8, u64)>, redb::Error> {
    let mut settled = Vec::new();
    for stream in Stream::ALL {
        let cursor = &mut streams.get_mut(stream).cursor;
        let (code, done) = (stream.code(), cursor.done(EVENTS_KEPT));
        if done > cursor.freed {
            let mut log = transaction.open_table(hot::log(stream))?;
            log.retain_in(..=done, |_, _| false)?;
            cursor.freed = done;
        }
        settled.extend(quarantined.range((code, 0)..=(code, cursor.confirmed)));
    }
    if !settled.is_empty() {
        let mut table = transaction.open_table(QUARANTINE)?;
        for key in &settled {
            table.remove(key)?;
        }
    }
    Ok(settled)
}

/// Whether two instants are far enough apart for another write of the cursors; a clock that
/// was set back counts too.
fn is_apart(now: Timestamp, before: Timestamp) -> bool {
    let gap = now.millis_since(before).unsigned_abs();
    gap >= u64::try_from(PERSIST_AFTER.as_millis()).unwrap_or(u64::MAX)
}
