//! Resident memory of the daemon: eight lines, a full store whose pages were all read, and a
//! session with a real broker over TLS where there is one.

use std::time::Duration;

use desk::{Answer, Request};
use hil_tests::agent::Agent;
use hil_tests::agent_file::{AgentFile, MeterLines};
use hil_tests::bus::Bus;
use hil_tests::clock::{becomes, pause};
use hil_tests::world::World;
use simulator::wire::{TcpWire, WireSettings};

use crate::Ground;
use crate::table::{Limit, Row, Spread, short};

const BUSES: usize = 8;
const MODELS: [&str; 4] = [
    "eastron-sdm630",
    "abb-b23",
    "schneider-iem3155",
    "orno-we-516",
];
/// A day of readings waits in the full store.
const DELIVERED_WITHIN: Duration = Duration::from_mins(4);
const LOOKS: u32 = 10;
const LOOK_EVERY: Duration = Duration::from_secs(1);
const DAY_S: u64 = 86_400;
/// The filled store begins with 2026.
const FIRST_DAY: u64 = 1_767_225_600;

pub(crate) fn rows(ground: &Ground) -> Vec<Row> {
    [(32, 20.0), (250, 30.0)]
        .map(|(meters, limit)| row(ground, meters, limit))
        .into()
}

fn row(ground: &Ground, meters: usize, limit: f64) -> Row {
    let mut world = World::new("memory with an uplink");
    let folder = tempfile::tempdir().unwrap();
    let mut lines: Vec<(Bus, TcpWire)> = Vec::new();
    let mut file = AgentFile::new("pmu-memory");
    file.commit_every_s = 10;
    for number in 0..BUSES {
        let bus = Bus::stream(
            &format!("b{number}"),
            WireSettings::modbus_tcp(),
            number as u64,
        );
        let wire = bus.open_tcp();
        file.tcp(&bus.id, "modbus-tcp", wire.address().port(), "");
        lines.push((bus, wire));
    }
    for number in 0..meters {
        let (bus, _) = lines.get_mut(number % BUSES).unwrap();
        let unit = u8::try_from(number / BUSES + 1).unwrap();
        let model = MODELS.get(number / BUSES % MODELS.len()).unwrap();
        bus.seat(model, unit);
        file.meters.push(MeterLines {
            id: format!("feeder-{number:03}"),
            bus: bus.id.clone(),
            model: (*model).to_owned(),
            unit,
            period_s: Some(1800),
            instant_s: Some(10),
            more: String::new(),
        });
    }
    if let Some(world) = &mut world {
        file.uplink = Some(world.uplink("pmu-memory"));
        world.head_end.start();
    }
    let mut agent = Agent::install(file, folder.path());
    ground.filled().copy_to(&agent.folder().join("data"));
    agent.start();
    let about = settle(&agent, meters, world.is_some());
    let looks = (0..LOOKS).map(|_| {
        pause(LOOK_EVERY);
        resident_kib(&mut agent, "VmRSS") / 1024.0
    });
    let measured = Spread::of(looks.collect());
    let [peak, own, program] =
        ["VmHWM", "RssAnon", "RssFile"].map(|key| short(resident_kib(&mut agent, key) / 1024.0));
    println!("    {meters} meters: peak {peak} MiB, own {own}, program text {program}; {about}");
    Row {
        figure: format!("resident memory, {meters} meters on 8 buses"),
        limit: Limit::AtMost(limit),
        measured,
        unit: "MiB",
        peer: format!("peak {peak}; {about}"),
    }
}

/// Sends what waited, and reads the whole store, so that its cache is full.
fn settle(agent: &Agent, meters: usize, has_uplink: bool) -> String {
    let mut about = "no uplink".to_owned();
    if has_uplink {
        let sent = becomes(DELIVERED_WITHIN, || {
            agent.waiting().is_some_and(|left| left < 10)
        });
        let left = agent.waiting().unwrap_or(0);
        about = if sent {
            "uplink up".to_owned()
        } else {
            format!("uplink up, {left} unsent")
        };
    }
    // The daemon may read longer than the harness waits for one answer; it reads all the same.
    let verified = agent.ask(&Request::StoreVerify);
    println!("    verified: {verified:?}");
    for number in 0..meters {
        let (from, to) = (FIRST_DAY, FIRST_DAY + 100 * DAY_S);
        let meter = format!("feeder-{number:03}");
        let rows = agent.ask(&Request::Profile {
            meter,
            from,
            to,
            profile: None,
        });
        let full = rows.is_ok_and(|rows| match rows {
            Ok(Answer::Profile { rows, .. }) => rows.len() > 4000,
            _ => false,
        });
        assert!(full, "{number}: the days of a meter are in the store");
    }
    about
}

fn resident_kib(agent: &mut Agent, key: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", agent.process().id())).unwrap();
    let line = text.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
