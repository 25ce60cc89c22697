//! CPU time a request, the whole agent with its store: the daemon as a child process, user and
//! system time of all its threads, over the requests that its meters saw.
//!
//! The shipped models ask for 30 ms or more of rest between requests. Nothing would be measured
//! but the daemon's own pulse, so the meters here are of a model without such wishes: four blocks
//! of ten registers, each due every second.

use std::any::Any;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hil_tests::agent_file::{AgentFile, MeterLines};
use hil_tests::binaries;
use hil_tests::clock::{pause, wait_until};
use hil_tests::process::{Process, command};
use simulator::meter::{CountingMeter, ModbusMeter};
use simulator::trouble::MeterTroubles;
use simulator::wire::{PtyWire, TcpWire, Wire, WireSettings};
use tokio::time::Instant;

use crate::Ground;
use crate::guard_cpu::measure as measure_bare;
use crate::table::{Limit, Row, Spread, short};

const BUSES: u8 = 8;
const METERS_A_BUS: u8 = 31;
/// First polls are spread over ten seconds.
const SETTLE: Duration = Duration::from_secs(15);
/// Stretches of time that are measured apart.
const WINDOWS: u32 = 5;
const BAUD: u32 = 115_200;
/// The requirement, and what its peers, bare loops on a pty, took on the machine where it was made.
const LIMIT_US: f64 = 40.0;
const PEER_US: f64 = 11.5;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    Tcp,
    /// Octets take no time, and an answer arrives in one piece.
    PtySpeed,
    /// Octets come one by one, at [`BAUD`].
    PacedPty,
}

impl Link {
    /// On a serial line the guard believes no answer that begins before its request can have left.
    const fn turnaround(self) -> Duration {
        match self {
            Self::Tcp => Duration::ZERO,
            Self::PtySpeed | Self::PacedPty => Duration::from_millis(1),
        }
    }
}

/// What leads to a wire for as long as it is kept.
type Front = Box<dyn Any>;

pub(crate) fn rows(ground: &Ground) -> Vec<Row> {
    let window = Duration::from_secs(ground.by_pace(5, 12));
    let rows = |name: &str, link| {
        let cost = measure(link, window);
        let ratios = cost
            .agent
            .iter()
            .zip(&cost.bare)
            .map(|(ours, theirs)| ours / theirs);
        let ratios = Spread::of(ratios.collect());
        let (agent, bare) = (Spread::of(cost.agent), Spread::of(cost.bare));
        let figure = format!("CPU a request, whole agent with store, {name}");
        let rate = short(Spread::of(cost.rates).median);
        let in_times = Row {
            figure: format!("{figure}, in those of a bare loop"),
            limit: Limit::AtMost(LIMIT_US / PEER_US),
            measured: ratios,
            unit: "times",
            peer: format!("{agent} us against {bare} us, bare tokio-modbus on a pty"),
        };
        let absolute = Row {
            figure,
            limit: Limit::AtMost(LIMIT_US),
            measured: agent,
            unit: "us",
            peer: format!("{rate} requests/s; bare tokio-modbus, loop alone, {bare} us"),
        };
        [absolute, in_times]
    };
    [
        rows("8 Modbus TCP lines", Link::Tcp),
        rows("8 ptys, answers in one piece (pty speed)", Link::PtySpeed),
        rows("8 ptys at 115200 baud, octet by octet", Link::PacedPty),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What each window cost, the bare loop just before it, and the requests a second.
struct Cost {
    agent: Vec<f64>,
    bare: Vec<f64>,
    rates: Vec<f64>,
}

fn measure(link: Link, window: Duration) -> Cost {
    let folder = tempfile::tempdir().unwrap();
    let mut file = AgentFile::new("pmu-cpu");
    // As shipped; the harness commits every second.
    file.commit_every_s = 10;
    let lines: Vec<(Wire, Front)> = (0..BUSES)
        .map(|bus| line(link, bus, &mut file, folder.path()))
        .collect();
    let agent = launch(&file, folder.path());
    let requests = || -> u64 { lines.iter().map(|(wire, _)| wire.counters().requests).sum() };
    wait_until("the agent asks", Duration::from_secs(30), || {
        requests() > 1000
    });
    pause(SETTLE);
    let mut cost = Cost {
        agent: Vec::new(),
        bare: Vec::new(),
        rates: Vec::new(),
    };
    for _ in 0..WINDOWS {
        // The machine is as fast, or as slow, for both.
        cost.bare.extend(measure_bare(1).bare);
        let (cpu_before, asked, begun) = (cpu_us(&agent), requests(), Instant::now());
        pause(window);
        let asked = requests() - asked;
        cost.agent
            .push((cpu_us(&agent) - cpu_before) as f64 / asked as f64);
        let rate = asked as f64 / begun.elapsed().as_secs_f64();
        cost.rates.push(rate);
        println!(
            "    {} requests/s, {} us each",
            short(rate),
            short(*cost.agent.last().unwrap())
        );
    }
    let unanswered: u64 = lines
        .iter()
        .map(|(wire, _)| wire.counters().unanswered)
        .sum();
    assert_eq!(
        unanswered,
        0,
        "only healthy meters were asked\n{}",
        agent.tail()
    );
    cost
}

fn line(link: Link, bus: u8, file: &mut AgentFile, folder: &Path) -> (Wire, Front) {
    let id = format!("b{bus}");
    let settings = match link {
        Link::Tcp => WireSettings::modbus_tcp(),
        Link::PtySpeed => WireSettings::rtu_stream(),
        Link::PacedPty => WireSettings::serial(BAUD, 10),
    };
    let wire = Wire::new(settings, u64::from(bus));
    for unit in 1..=METERS_A_BUS {
        let meter = ModbusMeter::new(unit, Arc::new(CountingMeter::new(unit)));
        wire.seat(meter, MeterTroubles::healthy(link.turnaround()));
        file.meters.push(MeterLines {
            id: format!("{id}-{unit}"),
            bus: id.clone(),
            model: "quick".to_owned(),
            unit,
            period_s: None,
            instant_s: Some(1),
            more: String::new(),
        });
    }
    let front: Front = match link {
        Link::Tcp => {
            let front = TcpWire::open(&wire).unwrap();
            file.tcp(&id, "modbus-tcp", front.address().port(), "");
            Box::new(front)
        }
        Link::PtySpeed | Link::PacedPty => {
            let front = PtyWire::open(&wire, &folder.join(&id)).unwrap();
            file.serial(&id, front.link(), BAUD);
            Box::new(front)
        }
    };
    (wire, front)
}

/// Starts the daemon with the shipped models replaced by one.
fn launch(file: &AgentFile, folder: &Path) -> Process {
    let models = folder.join("models");
    std::fs::create_dir_all(&models).unwrap();
    std::fs::create_dir_all(folder.join("run")).unwrap();
    std::fs::write(models.join("quick.toml"), quick_model()).unwrap();
    std::fs::write(folder.join("clock-state"), "NTPSynchronized=yes\n").unwrap();
    let shipped = binaries::models().display().to_string();
    let text = file
        .text(folder)
        .replace(&shipped, &models.display().to_string());
    let config = folder.join("agent.toml");
    std::fs::write(&config, text).unwrap();
    let mut start = command(binaries::agent());
    start.arg("run").arg("--config").arg(config);
    Process::start("pmu-agent", &mut start, folder)
}

/// Four blocks of five values, too far apart to be read together.
pub(crate) fn quick_model() -> String {
    let mut text =
        "maker = \"none\"\nmodel = \"quick\"\nprotocols = [\"modbus-rtu\", \"modbus-tcp\"]\n\
        certainty = \"unverified\"\nsources = [\"made up for a benchmark\"]\ntable = \"input\"\n\
        line = { baud = 115200, parity = \"none\", stop-bits = 1 }\n\
        limits = { max-count = 40, min-gap-ms = 0, turnaround-ms = 1, timeout-ms = 300 }\n\
        probe = { address = 0x0000 }\nregister = [\n"
            .to_owned();
    // Active power and its phases first, then whatever else has a code.
    for number in 0..20 {
        let address = number / 5 * 0x100 + number % 5 * 2;
        let (group, phase) = (number % 10 + 1, number / 10);
        writeln!(
            text,
            "    {{ obis = \"1-{phase}:{group}.7.0\", address = {address}, encoding = \"u32\", \
             unit = \"W\", scale = 0 }},"
        )
        .unwrap();
    }
    text.push_str("]\n");
    text
}

/// User and system time of a process, all threads, in microseconds.
fn cpu_us(process: &Process) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap();
    // Fields 14 and 15 of the whole, counted behind the name in brackets; 100 ticks a second.
    let rest = text.rsplit_once(')').unwrap().1;
    let ticks = rest.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|word| word.parse::<u64>().ok())
        .sum::<u64>()
        * 10_000
}
