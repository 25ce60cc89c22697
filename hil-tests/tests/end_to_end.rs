//! From the registers of a meter to the ledger of the head-end: nothing wrong, nothing lost,
//! nothing twice, with a dead meter and a slow one on the bus.
#![cfg(test)]

use std::time::Duration;

use hil_tests::bench::Bench;
use hil_tests::bus::Bus;
use hil_tests::clock::{pause, utc};
use hil_tests::judge::judge_within;
use hil_tests::skip::by_tier;
use hil_tests::world::{World, must_reach, wait_for_delivery};
use simulator::trouble::{Late, OneIn, Spread};

#[test]
fn every_interval_arrives_as_the_meter_held_it() {
    let Some(mut world) = World::new("end to end") else {
        return;
    };
    let mut bus = Bus::serial("hall", world.folder(), 9600, 1);
    for (unit, model) in (1..).zip([
        "eastron-sdm630",
        "abb-b23",
        "schneider-iem3155",
        "orno-we-516",
    ]) {
        bus.seat(model, unit);
    }
    bus.seat_with("eastron-sdm120", 5, |troubles| {
        let thinks = Spread::fixed(Duration::from_millis(700));
        troubles.late = Some(Late {
            thinks,
            happens: OneIn::times(4),
        });
    });
    let mut dead = Bus::serial("dead", world.folder(), 9600, 2);
    dead.seat("abb-b24", 1);
    dead.seat_with("abb-b23", 2, |troubles| troubles.dead = true);

    let mut agent = world.gateway("pmu-end", &[&bus, &dead], 5);
    world.head_end.start();
    agent.start();
    // Two intervals of each meter are not whole: the gateway starts in the middle of one.
    pause(Duration::from_secs(by_tier(37, 600)));
    let upto = utc().before(Duration::from_secs(6));
    wait_for_delivery(&agent, Duration::from_secs(20));
    assert_eq!(
        agent.meter("dead-2").intervals,
        agent.meter("dead-2").flagged,
        "all flagged"
    );
    agent.stop();
    world.head_end.stop();

    let rows = world.head_end.rows("pmu-end");
    let (living, of_the_dead): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .partition(|row| row.meter.as_str() != "dead-2");
    // The slow meter answers up to 700 ms after it read its registers.
    let verdict = judge_within(&living, &[&bus, &dead], Duration::from_millis(800));
    println!("{verdict}");
    verdict.must_be_clean();
    let whole = verdict.intervals - verdict.whole;
    assert!(
        verdict.whole * 10 >= verdict.intervals * 7,
        "{whole} intervals are not whole"
    );
    must_reach(&living, &[&bus], upto);
    assert!(
        of_the_dead
            .iter()
            .all(|row| row.values.iter().all(|value| value.value.is_none()))
    );
    assert_eq!(
        world.head_end.sum("conflicts") + world.head_end.sum("differing"),
        0
    );
}

/// The first interval of each meter was not seen from its beginning.
#[test]
fn the_meters_of_a_bench_are_read_like_simulated_ones() {
    let Some(mut world) = World::new("end to end on a bench") else {
        return;
    };
    let bench = Bench::open("end to end");
    let mut agent = world.bench_gateway(&bench, 5);
    world.head_end.start();
    agent.start();
    let real = Duration::from_secs(by_tier(120, 3600));
    pause(bench.lasts(Duration::from_secs(28), real));
    wait_for_delivery(&agent, Duration::from_mins(1));
    for meter in agent.meters() {
        println!(
            "{}: {} answers, {} silent, {} damaged, {} late",
            meter.meter, meter.answers, meter.silent, meter.damaged, meter.late
        );
    }
    agent.stop();
    let verdict = world.judge_bench(&bench);
    assert!(verdict.whole * 10 >= verdict.intervals * 7, "{verdict}");
}
