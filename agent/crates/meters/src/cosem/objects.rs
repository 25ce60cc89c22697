//! Which objects an association shows: its object list (class 15, attribute 2).

mod attributes;
mod names;
mod rights;
#[cfg(test)]
mod tests;

pub use attributes::{AttributePlan, BackupAttribute, Nature, backup_attributes};

use super::fault::CosemFault;
use super::text::data_text;
use crate::catalogue::dlms::DlmsModel;
use crate::limits::COSEM_OBJECTS_MAX;
use dlms::codec::{Attribute, Data, LogicalName};
use metering::Obis;

/// The object list of the association that is open.
pub const OBJECT_LIST: Attribute = Attribute {
    class: ASSOCIATION,
    name: LogicalName::ASSOCIATION,
    number: 2,
};

/// The class of associations; its version says how rights are written.
const ASSOCIATION: u16 = 15;

/// An object of a meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// Its interface class.
    pub class: u16,
    /// The version of that class.
    pub version: u8,
    /// Its logical name.
    pub name: Obis,
    /// What this association may do with it, in words; empty where the meter does not say.
    pub access: String,
    /// Its attributes, and whether this association may read them; empty where the meter does not
    /// say.
    pub attributes: Vec<(i8, bool)>,
}

impl ListedObject {
    /// What the class is called, where it is a common one.
    pub fn class_name(&self) -> Option<&'static str> {
        names::class(self.class)
    }

    /// What its code means, where there are words.
    pub fn words(&self) -> Option<String> {
        self.name
            .words()
            .or_else(|| names::code(self.name).map(ToOwned::to_owned))
    }

    /// Whether a model reads it.
    pub fn is_used_by(&self, model: &DlmsModel) -> bool {
        let is_this = |class: u16, name: Obis| class == self.class && name == self.name;
        let mut registers = model.registers.iter();
        let mut profiles = model.profiles.iter();
        let mut objects = model.objects.iter();
        is_this(8, model.clock.name)
            || registers.any(|known| is_this(known.class.number(), known.name))
            || profiles.any(|known| is_this(7, known.name))
            || objects.any(|known| is_this(known.class, known.name))
    }
}

/// The objects of a list, in the meter's order.
pub fn read_objects(list: &Data) -> Result<Vec<ListedObject>, CosemFault> {
    let Data::Array(items) = list else {
        return Err(CosemFault::Form {
            part: "the object list",
            found: data_text(list),
            wanted: "array",
        });
    };
    if items.len() > COSEM_OBJECTS_MAX {
        return Err(CosemFault::TooManyObjects {
            found: items.len(),
            most: COSEM_OBJECTS_MAX,
        });
    }
    let entries: Result<Vec<Entry<'_>>, CosemFault> = items.iter().map(entry).collect();
    let entries = entries?;
    let association = LogicalName::ASSOCIATION.0;
    let is_ours = |one: &&Entry<'_>| one.class == ASSOCIATION && one.name == association;
    let writing = entries.iter().find(is_ours).map(|one| one.version);
    let listed = |one: &Entry<'_>| ListedObject {
        class: one.class,
        version: one.version,
        name: Obis::new(one.name),
        access: rights::text(one.rights, writing),
        attributes: rights::attributes(one.rights, writing),
    };
    Ok(entries.iter().map(listed).collect())
}

/// One element of the list.
struct Entry<'a> {
    class: u16,
    version: u8,
    name: [u8; 6],
    rights: &'a Data,
}

fn entry(item: &Data) -> Result<Entry<'_>, CosemFault> {
    let taken = || {
        let [class, version, name, rights] = item.items()? else {
            return None;
        };
        Some(Entry {
            class: u16::try_from(class.integer()?).ok()?,
            version: u8::try_from(version.integer()?).ok()?,
            name: name.octets()?.try_into().ok()?,
            rights,
        })
    };
    taken().ok_or_else(|| CosemFault::Form {
        part: "an object of the object list",
        found: data_text(item),
        wanted: "class, version, name, rights",
    })
}
