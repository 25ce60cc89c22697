//! Questions to the journal, and what it lets go.

use super::tables::{self, IDS, NUMBERS, OPEN, SIGNERS, Stored};
use super::{CommandProgress, CommandRecord, CommandState};
use crate::error::{InFile, StoreError};
use crate::hot;
use crate::limits::{COMMAND_AGE_KEPT, COMMANDS_PAGE_MAX};
use crate::{Store, StoreFile};
use metering::Timestamp;
use redb::{ReadTransaction, ReadableTable};

const HOT: StoreFile = StoreFile::Hot;

impl Store {
    /// The command of an id, unless it was never accepted or was dropped long after its end.
    pub fn command(&self, id: [u8; 16]) -> Result<Option<CommandRecord>, StoreError> {
        find(&hot::reading(&self.hot)?, id)
    }

    /// The command that has this number of this signer.
    pub fn command_numbered(
        &self,
        signer: [u8; 8],
        number: u64,
    ) -> Result<Option<CommandRecord>, StoreError> {
        let transaction = hot::reading(&self.hot)?;
        let numbers = transaction.open_table(NUMBERS).of(HOT)?;
        let order = numbers.get((signer, number)).of(HOT)?;
        let order = order.map(|order| order.value());
        let stored = Stored::open(&transaction)?;
        order.map(|order| stored.record(order)).transpose()
    }

    /// Commands that are not ended, in the order of their acceptance.
    pub fn open_commands(&self) -> Result<Vec<CommandRecord>, StoreError> {
        let transaction = hot::reading(&self.hot)?;
        let stored = Stored::open(&transaction)?;
        let open = transaction.open_table(OPEN).of(HOT)?;
        let rows = open.iter().of(HOT)?;
        rows.map(|row| stored.record(row.of(HOT)?.0.value()))
            .collect()
    }

    /// Commands with a side effect under way. After a start that is what the stop interrupted:
    /// each becomes `Unknown`, is read back, and only then decided.
    pub fn interrupted(&self) -> Result<Vec<CommandRecord>, StoreError> {
        let mut open = self.open_commands()?;
        open.retain(|record| record.progress.state == CommandState::Executing);
        Ok(open)
    }

    /// The newest commands, newest first, at most a page of 256.
    pub fn newest_commands(&self, limit: usize) -> Result<Vec<CommandRecord>, StoreError> {
        let transaction = hot::reading(&self.hot)?;
        let stored = Stored::open(&transaction)?;
        let orders = stored.orders(0)?.rev().take(limit.min(COMMANDS_PAGE_MAX));
        orders.map(|order| stored.record(order?)).collect()
    }

    /// The newest number of a signer in this epoch; 0 = none yet.
    pub fn last_number(&self, signer: [u8; 8]) -> Result<u64, StoreError> {
        let transaction = hot::reading(&self.hot)?;
        let signers = transaction.open_table(SIGNERS).of(HOT)?;
        let number = signers.get(signer).of(HOT)?;
        Ok(number.map_or(0, |number| number.value()))
    }

    /// The newest number of every signer in this epoch.
    pub fn last_numbers(&self) -> Result<Vec<([u8; 8], u64)>, StoreError> {
        let transaction = hot::reading(&self.hot)?;
        let signers = transaction.open_table(SIGNERS).of(HOT)?;
        let rows = signers.iter().of(HOT)?;
        rows.map(|row| {
            let (signer, number) = row.of(HOT)?;
            Ok((signer.value(), number.value()))
        })
        .collect()
    }

    /// Lets ended commands go that are beyond the count or the age kept; says how many.
    pub(crate) fn prune_commands(
        &mut self,
        now: Timestamp,
        trusts: bool,
    ) -> Result<u64, StoreError> {
        let oldest = now.before(COMMAND_AGE_KEPT);
        let is_old = |progress: &CommandProgress| trusts && progress.at < oldest;
        let surplus = tables::surplus(&hot::reading(&self.hot)?, is_old)?;
        if !surplus.is_empty() {
            self.write_hot(|transaction, _| tables::forget(transaction, &surplus))?;
        }
        Ok(u64::try_from(surplus.len()).unwrap_or(u64::MAX))
    }

    /// Checks a command of the journal, the first from `order` on; says its order, and whether it
    /// can be read.
    pub(crate) fn check_command(&self, order: u64) -> Result<Option<(u64, bool)>, StoreError> {
        let transaction = hot::reading(&self.hot)?;
        let stored = Stored::open(&transaction)?;
        let Some(order) = stored.orders(order)?.next().transpose()? else {
            return Ok(None);
        };
        match stored.record(order) {
            Ok(_) => Ok(Some((order, true))),
            Err(StoreError::Damaged { .. }) => Ok(Some((order, false))),
            Err(error) => Err(error),
        }
    }
}

pub(super) fn find(
    transaction: &ReadTransaction,
    id: [u8; 16],
) -> Result<Option<CommandRecord>, StoreError> {
    let ids = transaction.open_table(IDS).of(HOT)?;
    let order = ids.get(id).of(HOT)?.map(|order| order.value());
    let stored = Stored::open(transaction)?;
    order.map(|order| stored.record(order)).transpose()
}
