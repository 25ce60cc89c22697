//! Three meters on three lines, and what they truly hold.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use dlms::codec::{Attribute, Data, LogicalName};
use dlms::security::{Key, Keys, Suite};
use meters::catalogue::{Catalogue, Model, SettingValue};
use simulator::dlms::{DlmsAccess, DlmsInstrument, DlmsPlace, DlmsScenario};
use simulator::elster::{ElsterMeter, ElsterModel, Scenario, Zone};
use simulator::meter::{ModelMeter, SettingsMeter};
use simulator::trouble::FlagTroubles;
use simulator::wire::{PtyWire, Wire, WireSettings};

use crate::demo::clock::Began;
use crate::demo::key_ring::MeterKeys;
use crate::demo::stage::Folder;

/// Their names, in the order of their lines.
pub(super) const NAMES: [&str; 3] = [DLMS, MODBUS, FLAG];
const DLMS: &str = "feeder-1";
const MODBUS: &str = "feeder-2";
const FLAG: &str = "feeder-3";
/// Speed of the lines.
pub(super) const BAUD: u32 = 9600;
/// Bits of a character with start and stop: eight, or seven and their parity.
const BITS_PER_CHARACTER: u8 = 10;
/// The model of the Modbus meter.
const MODBUS_MODEL: &str = "siemens-pac3200";
/// Its address.
pub(super) const MODBUS_UNIT: u8 = 5;
/// The model of the Elster meter.
pub(super) const ELSTER: &str = "elster-a1700";
/// Its password of the level that programs.
const PASSWORD: &str = "9K0TRM41";
/// Where the gateway finds it.
pub(super) const PASSWORD_FILE: &str = "feeder-3.password";
/// The client of the DLMS meter that has keys, and its address.
const CLIENT: u16 = 1;
const LOWER: u16 = 17;
/// The name of the calendar in force.
const CALENDAR: Attribute = Attribute {
    class: 20,
    name: LogicalName([0, 0, 13, 0, 0, 255]),
    number: 2,
};
/// The name of the calendar that waits: written with each programming.
const WAITING: Attribute = Attribute {
    number: 6,
    ..CALENDAR
};
/// Elster's sources of the registers by rate.
const RATE_SOURCES: u16 = 667;
/// The file that shows what the meters hold.
const SHOWN: &str = "meters.txt";

/// A line, as the configuration names it.
#[derive(Debug, Clone, Copy)]
pub(super) struct LineEntry {
    pub(super) id: &'static str,
    /// More of its settings.
    pub(super) more: &'static str,
}

const fn line(id: &'static str, more: &'static str) -> LineEntry {
    LineEntry { id, more }
}

/// One for each meter.
pub(super) const LINES: [LineEntry; 3] = [
    line("line-1", ""),
    line("line-2", ""),
    // A meter is programmed within one session, which takes an A1700 longer than the usual eight seconds.
    line(
        "line-3",
        "data-bits = 7\nparity = \"even\"\nsession-seconds-max = 60\n",
    ),
];

/// The meters and their lines.
pub(super) struct Meters {
    dlms: DlmsInstrument,
    encryption: Key,
    authentication: Key,
    modbus: Arc<SettingsMeter>,
    modbus_model: Model,
    elster: ElsterMeter,
    elster_wire: Wire,
    _lines: Vec<PtyWire>,
}

impl Meters {
    /// Makes them, and the ports of their lines in the folder.
    pub(super) fn open(folder: &Folder, models: &Path) -> Result<Self> {
        let catalogue = match Catalogue::load(models) {
            Ok(catalogue) => catalogue,
            Err(complaints) => {
                let words: Vec<String> = complaints.iter().map(ToString::to_string).collect();
                bail!("the meter models do not load: {}", words.join("; "));
            }
        };
        let [first, second, third] = [1, 2, 3].map(|seed| {
            let settings = WireSettings::serial(BAUD, BITS_PER_CHARACTER);
            Wire::new(settings, seed)
        });
        let encryption = Key::generate(Suite::Two)?;
        let authentication = Key::generate(Suite::Two)?;
        let keys = Keys::new(Suite::Two, encryption.reveal(), authentication.reveal())?;
        let dlms = seat_dlms(&first, keys)?;
        let model = catalogue.model(MODBUS_MODEL);
        let model = model.with_context(|| format!("there is no model {MODBUS_MODEL}"))?;
        let modbus = SettingsMeter::new(model, MODBUS_UNIT, 2, 0)
            .with_context(|| format!("no meter of model {MODBUS_MODEL} can be made"))?;
        let modbus = Arc::new(modbus);
        let healthy = ModelMeter::new(model, MODBUS_UNIT, 2)
            .with_context(|| format!("no meter of model {MODBUS_MODEL} can be made"))?
            .healthy();
        second.seat(modbus.on_wire(), healthy);
        let elster = seat_elster(&third)?;
        folder.write_private(PASSWORD_FILE, PASSWORD)?;
        let ports = LINES.iter().zip([&first, &second, &third]);
        let lines = ports
            .map(|(entry, wire)| PtyWire::open(wire, &folder.path().join(entry.id)))
            .collect::<Result<Vec<_>, _>>()
            .context("a simulated line cannot be opened")?;
        Ok(Self {
            dlms,
            encryption,
            authentication,
            modbus,
            modbus_model: model.clone(),
            elster,
            elster_wire: third,
            _lines: lines,
        })
    }

    /// What a person brings to the gateway.
    pub(super) const fn keys(&self) -> MeterKeys<'_> {
        MeterKeys {
            id: DLMS,
            suite: Suite::Two,
            encryption: &self.encryption,
            authentication: &self.authentication,
        }
    }

    pub(super) const fn suite() -> Suite {
        Suite::Two
    }

    pub(super) const fn client() -> u16 {
        CLIENT
    }

    pub(super) const fn lower_address() -> u16 {
        LOWER
    }

    pub(super) fn elster_address(&self) -> String {
        self.elster.address()
    }

    /// Writes what they hold now into a file, whole or not at all.
    pub(super) fn show(&self, folder: &Folder) -> Result<()> {
        let new = format!("{SHOWN}.new");
        folder.write(&new, &self.text())?;
        fs::rename(folder.path().join(&new), folder.path().join(SHOWN))
            .with_context(|| format!("{SHOWN}: cannot be written"))
    }

    fn text(&self) -> String {
        let calendar = match self.dlms.programmed(CALENDAR) {
            Some(Data::OctetString(name)) => String::from_utf8_lossy(&name).into_owned(),
            _ => "none".to_owned(),
        };
        let mut settings = self.modbus_model.settings.iter();
        let unit = settings.find(|setting| setting.name == "demand-period");
        let unit = unit.map_or("", |setting| setting.unit.as_str());
        let period = match self.modbus.in_force("demand-period") {
            Some(SettingValue::Number(minutes)) => format!("{minutes} {unit}"),
            _ => "none".to_owned(),
        };
        let sources = self.elster.holds(RATE_SOURCES, self.elster_wire.now());
        let sources = sources.unwrap_or_default();
        let mut codes = String::new();
        for code in sources.iter().take(4) {
            if write!(codes, " {code}").is_err() {
                log::debug!("a string cannot be written to");
            }
        }
        format!(
            "{DLMS}  calendar in force {calendar}, written {} times\n\
             {MODBUS}  demand period {period}, written {} times\n\
             {FLAG}  registers by rate count{codes}, written {} times\n",
            self.dlms.written(WAITING),
            self.modbus.done().len(),
            self.elster.programmed().len(),
        )
    }
}

fn seat_dlms(wire: &Wire, keys: Keys) -> Result<DlmsInstrument> {
    let scenario = DlmsScenario {
        starts_at: i64::try_from(Began::of(wire).utc().seconds())?,
        days: 1,
        zone: Zone::UTC,
        ..DlmsScenario::new(1, "41002217")
    };
    let access = DlmsAccess {
        passwords: Vec::new(),
        keys: vec![(CLIENT, keys)],
    };
    let meter = DlmsInstrument::new(scenario, access);
    let on_wire = meter.on_hdlc(DlmsPlace::alone(LOWER));
    let on_wire = on_wire.with_context(|| format!("HDLC has no address {LOWER}"))?;
    wire.seat_dlms(on_wire, FlagTroubles::default());
    Ok(meter)
}

fn seat_elster(wire: &Wire) -> Result<ElsterMeter> {
    let mut scenario = Scenario {
        zone: Zone::UTC,
        starts_at: i64::try_from(Began::of(wire).utc().seconds())?,
        days: 1,
        bills_monthly: false,
        ..Scenario::new(3, "30406205")
    };
    if let Some(third) = scenario.passwords.last_mut() {
        PASSWORD.clone_into(third);
    }
    let meter = ElsterMeter::new(ElsterModel::A1700, scenario);
    meter.take_programs();
    wire.seat_flag(meter.on_wire()?, FlagTroubles::default());
    Ok(meter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_they_hold_is_shown_from_the_beginning() {
        let folder = Folder::open(None).unwrap();
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../config/meter-models");
        let meters = Meters::open(&folder, &models).unwrap();
        meters.show(&folder).unwrap();
        let shown = fs::read_to_string(folder.path().join(SHOWN)).unwrap();
        assert_eq!(
            shown,
            "feeder-1  calendar in force FLAT, written 0 times\n\
             feeder-2  demand period 1 min, written 0 times\n\
             feeder-3  registers by rate count 1 1 1 1, written 0 times\n"
        );
    }
}
