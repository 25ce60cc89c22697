//! A port that is unplugged and comes back is used again within five seconds, without a busy loop
//! and without invented data.
#![cfg(test)]

use std::time::Duration;

use desk::LinkState;
use hil_tests::bus::Bus;
use hil_tests::clock::{pause, utc, wait_until};
use hil_tests::world::{World, wait_for_delivery};

#[test]
fn a_port_that_comes_back_is_used_within_five_seconds() {
    let Some(mut world) = World::new("unplugging") else {
        return;
    };
    let mut bus = Bus::serial("main", world.folder(), 9600, 1);
    bus.seat("abb-b23", 1);
    bus.seat("eastron-sdm120", 2);
    let mut other = Bus::serial("other", world.folder(), 9600, 2);
    other.seat("abb-b23", 1);
    let mut agent = world.gateway("pmu-plug", &[&bus, &other], 2);
    world.head_end.start();
    agent.start();
    pause(Duration::from_secs(6));
    let mut slowest = Duration::ZERO;
    for round in 1..=3 {
        bus.wire.unplug();
        wait_until(
            "the line is seen to be gone",
            Duration::from_secs(5),
            || agent.metric("pmu_bus_open") == 1,
        );
        let gone = agent
            .status()
            .buses
            .into_iter()
            .find(|found| found.bus == "main");
        let gone = gone.expect("the bus").state;
        assert!(matches!(gone, LinkState::Gone(_)), "{gone:?}");
        let (cpu, seen) = (agent.cpu(), bus.wire.counters().octets_heard);
        pause(Duration::from_secs(6));
        let spent = agent.cpu().saturating_sub(cpu);
        assert!(
            spent < Duration::from_millis(1200),
            "a busy loop: {spent:?} of CPU in 6 s"
        );
        assert_eq!(
            bus.wire.counters().octets_heard,
            seen,
            "nothing reaches an unplugged wire"
        );
        let back = bus.wire.now();
        bus.wire.replug();
        wait_until("the meters are read again", Duration::from_secs(5), || {
            bus.wire.counters().octets_heard > seen
        });
        let took = bus.wire.now().saturating_sub(back);
        slowest = slowest.max(took);
        println!("round {round}: read again after {took:?}, {spent:?} of CPU while unplugged");
        pause(Duration::from_secs(4));
    }
    assert!(slowest <= Duration::from_secs(5));
    wait_for_delivery(&agent, Duration::from_secs(30));
    let upto = utc().before(Duration::from_secs(4));
    wait_for_delivery(&agent, Duration::from_secs(30));
    let verdict = world.judge(&mut agent, &[&bus, &other], upto);
    println!("{verdict}");
    verdict.must_be_clean();
    let undisturbed = world.head_end.rows("pmu-plug");
    let undisturbed = undisturbed
        .iter()
        .filter(|row| row.meter.as_str() == "other-1");
    let missing = undisturbed
        .skip(1)
        .filter(|row| row.values.iter().any(|v| v.value.is_none()));
    assert_eq!(missing.count(), 0, "the other line was not disturbed");
}
