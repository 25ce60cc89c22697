//! The keys of meters and their counters, in a file of their own, `keys.redb`.
//!
//! Keys come sealed: nothing here can read one. Keys and counters live in one file, so that a key
//! is never there without knowing how far it was used, or that this is not known. A broken file is
//! never replaced by an empty one without a person: it is the only one of its kind.
//!
//! The file must not be put back from a copy: its counters would go back, and a counter that is
//! used twice gives the key away. Take it away, and import the keys anew.

mod counters;
mod fault;
mod ring;
mod row;
mod tables;

pub use counters::CounterRange;
pub use fault::KeyError;
pub use ring::{Choice, KeyNumber, Ring, RingFault, Standing, Verdict};
pub use row::{KeyKind, Origin, SealedKey};
pub use tables::UNIQUE_OCTETS;

use crate::FileTraffic;
use crate::database::{OpenFile, Opening};
use crate::error::{InFile, StoreError};
use crate::limits::{KEYS_CACHE_BYTES, SEALED_BYTES_MAX};
use crate::medium::{Folder, Medium};
use counters::Counting;
use metering::{MeterId, Timestamp};
use redb::{ReadTransaction, ReadableDatabase, ReadableTable};
use row::{CounterRow, ring_place};
use std::path::Path;
use tables::{
    FILE, KEYS, RINGS, drop_key, key_of, prepare, ring_in, write_key, write_next, write_ring,
};

/// What becomes of the key that a meter has when another one is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OldKey {
    /// It stays until the meter has proven that it has the new one.
    StaysUntilProven,
    /// It goes at once, and with it a change that is under way.
    Goes,
}

/// The file of keys. Every method blocks: its owner runs on a thread of its own.
///
/// After an error whose remedy is `Reopen` the file refuses further writes: close it, and open it
/// again. What was asked has then happened as a whole or not at all.
#[derive(Debug)]
pub struct KeyFile {
    file: OpenFile,
    counting: Counting,
    next: KeyNumber,
}

impl KeyFile {
    /// Opens `keys.redb` in a folder, which must exist, or creates it.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        Self::open_on(&Folder::new(folder))
    }

    /// Opens it on any medium.
    pub fn open_on(medium: &dyn Medium) -> Result<Self, StoreError> {
        let opening = Opening {
            medium,
            file: FILE,
            cache_bytes: KEYS_CACHE_BYTES,
            on_repair: None,
        };
        let (file, next) = opening.run_or_refuse(prepare)?;
        Ok(Self {
            file,
            counting: Counting::default(),
            next,
        })
    }

    /// The number that the next key will have. It is sealed for this number.
    pub const fn next_number(&self) -> KeyNumber {
        self.next
    }

    /// Octets that tell this file from all others, once they were set.
    pub fn unique(&self) -> Result<Option<[u8; UNIQUE_OCTETS]>, KeyError> {
        Ok(tables::unique(&self.reading()?)?)
    }

    /// Sets them, from randomness. Once: who knows this gateway knows it by them.
    pub fn set_unique(&mut self, unique: [u8; UNIQUE_OCTETS]) -> Result<(), KeyError> {
        if self.unique()?.is_some() {
            return Ok(());
        }
        let transaction = self.file.database.begin_write().of(FILE)?;
        tables::write_unique(&transaction, unique).of(FILE)?;
        transaction.commit().of(FILE)?;
        Ok(())
    }

    /// All keys by number, those in doubt and those to come included.
    pub fn list(&self) -> Result<Vec<(KeyNumber, SealedKey)>, KeyError> {
        let table = self.reading()?.open_table(KEYS).of(FILE)?;
        let mut keys = Vec::new();
        for row in table.iter().of(FILE)? {
            let (number, value) = row.of(FILE)?;
            let number = KeyNumber(number.value());
            keys.push((number, key_of(value.value(), number)?));
        }
        Ok(keys)
    }

    /// A key by its number.
    pub fn key(&self, number: KeyNumber) -> Result<SealedKey, KeyError> {
        let table = self.reading()?.open_table(KEYS).of(FILE)?;
        let value = table.get(number.0).of(FILE)?;
        let value = value.ok_or(KeyError::NoSuchKey(number))?;
        Ok(key_of(value.value(), number)?)
    }

    /// The keys of one kind that a meter may have.
    pub fn ring(&self, meter: &MeterId, kind: KeyKind) -> Result<Ring, KeyError> {
        let table = self.reading()?.open_table(RINGS).of(FILE)?;
        ring_in(&table, meter, kind)?.ok_or_else(|| no_key(meter, kind))
    }

    /// Takes in a key that the meter has, as a person says. Its counter is not known.
    pub fn import(
        &mut self,
        number: KeyNumber,
        key: &SealedKey,
        old: OldKey,
    ) -> Result<(), KeyError> {
        self.add(number, key, |ring| match (ring, old) {
            (Some(mut ring), OldKey::StaysUntilProven) => {
                ring.offer(number)?;
                Ok((ring, Vec::new()))
            }
            (ring, _) => {
                let keys = ring.map(|ring| [Some(ring.current()), ring.next()]);
                let dropped = keys.into_iter().flatten().flatten().collect();
                Ok((Ring::new(number), dropped))
            }
        })
    }

    /// Takes in a key that shall replace the meter's present one. The meter has not been told.
    pub fn prepare(&mut self, number: KeyNumber, key: &SealedKey) -> Result<(), KeyError> {
        self.add(number, key, |ring| {
            let mut ring = ring.ok_or_else(|| no_key(&key.meter, key.kind))?;
            ring.prepare(number)?;
            Ok((ring, Vec::new()))
        })
    }

    /// The meter is about to be told the prepared key: when this returns, the first octet may go.
    pub fn send(&mut self, meter: &MeterId, kind: KeyKind) -> Result<KeyNumber, KeyError> {
        self.turn(meter, kind, |ring| Ok((ring.send()?, None)))
    }

    /// The change has not happened, see [`Ring::roll_back`].
    pub fn roll_back(&mut self, meter: &MeterId, kind: KeyKind) -> Result<(), KeyError> {
        self.turn(meter, kind, |ring| Ok(((), Some(ring.roll_back()?))))
    }

    /// A person has done something: what is there may be tried at once.
    pub fn retry_now(&mut self, meter: &MeterId, kind: KeyKind) -> Result<(), KeyError> {
        self.turn(meter, kind, |ring| {
            ring.retry_now();
            Ok(((), None))
        })
    }

    /// Notes an attempt: when this returns, it may be made.
    pub fn begin(
        &mut self,
        meter: &MeterId,
        kind: KeyKind,
        key: KeyNumber,
        now: Timestamp,
    ) -> Result<(), KeyError> {
        self.turn(meter, kind, |ring| {
            ring.begin(key, now)?;
            Ok(((), None))
        })
    }

    /// Notes how it ended.
    pub fn judge(
        &mut self,
        meter: &MeterId,
        kind: KeyKind,
        key: KeyNumber,
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<(), KeyError> {
        self.turn(meter, kind, |ring| Ok(((), ring.judge(key, verdict, now)?)))
    }

    /// Drops all keys of a meter.
    pub fn forget(&mut self, meter: &MeterId) -> Result<(), KeyError> {
        let transaction = self.file.database.begin_write().of(FILE)?;
        let mut gone = Vec::new();
        for (number, key) in self.list()? {
            if key.meter == *meter {
                drop_key(&transaction, number).of(FILE)?;
                gone.push(number);
            }
        }
        for kind in KeyKind::ALL {
            let mut rings = transaction.open_table(RINGS).of(FILE)?;
            rings.remove((meter.as_str(), kind.code())).of(FILE)?;
        }
        transaction.commit().of(FILE)?;
        for key in gone {
            self.counting.forget(key);
        }
        Ok(())
    }

    /// What went to and came from the file since it was opened.
    pub fn traffic(&self) -> FileTraffic {
        self.file.counters.traffic()
    }

    /// Writes what is not durable yet, and closes the file.
    pub fn close(mut self) -> Result<(), KeyError> {
        self.flush()?;
        Ok(self.file.database.close().of(FILE)?)
    }

    fn reading(&self) -> Result<ReadTransaction, StoreError> {
        self.file.database.begin_read().of(FILE)
    }

    /// One commit: a key, its counters, and what becomes of its ring.
    fn add(
        &mut self,
        number: KeyNumber,
        key: &SealedKey,
        turn: impl FnOnce(Option<Ring>) -> Result<(Ring, Vec<KeyNumber>), KeyError>,
    ) -> Result<(), KeyError> {
        if number != self.next {
            let (found, wanted) = (number, self.next);
            return Err(KeyError::OtherNumber { found, wanted });
        }
        if key.sealed.len() > SEALED_BYTES_MAX {
            return Err(KeyError::Store(StoreError::Unfit {
                what: format!("the {} has {} sealed octets", key.kind, key.sealed.len()),
                wanted: "at most 256",
            }));
        }
        let following = KeyNumber(number.0.saturating_add(1));
        let transaction = self.file.database.begin_write().of(FILE)?;
        let dropped = {
            let mut rings = transaction.open_table(RINGS).of(FILE)?;
            let (ring, dropped) = turn(ring_in(&rings, &key.meter, key.kind)?)?;
            write_ring(&mut rings, &key.meter, key.kind, &ring)?;
            dropped
        };
        for old in &dropped {
            drop_key(&transaction, *old).of(FILE)?;
        }
        write_key(&transaction, number, key)?;
        write_next(&transaction, following).of(FILE)?;
        transaction.commit().of(FILE)?;
        self.next = following;
        for key in dropped {
            self.counting.forget(key);
        }
        Ok(())
    }

    /// One commit, if anything changed: what becomes of a ring, and of a key that it drops.
    fn turn<T>(
        &mut self,
        meter: &MeterId,
        kind: KeyKind,
        turn: impl FnOnce(&mut Ring) -> Result<(T, Option<KeyNumber>), RingFault>,
    ) -> Result<T, KeyError> {
        let before = self.ring(meter, kind)?;
        let mut ring = before.clone();
        let (result, dropped) = turn(&mut ring)?;
        if ring == before && dropped.is_none() {
            return Ok(result);
        }
        let transaction = self.file.database.begin_write().of(FILE)?;
        {
            let mut rings = transaction.open_table(RINGS).of(FILE)?;
            write_ring(&mut rings, meter, kind, &ring)?;
        }
        if let Some(key) = dropped {
            drop_key(&transaction, key).of(FILE)?;
        }
        transaction.commit().of(FILE)?;
        if let Some(key) = dropped {
            self.counting.forget(key);
        }
        Ok(result)
    }
}

fn no_key(meter: &MeterId, kind: KeyKind) -> KeyError {
    KeyError::NoKey {
        meter: meter.clone(),
        kind,
    }
}

/// What the fuzz target for the rows of this file calls.
pub fn fuzz_key_rows(bytes: &[u8]) {
    drop(SealedKey::decode(bytes, KeyNumber(1)));
    drop(CounterRow::decode(bytes, KeyNumber(1)));
    drop(Ring::decode(bytes, &ring_place("m", 0)));
}
