//! The shapes that tables of a meter are made of.

use super::super::fault::CosemFault;
use super::super::text::data_text;
use dlms::codec::{Data, LogicalName};

pub(super) fn fault(part: &'static str, data: &Data, wanted: &'static str) -> CosemFault {
    let found = data_text(data);
    CosemFault::Form {
        part,
        found,
        wanted,
    }
}

/// A structure of so many values.
pub(super) fn structure<'d, const N: usize>(
    data: &'d Data,
    part: &'static str,
) -> Result<&'d [Data; N], CosemFault> {
    match data {
        Data::Structure(items) => items.as_slice().try_into().ok(),
        _ => None,
    }
    .ok_or_else(|| fault(part, data, "structure of the right length"))
}

/// An array whose items are read one by one.
pub(super) fn array<T>(
    data: &Data,
    part: &'static str,
    item: impl Fn(&Data) -> Result<T, CosemFault>,
) -> Result<Vec<T>, CosemFault> {
    match data {
        Data::Array(items) => items.iter().map(item).collect(),
        _ => Err(fault(part, data, "array")),
    }
}

/// Octets of a name.
pub(super) fn name(data: &Data, part: &'static str) -> Result<Vec<u8>, CosemFault> {
    let octets = data.octets().ok_or_else(|| fault(part, data, "name"))?;
    Ok(octets.to_vec())
}

/// An octet string of a known length.
pub(super) fn octets<const N: usize>(
    data: &Data,
    part: &'static str,
) -> Result<[u8; N], CosemFault> {
    let octets = data.octets().and_then(|octets| octets.try_into().ok());
    octets.ok_or_else(|| fault(part, data, "octet string of the right length"))
}

pub(super) fn logical_name(data: &Data, part: &'static str) -> Result<LogicalName, CosemFault> {
    octets(data, part).map(LogicalName)
}

/// A whole number that fits.
pub(super) fn number<T: TryFrom<i128>>(data: &Data, part: &'static str) -> Result<T, CosemFault> {
    let number = data.integer().and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| fault(part, data, "number"))
}

pub(super) fn string(octets: &[u8]) -> Data {
    Data::OctetString(octets.to_vec())
}
