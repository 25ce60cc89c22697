//! A simulated line with simulated meters, behind a kernel pty.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use metering::Timestamp;
use meters::catalogue::{Catalogue, Model};
use simulator::meter::ModelMeter;
use simulator::trouble::MeterTroubles;
use simulator::wire::{PtyWire, TcpWire, Wire, WireSettings};

use crate::agent_file::MeterLines;
use crate::binaries::models;
use crate::clock::utc;
use crate::flag::SimulatedFlag;

/// A meter that knows what it held at any time.
#[derive(Debug, Clone)]
pub struct SimulatedMeter {
    /// Its name in the configuration.
    pub id: String,
    /// Its model's name.
    pub model: String,
    /// Its unit address.
    pub unit: u8,
    /// What it holds.
    pub holds: Arc<ModelMeter>,
}

/// A line with meters.
#[derive(Debug)]
pub struct Bus {
    /// Its name in the configuration.
    pub id: String,
    /// The wire; its troubles can be changed at any time.
    pub wire: Wire,
    /// The Modbus meters on it.
    pub meters: Vec<SimulatedMeter>,
    /// The FLAG meters on it.
    pub flags: Vec<SimulatedFlag>,
    baud: u32,
    pty: Option<PtyWire>,
}

/// The shipped models.
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| match Catalogue::load(&models()) {
        Ok(catalogue) => catalogue,
        Err(complaints) => panic!("the shipped models do not load: {complaints:?}"),
    })
}

/// A shipped model.
#[track_caller]
pub fn model(id: &str) -> &'static Model {
    catalogue()
        .model(id)
        .unwrap_or_else(|| panic!("no model {id}"))
}

impl Bus {
    /// A serial line whose port has this name in the folder.
    pub fn serial(id: &str, folder: &Path, baud: u32, seed: u64) -> Self {
        Self::behind_pty(id, folder, WireSettings::serial(baud, 10), seed)
    }

    /// A line made like this, whose port has this name in the folder.
    pub fn behind_pty(id: &str, folder: &Path, settings: WireSettings, seed: u64) -> Self {
        let mut bus = Self::stream(id, settings, seed);
        let pty = PtyWire::open(&bus.wire, &folder.join(format!("tty-{id}")));
        bus.pty = Some(pty.expect("a pty"));
        bus
    }

    /// A line behind a TCP port; see [`Bus::open_tcp`].
    pub fn stream(id: &str, settings: WireSettings, seed: u64) -> Self {
        let wire = Wire::new(settings, seed);
        Self {
            id: id.to_owned(),
            wire,
            meters: Vec::new(),
            flags: Vec::new(),
            baud: settings.baud,
            pty: None,
        }
    }

    /// Opens a TCP port that leads to the wire.
    pub fn open_tcp(&self) -> TcpWire {
        TcpWire::open(&self.wire).expect("a port")
    }

    /// The port of a serial line.
    pub fn device(&self) -> PathBuf {
        self.pty
            .as_ref()
            .expect("a serial line")
            .link()
            .to_path_buf()
    }

    /// The line's speed.
    pub const fn baud(&self) -> u32 {
        self.baud
    }

    /// Puts a healthy meter on the line, named after bus and unit.
    pub fn seat(&mut self, model_id: &str, unit: u8) {
        self.seat_with(model_id, unit, |_| {});
    }

    /// Puts a meter with troubles on the line.
    pub fn seat_with(
        &mut self,
        model_id: &str,
        unit: u8,
        trouble: impl FnOnce(&mut MeterTroubles),
    ) {
        let holds = ModelMeter::new(model(model_id), unit, 1).expect("a meter of this model");
        let holds = Arc::new(holds);
        let mut troubles = holds.healthy();
        trouble(&mut troubles);
        self.wire.seat(holds.on_wire(), troubles);
        let id = format!("{}-{unit}", self.id);
        self.meters.push(SimulatedMeter {
            id,
            model: model_id.to_owned(),
            unit,
            holds,
        });
    }

    /// Its meters as the configuration names them, with intervals of this length.
    pub fn lines(&self, period_s: u32) -> Vec<MeterLines> {
        let line = |meter: &SimulatedMeter| MeterLines {
            id: meter.id.clone(),
            bus: self.id.clone(),
            model: meter.model.clone(),
            unit: meter.unit,
            period_s: Some(period_s),
            instant_s: None,
            more: String::new(),
        };
        self.meters.iter().map(line).collect()
    }

    /// When the time of this line was zero.
    pub fn began(&self) -> Timestamp {
        utc().before(self.wire.now())
    }

    /// The time of this line at an instant of UTC.
    pub fn time_at(&self, at: Timestamp) -> Duration {
        let millis = at.millis_since(self.began());
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }
}
