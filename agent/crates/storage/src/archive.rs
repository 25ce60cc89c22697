//! The archive: sealed profiles by day and meter, sealed telemetry by quarter of an hour.
//!
//! Time comes first in both keys: what is sealed together lies together, and what is too old
//! goes as one range.

use crate::StoreFile;
use crate::chunk::{Day, day_place};
use crate::database::{FileState, META, OpenFile, Opening, write_format};
use crate::error::{InFile, StoreError};
use crate::registry::Registry;
use crate::slot::{Slot, slot_place};
use crate::wire::Damage;
use redb::WriteTransaction;
use redb::{ReadTransaction, ReadableDatabase, ReadableTable, Table, TableDefinition};

/// Profile chunks by day, profile, meter.
pub(crate) const PROFILES: TableDefinition<(u16, u8, u16), &[u8]> = TableDefinition::new("lp");
/// Telemetry chunks by slot and meter.
pub(crate) const TELEMETRY: TableDefinition<(u32, u16), &[u8]> = TableDefinition::new("tele");
/// Chunks that could not be read when something was to be added to them: their bytes.
pub(crate) const UNREADABLE: TableDefinition<(u8, u64, u64), &[u8]> =
    TableDefinition::new("unreadable");

const IDENTITY: &str = "id";

/// The open archive.
#[derive(Debug)]
pub(crate) struct Archive {
    file: OpenFile,
    id: [u8; 8],
    pub(crate) registry: Registry,
    /// Values and bytes of the chunks written since the file was opened.
    pub(crate) tally: Tally,
}

/// What chunks of each kind came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) profile_values: u64,
    pub(crate) profile_bytes: u64,
    pub(crate) telemetry_values: u64,
    pub(crate) telemetry_bytes: u64,
}

impl Archive {
    pub(crate) fn open(
        opening: &Opening<'_>,
        fresh_id: [u8; 8],
    ) -> Result<(Self, FileState), StoreError> {
        let (file, (id, registry), state) =
            opening.run(|file, is_fresh| prepare(file, is_fresh, fresh_id))?;
        let archive = Self {
            file,
            id,
            registry,
            tally: Tally::default(),
        };
        Ok((archive, state))
    }

    /// Random bytes made with the file.
    pub(crate) const fn id(&self) -> [u8; 8] {
        self.id
    }

    pub(crate) const fn file(&self) -> &OpenFile {
        &self.file
    }

    pub(crate) fn read(&self) -> Result<ReadTransaction, StoreError> {
        self.file.database.begin_read().of(StoreFile::Archive)
    }

    /// A transaction after which even a kill leaves nothing to repair at the next opening.
    pub(crate) fn write(&self) -> Result<WriteTransaction, StoreError> {
        let mut transaction = self.file.database.begin_write().of(StoreFile::Archive)?;
        transaction.set_quick_repair(true);
        Ok(transaction)
    }

    pub(crate) fn close(self) -> Result<(), StoreError> {
        self.file.database.close().of(StoreFile::Archive)
    }
}

fn prepare(
    file: &OpenFile,
    is_fresh: bool,
    fresh_id: [u8; 8],
) -> Result<([u8; 8], Registry), StoreError> {
    let archive = StoreFile::Archive;
    let mut transaction = file.database.begin_write().of(archive)?;
    transaction.set_quick_repair(true);
    let found = open_tables(&transaction, is_fresh, fresh_id)?;
    if is_fresh {
        transaction.commit().of(archive)?;
    } else {
        transaction.abort().of(archive)?;
    }
    Ok(found)
}

fn open_tables(
    transaction: &WriteTransaction,
    is_fresh: bool,
    fresh_id: [u8; 8],
) -> Result<([u8; 8], Registry), StoreError> {
    let archive = StoreFile::Archive;
    let mut meta = transaction.open_table(META).of(archive)?;
    if is_fresh {
        meta.insert(IDENTITY, fresh_id.as_slice()).of(archive)?;
    }
    let id = meta.get(IDENTITY).of(archive)?;
    let id = id.and_then(|id| id.value().try_into().ok());
    drop(meta);
    if is_fresh {
        write_format(transaction).of(archive)?;
    }
    drop(transaction.open_table(PROFILES).of(archive)?);
    drop(transaction.open_table(TELEMETRY).of(archive)?);
    drop(transaction.open_table(UNREADABLE).of(archive)?);
    let registry = Registry::read(transaction)?;
    let absent = || StoreError::damaged(archive, "the identity", Damage::Content("absence"));
    Ok((id.ok_or_else(absent)?, registry))
}

/// A day's chunk, `None` if there is none, and its damage if it cannot be read.
pub(crate) fn get_day(
    table: &impl ReadableTable<(u16, u8, u16), &'static [u8]>,
    key: (u16, u8, u16),
    registry: &Registry,
) -> Result<Option<Result<Day, Damage>>, StoreError> {
    let chunk = table.get(key).of(StoreFile::Archive)?;
    Ok(chunk.map(|chunk| decode_day(key, chunk.value(), registry)))
}

pub(crate) fn decode_day(
    key: (u16, u8, u16),
    chunk: &[u8],
    registry: &Registry,
) -> Result<Day, Damage> {
    let (day, profile, meter) = key;
    let place = day_place(day, profile, meter);
    Day::decode(chunk, day, &place, |number| registry.shape(number))
}

pub(crate) fn get_slot(
    table: &impl ReadableTable<(u32, u16), &'static [u8]>,
    key: (u32, u16),
    registry: &Registry,
) -> Result<Option<Result<Slot, Damage>>, StoreError> {
    let chunk = table.get(key).of(StoreFile::Archive)?;
    Ok(chunk.map(|chunk| decode_slot(key, chunk.value(), registry)))
}

pub(crate) fn decode_slot(
    key: (u32, u16),
    chunk: &[u8],
    registry: &Registry,
) -> Result<Slot, Damage> {
    let (slot, meter) = key;
    let place = slot_place(slot, meter);
    Slot::decode(chunk, slot, &place, |number| registry.shape(number))
}

/// Keeps the bytes of a chunk that could not be read, before another takes its place.
pub(crate) fn keep_unreadable<K: redb::Key>(
    transaction: &WriteTransaction,
    table: &Table<'_, K, &'static [u8]>,
    key: K::SelfType<'_>,
    name: (u8, u64, u64),
) -> Result<(), redb::Error> {
    if let Some(chunk) = table.get(key)? {
        let mut unreadable = transaction.open_table(UNREADABLE)?;
        unreadable.insert(name, chunk.value())?;
    }
    Ok(())
}
