//! What a meter's objects are called.

use std::fmt;

use super::fault::DecodeFault;
use super::reader::Reader;

/// The logical name of an object: an OBIS code of six octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogicalName(pub [u8; 6]);

impl LogicalName {
    /// The association that is open.
    pub const ASSOCIATION: Self = Self([0, 0, 40, 0, 0, 255]);
    /// The clock.
    pub const CLOCK: Self = Self([0, 0, 1, 0, 0, 255]);
    /// The logical device name.
    pub const DEVICE_NAME: Self = Self([0, 0, 42, 0, 0, 255]);
    /// The security set-up of the current association.
    pub const SECURITY_SETUP: Self = Self([0, 0, 43, 0, 0, 255]);
}

impl fmt::Display for LogicalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [medium, channel, quantity, kind, tariff, period] = self.0;
        write!(f, "{medium}-{channel}:{quantity}.{kind}.{tariff}*{period}")
    }
}

/// An attribute of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attribute {
    /// The interface class.
    pub class: u16,
    /// The object.
    pub name: LogicalName,
    /// Which of its attributes; 1 is the logical name.
    pub number: i8,
}

/// A method of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Method {
    /// The interface class.
    pub class: u16,
    /// The object.
    pub name: LogicalName,
    /// Which of its methods.
    pub number: i8,
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.class, self.name, self.number)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}()", self.class, self.name, self.number)
    }
}

pub(super) fn write(out: &mut Vec<u8>, class: u16, name: LogicalName, number: i8) {
    out.extend_from_slice(&class.to_be_bytes());
    out.extend_from_slice(&name.0);
    out.extend_from_slice(&number.to_be_bytes());
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<(u16, LogicalName, i8), DecodeFault> {
    let class = reader.u16("the class")?;
    let name = LogicalName(reader.array("the logical name")?);
    let [number] = reader.array("the attribute")?;
    Ok((class, name, i8::from_be_bytes([number])))
}

impl Attribute {
    pub(super) fn write(self, out: &mut Vec<u8>) {
        write(out, self.class, self.name, self.number);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeFault> {
        read(reader).map(|(class, name, number)| Self {
            class,
            name,
            number,
        })
    }
}

impl Method {
    pub(super) fn write(self, out: &mut Vec<u8>) {
        write(out, self.class, self.name, self.number);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeFault> {
        read(reader).map(|(class, name, number)| Self {
            class,
            name,
            number,
        })
    }
}
