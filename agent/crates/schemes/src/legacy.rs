//! The door for files of older programs: Master Unit files, `.RES`, `.BUD`.
//!
//! No layout of these is public, so none is read. [`recognise`] says what a file looks like by
//! what is in it, and [`importer_of`] which importer takes it; today these are the neutral tables
//! with which a site can carry its data over. An importer for a real layout joins [`IMPORTERS`]
//! once there are samples.

mod calendar;
mod register;
mod sight;

pub use calendar::{
    NeutralCalendar, NeutralDate, NeutralDayType, NeutralExclusion, NeutralSeason, NeutralSwitch,
    read_calendars,
};
pub use register::{NeutralRegister, RegisterKind, read_registers};
pub use sight::{LooksLike, Recognition, recognise};

use crate::site::{Complaints, ImportPlan, SiteMap};

/// What an importer makes of a file. Nothing is changed by reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// Meters, compared with the map there is.
    Meters(Box<ImportPlan>),
    /// Registers of schemes.
    Registers(Vec<NeutralRegister>),
    /// Calendars of schemes.
    Calendars(Vec<NeutralCalendar>),
}

/// Something that reads one kind of file.
pub trait Importer: Sync {
    /// What it reads, for a person.
    fn name(&self) -> &'static str;
    /// What a file must look like for it.
    fn takes(&self) -> LooksLike;
    /// Reads it. `file` is its name in complaints.
    fn import(&self, file: &str, bytes: &[u8], map: &SiteMap) -> Result<Imported, Complaints>;
}

struct Meters;
struct Registers;
struct Calendars;

impl Importer for Meters {
    fn name(&self) -> &'static str {
        "network map"
    }
    fn takes(&self) -> LooksLike {
        LooksLike::NetworkMap
    }
    fn import(&self, file: &str, bytes: &[u8], map: &SiteMap) -> Result<Imported, Complaints> {
        ImportPlan::of(file, bytes, map).map(|plan| Imported::Meters(Box::new(plan)))
    }
}

impl Importer for Registers {
    fn name(&self) -> &'static str {
        "neutral registers"
    }
    fn takes(&self) -> LooksLike {
        LooksLike::NeutralRegisters
    }
    fn import(&self, file: &str, bytes: &[u8], _map: &SiteMap) -> Result<Imported, Complaints> {
        read_registers(file, bytes).map(Imported::Registers)
    }
}

impl Importer for Calendars {
    fn name(&self) -> &'static str {
        "neutral calendars"
    }
    fn takes(&self) -> LooksLike {
        LooksLike::NeutralCalendar
    }
    fn import(&self, file: &str, bytes: &[u8], _map: &SiteMap) -> Result<Imported, Complaints> {
        read_calendars(file, bytes).map(Imported::Calendars)
    }
}

/// All importers there are.
pub const IMPORTERS: [&dyn Importer; 3] = [&Meters, &Registers, &Calendars];

/// The importer that takes a file of this kind.
pub fn importer_of(looks_like: LooksLike) -> Option<&'static dyn Importer> {
    IMPORTERS
        .into_iter()
        .find(|importer| importer.takes() == looks_like)
}

/// For the fuzzer: whatever is recognised is imported or refused with a reason.
///
/// # Panics
///
/// If that is not so.
pub fn fuzz_legacy(bytes: &[u8]) {
    let seen = recognise(bytes, "fuzz.res");
    assert!(!seen.to_string().is_empty(), "something is said");
    assert_eq!(seen.is_taken(), importer_of(seen.looks_like).is_some());
    for importer in IMPORTERS {
        if let Err(complaints) = importer.import("fuzz", bytes, &SiteMap::default()) {
            assert!(!complaints.to_string().is_empty(), "a refusal says why");
        }
    }
}

#[cfg(test)]
mod tests;
