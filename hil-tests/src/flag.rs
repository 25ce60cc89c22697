//! Simulated FLAG meters on a line, and how the configuration names them.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use iec62056_21::meter::{Opening, ParityBy, Settings};
use simulator::elster::{ElsterMeter, ElsterModel, Scenario};
use simulator::trouble::{FlagTroubles, Spread};
use simulator::wire::{SpeakerPlace, WireSettings};

use crate::bus::Bus;
use crate::clock::utc;

/// The level-1 password of the simulated meters.
pub const PASSWORD: &str = "0001ABCD";

/// A FLAG meter that knows what it held at any time.
#[derive(Debug, Clone)]
pub struct SimulatedFlag {
    /// Its name in the configuration.
    pub id: String,
    /// Its model's name in the catalogue.
    pub model: String,
    /// What it holds.
    pub holds: ElsterMeter,
    /// Where it sits on the wire.
    pub place: SpeakerPlace,
    /// What its registers are multiplied with: it counts the secondary side of transformers. Over
    /// what is divided stands second.
    pub ratio: (u32, u32),
}

/// A FLAG meter in the configuration.
#[derive(Debug, Clone)]
pub struct FlagLines {
    /// Its name.
    pub id: String,
    /// Its bus.
    pub bus: String,
    /// Its model.
    pub model: String,
    /// Its outstation number.
    pub address: Option<String>,
    /// Where its password stands.
    pub password_file: Option<PathBuf>,
    /// More lines, as they stand.
    pub more: String,
}

/// The name of a simulated model in the catalogue of the gateway: variants of an A1700 are chosen by
/// what the meter says of itself.
pub fn catalogue_name(model: ElsterModel) -> &'static str {
    match model {
        ElsterModel::A1700
        | ElsterModel::A1700Tou32
        | ElsterModel::A1700Extended
        | ElsterModel::A1700Late => "elster-a1700",
        ElsterModel::A1140 => "elster-a1140",
        ElsterModel::A1120 => "elster-a1120",
        ElsterModel::As230 => "elster-as230",
    }
}

/// A meter's circumstances as tests want them: time goes on from now, by UTC.
pub fn scenario(serial: &str) -> Scenario {
    let seed = serial.bytes().map(u64::from).sum();
    Scenario {
        starts_at: i64::try_from(utc().seconds()).expect("a time of today"),
        zone: simulator::elster::Zone::UTC,
        ..Scenario::new(seed, serial)
    }
}

/// Writes a password into a file that only its owner may read, as an installer must.
pub fn password_file(folder: &Path, name: &str, password: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    std::fs::write(&path, format!("{password}\n")).expect("a file");
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&path, private).expect("a file of ours");
    path
}

/// Models whose meters keep one billing set of a kind: a promise about what is shown need not wait
/// for dozens of them, many of which are empty.
pub fn with_few_sets(models: PathBuf) -> PathBuf {
    with_other_a1140(models, |text| {
        let text = text.replace("sets = 24,", "sets = 1,");
        text.replace("sets = 14,", "sets = 1,")
    })
}

/// Models of which that of the A1140 is another one.
pub fn with_other_a1140(models: PathBuf, change: impl FnOnce(&str) -> String) -> PathBuf {
    let path = models.join("elster-a1140.toml");
    let text = std::fs::read_to_string(&path).expect("a model");
    std::fs::write(&path, change(&text)).expect("a file");
    models
}

impl Bus {
    /// The network of an Ethernet module, on which octets take no time: whole profiles come over it
    /// in data streams within seconds.
    pub fn network(id: &str, seed: u64) -> Self {
        let settings = WireSettings {
            baud: 0,
            ..WireSettings::plain(9600)
        };
        Self::stream(id, settings, seed)
    }

    /// Puts an Elster meter on a network; it answers at once.
    pub fn seat_at_once(&mut self, model: ElsterModel, scenario: Scenario) -> ElsterMeter {
        self.seat_flag_with(model, scenario, |settings, troubles| {
            settings.opening = Opening::Fixed(0);
            settings.parity = ParityBy::Software;
            settings.reaction = Duration::from_millis(1);
            troubles.turnaround = Some(Spread::fixed(Duration::from_millis(1)));
        })
    }

    /// Puts a healthy Elster meter on the line, named after bus and address.
    pub fn seat_flag(&mut self, model: ElsterModel, serial: &str) -> ElsterMeter {
        self.seat_flag_with(model, scenario(serial), |_, _| {})
    }

    /// The same with its own circumstances, behaviour and troubles.
    pub fn seat_flag_with(
        &mut self,
        model: ElsterModel,
        mut scenario: Scenario,
        change: impl FnOnce(&mut Settings, &mut FlagTroubles),
    ) -> ElsterMeter {
        let (vt, ct) = (scenario.vt, scenario.ct);
        let counts_secondary = catalogue_name(model) == "elster-a1700";
        let ratio = if counts_secondary {
            (vt.0 / vt.1 * ct.0, ct.1)
        } else {
            (1, 1)
        };
        // Its time of day is that of this machine, whenever the wire was made.
        let since = i64::try_from(self.wire.now().as_secs()).expect("a short test");
        scenario.starts_at -= since;
        let holds = ElsterMeter::new(model, scenario);
        let mut settings = holds.settings().expect("a meter that can be");
        let mut troubles = FlagTroubles::default();
        change(&mut settings, &mut troubles);
        let place = self.wire.seat_flag(holds.on_wire_as(settings), troubles);
        self.flags.push(SimulatedFlag {
            id: format!("{}-{}", self.id, holds.address()),
            model: catalogue_name(model).to_owned(),
            holds: holds.clone(),
            place,
            ratio,
        });
        holds
    }

    /// Its FLAG meters as the configuration names them.
    pub fn flag_lines(&self, password_file: &Path) -> Vec<FlagLines> {
        let line = |meter: &SimulatedFlag| FlagLines {
            id: meter.id.clone(),
            bus: self.id.clone(),
            model: meter.model.clone(),
            address: Some(meter.holds.address()),
            password_file: Some(password_file.to_path_buf()),
            more: String::new(),
        };
        self.flags.iter().map(line).collect()
    }
}

impl FlagLines {
    /// As they stand in the file.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "\n[[meter]]\nid = \"{}\"\nbus = \"{}\"\nmodel = \"{}\"\n",
            self.id, self.bus, self.model
        );
        if let Some(address) = &self.address {
            writeln!(text, "address = \"{address}\"").expect("text");
        }
        if let Some(file) = &self.password_file {
            let file = file.display();
            writeln!(text, "access = {{ level = 1, password-file = \"{file}\" }}").expect("text");
        }
        text.push_str(&self.more);
        text
    }
}
