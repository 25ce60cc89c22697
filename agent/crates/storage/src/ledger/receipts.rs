//! What commands came to, as far as the gateways said: each command once, and every receipt that
//! says so once, as it was signed.

use super::names::{find_gateway, number_gateway};
use super::{Booked, Delivery, GATEWAYS, Ledger, VERSION};
use crate::error::{InFile, StoreError};
use crate::limits::{LEDGER_ASIDE_MAX, LEDGER_PAGE_ROWS_MAX, LEDGER_RECEIPT_BYTES_MAX};
use crate::wire::{Damage, Reader, Writer, place};
use crate::{CommandState, StoreFile};
use metering::{GatewayId, Timestamp};
use redb::{ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};

const LEDGER: StoreFile = StoreFile::Ledger;
/// States by gateway and command.
pub(super) const RECEIPTS: TableDefinition<(u16, [u8; 16]), &[u8]> =
    TableDefinition::new("receipts");

/// Gateway, command, SHA-256 of the receipt.
type KeptKey = (u16, [u8; 16], [u8; 32]);
/// Signed receipts by gateway, command and SHA-256.
pub(super) const KEPT: TableDefinition<KeptKey, &[u8]> = TableDefinition::new("receipts-kept");
/// What came as a receipt and is none of that gateway's, by SHA-256.
pub(super) const ASIDE: TableDefinition<(u16, [u8; 32]), &[u8]> =
    TableDefinition::new("receipts-aside");

/// A receipt as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedReceipt {
    /// What it says.
    pub said: StateOfCommand,
    /// Whether the gateway's key proves it.
    pub is_proven: bool,
    /// The signed octets.
    pub signed: Vec<u8>,
}

/// A receipt as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptReceipt {
    /// Whether the gateway's key proved it when it was booked.
    pub is_proven: bool,
    /// The signed octets.
    pub signed: Vec<u8>,
}

/// The state of a command, as one delivery said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateOfCommand {
    /// Which command.
    pub id: [u8; 16],
    /// Where it stands.
    pub state: CommandState,
    /// Since when, by the gateway's clock.
    pub at: Timestamp,
}

/// What is booked of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookedReceipt {
    /// Which command, and where it stands.
    pub said: StateOfCommand,
    /// Whether the gateway's key proved it.
    pub is_proven: bool,
    /// Which life of the gateway's store said so.
    pub epoch: [u8; 8],
    /// In which delivery of its stream.
    pub number: u64,
}

impl BookedReceipt {
    /// Whether what a later delivery says takes its place. What is proven goes before what is not.
    /// An end stays; before it the later number counts, because deliveries overtake each other.
    fn yields_to(&self, next: &Self) -> bool {
        if self.is_proven != next.is_proven {
            return next.is_proven;
        }
        let is_later = self.epoch != next.epoch || next.number > self.number;
        !self.said.state.is_final() && (next.said.state.is_final() || is_later)
    }

    fn encode(&self, gateway: u16) -> Vec<u8> {
        let mut out = Writer::default();
        out.byte(VERSION);
        out.byte(self.said.state.code());
        out.byte(u8::from(self.is_proven));
        out.varint(self.said.at.millis());
        out.raw(&self.epoch);
        out.varint(self.number);
        out.finish(&receipt_place(gateway, self.said.id))
    }

    fn decode(gateway: u16, id: [u8; 16], row: &[u8]) -> Result<Self, Damage> {
        let mut reader = Reader::open(row, &receipt_place(gateway, id), VERSION)?;
        let state = CommandState::from_code(reader.byte()?);
        let is_proven = reader.byte()? != 0;
        let said = StateOfCommand {
            id,
            state: state.ok_or(Damage::Content("state"))?,
            at: Timestamp::from_millis(reader.varint()?),
        };
        let booked = Self {
            said,
            is_proven,
            epoch: reader.array()?,
            number: reader.varint()?,
        };
        reader.end()?;
        Ok(booked)
    }
}

fn receipt_place(gateway: u16, id: [u8; 16]) -> Vec<u8> {
    let mut bytes = place(b'S', u64::from(gateway), 0).to_vec();
    bytes.extend_from_slice(&id);
    bytes
}

fn damaged(damage: Damage) -> StoreError {
    StoreError::damaged(LEDGER, "the state of a command", damage)
}

/// Books what a delivery says of a command; a second, other end is counted as differing.
pub(super) fn book(
    transaction: &WriteTransaction,
    gateway: u16,
    delivery: &Delivery,
    receipt: &ReceivedReceipt,
    booked: &mut Booked,
) -> Result<(), StoreError> {
    keep(transaction, gateway, delivery, receipt)?;
    let said = receipt.said;
    let next = BookedReceipt {
        said,
        is_proven: receipt.is_proven,
        epoch: delivery.epoch,
        number: delivery.number,
    };
    let mut table = transaction.open_table(RECEIPTS).of(LEDGER)?;
    let key = (gateway, said.id);
    let known = table.get(key).of(LEDGER)?;
    let known = known.map(|row| BookedReceipt::decode(gateway, said.id, row.value()));
    match known.transpose().map_err(damaged)? {
        None => booked.new += 1,
        Some(known) if known.yields_to(&next) => booked.replaced += 1,
        Some(known) => {
            let is_other_end = known.said.state.is_final()
                && said.state.is_final()
                && known.said.state != said.state;
            if is_other_end {
                booked.differing += 1;
            } else {
                booked.same += 1;
            }
            return Ok(());
        }
    }
    let row = next.encode(gateway);
    table.insert(key, row.as_slice()).of(LEDGER)?;
    Ok(())
}

/// The same receipt under another number is the same row; one that is proven later counts so.
fn keep(
    transaction: &WriteTransaction,
    gateway: u16,
    delivery: &Delivery,
    receipt: &ReceivedReceipt,
) -> Result<(), StoreError> {
    let mut table = transaction.open_table(KEPT).of(LEDGER)?;
    let key = (gateway, receipt.said.id, delivery.hash);
    let known = table.get(key).of(LEDGER)?;
    let known = known.map(|row| KeptReceipt::decode(key, row.value()));
    let known = known.transpose().map_err(damaged)?;
    if known.is_some_and(|known| known.is_proven || !receipt.is_proven) {
        return Ok(());
    }
    let kept = KeptReceipt {
        is_proven: receipt.is_proven,
        signed: receipt.signed.clone(),
    };
    let row = kept.encode(key);
    table.insert(key, row.as_slice()).of(LEDGER)?;
    Ok(())
}

impl KeptReceipt {
    fn place(key: KeptKey) -> Vec<u8> {
        let mut bytes = receipt_place(key.0, key.1);
        bytes.extend_from_slice(&key.2);
        bytes
    }

    fn encode(&self, key: KeptKey) -> Vec<u8> {
        let mut out = Writer::default();
        out.byte(VERSION);
        out.byte(u8::from(self.is_proven));
        out.bytes(&self.signed);
        out.finish(&Self::place(key))
    }

    fn decode(key: KeptKey, row: &[u8]) -> Result<Self, Damage> {
        let mut reader = Reader::open(row, &Self::place(key), VERSION)?;
        let kept = Self {
            is_proven: reader.byte()? != 0,
            signed: reader.bytes(LEDGER_RECEIPT_BYTES_MAX)?.to_vec(),
        };
        reader.end()?;
        Ok(kept)
    }
}

impl Ledger {
    /// Keeps octets that came as a receipt and are none of that gateway's, for a person to look
    /// at. Nothing is booked: the true receipt of that number may still come. Whether there was
    /// room; the same octets are kept once.
    pub fn set_aside_receipt(
        &mut self,
        gateway: &GatewayId,
        hash: [u8; 32],
        octets: &[u8],
    ) -> Result<bool, StoreError> {
        let (is_known, count) = {
            let transaction = self.read()?;
            let table = transaction.open_table(ASIDE).of(LEDGER)?;
            let number = self.gateway_number(gateway)?;
            let is_known = number.map(|number| table.get((number, hash)).of(LEDGER));
            let is_known = is_known.transpose()?.flatten().is_some();
            (is_known, table.len().of(LEDGER)?)
        };
        // A flood of them costs no commit each.
        if is_known || count >= LEDGER_ASIDE_MAX {
            return Ok(is_known);
        }
        let transaction = self.file.database.begin_write().of(LEDGER)?;
        let number = number_gateway(&transaction, gateway)?;
        let mut table = transaction.open_table(ASIDE).of(LEDGER)?;
        let octets = octets.get(..LEDGER_RECEIPT_BYTES_MAX).unwrap_or(octets);
        table.insert((number, hash), octets).of(LEDGER)?;
        drop(table);
        transaction.commit().of(LEDGER)?;
        Ok(true)
    }

    /// What was set aside of a gateway.
    pub fn receipts_aside(&self, gateway: &GatewayId) -> Result<Vec<Vec<u8>>, StoreError> {
        let Some(number) = self.gateway_number(gateway)? else {
            return Ok(Vec::new());
        };
        let transaction = self.read()?;
        let table = transaction.open_table(ASIDE).of(LEDGER)?;
        let rows = table
            .range((number, [0; 32])..=(number, [0xFF; 32]))
            .of(LEDGER)?;
        rows.map(|row| Ok(row.of(LEDGER)?.1.value().to_vec()))
            .collect()
    }

    /// The signed receipts of a command, each once.
    pub fn receipts_of(
        &self,
        gateway: &GatewayId,
        id: [u8; 16],
    ) -> Result<Vec<KeptReceipt>, StoreError> {
        let Some(number) = self.gateway_number(gateway)? else {
            return Ok(Vec::new());
        };
        let transaction = self.read()?;
        let table = transaction.open_table(KEPT).of(LEDGER)?;
        let range = (number, id, [0; 32])..=(number, id, [0xFF; 32]);
        let mut found = Vec::new();
        for row in table.range(range).of(LEDGER)?.take(LEDGER_PAGE_ROWS_MAX) {
            let (key, row) = row.of(LEDGER)?;
            found.push(KeptReceipt::decode(key.value(), row.value()).map_err(damaged)?);
        }
        Ok(found)
    }

    /// What a gateway said last of a command.
    pub fn receipt(
        &self,
        gateway: &GatewayId,
        id: [u8; 16],
    ) -> Result<Option<BookedReceipt>, StoreError> {
        let transaction = self.read()?;
        let gateways = transaction.open_table(GATEWAYS).of(LEDGER)?;
        let Some(number) = find_gateway(&gateways, gateway)? else {
            return Ok(None);
        };
        let table = transaction.open_table(RECEIPTS).of(LEDGER)?;
        let row = table.get((number, id)).of(LEDGER)?;
        let booked = row.map(|row| BookedReceipt::decode(number, id, row.value()));
        booked.transpose().map_err(damaged)
    }

    /// Commands of a gateway in the order of their ids, those after `after`, a page of them: an
    /// id begins with the time it was made.
    pub fn receipts(
        &self,
        gateway: &GatewayId,
        after: Option<[u8; 16]>,
    ) -> Result<Vec<BookedReceipt>, StoreError> {
        let Some(number) = self.gateway_number(gateway)? else {
            return Ok(Vec::new());
        };
        let transaction = self.read()?;
        let table = transaction.open_table(RECEIPTS).of(LEDGER)?;
        let first = (number, after.unwrap_or_default());
        let rows = table.range(first..=(number, [0xFF; 16])).of(LEDGER)?;
        let mut found = Vec::new();
        for row in rows {
            let (key, row) = row.of(LEDGER)?;
            let (_, id) = key.value();
            if after == Some(id) {
                continue;
            }
            found.push(BookedReceipt::decode(number, id, row.value()).map_err(damaged)?);
            if found.len() >= LEDGER_PAGE_ROWS_MAX {
                break;
            }
        }
        Ok(found)
    }
}
