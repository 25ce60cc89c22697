//! The outbox: what the head-end has not confirmed, in the order of its numbers.

use crate::error::{InFile, StoreError};
use crate::hot::{self, DROPS, QUARANTINE};
use crate::limits::{PENDING_BYTES_MAX, QUARANTINE_MAX, TEXT_BYTES_MAX};
use crate::wire::{Reader, Writer, place};
use crate::{Body, Entry, GapReason, Store, StoreFile, Stream, codec};
use metering::{Event, Timestamp};
use redb::ReadableTable;

const VERSION: u8 = 1;

/// Entries to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pending {
    /// In the order of their numbers.
    pub entries: Vec<Entry>,
    /// Numbers whose rows cannot be read. Set them aside, and tell the head-end with a gap.
    pub damaged: Vec<u64>,
}

/// What became of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// The log still has it.
    Held(Entry),
    /// The log has it, but it cannot be delivered and waits for a person.
    SetAside,
    /// The head-end confirmed it, and the log has let it go. Its values may still be had from
    /// the archive, by meter and time.
    Freed,
    /// It left the log unsent.
    Dropped(GapReason),
    /// Its row cannot be read.
    Damaged,
    /// No entry has this number yet.
    NotWritten,
}

/// Where the outbox of one stream stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbox {
    /// Which stream.
    pub stream: Stream,
    /// The head-end has everything up to here.
    pub confirmed: u64,
    /// The number that the next entry will get.
    pub next: u64,
    /// The oldest entry still to be confirmed.
    pub oldest: Option<u64>,
    /// When that one was committed.
    pub oldest_at: Option<Timestamp>,
    /// How many entries are unconfirmed.
    pub entries: u64,
    /// Their bytes in the log.
    pub bytes: u64,
    /// How many of them are set aside.
    pub set_aside: u64,
}

/// An entry that is not sent until a person releases it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Its stream.
    pub stream: Stream,
    /// Its number.
    pub number: u64,
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub why: String,
}

impl Store {
    /// Entries of a stream with numbers above `after` that are neither confirmed nor set aside,
    /// oldest first: at most `limit`, and at most about a megabyte.
    pub fn pending(&self, stream: Stream, after: u64, limit: usize) -> Result<Pending, StoreError> {
        let cursor = &self.streams.get(stream).cursor;
        let (code, first) = (stream.code(), cursor.confirmed.max(after).saturating_add(1));
        let mut pending = Pending::default();
        let mut bytes = 0;
        let transaction = hot::reading(&self.hot)?;
        let log = transaction
            .open_table(hot::log(stream))
            .of(StoreFile::Hot)?;
        let rows = log.range(first..);
        for row in rows.of(StoreFile::Hot)? {
            if pending.entries.len() >= limit || bytes >= PENDING_BYTES_MAX {
                break;
            }
            let (key, value) = row.of(StoreFile::Hot)?;
            let number = key.value();
            if cursor.is_confirmed(number) || self.quarantined.contains(&(code, number)) {
                continue;
            }
            bytes += value.value().len();
            match codec::decode(stream, number, value.value()) {
                Ok(entry) => pending.entries.push(entry),
                Err(_) => pending.damaged.push(number),
            }
        }
        Ok(pending)
    }

    /// One entry by its number, or what became of it.
    pub fn entry(&self, stream: Stream, number: u64) -> Result<Lookup, StoreError> {
        let cursor = &self.streams.get(stream).cursor;
        if number > cursor.newest() {
            return Ok(Lookup::NotWritten);
        }
        let transaction = hot::reading(&self.hot)?;
        let log = transaction
            .open_table(hot::log(stream))
            .of(StoreFile::Hot)?;
        let code = stream.code();
        if let Some(row) = log.get(number).of(StoreFile::Hot)? {
            let entry = codec::decode(stream, number, row.value());
            return Ok(match entry {
                // Damaged ones are set aside too, but no person can release them.
                Err(_) => Lookup::Damaged,
                Ok(_) if self.quarantined.contains(&(code, number)) => Lookup::SetAside,
                Ok(entry) => Lookup::Held(entry),
            });
        }
        let drops = transaction.open_table(DROPS).of(StoreFile::Hot)?;
        let mut before = drops.range((code, 0)..=(code, number)).of(StoreFile::Hot)?;
        let drop = before.next_back().transpose().of(StoreFile::Hot)?;
        let reason = drop.and_then(|(_, drop)| {
            let (last, reason) = drop.value();
            (number <= last).then(|| GapReason::from_number(reason))?
        });
        Ok(reason.map_or(Lookup::Freed, Lookup::Dropped))
    }

    /// Where each stream stands.
    pub fn outbox(&self) -> Result<Vec<Outbox>, StoreError> {
        let transaction = hot::reading(&self.hot)?;
        let mut outboxes = Vec::new();
        for stream in Stream::ALL {
            let state = self.streams.get(stream);
            let code = stream.code();
            let mut oldest = None;
            let log = transaction
                .open_table(hot::log(stream))
                .of(StoreFile::Hot)?;
            let rows = log.range(state.cursor.confirmed + 1..);
            if let Some(row) = rows.of(StoreFile::Hot)?.next() {
                let (key, value) = row.of(StoreFile::Hot)?;
                let number = key.value();
                let at = codec::decode_at(stream, number, value.value()).ok();
                oldest = Some((number, at));
            }
            let aside = self.quarantined.range((code, 0)..=(code, u64::MAX));
            outboxes.push(Outbox {
                stream,
                confirmed: state.cursor.confirmed,
                next: state.cursor.next,
                oldest: oldest.map(|(number, _)| number),
                oldest_at: oldest.and_then(|(_, at)| at),
                entries: state.unsent_entries,
                bytes: state.unsent_bytes,
                set_aside: u64::try_from(aside.count()).unwrap_or(u64::MAX),
            });
        }
        Ok(outboxes)
    }

    /// The newest events, newest first, whether confirmed or not.
    pub fn events(&self, limit: usize) -> Result<Vec<(u64, Event)>, StoreError> {
        let transaction = hot::reading(&self.hot)?;
        let log = transaction
            .open_table(hot::log(Stream::Events))
            .of(StoreFile::Hot)?;
        let rows = log.iter().of(StoreFile::Hot)?;
        let mut events = Vec::new();
        for row in rows.rev().take(limit) {
            let (key, value) = row.of(StoreFile::Hot)?;
            let number = key.value();
            let entry = codec::decode(Stream::Events, number, value.value());
            if let Ok(Body::Event(event)) = entry.map(|entry| entry.body) {
                events.push((number, event));
            }
        }
        Ok(events)
    }

    /// Sets an entry aside that cannot be delivered: it stays stored and is not sent until
    /// `release`. Of too many the one of the lowest number is released again.
    pub fn quarantine(
        &mut self,
        stream: Stream,
        number: u64,
        why: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let code = stream.code();
        let mut out = Writer::default();
        out.byte(VERSION);
        out.varint(at.millis());
        let why: String = why.chars().take(TEXT_BYTES_MAX / 4).collect();
        out.bytes(why.as_bytes());
        let value = out.finish(&place(b'Q', u64::from(code), number));
        let surplus = self.quarantined.len() >= QUARANTINE_MAX;
        let oldest = self.quarantined.first().copied().filter(|_| surplus);
        self.write_hot(|transaction, _| {
            let mut table = transaction.open_table(QUARANTINE).of(StoreFile::Hot)?;
            if let Some(key) = oldest {
                table.remove(key).of(StoreFile::Hot)?;
            }
            let key = (code, number);
            table.insert(key, value.as_slice()).of(StoreFile::Hot)?;
            Ok(())
        })?;
        if let Some(key) = oldest {
            self.quarantined.remove(&key);
        }
        self.quarantined.insert((code, number));
        Ok(())
    }

    /// Lets an entry that was set aside be sent again.
    pub fn release(&mut self, stream: Stream, number: u64) -> Result<(), StoreError> {
        let key = (stream.code(), number);
        self.write_hot(|transaction, _| {
            let mut table = transaction.open_table(QUARANTINE).of(StoreFile::Hot)?;
            table.remove(key).of(StoreFile::Hot)?;
            Ok(())
        })?;
        self.quarantined.remove(&key);
        Ok(())
    }

    /// Everything that is set aside.
    pub fn quarantined(&self) -> Result<Vec<Quarantined>, StoreError> {
        let transaction = hot::reading(&self.hot)?;
        let table = transaction.open_table(QUARANTINE).of(StoreFile::Hot)?;
        let mut found = Vec::new();
        for row in table.iter().of(StoreFile::Hot)? {
            let (key, value) = row.of(StoreFile::Hot)?;
            let (code, number) = key.value();
            let place = place(b'Q', u64::from(code), number);
            let read = || {
                let mut reader = Reader::open(value.value(), &place, VERSION)?;
                let at = Timestamp::from_millis(reader.varint()?);
                Ok((at, reader.text(TEXT_BYTES_MAX)?.to_owned()))
            };
            let read: Result<_, crate::Damage> = read();
            let (at, why) = read.unwrap_or_default();
            if let Some(stream) = Stream::from_code(code) {
                found.push(Quarantined {
                    stream,
                    number,
                    at,
                    why,
                });
            }
        }
        Ok(found)
    }
}
