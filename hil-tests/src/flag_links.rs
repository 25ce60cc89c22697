//! Roads to a simulated FLAG meter that are more than a pair of wires: serial servers, optical
//! heads, modems, PADs.

mod called;

use std::any::Any;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use iec62056_21::meter::Opening;
use serde_json::Value;
use simulator::elster::{ElsterModel, Source};
use simulator::link::{Link, Peer, PtyLink};
use simulator::trouble::Spread;
use simulator::wire::WireSettings;

use crate::agent::Agent;
use crate::agent_file::AgentFile;
use crate::binaries::brisk_models;
use crate::bus::Bus;
use crate::flag::{PASSWORD, SimulatedFlag, password_file, scenario, with_other_a1140};
use crate::hands::{check, json};

pub use called::{
    Caller, NUMBER, SLOW, SWIFT, Trouble, WITHIN, is_told, modem, pad, wait_for_collection,
    wait_for_conversation, was_ended_by_us,
};

/// Bits per second on wires whose speed is not the point.
const BAUD: u32 = 57_600;

/// Models whose A1140 has neither event counters nor billing sets: what a quiet meter has there is
/// all zeros, which is asked for twice with a pause, and a promise about roads need not wait for it.
fn with_few_identities(models: PathBuf) -> PathBuf {
    let is_left_out = |line: &&str| {
        let begins = |number| line.starts_with(&format!("    {{ number = {number},"));
        (543..=545).chain(680..=701).any(begins)
    };
    with_other_a1140(models, |text| {
        // What is programmed counts in one of them, and nothing is programmed there.
        let text = text.split("\n[programming]\n").next().unwrap_or(text);
        let kept: Vec<&str> = text.lines().filter(|line| !is_left_out(line)).collect();
        assert!(
            kept.len() + 10 < text.lines().count(),
            "nothing was left out"
        );
        kept.join("\n")
    })
}

/// A line to one meter.
#[derive(Debug)]
pub struct Road {
    /// The wire at the meter's end.
    pub bus: Bus,
    /// The section of the configuration, behind its name.
    section: String,
    /// More lines of the meter.
    more: String,
    /// What has to live as long as the line.
    end: Box<dyn Any + Send + Sync>,
}

impl Road {
    /// A road of this name to an A1140 that has been at work for so many days.
    fn new(mut bus: Bus, serial: &str, days: i64, opening: Opening) -> Self {
        let mut scenario = scenario(serial);
        scenario.days = days;
        bus.seat_flag_with(ElsterModel::A1140, scenario, |settings, troubles| {
            settings.opening = opening;
            troubles.turnaround = Some(Spread::fixed(Duration::from_millis(5)));
        });
        Self {
            bus,
            section: String::new(),
            more: "collect = { days-max = 1 }\n".to_owned(),
            end: Box::new(()),
        }
    }

    /// Behind the TCP port of a serial server whose own line is set like the wire.
    pub fn over_tcp(id: &str, serial: &str, wire: WireSettings, framing: &str) -> Self {
        let wire = WireSettings {
            minds_settings: false,
            ..wire
        };
        let mut road = Self::new(
            Bus::stream(id, wire, 1),
            serial,
            2,
            Opening::Fixed(wire.baud),
        );
        let door = road.bus.open_tcp();
        let (address, baud) = (door.address(), wire.baud);
        road.end = Box::new(door);
        let line = match baud {
            0 => String::new(),
            baud => format!("baud = {baud}\n"),
        };
        road.section = format!(
            "link = \"serial-server\"\naddress = \"{address}\"\nframing = \"{framing}\"\n{line}"
        );
        road
    }

    /// On a serial port of this box; `section` says how it is set.
    pub fn at_port(
        id: &str,
        serial: &str,
        wire: WireSettings,
        opening: Opening,
        (section, folder): (&str, &Path),
    ) -> Self {
        let bus = Bus::behind_pty(id, folder, wire, 1);
        let mut road = Self::new(bus, serial, 2, opening);
        road.section = format!("device = \"{}\"\n{section}", road.bus.device().display());
        road
    }

    /// Behind something that has a port of this box; `make` plugs the wire into it.
    pub fn behind<P: Peer + 'static>(
        id: &str,
        serial: &str,
        days: i64,
        (section, folder): (&str, &Path),
        make: impl FnOnce(&Bus) -> P,
    ) -> Self {
        let bus = Bus::stream(id, WireSettings::plain(BAUD), 1);
        let mut road = Self::new(bus, serial, days, Opening::Fixed(BAUD));
        let device = folder.join(format!("tty-{id}"));
        let pty = PtyLink::open(&Link::new(make(&road.bus)), &device).expect("a pty");
        road.end = Box::new(pty);
        road.section = format!("device = \"{}\"\n{section}", device.display());
        let more = if section.contains("optical") {
            // The wire behind a peer does not see how the port is set.
            "line = { changes-speed = false }".to_owned()
        } else {
            format!("number = \"{NUMBER}\"")
        };
        writeln!(road.more, "{more}").expect("text");
        road
    }

    /// Its meter.
    pub fn meter(&self) -> &SimulatedFlag {
        self.bus.flags.first().expect("a road leads to a meter")
    }

    /// The name of its meter.
    pub fn id(&self) -> &str {
        &self.meter().id
    }

    /// Puts it into a configuration.
    pub fn write(&self, file: &mut AgentFile, password: &Path) {
        file.buses
            .push(format!("id = \"{}\"\n{}", self.bus.id, self.section));
        for mut meter in self.bus.flag_lines(password) {
            meter.more.clone_from(&self.more);
            file.flags.push(meter);
        }
    }

    /// A person pings the meter and reads who it is and what it has counted; all of it is what the
    /// meter really holds.
    #[track_caller]
    pub fn is_read_right(&self, agent: &Agent) {
        let id = self.id();
        let layers = [
            "port well",
            "line well",
            "sign-on well",
            "identity well",
            "password well",
        ];
        check(agent, &format!("meter ping {id}"), 0, &layers);
        let serial = self.meter().holds.serial();
        check(
            agent,
            &format!("meter read {id} identity"),
            0,
            &[serial.as_str()],
        );
        self.has_right_registers(agent);
    }

    /// What the meter has counted, as a person reads it, is what it really holds.
    #[track_caller]
    pub fn has_right_registers(&self, agent: &Agent) {
        let id = self.id();
        let holds = &self.meter().holds;
        let now = || holds.utc(self.bus.wire.now());
        let before = now();
        let shown = json(agent, &format!("meter read {id} registers"));
        let after = now();
        for (obis, source) in [("1-0:1.8.0", Source::Import), ("1-0:2.8.0", Source::Export)] {
            let text = total(&shown, obis).unwrap_or_else(|| panic!("{id}: no {obis}: {shown}"));
            // Milliwatts times seconds; what is shown counts thousandths of a watt hour.
            let held = |utc| holds.total(source, utc) / 3600;
            let (least, most) = (held(before), held(after));
            let read = thousandths_of_watt_hours(text);
            assert!(
                (least..=most).contains(&read),
                "{id}: {obis} is {text}, the meter held {least} to {most} mWh"
            );
        }
    }
}

/// The total of this code, wherever it stands in a piece of JSON.
fn total<'a>(value: &'a Value, obis: &str) -> Option<&'a str> {
    let is_it = |key: &str, wanted: &str| value.get(key).is_some_and(|found| found == wanted);
    if is_it("obis", obis) && is_it("group", "totals") {
        return value.get("value")?.as_str();
    }
    match value {
        Value::Array(items) => items.iter().find_map(|item| total(item, obis)),
        Value::Object(fields) => fields.values().find_map(|field| total(field, obis)),
        _ => None,
    }
}

/// `1234.567890 kWh` in thousandths of a watt hour.
#[track_caller]
fn thousandths_of_watt_hours(text: &str) -> u128 {
    let number = text
        .strip_suffix(" kWh")
        .unwrap_or_else(|| panic!("{text}"));
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{part:0<6}");
    digits.parse().unwrap_or_else(|_| panic!("{text}"))
}

/// A gateway at these roads, installed and not started yet.
pub fn gateway<'a>(id: &str, folder: &Path, roads: impl IntoIterator<Item = &'a Road>) -> Agent {
    let mut file = AgentFile::new(id);
    file.models = with_few_identities(brisk_models(folder));
    let password: PathBuf = password_file(folder, "password", PASSWORD);
    for road in roads {
        road.write(&mut file, &password);
    }
    Agent::install(file, folder)
}
