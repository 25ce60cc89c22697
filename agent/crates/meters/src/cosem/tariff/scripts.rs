//! The script table (class 9).

use super::super::fault::CosemFault;
use super::form::{array, fault, logical_name, number, string, structure};
use dlms::codec::{Attribute, Data, LogicalName};

/// The class of such tables.
const SCRIPTS: u16 = 9;

/// What a step of a script does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScriptService {
    /// Writes an attribute.
    Write,
    /// Executes a method.
    Execute,
}

/// A step of a script.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptAction {
    /// What is done.
    pub service: ScriptService,
    /// The class of the object.
    pub class: u16,
    /// The object.
    pub name: LogicalName,
    /// Which attribute or method.
    pub index: i8,
    /// What is written, or the parameter.
    pub parameter: Data,
}

/// A script.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// What switching times call it, from 1.
    pub id: u16,
    /// Its steps, in order.
    pub actions: Vec<ScriptAction>,
}

impl Script {
    /// The attribute that holds the table.
    pub const fn table(name: LogicalName) -> Attribute {
        Attribute {
            class: SCRIPTS,
            name,
            number: 2,
        }
    }

    /// The table, as a meter takes it.
    pub fn encode_all(scripts: &[Self]) -> Data {
        Data::Array(scripts.iter().map(Self::encode).collect())
    }

    /// The scripts of a table.
    pub fn decode_all(data: &Data) -> Result<Vec<Self>, CosemFault> {
        array(data, "the scripts", Self::decode)
    }

    fn encode(&self) -> Data {
        let actions = self.actions.iter().map(ScriptAction::encode);
        Data::Structure(vec![
            Data::LongUnsigned(self.id),
            Data::Array(actions.collect()),
        ])
    }

    fn decode(data: &Data) -> Result<Self, CosemFault> {
        let part = "a script";
        let [id, actions] = structure(data, part)?;
        Ok(Self {
            id: number(id, part)?,
            actions: array(actions, part, ScriptAction::decode)?,
        })
    }
}

impl ScriptAction {
    fn encode(&self) -> Data {
        let service = match self.service {
            ScriptService::Write => 1,
            ScriptService::Execute => 2,
        };
        Data::Structure(vec![
            Data::Enum(service),
            Data::LongUnsigned(self.class),
            string(&self.name.0),
            Data::Integer(self.index),
            self.parameter.clone(),
        ])
    }

    fn decode(data: &Data) -> Result<Self, CosemFault> {
        let part = "a step of a script";
        let [service, class, name, index, parameter] = structure(data, part)?;
        let service = match number::<u8>(service, part)? {
            1 => ScriptService::Write,
            2 => ScriptService::Execute,
            _ => return Err(fault(part, service, "service (1 writes, 2 executes)")),
        };
        Ok(Self {
            service,
            class: number(class, part)?,
            name: logical_name(name, part)?,
            index: number(index, part)?,
            parameter: parameter.clone(),
        })
    }
}
