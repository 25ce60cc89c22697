//! Elster meters of every family on one line: the daemon reads their registers, events, status,
//! identity and load profiles, and the head-end has every interval exactly once, with what the meter
//! really held.
#![cfg(test)]

use std::time::Duration;

use hil_tests::binaries::brisk_models;
use hil_tests::bus::Bus;
use hil_tests::clock::{utc, wait_until};
use hil_tests::flag::{PASSWORD, password_file, scenario};
use hil_tests::flag_judge::judge_flag;
use hil_tests::world::{World, wait_for_delivery};
use simulator::elster::ElsterModel;
use simulator::trouble::Spread;
use simulator::wire::WireSettings;

const DAY: Duration = Duration::from_hours(24);

/// One meter of each family.
fn bus(world: &World) -> Bus {
    let mut bus = Bus::behind_pty("main", world.folder(), WireSettings::flag(9600), 1);
    for (model, serial) in [
        (ElsterModel::A1700, "10000101"),
        (ElsterModel::A1140, "20000102"),
        (ElsterModel::A1120, "30000103"),
        (ElsterModel::As230, "40000104"),
    ] {
        let mut scenario = scenario(serial);
        // A billing period and a few days are enough to be read.
        scenario.days = 8;
        bus.seat_flag_with(model, scenario, |_, troubles| {
            troubles.turnaround = Some(Spread::fixed(Duration::from_millis(30)));
        });
    }
    bus
}

#[test]
fn the_head_end_has_every_interval_of_each_family_exactly_once() {
    let Some(mut world) = World::new("FLAG meters") else {
        return;
    };
    let began = utc();
    let bus = bus(&world);
    let mut agent = world.gateway("pmu-flag", &[], 60);
    agent.file.models = brisk_models(world.folder());
    agent
        .file
        .serial_of_seven_bits("main", &bus.device(), bus.baud());
    let password = password_file(world.folder(), "password", PASSWORD);
    agent.file.flags = bus.flag_lines(&password);
    for meter in &mut agent.file.flags {
        meter.more = "collect = { every-seconds = 900, days-max = 3 }\n".to_owned();
    }
    world.head_end.start();
    agent.start();
    wait_until("every meter was collected", Duration::from_mins(4), || {
        let meters = agent.meters();
        let mut done = meters.iter().filter(|meter| meter.last_collected.is_some());
        done.by_ref().count() == bus.flags.len()
    });
    for meter in agent.meters() {
        println!("{meter:?}");
    }
    wait_for_delivery(&agent, Duration::from_secs(40));
    println!("{}", agent.said());
    agent.stop();
    let summary = world.head_end.stop();
    println!("{summary}");
    world.must_agree(&summary);
    let rows = world.head_end.rows("pmu-flag");
    let verdict = judge_flag(&rows, &[&bus], (began.before(DAY * 2), began));
    println!("{verdict}");
    verdict.must_be_clean();
    assert_eq!(verdict.meters, 3, "all but the A1120 keep a profile");
}
