//! The ledger of the reference head-end consumer: what was received, each value once.
//!
//! A delivery is known by (gateway, epoch, stream, number), a value by (gateway, meter, profile,
//! channel, interval end). What was committed here may be named in a watermark.

mod book;
mod export;
mod names;
mod receipts;
mod runs;

pub use export::{BookedRow, BookedValue, LedgerPage, MeterSum, PageStart};
pub use receipts::{BookedReceipt, KeptReceipt, ReceivedReceipt, StateOfCommand};

use crate::database::{OpenFile, Opening, write_format};
use crate::error::{InFile, StoreError};
use crate::limits::LEDGER_ISLANDS_MAX;
use crate::medium::Folder;
use crate::{FileTraffic, StoreFile, Stream};
use metering::{GatewayId, ProfileRows, Timestamp};
use names::{find_gateway, number_gateway, number_meter};
use redb::{ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use runs::{read_runs, settle};
use std::path::Path;

/// Gateways by number.
pub(crate) const GATEWAYS: TableDefinition<u16, &str> = TableDefinition::new("gateways");
/// Meters by gateway and number.
pub(crate) const METERS: TableDefinition<(u16, u16), &str> = TableDefinition::new("meters");
/// Deliveries: gateway, epoch, stream, number; hash and instant.
const DELIVERIES: TableDefinition<DeliveryKey, (&[u8; 32], u64)> =
    TableDefinition::new("deliveries");
/// Runs of numbers that are settled, by gateway, epoch, stream.
const RUNS: TableDefinition<(u16, u64, u8), &[u8]> = TableDefinition::new("runs");
/// Numbers that the gateway said are lost: gateway, epoch, stream, first; last.
const LOST: TableDefinition<(u16, u64, u8, u64), u64> = TableDefinition::new("lost");
/// Intervals by gateway, meter, profile, end in milliseconds.
pub(crate) const INTERVALS: TableDefinition<(u16, u16, [u8; 6], u64), &[u8]> =
    TableDefinition::new("intervals");
/// Gateway, epoch, stream, number.
type DeliveryKey = (u16, u64, u8, u64);
const VERSION: u8 = 1;
/// The consumer runs on a server or on a desk.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// One message, as far as the ledger books it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Who sent it.
    pub gateway: GatewayId,
    /// Which life of its store.
    pub epoch: [u8; 8],
    /// Its stream.
    pub stream: Stream,
    /// Its number, from 1.
    pub number: u64,
    /// SHA-256 of its body as received.
    pub hash: [u8; 32],
    /// The intervals in it; empty for streams that have none.
    pub rows: Vec<ProfileRows>,
    /// How often these intervals were corrected.
    pub rev: u32,
    /// Numbers that it declares lost: stream, first, last.
    pub lost: Vec<(Stream, u64, u64)>,
    /// What it says of a command.
    pub receipt: Option<ReceivedReceipt>,
    /// When it was received.
    pub at: Timestamp,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is booked.
    New(Booked),
    /// It was booked before.
    Duplicate,
    /// Another one of this number was booked before: somebody must look. Nothing was booked.
    Conflict,
}

/// What became of the values of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Booked {
    /// Not known before.
    pub new: u64,
    /// Known with a lower revision, or as missing.
    pub replaced: u64,
    /// Known, and the same.
    pub same: u64,
    /// Known with another value and no lower revision: the known one stays.
    pub differing: u64,
}

/// What a watermark may say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Watermark {
    /// Everything up to here is committed, or known to be lost.
    pub upto: u64,
    /// And these runs beyond.
    pub islands: Vec<(u64, u64)>,
}

/// Numbers that never came, between others that did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hole {
    /// Which life of the gateway's store.
    pub epoch: [u8; 8],
    /// Which stream.
    pub stream: Stream,
    /// First and last number.
    pub from: u64,
    /// Last number.
    pub to: u64,
}

/// The consumer's store. Every method blocks.
#[derive(Debug)]
pub struct Ledger {
    pub(crate) file: OpenFile,
}

impl Ledger {
    /// Opens `ledger.redb` in a folder, which must exist, or creates it. A broken ledger is
    /// never set aside: it is the only one.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let opening = Opening {
            medium: &Folder::new(folder),
            file: StoreFile::Ledger,
            cache_bytes: CACHE_BYTES,
            on_repair: None,
        };
        let (file, ()) = opening.run_or_refuse(|file, is_fresh| {
            let transaction = file.database.begin_write().of(StoreFile::Ledger)?;
            prepare(&transaction, is_fresh).of(StoreFile::Ledger)?;
            transaction.commit().of(StoreFile::Ledger)
        })?;
        Ok(Self { file })
    }

    /// Books one delivery durably.
    pub fn commit(&mut self, delivery: &Delivery) -> Result<Outcome, StoreError> {
        let outcomes = self.commit_all(std::slice::from_ref(delivery))?;
        Ok(outcomes.first().copied().unwrap_or(Outcome::Duplicate))
    }

    /// Books some deliveries as one commit, in this order.
    pub fn commit_all(&mut self, deliveries: &[Delivery]) -> Result<Vec<Outcome>, StoreError> {
        if deliveries.is_empty() {
            return Ok(Vec::new());
        }
        let transaction = self.file.database.begin_write().of(StoreFile::Ledger)?;
        let outcomes: Result<Vec<Outcome>, StoreError> = deliveries
            .iter()
            .map(|delivery| book_delivery(&transaction, delivery))
            .collect();
        let outcomes = outcomes?;
        transaction.commit().of(StoreFile::Ledger)?;
        Ok(outcomes)
    }

    /// What is settled of one stream; empty for a gateway never heard of.
    pub fn watermark(
        &self,
        gateway: &GatewayId,
        epoch: [u8; 8],
        stream: Stream,
    ) -> Result<Watermark, StoreError> {
        let transaction = self.read()?;
        let Some(number) = self.gateway_number(gateway)? else {
            return Ok(Watermark::default());
        };
        let table = transaction.open_table(RUNS).of(StoreFile::Ledger)?;
        let key = (number, u64::from_be_bytes(epoch), stream.code());
        let mut runs = read_runs(&table, key)?;
        let islands = runs.split_off(1);
        Ok(Watermark {
            upto: runs.first().map_or(0, |(_, last)| *last),
            islands: islands.into_iter().take(LEDGER_ISLANDS_MAX).collect(),
        })
    }

    /// Numbers of a gateway that never came although later ones did.
    pub fn holes(&self, gateway: &GatewayId) -> Result<Vec<Hole>, StoreError> {
        let mut holes = Vec::new();
        let Some(number) = self.gateway_number(gateway)? else {
            return Ok(holes);
        };
        let transaction = self.read()?;
        let table = transaction.open_table(RUNS).of(StoreFile::Ledger)?;
        let range = (number, 0, 0)..=(number, u64::MAX, u8::MAX);
        for row in table.range(range).of(StoreFile::Ledger)? {
            let (key, _) = row.of(StoreFile::Ledger)?;
            let (_, epoch, code) = key.value();
            let runs = read_runs(&table, key.value())?;
            let gaps = runs.array_windows();
            let gaps = gaps.map(|[before, after]| (before.1 + 1, after.0 - 1));
            let Some(stream) = Stream::from_code(code) else {
                continue;
            };
            holes.extend(gaps.map(|(from, to)| Hole {
                epoch: epoch.to_be_bytes(),
                stream,
                from,
                to,
            }));
        }
        Ok(holes)
    }

    /// Numbers that a gateway itself declared lost.
    pub fn lost(&self, gateway: &GatewayId) -> Result<Vec<Hole>, StoreError> {
        let mut lost = Vec::new();
        let Some(number) = self.gateway_number(gateway)? else {
            return Ok(lost);
        };
        let transaction = self.read()?;
        let table = transaction.open_table(LOST).of(StoreFile::Ledger)?;
        let range = (number, 0, 0, 0)..=(number, u64::MAX, u8::MAX, u64::MAX);
        for row in table.range(range).of(StoreFile::Ledger)? {
            let (key, last) = row.of(StoreFile::Ledger)?;
            let (_, epoch, code, from) = key.value();
            if let Some(stream) = Stream::from_code(code) {
                lost.push(Hole {
                    epoch: epoch.to_be_bytes(),
                    stream,
                    from,
                    to: last.value(),
                });
            }
        }
        Ok(lost)
    }

    /// Every gateway that ever delivered.
    pub fn gateways(&self) -> Result<Vec<GatewayId>, StoreError> {
        let transaction = self.read()?;
        let table = transaction.open_table(GATEWAYS).of(StoreFile::Ledger)?;
        let mut found = Vec::new();
        for row in table.iter().of(StoreFile::Ledger)? {
            let (_, name) = row.of(StoreFile::Ledger)?;
            found.extend(name.value().parse().ok());
        }
        Ok(found)
    }

    /// What went to and came from the file since it was opened.
    pub fn traffic(&self) -> FileTraffic {
        self.file.counters.traffic()
    }

    /// Closes the file, and reports what fails in doing so.
    pub fn close(self) -> Result<(), StoreError> {
        self.file.database.close().of(StoreFile::Ledger)
    }

    pub(crate) fn read(&self) -> Result<redb::ReadTransaction, StoreError> {
        self.file.database.begin_read().of(StoreFile::Ledger)
    }

    pub(crate) fn gateway_number(&self, gateway: &GatewayId) -> Result<Option<u16>, StoreError> {
        let transaction = self.read()?;
        let table = transaction.open_table(GATEWAYS).of(StoreFile::Ledger)?;
        find_gateway(&table, gateway)
    }
}

fn prepare(transaction: &WriteTransaction, is_fresh: bool) -> Result<(), redb::Error> {
    if is_fresh {
        write_format(transaction)?;
    }
    drop(transaction.open_table(GATEWAYS)?);
    drop(transaction.open_table(METERS)?);
    drop(transaction.open_table(DELIVERIES)?);
    drop(transaction.open_table(RUNS)?);
    drop(transaction.open_table(LOST)?);
    drop(transaction.open_table(INTERVALS)?);
    drop(transaction.open_table(receipts::RECEIPTS)?);
    drop(transaction.open_table(receipts::KEPT)?);
    drop(transaction.open_table(receipts::ASIDE)?);
    Ok(())
}

fn book_delivery(
    transaction: &WriteTransaction,
    delivery: &Delivery,
) -> Result<Outcome, StoreError> {
    let ledger = StoreFile::Ledger;
    if delivery.number == 0 {
        return Err(StoreError::Unfit {
            what: "a delivery has the number 0".to_owned(),
            wanted: "numbers from 1 on",
        });
    }
    let gateway = number_gateway(transaction, &delivery.gateway)?;
    let epoch = u64::from_be_bytes(delivery.epoch);
    let key = (gateway, epoch, delivery.stream.code(), delivery.number);
    {
        let mut table = transaction.open_table(DELIVERIES).of(ledger)?;
        let known = table.get(key).of(ledger)?.map(|known| *known.value().0);
        match known {
            Some(hash) if hash != delivery.hash => return Ok(Outcome::Conflict),
            Some(_) => {}
            None => {
                let value = (&delivery.hash, delivery.at.millis());
                table.insert(key, value).of(ledger)?;
            }
        }
        // A duplicate is settled again: its run may have found no room the first time.
        let stream = (gateway, epoch, delivery.stream.code());
        settle(transaction, stream, delivery.number, delivery.number)?;
        if known.is_some() {
            return Ok(Outcome::Duplicate);
        }
    }
    for (stream, first, last) in &delivery.lost {
        if *first == 0 || first > last {
            continue;
        }
        let code = stream.code();
        let mut lost = transaction.open_table(LOST).of(ledger)?;
        lost.insert((gateway, epoch, code, *first), *last)
            .of(ledger)?;
        drop(lost);
        settle(transaction, (gateway, epoch, code), *first, *last)?;
    }
    let mut booked = Booked::default();
    for block in &delivery.rows {
        let meter = number_meter(transaction, gateway, &block.meter)?;
        book::block(
            transaction,
            (gateway, meter),
            block,
            delivery.rev,
            &mut booked,
        )?;
    }
    if let Some(receipt) = &delivery.receipt {
        receipts::book(transaction, gateway, delivery, receipt, &mut booked)?;
    }
    Ok(Outcome::New(booked))
}

#[cfg(test)]
mod tests;
