//! The cells of a block, column by column.
//!
//! A gateway-made profile holds each total twice: as it stood, and as what was added. The second
//! column follows from the first, so it is written as `[column, first value]` wherever it really
//! does; that halves a block.

use crate::column;
use crate::fault::DecodeError;
use metering::Row;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::{ByteBuf, Bytes};
use std::fmt;

/// One column on the wire.
pub(super) enum Column {
    /// Its numbers.
    Numbers(ByteBuf),
    /// The differences between the rows of another column; the first one is given.
    DifferencesOf {
        /// Index of the other column, which is one of numbers.
        column: u16,
        /// Value of the first row.
        first: i64,
    },
}

impl Serialize for Column {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Numbers(bytes) => Bytes::new(bytes).serialize(serializer),
            Self::DifferencesOf { column, first } => (column, first).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Column {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Column;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a byte string, or [column, first value]")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Column, E> {
                Ok(Column::Numbers(ByteBuf::from(bytes)))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Column, A::Error> {
                let short = |count| de::Error::invalid_length(count, &self);
                let column = seq.next_element()?.ok_or_else(|| short(0))?;
                let first = seq.next_element()?.ok_or_else(|| short(1))?;
                Ok(Column::DifferencesOf { column, first })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// A column in memory. A missing cell repeats the number above it, so that its difference is 0.
struct Numbers {
    values: Vec<i64>,
    missing: Vec<bool>,
}

impl Numbers {
    fn are_differences_of(&self, other: &Self) -> bool {
        let steps = other.values.iter().zip(other.values.iter().skip(1));
        let cells = self.values.iter().zip(&self.missing).skip(1);
        steps.zip(cells).all(|((before, after), (value, missing))| {
            *missing || *value == after.wrapping_sub(*before)
        })
    }
}

/// All columns of a block.
pub(super) struct Cells(Vec<Numbers>);

impl Cells {
    pub(super) fn of_rows(rows: &[Row], width: usize) -> Self {
        let columns = (0..width).map(|channel| {
            let cells = || {
                rows.iter()
                    .map(move |row| row.values.get(channel).copied().flatten())
            };
            let mut above = 0;
            let values = cells().map(|cell| {
                above = cell.unwrap_or(above);
                above
            });
            Numbers {
                values: values.collect(),
                missing: cells().map(|cell| cell.is_none()).collect(),
            }
        });
        Self(columns.collect())
    }

    /// The columns on the wire, each in the first form that fits.
    pub(super) fn columns(&self) -> Vec<Column> {
        let mut written: Vec<Column> = Vec::with_capacity(self.0.len());
        for numbers in &self.0 {
            let source = (0..)
                .zip(self.0.iter().zip(&written))
                .filter(|(_, (_, column))| matches!(column, Column::Numbers(_)))
                .find(|(_, (other, _))| numbers.are_differences_of(other));
            let first = numbers.values.first().copied().unwrap_or_default();
            let column = match source {
                // For a single row the reference would be no shorter than the number itself.
                Some((column, _)) if numbers.values.len() > 1 => {
                    Column::DifferencesOf { column, first }
                }
                _ => Column::Numbers(column::encode(numbers.values.iter().copied())),
            };
            written.push(column);
        }
        written
    }

    /// One bitmap a column, where any cell is missing.
    pub(super) fn missing(&self) -> Option<Vec<ByteBuf>> {
        let bitmap = |numbers: &Numbers| {
            let bits = numbers.missing.iter().copied();
            // An empty string says that the whole column is there.
            if bits.clone().any(|bit| bit) {
                column::encode_bitmap(bits)
            } else {
                ByteBuf::new()
            }
        };
        let any = self.0.iter().any(|numbers| numbers.missing.contains(&true));
        any.then(|| self.0.iter().map(bitmap).collect())
    }

    pub(super) fn read(
        columns: &[Column],
        missing: Option<&[ByteBuf]>,
        rows: usize,
    ) -> Result<Self, DecodeError> {
        if missing.is_some_and(|bitmaps| bitmaps.len() != columns.len()) {
            return Err(DecodeError::Column { key: "nul" });
        }
        let mut bitmaps = missing.unwrap_or_default().iter();
        let cells = columns.iter().map(|column| {
            let missing = match bitmaps.next() {
                Some(bitmap) if !bitmap.is_empty() => column::decode_bitmap(bitmap, rows, "nul")?,
                _ => vec![false; rows],
            };
            let values = read_column(column, columns, rows)?;
            Ok(Numbers { values, missing })
        });
        cells.collect::<Result<_, _>>().map(Self)
    }

    /// Row by row.
    pub(super) fn into_rows(self) -> impl Iterator<Item = Vec<Option<i64>>> {
        let count = self.0.first().map_or(0, |numbers| numbers.values.len());
        let mut columns: Vec<_> = self
            .0
            .into_iter()
            .map(|numbers| numbers.values.into_iter().zip(numbers.missing))
            .collect();
        (0..count).map(move |_| {
            let cells = columns.iter_mut().filter_map(Iterator::next);
            cells
                .map(|(value, missing)| (!missing).then_some(value))
                .collect()
        })
    }
}

fn read_column(column: &Column, all: &[Column], rows: usize) -> Result<Vec<i64>, DecodeError> {
    match column {
        Column::Numbers(bytes) => column::decode(bytes, rows, "d"),
        Column::DifferencesOf { column, first } => {
            // A column of differences leads to one of numbers, never to another reference.
            let Some(Column::Numbers(bytes)) = all.get(usize::from(*column)) else {
                return Err(DecodeError::Column { key: "d" });
            };
            let source = column::decode(bytes, rows, "d")?;
            let steps = source.iter().zip(source.iter().skip(1));
            let steps = steps.map(|(before, after)| after.wrapping_sub(*before));
            Ok(std::iter::once(*first).chain(steps).take(rows).collect())
        }
    }
}
