//! The tables of the file of keys.

use super::fault::KeyError;
use super::ring::{KeyNumber, Ring};
use super::row::{CounterRow, KeyKind, Origin, SealedKey, ring_place};
use crate::StoreFile;
use crate::database::{META, OpenFile, write_format};
use crate::error::{InFile, StoreError};
use crate::limits::KEYS_MAX;
use crate::wire::Damage;
use metering::MeterId;
use redb::{
    ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition,
    WriteTransaction,
};

pub(super) const FILE: StoreFile = StoreFile::Keys;
/// Keys by number.
pub(super) const KEYS: TableDefinition<u32, &[u8]> = TableDefinition::new("keys");
/// Rings by meter and kind.
pub(super) const RINGS: TableDefinition<(&str, u8), &[u8]> = TableDefinition::new("rings");
/// Counters by number of the key.
pub(super) const COUNTERS: TableDefinition<u32, &[u8]> = TableDefinition::new("counters");
/// The number of the next key.
const NEXT_NUMBER: &str = "next-number";
/// What tells this file from all others.
const UNIQUE: &str = "unique";

/// Octets that tell a file of keys from all others: what a DLMS system title has room for.
pub const UNIQUE_OCTETS: usize = 5;

/// Makes the tables of a fresh file, or reads the next number.
pub(super) fn prepare(file: &OpenFile, is_fresh: bool) -> Result<KeyNumber, StoreError> {
    if is_fresh {
        let transaction = file.database.begin_write().of(FILE)?;
        let first = KeyNumber(1);
        write_format(&transaction).of(FILE)?;
        write_next(&transaction, first).of(FILE)?;
        for table in [KEYS, COUNTERS] {
            transaction.open_table(table).of(FILE)?;
        }
        transaction.open_table(RINGS).of(FILE)?;
        transaction.commit().of(FILE)?;
        return Ok(first);
    }
    let transaction = file.database.begin_read().of(FILE)?;
    let meta = transaction.open_table(META).of(FILE)?;
    let stored = meta.get(NEXT_NUMBER).of(FILE)?;
    let number = stored.and_then(|value| value.value().try_into().ok());
    let missing = Damage::Content("number of the next key");
    number
        .map(|octets| KeyNumber(u32::from_be_bytes(octets)))
        .ok_or_else(|| StoreError::damaged(FILE, "the head", missing))
}

pub(super) fn write_next(
    transaction: &WriteTransaction,
    next: KeyNumber,
) -> Result<(), redb::Error> {
    let mut meta = transaction.open_table(META)?;
    meta.insert(NEXT_NUMBER, next.0.to_be_bytes().as_slice())?;
    Ok(())
}

pub(super) fn unique(
    transaction: &ReadTransaction,
) -> Result<Option<[u8; UNIQUE_OCTETS]>, StoreError> {
    let meta = transaction.open_table(META).of(FILE)?;
    let Some(stored) = meta.get(UNIQUE).of(FILE)? else {
        return Ok(None);
    };
    let damage = Damage::Content("octets that tell this file from others");
    let unique = stored.value().try_into();
    unique
        .map(Some)
        .map_err(|_| StoreError::damaged(FILE, "the head", damage))
}

pub(super) fn write_unique(
    transaction: &WriteTransaction,
    unique: [u8; UNIQUE_OCTETS],
) -> Result<(), redb::Error> {
    let mut meta = transaction.open_table(META)?;
    meta.insert(UNIQUE, unique.as_slice())?;
    Ok(())
}

pub(super) fn write_key(
    transaction: &WriteTransaction,
    number: KeyNumber,
    key: &SealedKey,
) -> Result<(), KeyError> {
    let mut keys = transaction.open_table(KEYS).of(FILE)?;
    if keys.len().of(FILE)? >= KEYS_MAX {
        return Err(KeyError::TooMany {
            most: usize::try_from(KEYS_MAX).unwrap_or(usize::MAX),
        });
    }
    keys.insert(number.0, key.encode(number).as_slice())
        .of(FILE)?;
    if key.origin == Origin::Generated {
        let row = CounterRow {
            reserved: Some(0),
            heard: None,
        };
        let mut counters = transaction.open_table(COUNTERS).of(FILE)?;
        counters
            .insert(number.0, row.encode(number).as_slice())
            .of(FILE)?;
    }
    Ok(())
}

pub(super) fn drop_key(
    transaction: &WriteTransaction,
    number: KeyNumber,
) -> Result<(), redb::Error> {
    transaction.open_table(KEYS)?.remove(number.0)?;
    transaction.open_table(COUNTERS)?.remove(number.0)?;
    Ok(())
}

pub(super) fn write_ring(
    rings: &mut redb::Table<'_, (&'static str, u8), &'static [u8]>,
    meter: &MeterId,
    kind: KeyKind,
    ring: &Ring,
) -> Result<(), StoreError> {
    let key = (meter.as_str(), kind.code());
    let value = ring.encode(&ring_place(key.0, key.1));
    rings.insert(key, value.as_slice()).of(FILE)?;
    Ok(())
}

pub(super) fn ring_in(
    rings: &impl ReadableTable<(&'static str, u8), &'static [u8]>,
    meter: &MeterId,
    kind: KeyKind,
) -> Result<Option<Ring>, StoreError> {
    let key = (meter.as_str(), kind.code());
    let Some(value) = rings.get(key).of(FILE)? else {
        return Ok(None);
    };
    Ring::decode(value.value(), &ring_place(key.0, key.1))
        .map(Some)
        .map_err(|damage| StoreError::damaged(FILE, format!("which {kind} {meter} has"), damage))
}

pub(super) fn key_of(stored: &[u8], number: KeyNumber) -> Result<SealedKey, StoreError> {
    SealedKey::decode(stored, number)
        .map_err(|damage| StoreError::damaged(FILE, format!("key {number}"), damage))
}
