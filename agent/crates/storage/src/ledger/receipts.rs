//! What commands came to, as far as the gateways said: each command once.

use super::names::find_gateway;
use super::{Booked, Delivery, GATEWAYS, Ledger, VERSION};
use crate::error::{InFile, StoreError};
use crate::limits::LEDGER_PAGE_ROWS_MAX;
use crate::wire::{Damage, Reader, Writer, place};
use crate::{CommandState, StoreFile};
use metering::{GatewayId, Timestamp};
use redb::{ReadableTable, TableDefinition, WriteTransaction};

const LEDGER: StoreFile = StoreFile::Ledger;
/// States by gateway and command.
pub(super) const RECEIPTS: TableDefinition<(u16, [u8; 16]), &[u8]> =
    TableDefinition::new("receipts");

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
    /// Which life of the gateway's store said so.
    pub epoch: [u8; 8],
    /// In which delivery of its stream.
    pub number: u64,
}

impl BookedReceipt {
    /// Whether what a later delivery says takes its place. An end stays; before it the later
    /// number counts, because deliveries overtake each other.
    fn yields_to(&self, next: &Self) -> bool {
        let is_later = self.epoch != next.epoch || next.number > self.number;
        !self.said.state.is_final() && (next.said.state.is_final() || is_later)
    }

    fn encode(&self, gateway: u16) -> Vec<u8> {
        let mut out = Writer::default();
        out.byte(VERSION);
        out.byte(self.said.state.code());
        out.varint(self.said.at.millis());
        out.raw(&self.epoch);
        out.varint(self.number);
        out.finish(&receipt_place(gateway, self.said.id))
    }

    fn decode(gateway: u16, id: [u8; 16], row: &[u8]) -> Result<Self, Damage> {
        let mut reader = Reader::open(row, &receipt_place(gateway, id), VERSION)?;
        let state = CommandState::from_code(reader.byte()?);
        let said = StateOfCommand {
            id,
            state: state.ok_or(Damage::Content("state"))?,
            at: Timestamp::from_millis(reader.varint()?),
        };
        let booked = Self {
            said,
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
    said: StateOfCommand,
    booked: &mut Booked,
) -> Result<(), StoreError> {
    let next = BookedReceipt {
        said,
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

impl Ledger {
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
