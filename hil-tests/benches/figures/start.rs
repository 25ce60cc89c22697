//! From the start of the process to the first octet of a request on the bus.

use std::time::Duration;

use hil_tests::agent::Agent;
use hil_tests::agent_file::AgentFile;
use hil_tests::binaries;
use hil_tests::bus::Bus;
use hil_tests::clock::wait_until;

use crate::Ground;
use crate::store::Filled;
use crate::table::{Limit, Row, Spread};

pub(crate) fn rows(ground: &Ground) -> Vec<Row> {
    // Not part of the first start.
    binaries::agent();
    let row = |figure: String, filled: Option<&Filled>, runs: u32| Row {
        figure,
        // A store left by a kill may take a second to open.
        limit: Limit::AtMost(if filled.is_some() { 1000.0 } else { 300.0 }),
        measured: Spread::of((0..runs).map(|_| start(filled)).collect()),
        unit: "ms",
        peer: "-".to_owned(),
    };
    let filled = ground.filled();
    let full = format!("the same, a store of {} days left by a kill", filled.days);
    vec![
        row(
            "start to the first request, empty store".to_owned(),
            None,
            ground.by_pace(5, 11),
        ),
        row(full, Some(filled), ground.by_pace(3, 7)),
    ]
}

/// Milliseconds.
fn start(filled: Option<&Filled>) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let mut bus = Bus::serial("main", folder.path(), 9600, 1);
    for (unit, model) in (1..).zip([
        "eastron-sdm630",
        "abb-b23",
        "schneider-iem3155",
        "orno-we-516",
    ]) {
        bus.seat(model, unit);
    }
    let mut file = AgentFile::new("pmu-start");
    file.serial(&bus.id, &bus.device(), bus.baud());
    file.meters = bus.lines(1800);
    // With names that the store knows, so that it is asked for their past.
    for (number, meter) in file.meters.iter_mut().enumerate() {
        meter.id = format!("feeder-{number:03}");
    }
    let mut agent = Agent::install(file, folder.path());
    if let Some(filled) = filled {
        filled.copy_to(&agent.folder().join("data"));
    }
    let begun = bus.wire.now();
    agent.launch();
    wait_until("a first request", Duration::from_secs(30), || {
        !bus.wire.requests().is_empty()
    });
    let first = bus.wire.requests().first().expect("a request").at;
    agent.kill();
    first.saturating_sub(begun).as_secs_f64() * 1000.0
}
