//! Which part of an attribute is meant: rows of a profile.

use super::data::Data;
use super::fault::DecodeFault;
use super::name::{Attribute, LogicalName};
use super::reader::Reader;

/// A column of a profile, by what it captures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// What is captured.
    pub attribute: Attribute,
    /// Which element of it; 0 is all of it.
    pub index: u16,
}

/// Rows of a profile.
#[derive(Debug, Clone, PartialEq)]
pub enum Selection {
    /// Selector 1: those whose value of one column lies in a range.
    Range {
        /// The column, mostly the clock.
        by: Column,
        /// The first value.
        from: Data,
        /// The last value.
        to: Data,
        /// Which columns are wanted; none means all. Not all meters heed it.
        columns: Vec<Column>,
    },
    /// Selector 2: by place, the first row being 1.
    Entries {
        /// The first row.
        from: u32,
        /// The last row; 0 is the last there is.
        to: u32,
        /// The first column; 1 is the first.
        from_column: u16,
        /// The last column; 0 is the last there is.
        to_column: u16,
    },
    /// Another selector of another class.
    Other {
        /// Its number.
        selector: u8,
        /// Its parameters.
        parameters: Data,
    },
}

impl Column {
    fn data(&self) -> Data {
        Data::Structure(vec![
            Data::LongUnsigned(self.attribute.class),
            Data::OctetString(self.attribute.name.0.to_vec()),
            Data::Integer(self.attribute.number),
            Data::LongUnsigned(self.index),
        ])
    }

    /// From one row of the capture objects of a profile, or from a selection.
    pub fn of(data: &Data) -> Option<Self> {
        let Data::Structure(fields) = data else {
            return None;
        };
        let [
            Data::LongUnsigned(class),
            name,
            Data::Integer(number),
            Data::LongUnsigned(index),
        ] = fields.as_slice()
        else {
            return None;
        };
        let name = LogicalName(name.octets()?.try_into().ok()?);
        Some(Self {
            attribute: Attribute {
                class: *class,
                name,
                number: *number,
            },
            index: *index,
        })
    }
}

impl Selection {
    /// All columns of these rows.
    pub fn entries(from: u32, to: u32) -> Self {
        Self::Entries {
            from,
            to,
            from_column: 1,
            to_column: 0,
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let (selector, parameters) = match self {
            Self::Range {
                by,
                from,
                to,
                columns,
            } => {
                let columns = columns.iter().map(Column::data).collect();
                let fields = vec![by.data(), from.clone(), to.clone(), Data::Array(columns)];
                (1, Data::Structure(fields))
            }
            Self::Entries {
                from,
                to,
                from_column,
                to_column,
            } => {
                let fields = vec![
                    Data::DoubleLongUnsigned(*from),
                    Data::DoubleLongUnsigned(*to),
                    Data::LongUnsigned(*from_column),
                    Data::LongUnsigned(*to_column),
                ];
                (2, Data::Structure(fields))
            }
            Self::Other {
                selector,
                parameters,
            } => (*selector, parameters.clone()),
        };
        out.push(selector);
        parameters.write(out);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeFault> {
        let selector = reader.u8("the selector")?;
        let parameters = Data::read(reader)?;
        Ok(Self::of(selector, &parameters).unwrap_or(Self::Other {
            selector,
            parameters,
        }))
    }

    fn of(selector: u8, parameters: &Data) -> Option<Self> {
        let Data::Structure(fields) = parameters else {
            return None;
        };
        match (selector, fields.as_slice()) {
            (1, [by, from, to, Data::Array(columns)]) => Some(Self::Range {
                by: Column::of(by)?,
                from: from.clone(),
                to: to.clone(),
                columns: columns.iter().map(Column::of).collect::<Option<_>>()?,
            }),
            (
                2,
                [
                    Data::DoubleLongUnsigned(from),
                    Data::DoubleLongUnsigned(to),
                    Data::LongUnsigned(from_column),
                    Data::LongUnsigned(to_column),
                ],
            ) => Some(Self::Entries {
                from: *from,
                to: *to,
                from_column: *from_column,
                to_column: *to_column,
            }),
            _ => None,
        }
    }
}
