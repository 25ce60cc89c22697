//! Meters behind a serial server (RTU over TCP) and Modbus TCP meters are read like those on a
//! wire, and a server that goes and comes back is found again.
#![cfg(test)]

use std::time::Duration;

use hil_tests::agent::Agent;
use hil_tests::agent_file::AgentFile;
use hil_tests::bus::Bus;
use hil_tests::clock::{pause, utc, wait_until};
use hil_tests::proxy::Proxy;
use hil_tests::world::{World, wait_for_delivery};
use simulator::wire::WireSettings;

const GATEWAY: &str = "pmu-tcp";

#[test]
fn both_kinds_are_read_and_found_again() {
    let Some(mut world) = World::new("TCP links") else {
        return;
    };
    // The line behind the serial server is an ordinary one.
    let mut server = Bus::stream("server", WireSettings::serial(9600, 10), 1);
    server.seat("eastron-sdm630", 1);
    server.seat("abb-b23", 2);
    let mut direct = Bus::stream("direct", WireSettings::modbus_tcp(), 2);
    direct.seat("siemens-pac3200", 1);
    let doors = [server.open_tcp(), direct.open_tcp()];
    let roads = doors
        .each_ref()
        .map(|door| Proxy::open(door.address().port()));

    let mut file = AgentFile::new(GATEWAY);
    file.uplink = Some(world.uplink(GATEWAY));
    file.tcp("server", "rtu-over-tcp", roads[0].port(), "baud = 9600");
    file.tcp("direct", "modbus-tcp", roads[1].port(), "");
    file.meters = [server.lines(2), direct.lines(2)].concat();
    let mut agent = Agent::install(file, world.folder());
    world.head_end.start();
    agent.start();
    pause(Duration::from_secs(12));
    let before = agent.meter("direct-1").intervals;
    assert!(before >= 4, "{before} intervals over Modbus TCP");

    // The servers drop every connection, as they do when somebody else connects.
    for _ in 0..3 {
        roads.iter().for_each(Proxy::cut);
        pause(Duration::from_secs(3));
    }
    wait_until("both lines are open again", Duration::from_secs(10), || {
        agent.metric("pmu_bus_open") == 2
    });
    pause(Duration::from_secs(6));
    wait_for_delivery(&agent, Duration::from_secs(30));
    let upto = utc().before(Duration::from_secs(4));
    wait_for_delivery(&agent, Duration::from_secs(30));
    let verdict = world.judge(&mut agent, &[&server, &direct], upto);
    println!("{verdict}");
    verdict.must_be_clean();
    assert!(
        verdict.whole * 10 >= verdict.intervals * 6,
        "most intervals are whole: {verdict}"
    );
}
