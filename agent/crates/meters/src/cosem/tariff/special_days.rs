//! The table of special days (class 11).

use super::super::fault::CosemFault;
use super::form::{array, number, octets, structure};
use dlms::codec::{Attribute, Data, DateTime, LogicalName, Method};

/// The class of such tables.
const SPECIAL_DAYS: u16 = 11;

/// A date; what is not given is any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DayDate {
    /// The year.
    pub year: Option<u16>,
    /// The month, or 0xFD and 0xFE for the ends of summer time.
    pub month: Option<u8>,
    /// The day of the month, or 0xFD and 0xFE for its last days.
    pub day: Option<u8>,
    /// Monday is 1.
    pub weekday: Option<u8>,
}

/// A day that goes by another plan than its week says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpecialDay {
    /// What the table calls it.
    pub index: u16,
    /// When it is.
    pub date: DayDate,
    /// The plan of the day.
    pub day: u8,
}

impl DayDate {
    fn encode(self) -> [u8; 5] {
        let [y1, y0] = self.year.unwrap_or(0xffff).to_be_bytes();
        let or_any = |field: Option<u8>| field.unwrap_or(0xff);
        [
            y1,
            y0,
            or_any(self.month),
            or_any(self.day),
            or_any(self.weekday),
        ]
    }

    fn decode(octets: [u8; 5], part: &'static str) -> Result<Self, CosemFault> {
        let [y1, y0, month, day, weekday] = octets;
        let whole = [
            y1, y0, month, day, weekday, 0xff, 0xff, 0xff, 0xff, 0x80, 0, 0xff,
        ];
        let read = DateTime::decode(whole).map_err(|fault| CosemFault::Time { part, fault })?;
        Ok(Self {
            year: read.year,
            month: read.month,
            day: read.day,
            weekday: read.weekday,
        })
    }
}

impl SpecialDay {
    /// The attribute that holds the table.
    pub const fn table(name: LogicalName) -> Attribute {
        Attribute {
            class: SPECIAL_DAYS,
            name,
            number: 2,
        }
    }

    /// The method that takes an entry; one with the same index is replaced.
    pub const fn insertion(name: LogicalName) -> Method {
        Method {
            class: SPECIAL_DAYS,
            name,
            number: 1,
        }
    }

    /// The method that takes an entry away, by its index.
    pub const fn deletion(name: LogicalName) -> Method {
        Method {
            class: SPECIAL_DAYS,
            name,
            number: 2,
        }
    }

    /// The table, as a meter takes it.
    pub fn encode_all(days: &[Self]) -> Data {
        Data::Array(days.iter().copied().map(Self::encode).collect())
    }

    /// The days of a table.
    pub fn decode_all(data: &Data) -> Result<Vec<Self>, CosemFault> {
        array(data, "the special days", Self::decode)
    }

    /// An entry.
    pub fn encode(self) -> Data {
        Data::Structure(vec![
            Data::LongUnsigned(self.index),
            Data::OctetString(self.date.encode().to_vec()),
            Data::Unsigned(self.day),
        ])
    }

    /// From an entry.
    pub fn decode(data: &Data) -> Result<Self, CosemFault> {
        let part = "a special day";
        let [index, date, day] = structure(data, part)?;
        let date = match date {
            Data::Date(octets) => *octets,
            other => octets(other, part)?,
        };
        Ok(Self {
            index: number(index, part)?,
            date: DayDate::decode(date, part)?,
            day: number(day, part)?,
        })
    }
}
