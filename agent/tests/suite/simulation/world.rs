//! What one seed makes: buses, meters, a head-end, and their configuration file.

use super::books::Sabotage;
use super::clock::WorldClock;
use super::disk::Disk;
use super::head_end::HeadEnd;
use line::LineSettings;
use metering::{MeterId, Timestamp};
use meters::catalogue::{Catalogue, Model};
use pmu_agent::adapters::lead::Simulated;
use pmu_agent::adapters::port::OpenPort;
use pmu_agent::config::{LinkSettings, MeterSettings, Settings};
use simulator::dice::Dice;
use simulator::meter::ModelMeter;
use simulator::trouble::MeterTroubles;
use simulator::wire::{Wire, WireSettings};
use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::Instant;

/// 2026-03-27 22:00 UTC: the days around it hold a change to summer time and an end of month.
const BEGIN_S: u64 = 1_774_648_800;

/// One simulated meter and everybody who ever sat in its place.
pub(super) struct Seat {
    pub(super) id: MeterId,
    pub(super) model: Model,
    pub(super) meter: Arc<ModelMeter>,
    pub(super) bus: usize,
    pub(super) unit: u8,
    pub(super) healthy: MeterTroubles,
    /// Switched off by the person who is about to exchange it.
    pub(super) off: bool,
    /// From when on another meter sat there.
    pub(super) swapped_at: Option<Instant>,
}

pub(super) struct World {
    pub(super) seed: u64,
    pub(super) dice: Dice,
    pub(super) settings: Settings,
    pub(super) wires: Vec<Wire>,
    pub(super) seats: Vec<Seat>,
    pub(super) disk: Disk,
    pub(super) clock: Arc<WorldClock>,
    pub(super) head_end: HeadEnd,
    /// Small files lie there as long as the world lasts.
    _folder: TempDir,
    /// Whether the clock was ever said to be anything but synchronised.
    pub(super) clock_doubted: Cell<bool>,
}

impl World {
    pub(super) fn new(seed: u64, sabotage: Sabotage) -> Self {
        let dice = Dice::new(seed);
        let folder = tempfile::tempdir().expect("a folder for small files");
        let settings = settings(&dice, folder.path());
        let gateway = settings.gateway.clone();
        let mut world = Self {
            seed,
            settings,
            wires: Vec::new(),
            seats: Vec::new(),
            disk: Disk::default(),
            clock: Arc::new(WorldClock::new(Timestamp::from_seconds(
                BEGIN_S + dice.fork(1).between(&(0..=360_000)),
            ))),
            head_end: HeadEnd::new(gateway, &dice, sabotage),
            clock_doubted: Cell::new(false),
            _folder: folder,
            dice,
        };
        world.set_quality("synchronised");
        world.build();
        world
    }

    fn build(&mut self) {
        for (index, bus) in (0_u64..).zip(&self.settings.buses) {
            let settings = match &bus.link {
                LinkSettings::Serial(serial) => WireSettings::of_line(&serial.line),
                LinkSettings::ModbusTcp { .. } => WireSettings::modbus_tcp(),
                _ => WireSettings::rtu_stream(),
            };
            self.wires.push(Wire::new(settings, self.seed ^ index));
        }
        let mut dice = self.dice.fork(2);
        for meter in &self.settings.meters {
            let place = self
                .settings
                .buses
                .iter()
                .position(|bus| bus.id == meter.bus);
            let bus = place.expect("the configuration names its buses");
            let modbus = meter.modbus().expect("a Modbus meter");
            let mut made = ModelMeter::new(&modbus.model, modbus.unit, self.seed).expect("a model");
            if dice.index(8) == 0 {
                made = made.with_reset(Duration::from_secs(dice.between(&(600..=5000))));
            }
            let made = Arc::new(made);
            self.wires[bus].seat(made.on_wire(), made.healthy());
            self.seats.push(Seat {
                id: meter.id.clone(),
                model: Model::clone(&modbus.model),
                bus,
                unit: modbus.unit,
                healthy: made.healthy(),
                meter: made,
                off: false,
                swapped_at: None,
            });
        }
    }

    /// Another meter of the same model, with another serial number, takes a seat.
    pub(super) fn swap(&mut self, seat: usize) {
        let found = &mut self.seats[seat];
        found.off = false;
        let other = ModelMeter::new(&found.model, found.unit, self.seed + 1).expect("a model");
        self.wires[found.bus].seat(Arc::new(other).on_wire(), found.healthy.clone());
        found.swapped_at.get_or_insert(Instant::now());
    }

    pub(super) fn is_modbus_tcp(&self, bus: usize) -> bool {
        matches!(
            self.settings.buses[bus].link,
            LinkSettings::ModbusTcp { .. }
        )
    }

    /// What the unit outside the sandbox says of the clock.
    pub(super) fn set_quality(&self, word: &str) {
        let doubted = self.clock_doubted.get() || word != "synchronised";
        self.clock_doubted.set(doubted);
        std::fs::write(self.quality_file(), word).expect("a small file");
    }

    fn quality_file(&self) -> PathBuf {
        self.settings.clock.state_file.clone()
    }

    /// Opens the wire that a bus of the configuration is.
    pub(super) fn open_port(&self, bus: usize) -> Arc<OpenPort> {
        let wire = self.wires[bus].clone();
        Arc::new(move |_| {
            if wire.is_plugged() {
                Ok(Simulated::new(Box::new(wire.line())))
            } else {
                Err(io::ErrorKind::NotFound.into())
            }
        })
    }
}

/// A configuration that the daemon would accept: the bus forecast included.
fn settings(dice: &Dice, folder: &Path) -> Settings {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/meter-models");
    let catalogue = Catalogue::load(&models).expect("the shipped models load");
    for attempt in 0..50 {
        let text = text(&mut dice.fork(100 + attempt), folder, &models, &catalogue);
        let settings = match Settings::parse("simulation.toml", &text) {
            Ok(settings) => settings,
            Err(complaints) => panic!("{complaints}\n{text}"),
        };
        if pmu_agent::check::refused(&settings).is_none() {
            return settings;
        }
    }
    panic!("no configuration in fifty fits its buses");
}

fn text(dice: &mut Dice, folder: &Path, models: &Path, catalogue: &Catalogue) -> String {
    let folder = folder.display();
    let mut text = format!(
        "[gateway]\nid = \"pmu-sim\"\ndata-folder = \"{folder}\"\nruntime-folder = \"{folder}\"\n\
         model-folder = \"{}\"\n[clock]\nstate-file = \"{folder}/clock\"\n\
         [store]\ncommit-every-seconds = {}\n\
         [uplink]\nhost = \"broker\"\nca-file = \"{folder}/ca\"\ncertificate-file = \"{folder}/c\"\n\
         key-file = \"{folder}/k\"\ningest-keys-file = \"{folder}/i\"\nwindow = {}\n\
         resend-after-seconds = {}\nback-off-max-seconds = {}\n",
        models.display(),
        [1, 10, 60][dice.index(3)],
        [1, 5, 20, 100][dice.index(4)],
        dice.between(&(60..=900)),
        dice.between(&(5..=120)),
    );
    let buses = 1 + dice.index(2);
    for bus in 0..buses {
        let bus_id = format!("b{bus}");
        let link = match dice.index(6) {
            0 => format!("link = \"modbus-tcp\"\naddress = \"sim:50{bus}\""),
            1 => format!("link = \"rtu-over-tcp\"\naddress = \"sim:50{bus}\"\nbaud = 9600"),
            _ => {
                let baud = [9600, 9600, 19_200, 38_400][dice.index(4)];
                format!("link = \"serial\"\ndevice = \"/dev/sim{bus}\"\nbaud = {baud}")
            }
        };
        text.extend(["[[bus]]\nid = \"", &bus_id, "\"\n", &link, "\n"]);
        for unit in 1..=1 + dice.index(3) {
            let known: Vec<&Model> = catalogue.models().collect();
            let model = &known[dice.index(known.len())].id;
            let period = [60, 300, 300, 900][dice.index(4)];
            let meter = format!(
                "[[meter]]\nid = \"m{bus}-{unit}\"\nbus = \"b{bus}\"\nmodel = \"{model}\"\n\
                 unit = {unit}\nprofile = {{ period-seconds = {period} }}\n"
            );
            text.push_str(&meter);
            if dice.index(3) > 0 {
                let every = [30, 60, 300][dice.index(3)];
                let instant = format!("instant = {{ every-seconds = {every} }}\n");
                text.push_str(&instant);
            }
        }
    }
    text
}

/// How fast a wire of this bus is, for messages.
pub(super) fn describe(settings: &Settings) -> String {
    let mut text = String::new();
    for bus in &settings.buses {
        let link = match &bus.link {
            LinkSettings::Serial(serial) => {
                format!("{} baud", LineSettings::clone(&serial.line).baud)
            }
            LinkSettings::ModbusTcp { .. } => "Modbus TCP".to_owned(),
            _ => "RTU over TCP".to_owned(),
        };
        let meters: Vec<&str> = settings
            .meters_of(&bus.id)
            .map(MeterSettings::model_id)
            .collect();
        text.extend([link.as_str(), ": ", &meters.join(", "), "; "]);
    }
    text
}
