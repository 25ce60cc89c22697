//! Whatever FLAG meters and lines do – answer late, twice, damaged or not at all, sign off, echo –,
//! no answer is taken for one to another request.
#![cfg(test)]

use std::time::Duration;

use desk::{JobState, Outcome, Part, Work};
use hil_tests::agent::Agent;
use hil_tests::binaries::brisk_models;
use hil_tests::bus::Bus;
use hil_tests::clock::utc;
use hil_tests::flag::{PASSWORD, password_file, scenario};
use hil_tests::flag_judge::judge_flag;
use hil_tests::flag_sessions::{SessionReport, every_kind, hold_all};
use hil_tests::hands::start;
use hil_tests::skip::by_tier;
use hil_tests::world::{World, wait_for_delivery};
use simulator::elster::{ElsterModel, Scenario, Source};
use simulator::trouble::{Doubled, FlagTroubles, Late, OneIn, Spread};

const GATEWAY: &str = "pmu-trouble";
const DAY: Duration = Duration::from_hours(24);

#[track_caller]
fn none_is_wrong(reports: &[SessionReport]) -> u32 {
    for report in reports {
        println!("{report}");
    }
    for report in reports {
        assert!(
            report.wrong.is_empty(),
            "{}: {:#?}",
            report.name,
            report.wrong
        );
        assert!(
            report.accepted > report.sessions,
            "{}: hardly anything was accepted, so hardly anything was tried",
            report.name
        );
    }
    reports.iter().map(|report| report.sessions).sum()
}

#[test]
fn a_thousand_sessions_with_every_kind_of_trouble_take_nothing_wrong() {
    let cases = every_kind(by_tier(16, 2000));
    let reports = hold_all(&cases);
    let sessions = none_is_wrong(&reports);
    let accepted: u32 = reports.iter().map(|report| report.accepted).sum();
    println!("{sessions} sessions, {accepted} answers, 0 wrong");
    assert!(sessions >= 1000);
}

const MS: Duration = Duration::from_millis(1);

/// Meters of the real daemon, each in trouble of its own.
fn troubles() -> [FlagTroubles; 4] {
    let at_once = || FlagTroubles {
        turnaround: Some(Spread::fixed(MS)),
        ..FlagTroubles::default()
    };
    [
        FlagTroubles {
            late: Some(Late {
                thinks: Spread::between(MS * 500, MS * 4000),
                happens: OneIn::times(12),
            }),
            ..at_once()
        },
        FlagTroubles {
            doubled: Some(Doubled {
                after: MS * 40,
                happens: OneIn::times(6),
            }),
            ..at_once()
        },
        FlagTroubles {
            flipped: OneIn::times(30),
            truncated: OneIn::times(50),
            ..at_once()
        },
        FlagTroubles {
            lost_answers: OneIn::times(40),
            signs_off: OneIn::times(90),
            ..at_once()
        },
    ]
}

/// One network for each of them, so that none waits for another.
fn buses(days: i64) -> Vec<Bus> {
    let bus = |(number, troubles): (u64, FlagTroubles)| {
        let mut bus = Bus::network(&format!("net{number}"), number);
        let circumstances = Scenario {
            days: days + 1,
            bills_monthly: false,
            ..scenario(&format!("1000040{number}"))
        };
        bus.seat_at_once(ElsterModel::A1700, circumstances);
        for meter in &bus.flags {
            bus.wire
                .change_flag(meter.place, |own| *own = troubles.clone());
        }
        bus
    };
    (1..).zip(troubles()).map(bus).collect()
}

/// Reads the totals again and again; those that come must be what the meter held.
fn totals_are_right(agent: &Agent, bus: &Bus, reads: u32) -> (u32, u32) {
    let meter = &bus.flags[0];
    let (mut right, mut failed) = (0, 0);
    for _ in 0..reads {
        let begun = meter.holds.utc(bus.wire.now());
        let work = Work::Read {
            meter: meter.id.clone(),
            part: Part::Registers,
        };
        let ended = start(agent, &work).wait(agent, Duration::from_mins(3), |_| {});
        let JobState::Done(outcome) = ended else {
            failed += 1;
            continue;
        };
        let Outcome::Values(values) = *outcome else {
            panic!("no values: {outcome:?}");
        };
        let now = meter.holds.utc(bus.wire.now());
        let value = values
            .iter()
            .find(|value| value.obis == "1-0:1.8.0" && value.group == "totals")
            .expect("the import");
        let raw: Vec<&[u8]> = value.raw.as_bytes().chunks(2).rev().collect();
        let digits = String::from_utf8(raw.concat()).unwrap();
        let shown: u128 = digits.parse().unwrap();
        let held = |utc| meter.holds.total(Source::Import, utc) / 3600;
        assert!(
            (held(begun)..=held(now)).contains(&shown),
            "{}: {value:?}",
            meter.id
        );
        right += 1;
    }
    (right, failed)
}

#[test]
fn the_daemon_books_nothing_wrong_of_meters_in_trouble() {
    let Some(mut world) = World::new("FLAG meters in trouble") else {
        return;
    };
    let began = utc();
    let days = by_tier(4, 90);
    let buses = buses(days);
    let doors: Vec<_> = buses.iter().map(Bus::open_tcp).collect();
    let mut agent = world.gateway(GATEWAY, &[], 60);
    agent.file.models = brisk_models(world.folder());
    let password = password_file(world.folder(), "password", PASSWORD);
    for (bus, door) in buses.iter().zip(&doors) {
        agent.file.serial_server(&bus.id, door.address().port());
        for mut line in bus.flag_lines(&password) {
            let days = by_tier(4, 90);
            line.more = format!("collect = {{ every-seconds = 3600, days-max = {days} }}\n");
            agent.file.flags.push(line);
        }
    }
    world.head_end.start();
    agent.start_with_lines();
    std::thread::scope(|scope| {
        for bus in &buses {
            let agent = &agent;
            scope.spawn(move || {
                let meter = &bus.flags[0].id;
                for _ in 0..4 {
                    let work = Work::Collect {
                        meter: meter.clone(),
                        from: Some(began.before(DAY * u32::try_from(days).unwrap()).seconds()),
                        to: None,
                        again: false,
                    };
                    let job = start(agent, &work);
                    let ended = job.wait(agent, Duration::from_mins(5), |_| {});
                    println!("{meter}: {ended:?}");
                    if matches!(ended, JobState::Done(_)) {
                        break;
                    }
                }
                let read = totals_are_right(agent, bus, by_tier(1, 100));
                println!(
                    "{meter}: {} reads right, {} without a result",
                    read.0, read.1
                );
            });
        }
    });
    wait_for_delivery(&agent, Duration::from_secs(40));
    agent.stop();
    let summary = world.head_end.stop();
    println!("{summary}");
    world.must_agree(&summary);
    let rows = world.head_end.rows(GATEWAY);
    let all: Vec<&Bus> = buses.iter().collect();
    let from = began.before(DAY * u32::try_from(days - 1).unwrap());
    let verdict = judge_flag(&rows, &all, (from, began));
    println!("{verdict}");
    verdict.must_be_clean();
    assert_eq!(verdict.meters, 4);
}
