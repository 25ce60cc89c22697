//! Small numbers for gateways and meters, given once.

use super::{GATEWAYS, METERS};
use crate::StoreFile;
use crate::error::{InFile, StoreError};
use metering::{GatewayId, MeterId};
use redb::{ReadableTable, WriteTransaction};

pub(super) fn find_gateway(
    table: &impl ReadableTable<u16, &'static str>,
    gateway: &GatewayId,
) -> Result<Option<u16>, StoreError> {
    for row in table.iter().of(StoreFile::Ledger)? {
        let (number, name) = row.of(StoreFile::Ledger)?;
        if name.value() == gateway.as_str() {
            return Ok(Some(number.value()));
        }
    }
    Ok(None)
}

pub(super) fn number_gateway(
    transaction: &WriteTransaction,
    gateway: &GatewayId,
) -> Result<u16, StoreError> {
    let mut table = transaction.open_table(GATEWAYS).of(StoreFile::Ledger)?;
    if let Some(known) = find_gateway(&table, gateway)? {
        return Ok(known);
    }
    let last = table.last().of(StoreFile::Ledger)?;
    let next = last.map_or(Some(0), |(number, _)| number.value().checked_add(1));
    let next = next.ok_or(StoreError::RegistryFull { what: "gateway" })?;
    table.insert(next, gateway.as_str()).of(StoreFile::Ledger)?;
    Ok(next)
}

pub(super) fn find_meter(
    table: &impl ReadableTable<(u16, u16), &'static str>,
    gateway: u16,
    meter: &MeterId,
) -> Result<Option<u16>, StoreError> {
    let rows = table.range((gateway, 0)..=(gateway, u16::MAX));
    for row in rows.of(StoreFile::Ledger)? {
        let (key, name) = row.of(StoreFile::Ledger)?;
        if name.value() == meter.as_str() {
            return Ok(Some(key.value().1));
        }
    }
    Ok(None)
}

pub(super) fn number_meter(
    transaction: &WriteTransaction,
    gateway: u16,
    meter: &MeterId,
) -> Result<u16, StoreError> {
    let mut table = transaction.open_table(METERS).of(StoreFile::Ledger)?;
    if let Some(known) = find_meter(&table, gateway, meter)? {
        return Ok(known);
    }
    let mut rows = table
        .range((gateway, 0)..=(gateway, u16::MAX))
        .of(StoreFile::Ledger)?;
    let last = rows.next_back().transpose().of(StoreFile::Ledger)?;
    let next = last.map_or(Some(0), |(key, _)| key.value().1.checked_add(1));
    drop(rows);
    let next = next.ok_or(StoreError::RegistryFull { what: "meter" })?;
    table
        .insert((gateway, next), meter.as_str())
        .of(StoreFile::Ledger)?;
    Ok(next)
}
