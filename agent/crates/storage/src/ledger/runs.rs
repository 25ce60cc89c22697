//! Which numbers of a stream are settled: received, or declared lost.

use super::{RUNS, VERSION};
use crate::StoreFile;
use crate::cursor::joined;
use crate::error::{InFile, StoreError};
use crate::limits::LEDGER_RUNS_MAX;
use crate::wire::{Damage, Reader, Writer, place};
use redb::{ReadableTable, WriteTransaction};

pub(super) fn settle(
    transaction: &WriteTransaction,
    key: (u16, u64, u8),
    first: u64,
    last: u64,
) -> Result<(), StoreError> {
    let mut table = transaction.open_table(RUNS).of(StoreFile::Ledger)?;
    let mut runs = read_runs(&table, key)?;
    runs.push((first, last));
    let mut runs = joined(runs);
    runs.truncate(LEDGER_RUNS_MAX);
    let mut out = Writer::default();
    out.byte(VERSION);
    out.count(runs.len());
    for (first, last) in runs {
        out.varint(first);
        out.varint(last);
    }
    let value = out.finish(&runs_place(key));
    table.insert(key, value.as_slice()).of(StoreFile::Ledger)?;
    Ok(())
}

/// Settled runs in order; the first one begins at 0.
pub(super) fn read_runs(
    table: &impl ReadableTable<(u16, u64, u8), &'static [u8]>,
    key: (u16, u64, u8),
) -> Result<Vec<(u64, u64)>, StoreError> {
    let Some(value) = table.get(key).of(StoreFile::Ledger)? else {
        return Ok(vec![(0, 0)]);
    };
    decode_runs(value.value(), key)
        .map_err(|damage| StoreError::damaged(StoreFile::Ledger, "the settled numbers", damage))
}

fn decode_runs(value: &[u8], key: (u16, u64, u8)) -> Result<Vec<(u64, u64)>, Damage> {
    let mut reader = Reader::open(value, &runs_place(key), VERSION)?;
    let count = reader.count(LEDGER_RUNS_MAX)?;
    let runs: Result<Vec<_>, Damage> = (0..count)
        .map(|_| Ok((reader.varint()?, reader.varint()?)))
        .collect();
    runs
}

fn runs_place(key: (u16, u64, u8)) -> [u8; 17] {
    let (gateway, epoch, stream) = key;
    place(b'R', epoch, u64::from(gateway) << 8 | u64::from(stream))
}
