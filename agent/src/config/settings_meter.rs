//! Meters: from the file and the catalogue to what the program trusts.

use super::complaint::Notebook;
use super::file::{AgentFile, InstantFile, MeterFile, ProfileFile};
use super::meter::{InstantSettings, MeterSettings, ModbusMeter, ProfileSettings, Speaks};
use super::settings::{BusSettings, name, within};
use metering::{BusId, MeterId, Obis, Period};
use meters::catalogue::{Catalogue, Model};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use toml::Spanned;

/// What a meter gets that names no period: the half-hour of most markets.
const DEFAULT_PERIOD_S: u32 = 1800;

pub(super) fn meters(
    file: &AgentFile,
    buses: &[BusSettings],
    catalogue: &Catalogue,
    notes: &mut Notebook,
) -> Vec<MeterSettings> {
    let mut found: Vec<MeterSettings> = Vec::new();
    let mut shared: HashMap<String, Arc<Model>> = HashMap::new();
    for meter in &file.meter {
        let reader = Reader {
            catalogue,
            buses,
            demonstration: file.gateway.demonstration,
        };
        let Some(settings) = reader.meter(meter, &mut shared, notes) else {
            continue;
        };
        if let Some(other) = found.iter().find(|other| other.id == settings.id) {
            let problem = format!("`{}` stands twice", other.id);
            notes.note(
                meter.id.span(),
                "meter.id",
                problem,
                "give each meter a name of its own",
            );
        }
        let unit = |meter: &MeterSettings| meter.modbus().map(|modbus| modbus.unit);
        let twin = |other: &&MeterSettings| {
            other.bus == settings.bus && unit(other).is_some() && unit(other) == unit(&settings)
        };
        if let Some(other) = found.iter().find(twin) {
            notes.note(
                meter.unit.span(),
                format!("meter {}.unit", settings.id),
                format!(
                    "{} is also the unit of {} on bus {}",
                    meter.unit.as_ref(),
                    other.id,
                    other.bus
                ),
                "two meters with one address answer at once: set another at the meter and here",
            );
        }
        found.push(settings);
    }
    found
}

struct Reader<'a> {
    catalogue: &'a Catalogue,
    buses: &'a [BusSettings],
    demonstration: bool,
}

impl Reader<'_> {
    fn meter(
        &self,
        file: &MeterFile,
        shared: &mut HashMap<String, Arc<Model>>,
        notes: &mut Notebook,
    ) -> Option<MeterSettings> {
        let id = name::<MeterId>(&file.id, "meter.id", notes);
        let bus = self.bus(file, notes);
        let model = self.model(file, shared, notes);
        let unit = within(
            &file.unit,
            1..=247,
            &format!("meter {}.unit", file.id.as_ref()),
            notes,
        );
        let (id, bus, model) = (id?, bus?, model?);
        let max_power_kw = file.max_power_kw.as_ref().map(|power| {
            within(
                power,
                1..=10_000_000,
                &format!("meter {id}.max-power-kw"),
                notes,
            )
        });
        let profile = self.profile(file.profile.as_ref(), &id, &model, notes);
        let instant = file
            .instant
            .as_ref()
            .and_then(|file| instant(file, &id, &model, notes));
        if profile.is_none() && instant.is_none() {
            notes.note(
                file.id.span(),
                format!("meter {id}"),
                "nothing would be read from it",
                "give it `profile` or `instant`",
            );
        }
        let serial = file.serial.clone();
        Some(MeterSettings {
            id,
            bus,
            speaks: Speaks::Modbus(ModbusMeter { model, unit }),
            serial,
            max_power_kw,
            profile,
            instant,
        })
    }

    fn bus(&self, file: &MeterFile, notes: &mut Notebook) -> Option<BusId> {
        let id: BusId = name(&file.bus, "meter.bus", notes)?;
        if self.buses.iter().any(|bus| bus.id == id) {
            return Some(id);
        }
        let known: Vec<&str> = self.buses.iter().map(|bus| bus.id.as_str()).collect();
        notes.note(
            file.bus.span(),
            format!("meter {}.bus", file.id.as_ref()),
            format!("there is no bus `{id}`"),
            format!("name one of: {}", known.join(", ")),
        );
        None
    }

    fn model(
        &self,
        file: &MeterFile,
        shared: &mut HashMap<String, Arc<Model>>,
        notes: &mut Notebook,
    ) -> Option<Arc<Model>> {
        let wanted = file.model.as_ref();
        if let Some(model) = shared.get(wanted) {
            return Some(Arc::clone(model));
        }
        if let Some(model) = self.catalogue.model(wanted) {
            let model = Arc::new(model.clone());
            shared.insert(wanted.clone(), Arc::clone(&model));
            return Some(model);
        }
        let known: Vec<&str> = self
            .catalogue
            .models()
            .map(|model| model.id.as_str())
            .collect();
        notes.note(
            file.model.span(),
            format!("meter {}.model", file.id.as_ref()),
            format!("there is no model `{wanted}`"),
            format!("use one of: {}", known.join(", ")),
        );
        None
    }

    fn profile(
        &self,
        file: Option<&ProfileFile>,
        meter: &MeterId,
        model: &Model,
        notes: &mut Notebook,
    ) -> Option<ProfileSettings> {
        let key = format!("meter {meter}.profile");
        let defaults: Vec<Obis> = model.totals().map(|register| register.obis).collect();
        let Some(file) = file else {
            let period = Period::from_seconds(DEFAULT_PERIOD_S).ok()?;
            return (!defaults.is_empty()).then_some(ProfileSettings {
                period,
                totals: defaults,
            });
        };
        let seconds = *file.period_seconds.as_ref();
        let shortest = if self.demonstration { 2 } else { 60 };
        let period = match Period::from_seconds(seconds) {
            Ok(period) if (shortest..=3600).contains(&seconds) => Some(period),
            _ => {
                let remedy =
                    "use 60 to 3600 s that divide an hour evenly: 60, 300, 600, 900, 1800 or 3600";
                let problem = format!("{seconds} s is not a load-profile period");
                notes.note(
                    file.period_seconds.span(),
                    format!("{key}.period-seconds"),
                    problem,
                    remedy,
                );
                None
            }
        };
        let known = |obis: Obis| model.total(obis).is_some();
        let totals = match &file.totals {
            Some(list) => chosen(list, &format!("{key}.totals"), known, &defaults, notes),
            None => defaults,
        };
        if totals.is_empty() {
            let problem = format!("{} has no total to make a load profile of", model.id);
            notes.note(file.period_seconds.span(), key, problem, "remove `profile`");
            return None;
        }
        Some(ProfileSettings {
            period: period?,
            totals,
        })
    }
}

fn instant(
    file: &InstantFile,
    meter: &MeterId,
    model: &Model,
    notes: &mut Notebook,
) -> Option<InstantSettings> {
    let key = format!("meter {meter}.instant");
    let seconds = within(
        &file.every_seconds,
        1..=86_400,
        &format!("{key}.every-seconds"),
        notes,
    );
    let defaults: Vec<Obis> = model.instants().map(|register| register.obis).collect();
    let known = |obis: Obis| model.register(obis).is_some();
    let values = match &file.values {
        Some(list) => chosen(list, &format!("{key}.values"), known, &defaults, notes),
        None => defaults,
    };
    if values.is_empty() {
        let problem = format!("{} has no such value", model.id);
        notes.note(
            file.every_seconds.span(),
            key,
            problem,
            "remove `instant`, or name values",
        );
        return None;
    }
    Some(InstantSettings {
        every: Duration::from_secs(u64::from(seconds)),
        values,
    })
}

fn chosen(
    list: &[Spanned<String>],
    key: &str,
    known: impl Fn(Obis) -> bool,
    offered: &[Obis],
    notes: &mut Notebook,
) -> Vec<Obis> {
    let mut wanted = Vec::new();
    for text in list {
        match text.as_ref().parse::<Obis>() {
            Ok(obis) if wanted.contains(&obis) => {
                notes.note(
                    text.span(),
                    key,
                    format!("{obis} stands twice"),
                    "remove one",
                );
            }
            Ok(obis) if known(obis) => wanted.push(obis),
            Ok(obis) => {
                let offered: Vec<String> = offered.iter().map(ToString::to_string).collect();
                let remedy = format!("use one of: {}", offered.join(", "));
                notes.note(text.span(), key, format!("the model has no {obis}"), remedy);
            }
            Err(error) => {
                notes.note(text.span(), key, error.to_string(), "write the code so");
            }
        }
    }
    wanted
}
