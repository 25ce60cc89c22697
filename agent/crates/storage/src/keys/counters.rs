//! Invocation counters: reserved on the disk before they are handed out, and never twice.

use super::KeyFile;
use super::fault::KeyError;
use super::ring::KeyNumber;
use super::row::CounterRow;
use super::tables::{COUNTERS, FILE, KEYS};
use crate::error::{InFile, StoreError};
use crate::limits::{COUNTER_GAP, COUNTER_JUMP_MAX, COUNTERS_ON_DISK};
use redb::{ReadableTable, WriteTransaction};
use std::collections::BTreeMap;
use std::num::NonZeroU32;

/// Counters that nobody had before and nobody else gets, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CounterRange {
    /// The first one.
    pub first: u32,
    /// The last one.
    pub last: u32,
}

/// What is in memory alone.
#[derive(Debug, Default)]
pub(super) struct Counting {
    /// Reserved on the disk, and not handed out yet.
    left: BTreeMap<KeyNumber, CounterRange>,
    /// Heard, and not on the disk yet.
    heard: BTreeMap<KeyNumber, u32>,
}

impl Counting {
    pub(super) fn forget(&mut self, key: KeyNumber) {
        self.left.remove(&key);
        self.heard.remove(&key);
    }

    /// At most so many of what is left.
    fn take(&mut self, key: KeyNumber, count: NonZeroU32) -> Option<CounterRange> {
        let left = self.left.get_mut(&key)?;
        let first = left.first;
        let last = first.saturating_add(count.get() - 1).min(left.last);
        if last == left.last {
            self.left.remove(&key);
        } else {
            left.first = last + 1;
        }
        Some(CounterRange { first, last })
    }
}

impl KeyFile {
    /// Reserves the next counters of a key, at least one and at most so many. They are on the disk
    /// when this returns.
    pub fn reserve(&mut self, key: KeyNumber, count: NonZeroU32) -> Result<CounterRange, KeyError> {
        if let Some(range) = self.counting.take(key, count) {
            return Ok(range);
        }
        let used = self.counter(key)?.ok_or(KeyError::CounterUnknown)?;
        let first = used.checked_add(1).ok_or(KeyError::CounterExhausted)?;
        let last = used.saturating_add(count.get().max(COUNTERS_ON_DISK));
        self.write_counters(Some((key, last)))?;
        // Not before the commit has returned.
        self.counting.left.insert(key, CounterRange { first, last });
        let range = self.counting.take(key, count);
        range.ok_or(KeyError::CounterExhausted)
    }

    /// Up to here the counters of a key are used or may be; `None` if that is not known.
    pub fn counter(&self, key: KeyNumber) -> Result<Option<u32>, KeyError> {
        Ok(self.counter_row(key)?.reserved)
    }

    /// Counters up to this one are used, as the meter says. What is kept never goes back.
    ///
    /// What was sent and never arrived counts as well, and the meter cannot know of it: so a gap is
    /// left. Nothing proves what a public client reads, therefore a leap is refused where it is
    /// known how far the key was used.
    pub fn raise(&mut self, key: KeyNumber, used: u32) -> Result<(), KeyError> {
        let known = self.counter(key)?;
        if let Some(known) = known {
            if used <= known {
                self.skip(key, used);
                return Ok(());
            }
            if used - known > COUNTER_JUMP_MAX {
                return Err(KeyError::CounterFar { said: used, known });
            }
        }
        self.write_counters(Some((key, used.saturating_add(COUNTER_GAP))))?;
        self.counting.left.remove(&key);
        Ok(())
    }

    /// Counters that are reserved here, and that somebody else has used.
    fn skip(&mut self, key: KeyNumber, used: u32) {
        if let Some(left) = self.counting.left.get_mut(&key) {
            left.first = left.first.max(used.saturating_add(1));
            if left.first > left.last {
                self.counting.left.remove(&key);
            }
        }
    }

    /// A person says that the counter is not to be relied on: it is read from the meter anew.
    pub fn forget_counter(&mut self, key: KeyNumber) -> Result<(), KeyError> {
        let heard = self.counter_row(key)?.heard;
        let reserved = None;
        let transaction = self.file.database.begin_write().of(FILE)?;
        write_row(&transaction, key, CounterRow { reserved, heard })?;
        transaction.commit().of(FILE)?;
        self.counting.left.remove(&key);
        Ok(())
    }

    /// The meter's highest counter that was heard under this key.
    pub fn heard(&self, key: KeyNumber) -> Result<Option<u32>, KeyError> {
        let noted = self.counting.heard.get(&key).copied();
        Ok(self.counter_row(key)?.heard.max(noted))
    }

    /// Notes the meter's highest counter. It reaches the disk with the next counters that are
    /// reserved, with `flush` or with `close`: a crash before makes the gateway believe what it
    /// heard since only where nothing else proves that it is new.
    pub fn note_heard(&mut self, key: KeyNumber, counter: u32) -> Result<(), KeyError> {
        let known = self.heard(key)?;
        if known.is_none_or(|known| known < counter) {
            self.counting.heard.insert(key, counter);
        }
        Ok(())
    }

    /// Writes what was heard.
    pub fn flush(&mut self) -> Result<(), KeyError> {
        if self.counting.heard.is_empty() {
            return Ok(());
        }
        self.write_counters(None)
    }

    /// What the disk says. A damaged row says nothing: then the counter is read from the meter.
    fn counter_row(&self, key: KeyNumber) -> Result<CounterRow, KeyError> {
        let transaction = self.reading()?;
        let keys = transaction.open_table(KEYS).of(FILE)?;
        if keys.get(key.0).of(FILE)?.is_none() {
            return Err(KeyError::NoSuchKey(key));
        }
        let table = transaction.open_table(COUNTERS).of(FILE)?;
        Ok(row_in(&table, key)?)
    }

    /// One commit: a new bound, and everything that was heard.
    fn write_counters(&mut self, reserved: Option<(KeyNumber, u32)>) -> Result<(), KeyError> {
        let transaction = self.file.database.begin_write().of(FILE)?;
        let mut keys: Vec<KeyNumber> = self.counting.heard.keys().copied().collect();
        keys.extend(reserved.map(|(key, _)| key));
        for key in keys {
            let mut row = {
                let table = transaction.open_table(COUNTERS).of(FILE)?;
                row_in(&table, key)?
            };
            row.heard = row.heard.max(self.counting.heard.get(&key).copied());
            if let Some((_, bound)) = reserved.filter(|(raised, _)| *raised == key) {
                row.reserved = row.reserved.max(Some(bound));
            }
            write_row(&transaction, key, row)?;
        }
        transaction.commit().of(FILE)?;
        self.counting.heard.clear();
        Ok(())
    }
}

fn row_in(
    table: &impl ReadableTable<u32, &'static [u8]>,
    key: KeyNumber,
) -> Result<CounterRow, StoreError> {
    let Some(value) = table.get(key.0).of(FILE)? else {
        return Ok(CounterRow::default());
    };
    let row = CounterRow::decode(value.value(), key);
    Ok(row.unwrap_or_else(|damage| {
        log::warn!(key = key.0, damage:%; "the counter of a key is damaged; it is read from the meter anew");
        CounterRow::default()
    }))
}

fn write_row(
    transaction: &WriteTransaction,
    key: KeyNumber,
    row: CounterRow,
) -> Result<(), StoreError> {
    let mut table = transaction.open_table(COUNTERS).of(FILE)?;
    table.insert(key.0, row.encode(key).as_slice()).of(FILE)?;
    Ok(())
}
