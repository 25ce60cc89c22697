//! The load profile that a meter keeps itself.
#![cfg(test)]

use std::time::Duration;

use desk::{JobState, Work};
use hil_tests::binaries::brisk_models;
use hil_tests::bus::Bus;
use hil_tests::clock::utc;
use hil_tests::flag::{PASSWORD, password_file, scenario};
use hil_tests::flag_judge::judge_flag;
use hil_tests::hands::start;
use hil_tests::world::{World, wait_for_delivery};
use iec62056_21::meter::{Opening, ParityBy};
use simulator::elster::ElsterModel;
use simulator::trouble::Spread;
use simulator::wire::WireSettings;

const DAY: Duration = Duration::from_hours(24);

#[test]
fn debug() {
    let Some(mut world) = World::new("FLAG profile") else {
        return;
    };
    let began = utc();
    let mut bus = Bus::stream(
        "net",
        WireSettings {
            baud: 0,
            ..WireSettings::plain(9600)
        },
        1,
    );
    let mut sc = scenario("20000102");
    sc.days = 901;
    sc.mask = Some(ElsterModel::A1140.full_mask());
    sc.bills_monthly = false;
    bus.seat_flag_with(ElsterModel::A1140, sc, |settings, troubles| {
        settings.opening = Opening::Fixed(0);
        settings.parity = ParityBy::Software;
        troubles.turnaround = Some(Spread::fixed(Duration::from_millis(1)));
    });
    let door = bus.open_tcp();
    let mut agent = world.gateway("pmu-flag", &[], 60);
    agent.file.models = brisk_models(world.folder());
    agent.file.tcp(
        "net",
        "serial-server",
        door.address().port(),
        "baud = 38400\nframing = \"8N1\"\nsession-seconds-max = 30",
    );
    let password = password_file(world.folder(), "password", PASSWORD);
    agent.file.flags = bus.flag_lines(&password);
    for meter in &mut agent.file.flags {
        meter.more = "collect = { every-seconds = 86400, days-max = 1 }\n".to_owned();
    }
    world.head_end.start();
    agent.start_with_lines();
    let id = bus.flags[0].id.clone();
    let job = start(
        &agent,
        Work::Collect {
            meter: id.clone(),
            from: Some(began.before(DAY * 900).seconds()),
            to: None,
            again: false,
        },
    );
    let t = std::time::Instant::now();
    let mut n = 0;
    let end = job.wait(&agent, Duration::from_secs(400), |s| {
        n += 1;
        if n % 20 == 0 || !matches!(s, JobState::Running(_)) {
            println!("{:?} {s:?}", t.elapsed())
        }
    });
    println!("{end:?} {n}");
    println!("{:?}", agent.meter(&id));
    wait_for_delivery(&agent, Duration::from_secs(100));
    println!("delivered {:?}", t.elapsed());
    println!("{}", agent.said());
    agent.stop();
    let summary = world.head_end.stop();
    println!("{summary}");
    world.must_agree(&summary);
    let rows = world.head_end.rows("pmu-flag");
    let verdict = judge_flag(&rows, &[&bus], (began.before(DAY * 899), began));
    println!("{verdict} {:?}", t.elapsed());
    verdict.must_be_clean();
}
