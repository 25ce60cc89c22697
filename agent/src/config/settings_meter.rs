//! Meters: from the file and the catalogue to what the program trusts.

use super::complaint::Notebook;
use super::dlms_meter::DlmsMeter;
use super::file::{AgentFile, InstantFile, MeterFile, ProfileFile};
use super::flag_meter::FlagMeter;
use super::link::LinkSettings;
use super::meter::{InstantSettings, MeterSettings, ModbusMeter, ProfileSettings, Speaks};
use super::settings::{BusSettings, name, within};
use super::settings_dlms::DlmsReader;
use super::settings_flag::FlagReader;
use line::DataBits;
use metering::{MeterId, Obis, Period};
use meters::catalogue::Catalogue;
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use toml::Spanned;

/// What a meter gets that names no period: the half-hour of most markets.
const DEFAULT_PERIOD_S: u32 = 1800;

/// What meters are read with.
pub(super) struct Reader<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) buses: &'a [BusSettings],
    /// Relative files lie beside the configuration.
    pub(super) folder: &'a Path,
    pub(super) demonstration: bool,
}

/// Models that several meters share, by name.
#[derive(Default)]
struct Shared(HashMap<String, Kind>);

#[derive(Clone)]
enum Kind {
    Modbus(Arc<meters::catalogue::Model>),
    Flag(Arc<meters::catalogue::flag::FlagModel>),
    Dlms(Arc<meters::catalogue::dlms::DlmsModel>),
}

pub(super) fn meters(
    file: &AgentFile,
    reader: &Reader<'_>,
    notes: &mut Notebook,
) -> Vec<MeterSettings> {
    let mut found: Vec<MeterSettings> = Vec::new();
    let mut shared = Shared::default();
    for meter in &file.meter {
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
        let is_twin = |other: &&MeterSettings| other.bus == settings.bus && twins(other, &settings);
        if let Some(other) = found.iter().find(is_twin) {
            refuse_twin(meter, &settings, other, notes);
        }
        found.push(settings);
    }
    found
}

/// Whether two meters of one line have one address.
fn twins(one: &MeterSettings, other: &MeterSettings) -> bool {
    let unit = |meter: &MeterSettings| meter.modbus().map(|modbus| modbus.unit);
    let name = |meter: &MeterSettings| meter.flag().map(FlagMeter::line_name);
    let dlms = one.dlms().zip(other.dlms());
    (unit(one).is_some() && unit(one) == unit(other))
        || (name(one).is_some() && name(one) == name(other))
        || dlms.is_some_and(|(one, other)| DlmsMeter::is_twin_of(one, other))
}

fn refuse_twin(
    file: &MeterFile,
    settings: &MeterSettings,
    other: &MeterSettings,
    notes: &mut Notebook,
) {
    let id = &settings.id;
    let remedy = "two meters with one address answer at once: set another at the meter and here";
    let place = format!("of {} on bus {}", other.id, other.bus);
    if let (Some(dlms), Some(found)) = (&file.dlms, settings.dlms()) {
        let key = format!("meter {id}.dlms");
        let problem = format!("`{}` is also the address {}", found.line_name(), place);
        return notes.note(dlms.span(), key, problem, remedy);
    }
    match (&file.unit, &file.address) {
        (Some(unit), _) => notes.note(
            unit.span(),
            format!("meter {id}.unit"),
            format!("{} is also the unit {place}", unit.as_ref()),
            remedy,
        ),
        (None, Some(address)) => notes.note(
            address.span(),
            format!("meter {id}.address"),
            format!("`{}` is also the address {place}", address.as_ref()),
            remedy,
        ),
        (None, None) => notes.note(
            file.id.span(),
            format!("meter {id}.address"),
            format!("is missing, and also that {place}"),
            "give each of several meters on one line its address",
        ),
    }
}

impl Reader<'_> {
    fn meter(
        &self,
        file: &MeterFile,
        shared: &mut Shared,
        notes: &mut Notebook,
    ) -> Option<MeterSettings> {
        let id = name::<MeterId>(&file.id, "meter.id", notes);
        let bus = self.bus(file, notes);
        let kind = self.kind(file, shared, notes);
        let (id, bus, kind) = (id?, bus?, kind?);
        let max_power_kw = file.max_power_kw.as_ref().map(|power| {
            let key = format!("meter {id}.max-power-kw");
            within(power, 1..=10_000_000, &key, notes)
        });
        let (speaks, profile, instant) = match kind {
            Kind::Modbus(model) => self.modbus(file, &id, bus, model, notes)?,
            Kind::Flag(model) => FlagReader {
                reader: self,
                file,
                id: &id,
                bus,
                model: &model,
            }
            .read(notes)?,
            Kind::Dlms(model) => DlmsReader {
                reader: self,
                file,
                id: &id,
                bus,
                model: &model,
            }
            .read(notes)?,
        };
        Some(MeterSettings {
            id,
            bus: bus.id.clone(),
            speaks,
            serial: file.serial.clone(),
            max_power_kw,
            profile,
            instant,
        })
    }

    fn bus(&self, file: &MeterFile, notes: &mut Notebook) -> Option<&BusSettings> {
        let id: metering::BusId = name(&file.bus, "meter.bus", notes)?;
        let found = self.buses.iter().find(|bus| bus.id == id);
        if found.is_none() {
            let known: Vec<&str> = self.buses.iter().map(|bus| bus.id.as_str()).collect();
            notes.note(
                file.bus.span(),
                format!("meter {}.bus", file.id.as_ref()),
                format!("there is no bus `{id}`"),
                format!("name one of: {}", known.join(", ")),
            );
        }
        found
    }

    fn kind(&self, file: &MeterFile, shared: &mut Shared, notes: &mut Notebook) -> Option<Kind> {
        let wanted = file.model.as_ref();
        if let Some(kind) = shared.0.get(wanted) {
            return Some(kind.clone());
        }
        let modbus = self.catalogue.model(wanted);
        let modbus = modbus.map(|model| Kind::Modbus(Arc::new(model.clone())));
        let flag = self.catalogue.flag_model(wanted);
        let flag = flag.map(|model| Kind::Flag(Arc::new(model.clone())));
        let dlms = self.catalogue.dlms_model(wanted);
        let dlms = dlms.map(|model| Kind::Dlms(Arc::new(model.clone())));
        if let Some(kind) = modbus.or(flag).or(dlms) {
            shared.0.insert(wanted.clone(), kind.clone());
            return Some(kind);
        }
        let modbus = self.catalogue.models().map(|model| model.id.as_str());
        let flag = self.catalogue.flag_models().map(|model| model.id.as_str());
        let dlms = self.catalogue.dlms_models().map(|model| model.id.as_str());
        let mut known: Vec<&str> = modbus.chain(flag).chain(dlms).collect();
        known.sort_unstable();
        notes.note(
            file.model.span(),
            format!("meter {}.model", file.id.as_ref()),
            format!("there is no model `{wanted}`"),
            format!("use one of: {}", known.join(", ")),
        );
        None
    }

    fn modbus(
        &self,
        file: &MeterFile,
        id: &MeterId,
        bus: &BusSettings,
        model: Arc<meters::catalogue::Model>,
        notes: &mut Notebook,
    ) -> Option<(Speaks, Option<ProfileSettings>, Option<InstantSettings>)> {
        refuse_flag_keys(file, id, notes);
        refuse_line(file, id, bus, notes);
        let Some(unit) = &file.unit else {
            notes.note(
                file.id.span(),
                format!("meter {id}.unit"),
                "is missing",
                "write unit = 1, as it is set at the meter",
            );
            return None;
        };
        let unit = within(unit, 1..=247, &format!("meter {id}.unit"), notes);
        let totals: Vec<Obis> = model.totals().map(|register| register.obis).collect();
        let known = |obis: Obis| model.total(obis).is_some();
        let profile = file.profile.as_ref().map(Spanned::as_ref);
        let profile = self.profile(profile, id, &model.id, (&totals, &known), notes);
        let instants: Vec<Obis> = model.instants().map(|register| register.obis).collect();
        let known = |obis: Obis| model.register(obis).is_some();
        let instant = file
            .instant
            .as_ref()
            .and_then(|file| instant(file, id, &model.id, (&instants, &known), notes));
        if profile.is_none() && instant.is_none() {
            notes.note(
                file.id.span(),
                format!("meter {id}"),
                "nothing would be read from it",
                "give it `profile` or `instant`",
            );
        }
        let speaks = Speaks::Modbus(ModbusMeter { model, unit });
        Some((speaks, profile, instant))
    }

    /// A load profile that the gateway makes.
    pub(super) fn profile(
        &self,
        file: Option<&ProfileFile>,
        meter: &MeterId,
        model: &str,
        (defaults, known): (&[Obis], &dyn Fn(Obis) -> bool),
        notes: &mut Notebook,
    ) -> Option<ProfileSettings> {
        let key = format!("meter {meter}.profile");
        let Some(file) = file else {
            let period = Period::from_seconds(DEFAULT_PERIOD_S).ok()?;
            return (!defaults.is_empty()).then_some(ProfileSettings {
                period,
                totals: defaults.to_vec(),
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
        let totals = match &file.totals {
            Some(list) => chosen(list, &format!("{key}.totals"), known, defaults, notes),
            None => defaults.to_vec(),
        };
        if totals.is_empty() {
            let problem = format!("{model} has no total to make a load profile of");
            notes.note(file.period_seconds.span(), key, problem, "remove `profile`");
            return None;
        }
        Some(ProfileSettings {
            period: period?,
            totals,
        })
    }
}

/// Keys of meters that are read in sessions.
fn refuse_flag_keys(file: &MeterFile, id: &MeterId, notes: &mut Notebook) {
    fn at<T>(value: Option<&Spanned<T>>) -> Option<Range<usize>> {
        value.map(Spanned::span)
    }
    let keys = [
        ("address", at(file.address.as_ref())),
        ("number", at(file.number.as_ref())),
        ("access", at(file.access.as_ref())),
        ("clock", at(file.clock.as_ref())),
        ("collect", at(file.collect.as_ref())),
        ("line", at(file.line.as_ref())),
        ("dlms", at(file.dlms.as_ref())),
    ];
    for (key, span) in keys {
        if let Some(span) = span {
            notes.note(
                span,
                format!("meter {id}.{key}"),
                "means nothing for a Modbus meter",
                "remove it, or name a model that speaks IEC 62056-21 or DLMS",
            );
        }
    }
}

/// Lines that carry no Modbus.
fn refuse_line(file: &MeterFile, id: &MeterId, bus: &BusSettings, notes: &mut Notebook) {
    let kind = match &bus.link {
        LinkSettings::Optical(_) => Some("an optical head"),
        LinkSettings::Modem(_) => Some("a modem"),
        LinkSettings::Pad(_) => Some("a PAD"),
        _ => None,
    };
    if let Some(kind) = kind {
        notes.note(
            file.bus.span(),
            format!("meter {id}.bus"),
            format!("{kind} carries no Modbus"),
            "put it on a serial line, a serial server or Modbus TCP",
        );
    }
    let seven = |line: &line::LineSettings| line.data_bits == DataBits::Seven;
    if bus.link.line().is_some_and(seven) {
        notes.note(
            file.bus.span(),
            format!("meter {id}.bus"),
            format!("bus {} has seven data bits, and Modbus needs eight", bus.id),
            "set data-bits = 8 and parity = \"none\"; meters of IEC 62056-21 on it get their parity all the same",
        );
    }
}

/// Instantaneous values that a person wants.
pub(super) fn instant(
    file: &InstantFile,
    meter: &MeterId,
    model: &str,
    (defaults, known): (&[Obis], &dyn Fn(Obis) -> bool),
    notes: &mut Notebook,
) -> Option<InstantSettings> {
    let key = format!("meter {meter}.instant");
    let seconds = within(
        &file.every_seconds,
        1..=86_400,
        &format!("{key}.every-seconds"),
        notes,
    );
    let values = match &file.values {
        Some(list) => chosen(list, &format!("{key}.values"), known, defaults, notes),
        None => defaults.to_vec(),
    };
    if values.is_empty() {
        let problem = format!("{model} has no such value");
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
    known: &dyn Fn(Obis) -> bool,
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
