//! Small numbers for the archive's keys: each meter, profile and shape is named once.

use crate::StoreFile;
use crate::error::{InFile, StoreError};
use crate::limits::{METERS_MAX, PROFILES_MAX, SHAPES_MAX};
use crate::wire::{Damage, Reader, Writer, place};
use metering::{MeterId, ProfileId};
use redb::{ReadableTable, TableDefinition, WriteTransaction};
use std::collections::HashMap;

const METERS: TableDefinition<u32, &[u8]> = TableDefinition::new("meters");
const PROFILES: TableDefinition<u32, &[u8]> = TableDefinition::new("profiles");
const SHAPES: TableDefinition<u32, &[u8]> = TableDefinition::new("shapes");
const VERSION: u8 = 1;
/// Longest shape: 512 quantities of eight or nine bytes.
const SHAPE_BYTES_MAX: usize = 8 * 1024;

/// What the numbers in the archive stand for. Numbers are never used twice.
#[derive(Debug, Clone, Default)]
pub(crate) struct Registry {
    meters: Vec<MeterId>,
    meter_numbers: HashMap<MeterId, u16>,
    profiles: Vec<ProfileId>,
    shapes: Vec<Vec<u8>>,
    shape_numbers: HashMap<Vec<u8>, u32>,
}

impl Registry {
    /// Reads the tables, and creates them in a fresh file.
    pub(crate) fn read(transaction: &WriteTransaction) -> Result<Self, StoreError> {
        let mut registry = Self::default();
        for bytes in rows(transaction, METERS, b'M')? {
            let name = str::from_utf8(&bytes)
                .ok()
                .and_then(|name| name.parse().ok());
            let meter = name.ok_or_else(|| damaged("a meter's name", Damage::Content("text")))?;
            registry.add_meter(meter)?;
        }
        for bytes in rows(transaction, PROFILES, b'P')? {
            let obis = Reader(&bytes).array().map(ProfileId::new);
            let profile = obis.map_err(|damage| damaged("a profile's code", damage))?;
            registry.profiles.push(profile);
        }
        for bytes in rows(transaction, SHAPES, b'S')? {
            registry.add_shape(&bytes);
        }
        Ok(registry)
    }

    pub(crate) fn meter(&self, meter: &MeterId) -> Option<u16> {
        self.meter_numbers.get(meter).copied()
    }

    pub(crate) fn meter_name(&self, number: u16) -> Option<&MeterId> {
        self.meters.get(usize::from(number))
    }

    pub(crate) fn profile(&self, profile: ProfileId) -> Option<u8> {
        let position = self.profiles.iter().position(|known| *known == profile)?;
        u8::try_from(position).ok()
    }

    pub(crate) fn shape(&self, number: u32) -> Option<&[u8]> {
        let index = usize::try_from(number).ok()?;
        self.shapes.get(index).map(Vec::as_slice)
    }

    pub(crate) fn add_meter(&mut self, meter: MeterId) -> Result<u16, StoreError> {
        if let Some(known) = self.meter(&meter) {
            return Ok(known);
        }
        let number = u16::try_from(self.meters.len()).ok();
        let number = number
            .filter(|_| self.meters.len() < METERS_MAX)
            .ok_or(StoreError::RegistryFull { what: "meter" })?;
        self.meters.push(meter.clone());
        self.meter_numbers.insert(meter, number);
        Ok(number)
    }

    pub(crate) fn add_profile(&mut self, profile: ProfileId) -> Result<u8, StoreError> {
        if let Some(known) = self.profile(profile) {
            return Ok(known);
        }
        let number = u8::try_from(self.profiles.len()).ok();
        let number = number
            .filter(|_| self.profiles.len() < PROFILES_MAX)
            .ok_or(StoreError::RegistryFull { what: "profile" })?;
        self.profiles.push(profile);
        Ok(number)
    }

    /// `None` when there are too many: a chunk then carries its shape itself.
    pub(crate) fn add_shape(&mut self, shape: &[u8]) -> Option<u32> {
        if let Some(known) = self.shape_numbers.get(shape) {
            return Some(*known);
        }
        if self.shapes.len() >= SHAPES_MAX || shape.len() > SHAPE_BYTES_MAX {
            return None;
        }
        let number = u32::try_from(self.shapes.len()).ok()?;
        self.shapes.push(shape.to_vec());
        self.shape_numbers.insert(shape.to_vec(), number);
        Some(number)
    }

    /// Writes what this registry has more than an earlier one.
    pub(crate) fn write_news(
        &self,
        transaction: &WriteTransaction,
        before: &Self,
    ) -> Result<(), StoreError> {
        let names = self.meters.iter().map(|meter| meter.as_str().as_bytes());
        write(transaction, METERS, b'M', names, before.meters.len())?;
        let codes: Vec<[u8; 6]> = self.profiles.iter().map(|code| code.groups()).collect();
        let codes = codes.iter().map(<[u8; 6]>::as_slice);
        write(transaction, PROFILES, b'P', codes, before.profiles.len())?;
        let shapes = self.shapes.iter().map(Vec::as_slice);
        write(transaction, SHAPES, b'S', shapes, before.shapes.len())
    }

    /// Rows in the three tables together.
    pub(crate) const fn len(&self) -> usize {
        self.meters.len() + self.profiles.len() + self.shapes.len()
    }
}

fn damaged(what: &str, damage: Damage) -> StoreError {
    StoreError::damaged(StoreFile::Archive, what, damage)
}

fn rows(
    transaction: &WriteTransaction,
    table: TableDefinition<u32, &[u8]>,
    tag: u8,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let table = transaction.open_table(table).of(StoreFile::Archive)?;
    let mut found = Vec::new();
    for row in table.iter().of(StoreFile::Archive)? {
        let (number, value) = row.of(StoreFile::Archive)?;
        let place = place(tag, u64::from(number.value()), 0);
        let reader = Reader::open(value.value(), &place, VERSION);
        let reader = reader.map_err(|damage| damaged("the registry", damage))?;
        if usize::try_from(number.value()) != Ok(found.len()) {
            return Err(damaged("the registry", Damage::Content("order")));
        }
        found.push(reader.0.to_vec());
    }
    Ok(found)
}

fn write<'a>(
    transaction: &WriteTransaction,
    table: TableDefinition<u32, &[u8]>,
    tag: u8,
    rows: impl Iterator<Item = &'a [u8]>,
    known: usize,
) -> Result<(), StoreError> {
    let mut table = transaction.open_table(table).of(StoreFile::Archive)?;
    for (number, row) in (0_u32..).zip(rows).skip(known) {
        let mut out = Writer::default();
        out.byte(VERSION);
        out.raw(row);
        let value = out.finish(&place(tag, u64::from(number), 0));
        table
            .insert(number, value.as_slice())
            .of(StoreFile::Archive)?;
    }
    Ok(())
}
