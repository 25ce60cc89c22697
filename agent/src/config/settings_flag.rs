//! Meters that speak IEC 62056-21: from the file and their model to what the program trusts.

mod access;
mod line;

use super::complaint::Notebook;
use super::file::MeterFile;
use super::flag_meter::FlagMeter;
use super::link::LinkSettings;
use super::meter::{InstantSettings, ProfileSettings, Speaks};
use super::number::Number;
use super::settings::BusSettings;
use super::settings_meter::{Reader, instant};
use super::settings_session::SessionKeys;
use iec62056_21::codec::MeterAddress;
use metering::{MeterId, Obis};
use meters::catalogue::flag::{FlagLayout, FlagModel};
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;

/// One meter of the file.
pub(super) struct FlagReader<'a> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) file: &'a MeterFile,
    pub(super) id: &'a MeterId,
    pub(super) bus: &'a BusSettings,
    pub(super) model: &'a Arc<FlagModel>,
}

impl FlagReader<'_> {
    pub(super) fn read(
        &self,
        notes: &mut Notebook,
    ) -> Option<(Speaks, Option<ProfileSettings>, Option<InstantSettings>)> {
        self.refuse_keys(notes);
        let address = self.address(notes);
        let number = self.number(notes);
        let access = self.access(notes);
        let session = SessionKeys {
            file: self.file,
            id: self.id,
            demonstration: self.reader.demonstration,
        };
        let clock = session.clock(&self.model.id, self.can_adjust(), notes);
        let collect = session.collect(notes);
        let line = self.line(notes)?;
        let flag = FlagMeter {
            model: Arc::clone(self.model),
            address,
            number,
            access: access?,
            clock: clock?,
            collect,
            line,
        };
        let profile = self.profile(&flag, notes);
        let values = self
            .model
            .instant
            .iter()
            .flat_map(|instant| &instant.values);
        let usual = values.clone().filter(|value| value.default);
        let usual: Vec<Obis> = usual.map(|value| value.obis).collect();
        let known = |obis: Obis| values.clone().any(|value| value.obis == obis);
        let instant = self
            .file
            .instant
            .as_ref()
            .and_then(|file| instant(file, self.id, &self.model.id, (&usual, &known), notes));
        Some((Speaks::Flag(Box::new(flag)), profile, instant))
    }

    fn complain(
        &self,
        span: Range<usize>,
        key: &str,
        problem: impl Into<String>,
        remedy: impl Into<String>,
        notes: &mut Notebook,
    ) {
        notes.note(span, format!("meter {}.{key}", self.id), problem, remedy);
    }

    fn refuse_keys(&self, notes: &mut Notebook) {
        if let Some(dlms) = &self.file.dlms {
            let problem = format!("means nothing for {}", self.model.id);
            let remedy = "remove it, or name a model that speaks DLMS";
            self.complain(dlms.span(), "dlms", problem, remedy, notes);
        }
        if let Some(unit) = &self.file.unit {
            let remedy = "write address = \"001\", its outstation number, or remove it";
            let problem = format!("means nothing for {}", self.model.id);
            self.complain(unit.span(), "unit", problem, remedy, notes);
        }
        if let LinkSettings::ModbusTcp { .. } = &self.bus.link {
            let remedy =
                "put it on a bus with link = \"serial-server\", for its Ethernet module too";
            let problem = "Modbus TCP carries no IEC 62056-21";
            self.complain(self.file.bus.span(), "bus", problem, remedy, notes);
        }
    }

    fn address(&self, notes: &mut Notebook) -> Option<MeterAddress> {
        let text = self.file.address.as_ref()?;
        match MeterAddress::new(text.as_ref()) {
            Ok(address) => Some(address),
            Err(error) => {
                let remedy = "write its outstation number, commonly the last three digits of its serial number";
                self.complain(text.span(), "address", error.to_string(), remedy, notes);
                None
            }
        }
    }

    fn number(&self, notes: &mut Notebook) -> Option<Number> {
        let Some(text) = &self.file.number else {
            if self.bus.link.is_dialled() {
                let span = self.file.bus.span();
                let remedy = "write number = \"...\", under which it is called";
                self.complain(span, "number", "is missing", remedy, notes);
            }
            return None;
        };
        match self.bus.link.number(text.as_ref()) {
            Ok(number) => Some(number),
            Err(error) => {
                let words = error.to_string();
                let (problem, remedy) = words.split_once("; ").unwrap_or((&words, "correct it"));
                self.complain(text.span(), "number", problem, remedy, notes);
                None
            }
        }
    }

    fn can_adjust(&self) -> bool {
        let clock = self.model.clock.as_ref();
        clock.is_some_and(|clock| clock.adjust.is_some())
    }

    /// A meter that keeps a profile needs none of the gateway's.
    fn profile(&self, flag: &FlagMeter, notes: &mut Notebook) -> Option<ProfileSettings> {
        if flag.has_own_profile() {
            if let Some(file) = &self.file.profile {
                let problem = format!("{} keeps its own load profile", self.model.id);
                let remedy = "remove it; `collect` says how often that is read";
                self.complain(file.span(), "profile", problem, remedy, notes);
            }
            return None;
        }
        let totals = sampled_totals(self.model);
        let known = |obis: Obis| totals.contains(&obis);
        let file = self.file.profile.as_ref().map(Spanned::as_ref);
        let model = &self.model.id;
        self.reader
            .profile(file, self.id, model, (&totals, &known), notes)
    }
}

/// Totals that one read of a meter brings.
fn sampled_totals(model: &FlagModel) -> Vec<Obis> {
    let mut totals: Vec<Obis> = Vec::new();
    for row in &model.identities {
        let FlagLayout::Energies { items, .. } = &row.layout else {
            continue;
        };
        let measured = items.iter().filter_map(|word| model.measured_by_word(word));
        for item in measured.filter(|item| item.unit.is_energy()) {
            if !totals.contains(&item.obis) {
                totals.push(item.obis);
            }
        }
    }
    totals
}
