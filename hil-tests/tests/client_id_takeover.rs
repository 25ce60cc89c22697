//! Somebody with this gateway's certificate connects under its name: the two evict each other,
//! nothing is lost, a person is told, and the gateway leaves the other in peace for a while.
#![cfg(test)]

use std::process::Command;
use std::time::Duration;

use hil_tests::bus::Bus;
use hil_tests::clock::{pause, utc, wait_until};
use hil_tests::process::Process;
use hil_tests::world::{World, wait_for_delivery};

const GATEWAY: &str = "pmu-twice";

#[test]
fn a_second_box_with_the_same_certificate_costs_nothing() {
    let Some(mut world) = World::new("takeover of the client id") else {
        return;
    };
    let mut bus = Bus::serial("main", world.folder(), 19_200, 1);
    bus.seat("abb-b23", 1);
    let mut agent = world.gateway(GATEWAY, &[&bus], 2);
    let twin = agent
        .file
        .uplink
        .as_ref()
        .expect("an uplink")
        .identity
        .clone();
    world.head_end.start();
    agent.start();
    wait_until("the gateway is connected", Duration::from_secs(20), || {
        agent.is_connected()
    });
    // The other one comes back four times: once is a reconnection, four times is a second box.
    for round in 1..=4 {
        let own = world.broker.client("mosquitto_sub", &twin);
        let mut other = Command::new(own.get_program());
        other
            .args(own.get_args())
            .args(["-t", &format!("gw/v1/{GATEWAY}/dn/#")]);
        let mut other = Process::start(&format!("twin-{round}"), &mut other, world.folder());
        pause(Duration::from_secs(1));
        other.kill();
        if round < 4 {
            wait_until("the gateway is back", Duration::from_secs(20), || {
                agent.is_connected()
            });
        }
    }
    let told = || {
        agent
            .status()
            .alarms
            .iter()
            .any(|alarm| alarm.contains("client-taken-over"))
    };
    wait_until("a person is told", Duration::from_secs(10), told);
    pause(Duration::from_secs(4));
    assert!(!agent.is_connected(), "it leaves the other in peace");
    let taken_over = world.broker.said().matches("already connected").count();
    assert!(taken_over >= 4, "the broker saw {taken_over} takeovers");

    // An installer finds the second box and starts the right one again.
    agent.stop();
    agent.start();
    wait_until("the gateway is connected", Duration::from_secs(20), || {
        agent.is_connected()
    });
    pause(Duration::from_secs(2));
    wait_for_delivery(&agent, Duration::from_secs(30));
    let upto = utc().before(Duration::from_secs(3));
    wait_for_delivery(&agent, Duration::from_secs(30));
    let verdict = world.judge(&mut agent, &[&bus], upto);
    println!("{verdict}");
    verdict.must_be_clean();
}
