//! The door for files of older programs: Master Unit files, `.RES`, `.BUD`.
//!
//! No layout of these is public, so none is read. [`recognise`] says what a file looks like by
//! what is in it, and [`importer_of`] which importer takes it; today these are the neutral tables
//! and the neutral site file, with which a site can carry its data over. An importer for a real layout joins [`IMPORTERS`]
//! once there are samples.

mod calendar;
mod draft;
mod keys;
mod register;
mod sight;
mod site_file;
mod site_text;

pub use calendar::{
    NeutralCalendar, NeutralDate, NeutralDayType, NeutralExclusion, NeutralSeason, NeutralSwitch,
    read_calendars,
};
pub use draft::{DraftTerms, draft_schemes};
pub use keys::site_schema;
pub use register::{NeutralRegister, RegisterKind, read_registers};
pub use sight::{LooksLike, Recognition, recognise};
pub use site_file::{NeutralSite, read_site};
pub use site_text::{calendars_csv, registers_csv, site_toml};

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
    /// All of these.
    Site(Box<NeutralSite>),
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
struct Site;

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

impl Importer for Site {
    fn name(&self) -> &'static str {
        "neutral site file"
    }
    fn takes(&self) -> LooksLike {
        LooksLike::NeutralSite
    }
    fn import(&self, file: &str, bytes: &[u8], map: &SiteMap) -> Result<Imported, Complaints> {
        read_site(file, bytes, map).map(|site| Imported::Site(Box::new(site)))
    }
}

/// All importers there are.
pub const IMPORTERS: [&dyn Importer; 4] = [&Meters, &Registers, &Calendars, &Site];

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
        match importer.import("fuzz", bytes, &SiteMap::default()) {
            Ok(imported) => read_back(imported),
            Err(complaints) => assert!(!complaints.to_string().is_empty(), "a refusal says why"),
        }
    }
}

/// What was read is written in both forms, and read as the same.
fn read_back(imported: Imported) {
    let (map, registers, calendars) = match imported {
        Imported::Meters(plan) => (plan.after(), Vec::new(), Vec::new()),
        Imported::Registers(registers) => (SiteMap::default(), registers, Vec::new()),
        Imported::Calendars(calendars) => (SiteMap::default(), Vec::new(), calendars),
        Imported::Site(site) => (site.meters.after(), site.registers, site.calendars),
    };
    let text = site_toml(&map, &registers, &calendars);
    let again = read_site("again", text.as_bytes(), &SiteMap::default());
    let again = again.map(|site| (site.meters.after(), site.registers, site.calendars));
    assert_eq!(
        again,
        Ok((map, registers.clone(), calendars.clone())),
        "{text}"
    );
    if !registers.is_empty() {
        let table = registers_csv(&registers);
        assert_eq!(
            read_registers("again", table.as_bytes()),
            Ok(registers),
            "{table}"
        );
    }
    if !calendars.is_empty() {
        let table = calendars_csv(&calendars);
        assert_eq!(
            read_calendars("again", table.as_bytes()),
            Ok(calendars),
            "{table}"
        );
    }
}

#[cfg(test)]
mod tests;
