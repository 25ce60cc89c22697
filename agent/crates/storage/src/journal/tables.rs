//! The tables of the journal.

use super::{AcceptedCommand, CommandProgress, CommandRecord};
use crate::error::{InFile, StoreError};
use crate::limits::{COMMANDS_DROP_MAX, COMMANDS_KEPT};
use crate::{Damage, StoreFile};
use redb::{
    ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition, TableHandle,
    WriteTransaction,
};

const HOT: StoreFile = StoreFile::Hot;
/// Commands by the order of their acceptance.
pub(super) const COMMANDS: TableDefinition<u64, &[u8]> = TableDefinition::new("commands");
/// How far each of them has come.
pub(super) const PROGRESS: TableDefinition<u64, &[u8]> = TableDefinition::new("command-progress");
/// Their place by id.
pub(super) const IDS: TableDefinition<[u8; 16], u64> = TableDefinition::new("command-ids");
/// Their place by signer and number.
pub(super) const NUMBERS: TableDefinition<([u8; 8], u64), u64> =
    TableDefinition::new("command-numbers");
/// The newest number of each signer; stays when the commands are dropped.
pub(super) const SIGNERS: TableDefinition<[u8; 8], u64> = TableDefinition::new("command-signers");
/// Commands that are not ended.
pub(super) const OPEN: TableDefinition<u64, ()> = TableDefinition::new("commands-open");

/// Whether a file from before the journal lacks these tables.
pub(crate) fn is_missing(transaction: &WriteTransaction) -> Result<bool, redb::Error> {
    let mut tables = transaction.list_tables()?;
    Ok(!tables.any(|table| table.name() == OPEN.name()))
}

/// Makes the tables where they are missing.
pub(crate) fn prepare(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    drop(transaction.open_table(COMMANDS)?);
    drop(transaction.open_table(PROGRESS)?);
    drop(transaction.open_table(IDS)?);
    drop(transaction.open_table(NUMBERS)?);
    drop(transaction.open_table(SIGNERS)?);
    drop(transaction.open_table(OPEN)?);
    Ok(())
}

fn damaged(order: u64, damage: Damage) -> StoreError {
    StoreError::damaged(HOT, format!("command {order} of the journal"), damage)
}

/// Reads rows of the journal; either kind of transaction has them.
pub(super) struct Journal<C, P> {
    commands: C,
    progress: P,
}

pub(super) type Stored =
    Journal<redb::ReadOnlyTable<u64, &'static [u8]>, redb::ReadOnlyTable<u64, &'static [u8]>>;

impl Stored {
    pub(super) fn open(transaction: &ReadTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            commands: transaction.open_table(COMMANDS).of(HOT)?,
            progress: transaction.open_table(PROGRESS).of(HOT)?,
        })
    }

    /// The record in a place of the order that must be there.
    pub(super) fn record(&self, order: u64) -> Result<CommandRecord, StoreError> {
        let command = self.commands.get(order).of(HOT)?;
        let command = command.ok_or_else(|| damaged(order, Damage::Content("absence")))?;
        let command = AcceptedCommand::decode(order, command.value());
        Ok(CommandRecord {
            order,
            command: command.map_err(|damage| damaged(order, damage))?,
            progress: progress_in(&self.progress, order)?,
        })
    }

    /// Places from a number on, in either direction.
    pub(super) fn orders(
        &self,
        from: u64,
    ) -> Result<impl DoubleEndedIterator<Item = Result<u64, StoreError>>, StoreError> {
        let rows = self.commands.range(from..).of(HOT)?;
        Ok(rows.map(|row| Ok(row.of(HOT)?.0.value())))
    }
}

fn progress_in(
    table: &impl ReadableTable<u64, &'static [u8]>,
    order: u64,
) -> Result<CommandProgress, StoreError> {
    let row = table.get(order).of(HOT)?;
    let row = row.ok_or_else(|| damaged(order, Damage::Content("absence")))?;
    CommandProgress::decode(order, row.value()).map_err(|damage| damaged(order, damage))
}

/// The place of a command that must be there, and how far it has come.
pub(super) fn progress_of(
    transaction: &ReadTransaction,
    id: [u8; 16],
) -> Result<Option<(u64, CommandProgress)>, StoreError> {
    let ids = transaction.open_table(IDS).of(HOT)?;
    let Some(order) = ids.get(id).of(HOT)?.map(|order| order.value()) else {
        return Ok(None);
    };
    let table = transaction.open_table(PROGRESS).of(HOT)?;
    Ok(Some((order, progress_in(&table, order)?)))
}

/// Writes a command that is new, behind all others, and lets the oldest go for it.
pub(super) fn write_command(
    transaction: &WriteTransaction,
    command: &AcceptedCommand,
) -> Result<u64, StoreError> {
    let order = {
        let mut commands = transaction.open_table(COMMANDS).of(HOT)?;
        let last = commands
            .last()
            .of(HOT)?
            .map_or(0, |(order, _)| order.value());
        let order = last.saturating_add(1);
        let row = command.encode(order);
        commands.insert(order, row.as_slice()).of(HOT)?;
        order
    };
    write_progress(transaction, order, &CommandProgress::accepted(command.at))?;
    let mut ids = transaction.open_table(IDS).of(HOT)?;
    let before = ids.insert(command.id, order).of(HOT)?;
    assert!(before.is_none(), "a command is accepted once");
    let mut numbers = transaction.open_table(NUMBERS).of(HOT)?;
    let key = (command.signer, command.number);
    let before = numbers.insert(key, order).of(HOT)?;
    assert!(before.is_none(), "a number is accepted once");
    let mut signers = transaction.open_table(SIGNERS).of(HOT)?;
    let before = signers.insert(command.signer, command.number).of(HOT)?;
    let before = before.map_or(0, |number| number.value());
    assert!(
        before.checked_add(1) == Some(command.number),
        "numbers have no gaps"
    );
    let mut open = transaction.open_table(OPEN).of(HOT)?;
    open.insert(order, ()).of(HOT)?;
    Ok(order)
}

/// Writes how far a command has come; one that is ended is no longer open.
pub(super) fn write_progress(
    transaction: &WriteTransaction,
    order: u64,
    progress: &CommandProgress,
) -> Result<(), StoreError> {
    let mut table = transaction.open_table(PROGRESS).of(HOT)?;
    let row = progress.encode(order);
    table.insert(order, row.as_slice()).of(HOT)?;
    if progress.state.is_final() {
        let mut open = transaction.open_table(OPEN).of(HOT)?;
        open.remove(order).of(HOT)?;
    }
    Ok(())
}

/// Ended commands beyond those kept, oldest first, and those that `is_old` names among the oldest.
/// The newest command stays in any case, because the order counts from it.
pub(super) fn surplus(
    transaction: &ReadTransaction,
    is_old: impl Fn(&CommandProgress) -> bool,
) -> Result<Vec<u64>, StoreError> {
    let progress = transaction.open_table(PROGRESS).of(HOT)?;
    let held = progress.len().of(HOT)?;
    let mut over = held.saturating_sub(COMMANDS_KEPT);
    let newest = progress
        .last()
        .of(HOT)?
        .map_or(0, |(order, _)| order.value());
    let mut found = Vec::new();
    for row in progress.range(..newest).of(HOT)? {
        let (order, value) = row.of(HOT)?;
        let order = order.value();
        let read = CommandProgress::decode(order, value.value());
        let read = read.map_err(|damage| damaged(order, damage))?;
        if !read.state.is_final() {
            continue;
        }
        if over == 0 && !is_old(&read) {
            break;
        }
        over = over.saturating_sub(1);
        found.push(order);
        if found.len() >= COMMANDS_DROP_MAX {
            break;
        }
    }
    Ok(found)
}

/// Forgets ended commands; what number their signers have come to stays.
pub(super) fn forget(transaction: &WriteTransaction, orders: &[u64]) -> Result<(), StoreError> {
    if orders.is_empty() {
        return Ok(());
    }
    let mut commands = transaction.open_table(COMMANDS).of(HOT)?;
    let mut progress = transaction.open_table(PROGRESS).of(HOT)?;
    let mut ids = transaction.open_table(IDS).of(HOT)?;
    let mut numbers = transaction.open_table(NUMBERS).of(HOT)?;
    for order in orders {
        let row = commands.remove(order).of(HOT)?;
        let command = row.map(|row| AcceptedCommand::decode(*order, row.value()));
        if let Some(command) = command {
            let command = command.map_err(|damage| damaged(*order, damage))?;
            ids.remove(command.id).of(HOT)?;
            numbers.remove((command.signer, command.number)).of(HOT)?;
        }
        progress.remove(order).of(HOT)?;
    }
    Ok(())
}
