//! Which registers count (class 6).

use super::super::fault::CosemFault;
use super::form::{array, logical_name, name, number, string, structure};
use dlms::codec::{Attribute, Data, LogicalName};

/// The class of register activations.
const REGISTER_ACTIVATION: u16 = 6;

/// A register that may be let count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TariffRegister {
    /// Its class.
    pub class: u16,
    /// Its name.
    pub name: LogicalName,
}

/// A choice of registers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    /// Its name.
    pub name: Vec<u8>,
    /// Places in the list of registers, from 1.
    pub registers: Vec<u8>,
}

/// Registers and choices of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterActivation {
    /// The registers, in the order that masks count.
    pub registers: Vec<TariffRegister>,
    /// The choices.
    pub masks: Vec<Mask>,
    /// The name of the choice that is in force; none where it is left to scripts.
    pub active: Option<Vec<u8>>,
}

/// One of its attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RegisterField {
    /// The registers.
    Registers,
    /// The choices.
    Masks,
    /// The choice in force.
    Active,
}

impl RegisterField {
    /// All of them, in the order in which they are written.
    pub const ALL: [Self; 3] = [Self::Registers, Self::Masks, Self::Active];

    /// The attribute.
    pub const fn attribute(self, name: LogicalName) -> Attribute {
        let number = match self {
            Self::Registers => 2,
            Self::Masks => 3,
            Self::Active => 4,
        };
        Attribute {
            class: REGISTER_ACTIVATION,
            name,
            number,
        }
    }
}

impl RegisterActivation {
    /// One of its attributes, as a meter takes it; none where it is left as it is.
    pub fn field(&self, field: RegisterField) -> Option<Data> {
        Some(match field {
            RegisterField::Registers => {
                Data::Array(self.registers.iter().copied().map(register).collect())
            }
            RegisterField::Masks => Data::Array(self.masks.iter().map(mask).collect()),
            RegisterField::Active => string(self.active.as_ref()?),
        })
    }

    /// From its attributes.
    pub fn decode<'d>(of: impl Fn(RegisterField) -> &'d Data) -> Result<Self, CosemFault> {
        let part = "the choice in force";
        Ok(Self {
            registers: array(of(RegisterField::Registers), "the registers", |data| {
                let part = "a register";
                let [class, name] = structure(data, part)?;
                Ok(TariffRegister {
                    class: number(class, part)?,
                    name: logical_name(name, part)?,
                })
            })?,
            masks: array(of(RegisterField::Masks), "the choices", |data| {
                let part = "a choice of registers";
                let [mask, places] = structure(data, part)?;
                Ok(Mask {
                    name: name(mask, part)?,
                    registers: array(places, part, |place| number(place, part))?,
                })
            })?,
            active: Some(name(of(RegisterField::Active), part)?),
        })
    }
}

fn register(register: TariffRegister) -> Data {
    Data::Structure(vec![
        Data::LongUnsigned(register.class),
        string(&register.name.0),
    ])
}

fn mask(mask: &Mask) -> Data {
    let places = mask.registers.iter().copied().map(Data::Unsigned);
    Data::Structure(vec![string(&mask.name), Data::Array(places.collect())])
}
