//! The compact array: one description of a row, then rows without types.

use super::super::fault::DecodeFault;
use super::super::reader::Reader;
use super::Data;
use super::decode::{Budget, deeper, simple};
use crate::limits::VALUE_OCTETS_MAX;

/// The type of what stands in a row.
enum Type {
    Simple(u8),
    Array(u16, Box<Type>),
    Structure(Vec<Type>),
}

/// Reads it as the array that it stands for.
pub(super) fn read(
    reader: &mut Reader<'_>,
    depth: u8,
    budget: &mut Budget,
) -> Result<Data, DecodeFault> {
    let kind = describe(reader, depth, budget)?;
    let part = "a compact array";
    let mut contents = Reader::new(reader.counted(part, VALUE_OCTETS_MAX)?);
    let mut rows = Vec::new();
    while !contents.is_empty() {
        let before = contents.rest().len();
        rows.push(row(&mut contents, &kind, budget)?);
        if contents.rest().len() == before {
            return Err(DecodeFault::Length { part });
        }
    }
    Ok(Data::Array(rows))
}

fn describe(reader: &mut Reader<'_>, depth: u8, budget: &mut Budget) -> Result<Type, DecodeFault> {
    budget.spend(1)?;
    match reader.u8("the type of a compact array")? {
        1 => {
            let count = reader.u16("the type of a compact array")?;
            let kind = describe(reader, deeper(depth)?, budget)?;
            Ok(Type::Array(count, Box::new(kind)))
        }
        2 => {
            let depth = deeper(depth)?;
            let count = reader.length("the type of a compact array", 255)?;
            let kinds = (0..count).map(|_| describe(reader, depth, budget));
            kinds.collect::<Result<_, _>>().map(Type::Structure)
        }
        tag => Ok(Type::Simple(tag)),
    }
}

fn row(reader: &mut Reader<'_>, kind: &Type, budget: &mut Budget) -> Result<Data, DecodeFault> {
    budget.spend(1)?;
    match kind {
        Type::Simple(tag) => simple(reader, *tag),
        Type::Array(count, kind) => (0..*count)
            .map(|_| row(reader, kind, budget))
            .collect::<Result<_, _>>()
            .map(Data::Array),
        Type::Structure(kinds) => kinds
            .iter()
            .map(|kind| row(reader, kind, budget))
            .collect::<Result<_, _>>()
            .map(Data::Structure),
    }
}
