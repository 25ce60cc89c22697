//! The tables of the hot file, and what the store must know of them after opening.

use crate::cursor::Cursor;
use crate::database::{META, OpenFile, write_format};
use crate::error::{InFile, StoreError};
use crate::stream::PerStream;
use crate::wire::Damage;
use crate::{AuditHead, StoreFile, Stream, audit, journal, remember};
use redb::{ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use std::collections::BTreeSet;

/// Every entry of a stream by its number: journal and outbox at once.
///
/// Each stream has a table of its own, because rows that go in anywhere but at a tree's right
/// end leave pages behind that are never filled: with one table for all, the 250 rows of an
/// interval's end took a page each.
pub(crate) const fn log(stream: Stream) -> TableDefinition<'static, u64, &'static [u8]> {
    TableDefinition::new(match stream {
        Stream::Profiles => "log-lp",
        Stream::Events => "log-ev",
        Stream::Telemetry => "log-tm",
        Stream::Audit => "log-au",
        Stream::Gaps => "log-gap",
        Stream::Receipts => "log-rs",
    })
}

/// How far each stream has come.
pub(crate) const CURSORS: TableDefinition<u8, &[u8]> = TableDefinition::new("cursors");
/// Small values of the other crates, by kind and id.
pub(crate) const STATE: TableDefinition<(u8, u32), &[u8]> = TableDefinition::new("state");
/// The audit chain, by number.
pub(crate) const AUDIT: TableDefinition<u64, &[u8]> = TableDefinition::new("audit");
/// Entries that cannot be delivered and wait for a person.
pub(crate) const QUARANTINE: TableDefinition<(u8, u64), &[u8]> = TableDefinition::new("quarantine");
/// Entries dropped unsent: stream and first number; last number and reason.
pub(crate) const DROPS: TableDefinition<(u8, u64), (u64, u8)> = TableDefinition::new("drops");

const EPOCH: &str = "epoch";
const ARCHIVE: &str = "archive";
const IN_USE: &str = "in-use";
/// Number and hash of the newest audit record that was pruned.
pub(crate) const AUDIT_BASE: &str = "audit-base";

/// Where one stream stands.
#[derive(Debug, Clone)]
pub(crate) struct StreamState {
    pub(crate) cursor: Cursor,
    /// Entries that the head-end has not confirmed, and their bytes.
    pub(crate) unsent_entries: u64,
    pub(crate) unsent_bytes: u64,
}

/// What the store must know of its hot file.
#[derive(Debug)]
pub(crate) struct HotState {
    pub(crate) epoch: [u8; 8],
    pub(crate) streams: PerStream<StreamState>,
    pub(crate) audit_head: AuditHead,
    pub(crate) quarantined: BTreeSet<(u8, u64)>,
    pub(crate) was_in_use: bool,
    /// The archive this file last worked with.
    pub(crate) archive: Option<[u8; 8]>,
}

/// Fills a fresh file, or reads what an existing one says.
pub(crate) fn prepare(
    file: &OpenFile,
    is_fresh: bool,
    epoch: [u8; 8],
) -> Result<HotState, StoreError> {
    let transaction = file.database.begin_write().of(StoreFile::Hot)?;
    let is_older = journal::is_missing(&transaction).of(StoreFile::Hot)?;
    let state = prepare_tables(&transaction, is_fresh, epoch)?;
    if is_fresh || is_older || !state.was_in_use {
        transaction.commit().of(StoreFile::Hot)?;
    } else {
        // After an unclean stop all of it is there already, and the disk may be full: what is
        // stored shall be readable without writing anything.
        transaction.abort().of(StoreFile::Hot)?;
    }
    Ok(state)
}

/// Also marks the file as in use, so that the next opening knows of an unclean stop.
fn prepare_tables(
    transaction: &WriteTransaction,
    is_fresh: bool,
    epoch: [u8; 8],
) -> Result<HotState, StoreError> {
    if is_fresh {
        write_format(transaction).of(StoreFile::Hot)?;
    }
    let mut meta = transaction.open_table(META).of(StoreFile::Hot)?;
    if is_fresh {
        meta.insert(EPOCH, epoch.as_slice()).of(StoreFile::Hot)?;
    }
    let known = |key| -> Result<Option<[u8; 8]>, StoreError> {
        let value = meta.get(key).of(StoreFile::Hot)?;
        Ok(value.and_then(|value| value.value().try_into().ok()))
    };
    let found = known(EPOCH)?;
    let archive = known(ARCHIVE)?;
    let epoch = found.ok_or_else(|| missing("the epoch"))?;
    let in_use = meta.insert(IN_USE, [1].as_slice()).of(StoreFile::Hot)?;
    let was_in_use = in_use.is_some();
    drop(in_use);
    let base = audit_base(&meta)?;
    drop(meta);
    let table = transaction.open_table(CURSORS).of(StoreFile::Hot)?;
    let streams = PerStream::try_of(|stream| {
        let log = transaction.open_table(log(stream)).of(StoreFile::Hot)?;
        let cursor = read_cursor(&table, &log, stream)?;
        let (unsent_entries, unsent_bytes) = unsent(&log, &cursor)?;
        Ok(StreamState {
            cursor,
            unsent_entries,
            unsent_bytes,
        })
    })?;
    drop(transaction.open_table(STATE).of(StoreFile::Hot)?);
    drop(transaction.open_table(DROPS).of(StoreFile::Hot)?);
    journal::prepare(transaction).of(StoreFile::Hot)?;
    remember::prepare(transaction).of(StoreFile::Hot)?;
    let audit = transaction.open_table(AUDIT).of(StoreFile::Hot)?;
    let quarantine = transaction.open_table(QUARANTINE).of(StoreFile::Hot)?;
    Ok(HotState {
        epoch,
        streams,
        audit_head: newest_link(&audit)?.unwrap_or(base),
        quarantined: quarantined(&quarantine)?,
        was_in_use,
        archive,
    })
}

fn missing(what: &str) -> StoreError {
    StoreError::damaged(StoreFile::Hot, what, Damage::Content("absence"))
}

/// A stream's cursor; entries committed after it was last written are counted in.
fn read_cursor(
    cursors: &impl ReadableTable<u8, &'static [u8]>,
    log: &impl ReadableTable<u64, &'static [u8]>,
    stream: Stream,
) -> Result<Cursor, StoreError> {
    let row = cursors.get(stream.code()).of(StoreFile::Hot)?;
    let mut cursor = match row {
        None => Cursor::new(stream),
        Some(row) => Cursor::decode(stream, row.value()).map_err(|damage| {
            StoreError::damaged(StoreFile::Hot, format!("the cursor of {stream}"), damage)
        })?,
    };
    if let Some((newest, _)) = log.last().of(StoreFile::Hot)? {
        cursor.next = cursor.next.max(newest.value() + 1);
    }
    Ok(cursor)
}

/// Entries and bytes that the head-end has not confirmed.
fn unsent(
    log: &impl ReadableTable<u64, &'static [u8]>,
    cursor: &Cursor,
) -> Result<(u64, u64), StoreError> {
    let (mut entries, mut bytes) = (0, 0);
    let rows = log.range(cursor.confirmed + 1..);
    for row in rows.of(StoreFile::Hot)? {
        let (key, value) = row.of(StoreFile::Hot)?;
        if !cursor.is_confirmed(key.value()) {
            entries += 1;
            bytes += u64::try_from(value.value().len()).unwrap_or(0);
        }
    }
    Ok((entries, bytes))
}

fn newest_link(
    audit: &impl ReadableTable<u64, &'static [u8]>,
) -> Result<Option<AuditHead>, StoreError> {
    let Some((number, row)) = audit.last().of(StoreFile::Hot)? else {
        return Ok(None);
    };
    let number = number.value();
    let link = audit::AuditLink::decode(number, row.value()).map_err(|damage| {
        StoreError::damaged(StoreFile::Hot, format!("audit record {number}"), damage)
    })?;
    Ok(Some(link.head()))
}

/// Where the chain begins: at zero, or where older records were pruned.
pub(crate) fn audit_base(
    meta: &impl ReadableTable<&'static str, &'static [u8]>,
) -> Result<AuditHead, StoreError> {
    let start = AuditHead {
        number: 0,
        hash: [0; 32],
    };
    let Some(value) = meta.get(AUDIT_BASE).of(StoreFile::Hot)? else {
        return Ok(start);
    };
    let parts = value.value().split_first_chunk::<8>();
    let head = parts.and_then(|(number, hash)| {
        Some(AuditHead {
            number: u64::from_be_bytes(*number),
            hash: hash.try_into().ok()?,
        })
    });
    head.ok_or_else(|| missing("the beginning of the audit chain"))
}

pub(crate) fn write_audit_base(
    transaction: &WriteTransaction,
    head: AuditHead,
) -> Result<(), redb::Error> {
    let mut value = head.number.to_be_bytes().to_vec();
    value.extend_from_slice(&head.hash);
    let mut meta = transaction.open_table(META)?;
    meta.insert(AUDIT_BASE, value.as_slice())?;
    Ok(())
}

fn quarantined(
    table: &impl ReadableTable<(u8, u64), &'static [u8]>,
) -> Result<BTreeSet<(u8, u64)>, StoreError> {
    let mut found = BTreeSet::new();
    for row in table.iter().of(StoreFile::Hot)? {
        let (key, _) = row.of(StoreFile::Hot)?;
        found.insert(key.value());
    }
    Ok(found)
}

/// Remembers which archive the sealed numbers speak of.
pub(crate) fn write_archive(
    transaction: &WriteTransaction,
    archive: [u8; 8],
) -> Result<(), redb::Error> {
    let mut meta = transaction.open_table(META)?;
    meta.insert(ARCHIVE, archive.as_slice())?;
    Ok(())
}

pub(crate) fn write_cursors(
    transaction: &WriteTransaction,
    streams: &PerStream<StreamState>,
) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(CURSORS)?;
    for StreamState { cursor, .. } in streams.iter() {
        table.insert(cursor.stream.code(), cursor.encode().as_slice())?;
    }
    Ok(())
}

/// Takes the mark away that an unclean stop leaves behind.
pub(crate) fn write_closed(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    let mut meta = transaction.open_table(META)?;
    meta.remove(IN_USE)?;
    Ok(())
}

/// A transaction that only reads.
pub(crate) fn reading(file: &OpenFile) -> Result<redb::ReadTransaction, StoreError> {
    file.database.begin_read().of(StoreFile::Hot)
}
