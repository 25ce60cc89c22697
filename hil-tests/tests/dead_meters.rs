//! A dead meter costs the living next to nothing.
#![cfg(test)]

use std::time::Duration;

use hil_tests::agent::Agent;
use hil_tests::agent_file::AgentFile;
use hil_tests::bench::Bench;
use hil_tests::clock::pause;
use hil_tests::polling::{Case, Report, run};
use hil_tests::skip::by_tier;

fn line(name: &str, meters: u8, dead: u8, blocks: &[(u16, u16)]) -> Case {
    let lasts = Duration::from_secs(by_tier(20, 600));
    Case::with_dead(name, (meters, dead), blocks, lasts)
}

/// Accepted answers of the meters that live in both cases, in tenths of a per cent of what they
/// give where none is dead.
fn share(whole: &Report, with_dead: &Report, dead: u8) -> u32 {
    let living = |report: &Report| -> u32 {
        report
            .meters
            .iter()
            .filter(|meter| meter.unit > dead)
            .map(|meter| meter.accepted)
            .sum()
    };
    let share = living(with_dead) * 1000 / living(whole).max(1);
    println!(
        "{whole}\n{with_dead}\nthe living give {}.{} %",
        share / 10,
        share % 10
    );
    share
}

#[test]
fn the_living_are_read_as_if_nobody_were_dead() {
    let two_blocks = [(0, 10), (100, 12)];
    let cases = [
        line("4 meters", 4, 0, &two_blocks),
        line("4 meters, 1 dead", 4, 1, &two_blocks),
        line("6 meters", 6, 0, &two_blocks[..1]),
        line("6 meters, 3 dead", 6, 3, &two_blocks[..1]),
    ];
    let folder = tempfile::tempdir().unwrap();
    let reports = run(&cases, folder.path());
    let [four, four_with_dead, six, six_with_dead] = &reports[..] else {
        panic!("four lines")
    };
    assert!(share(four, four_with_dead, 1) >= 950, "one of four dead");
    assert!(share(six, six_with_dead, 3) >= 980, "three of six dead");
    for report in &reports {
        assert_eq!(report.all().wrong, Vec::<String>::new(), "{}", report.name);
    }
    let probes: u32 = (1..=3).map(|unit| six_with_dead.meter(unit).asked).sum();
    assert!(
        probes > 0,
        "the dead are still asked, so that they are found when they come back"
    );
}

/// The same by the real daemon, with an address beside the others where nobody is.
#[test]
fn the_meters_of_a_bench_do_not_notice_a_dead_address() {
    let bench = Bench::open("a dead address");
    let folder = tempfile::tempdir().unwrap();
    let mut file = AgentFile::new("pmu-bench");
    bench.join_polled(&mut file, 2);
    let mut agent = Agent::install(file, folder.path());
    agent.start();
    let settle = Duration::from_secs(10);
    pause(settle);
    let lasts = bench.lasts(Duration::from_secs(20), Duration::from_mins(2));
    let answers = |agent: &Agent| -> u64 {
        let living = agent.meters().into_iter().filter(|meter| meter.unit != 247);
        living.map(|meter| meter.answers).sum()
    };
    let rate = |agent: &Agent| {
        let before = answers(agent);
        pause(lasts);
        answers(agent) - before
    };
    let whole = rate(&agent);
    agent.file.meters.push(bench.absent());
    agent.reload();
    pause(settle);
    let with_dead = rate(&agent);
    println!("{with_dead} answers beside a dead address, {whole} without");
    assert_eq!(agent.meter("absent").answers, 0, "nobody is there");
    assert!(agent.meter("absent").silent > 0, "it was asked");
    assert!(whole > 0 && with_dead * 100 >= whole * 95);
    agent.stop();
}
