//! Carrying a site over: files of older programs, neutral tables and neutral site files.

use super::say;
use crate::adapters::files::{read_bytes, write_new};
use crate::arguments::SiteImportArguments;
use crate::limits::DOCUMENT_BYTES_MAX;
use anyhow::{Context, Result, bail, ensure};
use metering::scheme::Scheme;
use schemes::legacy::{
    DraftTerms, Imported, NeutralCalendar, NeutralRegister, draft_schemes, importer_of, recognise,
};
use schemes::scheme::canonical_text;
use schemes::site::{ImportPlan, SchemeName, SiteMap};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

pub(super) fn run(arguments: &SiteImportArguments, json: bool) -> Result<bool> {
    let mut site = Site::read(arguments)?;
    let schemes = site.schemes(arguments)?;
    let written = match &arguments.out {
        Some(folder) => write(folder, &site, schemes.as_ref())?,
        None => Vec::new(),
    };
    let mut text = std::mem::take(&mut site.text);
    for path in &written {
        text.extend([format!("written: {}\n", path.display())]);
    }
    if arguments.out.is_none() {
        text.push_str("nothing was written; --out FOLDER writes the map and the schemes\n");
    }
    let names = |path: &PathBuf| path.display().to_string();
    let value = json!({"files": site.files, "meters": site.map.len(),
        "registers": site.registers.len(), "calendars": site.calendars.len(),
        "schemes": site.scheme_names().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "written": written.iter().map(names).collect::<Vec<_>>()});
    say(json, &value, &text)?;
    Ok(true)
}

/// What all files together say.
struct Site {
    map: SiteMap,
    registers: Vec<NeutralRegister>,
    calendars: Vec<NeutralCalendar>,
    files: Vec<serde_json::Value>,
    text: String,
}

impl Site {
    fn read(arguments: &SiteImportArguments) -> Result<Self> {
        let map = match &arguments.into {
            Some(path) => super::scheme::map(path)?,
            None => SiteMap::default(),
        };
        let mut site = Self {
            map,
            registers: Vec::new(),
            calendars: Vec::new(),
            files: Vec::new(),
            text: String::new(),
        };
        for file in &arguments.files {
            site.add(file)?;
        }
        Ok(site)
    }

    fn add(&mut self, path: &Path) -> Result<()> {
        let name = path.display().to_string();
        let bytes = read_bytes(path, DOCUMENT_BYTES_MAX)?;
        let seen = recognise(&bytes, &name);
        let Some(importer) = importer_of(seen.looks_like) else {
            bail!("{name}: {seen}");
        };
        self.text.extend([format!("{name}: {seen}\n")]);
        let about = json!({"file": &name, "kind": importer.name()});
        self.files.push(about);
        match importer.import(&name, &bytes, &self.map)? {
            Imported::Meters(plan) => self.take_meters(*plan),
            Imported::Registers(registers) => self.take_registers(&name, registers)?,
            Imported::Calendars(calendars) => self.take_calendars(&name, calendars)?,
            Imported::Site(site) => {
                if !(site.meters.is_empty() && site.meters.unchanged.is_empty()) {
                    self.take_meters(site.meters);
                }
                self.take_registers(&name, site.registers)?;
                self.take_calendars(&name, site.calendars)?;
            }
        }
        Ok(())
    }

    fn take_meters(&mut self, plan: ImportPlan) {
        self.text.push_str(&plan.to_string());
        self.map = plan.after();
    }

    /// The registers of a scheme come from one file: two files might contradict each other.
    fn take_registers(&mut self, file: &str, new: Vec<NeutralRegister>) -> Result<()> {
        for register in &new {
            let name = &register.scheme;
            ensure!(
                !self.registers.iter().any(|known| known.scheme == *name),
                "{file}: an earlier file has registers of {name} too; keep them in one file"
            );
        }
        self.registers.extend(new);
        Ok(())
    }

    fn take_calendars(&mut self, file: &str, new: Vec<NeutralCalendar>) -> Result<()> {
        for calendar in &new {
            let name = &calendar.scheme;
            ensure!(
                !self.calendars.iter().any(|known| known.scheme == *name),
                "{file}: an earlier file has the calendar of {name} too; keep one of them"
            );
        }
        self.calendars.extend(new);
        Ok(())
    }

    fn scheme_names(&self) -> BTreeSet<&SchemeName> {
        let registers = self.registers.iter().map(|register| &register.scheme);
        let calendars = self.calendars.iter().map(|calendar| &calendar.scheme);
        registers.chain(calendars).collect()
    }

    /// The schemes, where it is said what they are for.
    fn schemes(
        &mut self,
        arguments: &SiteImportArguments,
    ) -> Result<Option<BTreeMap<SchemeName, Scheme>>> {
        let mut lines = Vec::new();
        for name in self.scheme_names() {
            let registers = self.registers.iter();
            let registers = registers
                .filter(|register| register.scheme == *name)
                .count();
            let calendar = self
                .calendars
                .iter()
                .find(|calendar| calendar.scheme == *name);
            let calendar = calendar.map_or("no calendar".to_owned(), |calendar| {
                format!(
                    "a calendar of {} seasons, {} day types, {} exclusion dates",
                    calendar.seasons.len(),
                    calendar.day_types.len(),
                    calendar.exclusions.len()
                )
            });
            lines.push(format!(
                "scheme  {name}: {registers} registers, {calendar}\n"
            ));
        }
        self.text.extend(lines);
        if self.scheme_names().is_empty() {
            return Ok(None);
        }
        let Some(meter_type) = &arguments.meter_type else {
            ensure!(
                arguments.out.is_none(),
                "neutral data do not say which model their schemes are for; say it: --meter-type NAME, a file name of config/meter-models"
            );
            return Ok(None);
        };
        let terms = DraftTerms {
            meter_type: meter_type.clone(),
            demand_minutes: arguments.demand_minutes,
        };
        let drafted = draft_schemes("schemes", &self.registers, &self.calendars, &terms)?;
        Ok(Some(drafted))
    }
}

/// Writes all of it into a folder that is not there yet.
fn write(
    folder: &Path,
    site: &Site,
    schemes: Option<&BTreeMap<SchemeName, Scheme>>,
) -> Result<Vec<PathBuf>> {
    let shown = folder.display();
    fs::create_dir(folder)
        .with_context(|| format!("{shown}: cannot be made; name a folder that is not there yet"))?;
    let mut written = Vec::new();
    if !site.map.is_empty() {
        let path = folder.join("network-map.csv");
        write_new(&path, site.map.to_csv().as_bytes(), 0o644)?;
        written.push(path);
    }
    for (name, scheme) in schemes.into_iter().flatten() {
        let path = folder.join("schemes").join(format!("{name}.toml"));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        }
        write_new(&path, canonical_text(scheme).as_bytes(), 0o644)?;
        written.push(path);
    }
    Ok(written)
}
