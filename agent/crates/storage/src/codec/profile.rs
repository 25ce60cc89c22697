//! Load-profile intervals as an entry holds them.

use super::{millis, next_column, read_instant, read_meter, read_obis, write_meter};
use crate::columns::{self, Column};
use crate::limits::{CHUNK_ROWS_MAX, COLUMNS_MAX};
use crate::shape::{read_profile_shape, write_profile_shape};
use crate::wire::{Damage, Reader, Writer};
use metering::{ClockQuality, Flags, ProfileRows, Row};

/// Columns in front of the channels: interval end, flags, offset of the sample.
const FIXED: usize = 3;

pub(super) fn encode(block: &ProfileRows, out: &mut Writer) {
    write_meter(&block.meter, out);
    out.raw(&block.profile.groups());
    write_profile_shape(&block.shape, out);
    out.byte(block.clock.level());
    out.count(block.rows.len());
    let ends = block.rows.iter().map(|row| Some(millis(row.end))).collect();
    let channels = block.shape.channels.len();
    let block = fixed_columns(ends, &block.rows, channels);
    columns::encode(&block, block.first().map_or(0, Vec::len), out);
}

/// The columns of some rows behind a given first one; a row without a value of a channel has
/// none there.
pub(crate) fn fixed_columns(ends: Column, rows: &[Row], channels: usize) -> Vec<Column> {
    let mut block: Vec<Column> = Vec::with_capacity(FIXED + channels);
    block.push(ends);
    let flags = rows.iter().map(|row| Some(i64::from(row.flags.bits())));
    block.push(flags.collect());
    let offsets = rows.iter().map(|row| Some(i64::from(row.offset_ms)));
    block.push(offsets.collect());
    for channel in 0..channels {
        let values = rows.iter().map(|row| row.values.get(channel).copied());
        block.push(values.map(Option::flatten).collect());
    }
    block
}

pub(super) fn decode(reader: &mut Reader<'_>) -> Result<ProfileRows, Damage> {
    let meter = read_meter(reader)?;
    let profile = read_obis(reader)?;
    let shape = read_profile_shape(reader)?;
    let clock = ClockQuality::from_level(reader.byte()?);
    let count = reader.count(CHUNK_ROWS_MAX)?;
    if shape.channels.len() + FIXED > COLUMNS_MAX {
        return Err(Damage::Content("columns"));
    }
    let columns = columns::decode(reader, shape.channels.len() + FIXED, count)?;
    let mut columns = columns.into_iter();
    let ends = next_column(&mut columns)?;
    let rows = rows_of(&ends, &mut columns, |end| read_instant(Some(end)))?;
    Ok(ProfileRows {
        meter,
        profile,
        shape,
        clock,
        rows,
    })
}

/// Rows from the columns behind the first one, which `instant` turns into interval ends.
pub(crate) fn rows_of(
    ends: &Column,
    columns: &mut impl Iterator<Item = Column>,
    instant: impl Fn(i64) -> Result<metering::Timestamp, Damage>,
) -> Result<Vec<Row>, Damage> {
    let flags = next_column(columns)?;
    let offsets = next_column(columns)?;
    let channels: Vec<Column> = columns.collect();
    let mut rows = Vec::with_capacity(ends.len());
    for (index, end) in ends.iter().enumerate() {
        let cell = |column: &Column| column.get(index).copied().flatten();
        let bits = cell(&flags).and_then(|bits| u32::try_from(bits).ok());
        let offset = cell(&offsets).and_then(|offset| i32::try_from(offset).ok());
        rows.push(Row {
            end: instant(end.ok_or(Damage::Content("time"))?)?,
            values: channels.iter().map(cell).collect(),
            flags: Flags::from_bits(bits.ok_or(Damage::Content("flags"))?),
            offset_ms: offset.ok_or(Damage::Content("offset"))?,
        });
    }
    Ok(rows)
}
