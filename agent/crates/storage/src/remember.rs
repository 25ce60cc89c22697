//! What must outlive the process and is not a record: key set, policy, highest trusted time,
//! texts of schemes and lists. A small table of named values.

use crate::batch::Batch;
use crate::database::META;
use crate::error::{InFile, StoreError};
use crate::hot;
use crate::limits::{
    REMEMBERED_BYTES_MAX, REMEMBERED_MAX, REMEMBERED_NAME_BYTES_MAX, REMEMBERED_VALUE_BYTES_MAX,
};
use crate::wire::{Damage, Reader, Writer};
use crate::{Store, StoreFile};
use redb::{ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};

const HOT: StoreFile = StoreFile::Hot;
const VERSION: u8 = 1;
const REMEMBERED: TableDefinition<&str, &[u8]> = TableDefinition::new("remembered");
/// Bytes of all values together.
const TOTAL: &str = "remembered-bytes";

/// A value kept under a name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remembered {
    /// Its version, as its owner counts; for a point in time its milliseconds.
    pub version: u64,
    /// The value.
    pub bytes: Vec<u8>,
}

/// What a batch wants remembered; `None` forgets.
pub(crate) type Wish = (String, Option<Remembered>);

impl Store {
    /// Keeps a value durably under a name, together with `beside`, as one commit. The former one
    /// of this name is gone.
    pub fn remember(
        &mut self,
        name: &str,
        value: Remembered,
        mut beside: Batch,
    ) -> Result<(), StoreError> {
        beside.remember(name, value);
        self.append(beside).map(drop)
    }

    /// The value kept under a name.
    pub fn recall(&self, name: &str) -> Result<Option<Remembered>, StoreError> {
        let transaction = hot::reading(&self.hot)?;
        let table = transaction.open_table(REMEMBERED).of(HOT)?;
        let row = table.get(name).of(HOT)?;
        let value = row.map(|row| decode(name, row.value()));
        value.transpose().map_err(|damage| damaged(name, damage))
    }

    /// Names with this beginning, in order, with the version of each.
    pub fn remembered_names(&self, prefix: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let transaction = hot::reading(&self.hot)?;
        let table = transaction.open_table(REMEMBERED).of(HOT)?;
        let mut found = Vec::new();
        for row in table.range(prefix..).of(HOT)? {
            let (name, value) = row.of(HOT)?;
            let name = name.value();
            if !name.starts_with(prefix) {
                break;
            }
            let value = decode(name, value.value()).map_err(|damage| damaged(name, damage))?;
            found.push((name.to_owned(), value.version));
        }
        Ok(found)
    }
}

fn damaged(name: &str, damage: Damage) -> StoreError {
    StoreError::damaged(HOT, format!("`{name}`"), damage)
}

/// Makes the table where it is missing.
pub(crate) fn prepare(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    drop(transaction.open_table(REMEMBERED)?);
    Ok(())
}

/// Refuses what no value may be, before anything is written.
pub(crate) fn check(wishes: &[Wish]) -> Result<(), StoreError> {
    for (name, value) in wishes {
        if name.is_empty() || name.len() > REMEMBERED_NAME_BYTES_MAX {
            return Err(StoreError::Unfit {
                what: format!("a name to remember has {} bytes", name.len()),
                wanted: "a name of 1 to 96 bytes",
            });
        }
        let length = value.as_ref().map_or(0, |value| value.bytes.len());
        if length > REMEMBERED_VALUE_BYTES_MAX {
            return Err(StoreError::Unfit {
                what: format!("`{name}` has {length} bytes"),
                wanted: "at most 262144 bytes",
            });
        }
    }
    Ok(())
}

/// Writes values, as far as there is room for all of them.
pub(crate) fn write(transaction: &WriteTransaction, wishes: &[Wish]) -> Result<(), StoreError> {
    if wishes.is_empty() {
        return Ok(());
    }
    let mut meta = transaction.open_table(META).of(HOT)?;
    let total = meta.get(TOTAL).of(HOT)?;
    let total: Option<[u8; 8]> = total.and_then(|total| total.value().try_into().ok());
    let mut total = total.map_or(0, u64::from_be_bytes);
    let mut table = transaction.open_table(REMEMBERED).of(HOT)?;
    for (name, value) in wishes {
        let size = |row: &[u8]| u64::try_from(row.len()).unwrap_or(u64::MAX);
        let row = value.as_ref().map(|value| encode(name, value));
        let before = match &row {
            Some(row) => table.insert(name.as_str(), row.as_slice()),
            None => table.remove(name.as_str()),
        };
        let before = before.of(HOT)?.map_or(0, |row| size(row.value()));
        let after = row.as_ref().map_or(0, |row| size(row));
        total = total.saturating_sub(before).saturating_add(after);
    }
    if total > REMEMBERED_BYTES_MAX || table.len().of(HOT)? > REMEMBERED_MAX {
        return Err(StoreError::Unfit {
            what: format!("{total} bytes would be remembered"),
            wanted: "at most 1024 values of 16777216 bytes together; remove what is not needed",
        });
    }
    meta.insert(TOTAL, total.to_be_bytes().as_slice()).of(HOT)?;
    Ok(())
}

fn encode(name: &str, value: &Remembered) -> Vec<u8> {
    let mut out = Writer::default();
    out.byte(VERSION);
    out.varint(value.version);
    out.bytes(&value.bytes);
    out.finish(&place(name))
}

fn decode(name: &str, row: &[u8]) -> Result<Remembered, Damage> {
    let mut reader = Reader::open(row, &place(name), VERSION)?;
    let version = reader.varint()?;
    let bytes = reader.bytes(REMEMBERED_VALUE_BYTES_MAX)?.to_vec();
    reader.end()?;
    Ok(Remembered { version, bytes })
}

fn place(name: &str) -> Vec<u8> {
    let mut place = vec![b'r'];
    place.extend_from_slice(name.as_bytes());
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn values_survive(name in "[a-z/.-]{1,20}", version: u64, bytes: Vec<u8>) {
            let value = Remembered { version, bytes };
            let row = encode(&name, &value);
            prop_assert_eq!(decode("another", &row), Err(Damage::Checksum));
            prop_assert_eq!(decode(&name, &row), Ok(value));
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes: Vec<u8>) {
            drop(decode("key-set", &bytes));
        }
    }
}
