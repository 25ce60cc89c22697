//! `kill -9` at random moments: nothing that was acknowledged is lost, nothing is booked twice,
//! and every interval that a kill cost says so at the head-end.
#![cfg(test)]

use std::time::Duration;

use desk::{Answer, Request};
use hil_tests::agent::Agent;
use hil_tests::bench::Bench;
use hil_tests::bus::Bus;
use hil_tests::clock::{pause, utc};
use hil_tests::judge::judge;
use hil_tests::skip::by_tier;
use hil_tests::world::{World, must_reach, wait_for_delivery};
use simulator::dice::Dice;

const GATEWAYS: u8 = 4;
const PERIOD_S: u32 = 2;

/// Kills one gateway so often; every other time as a power cut does, which also empties `/run`.
fn kill_at_random(agent: &mut Agent, kills: u32, seed: u64) {
    let mut dice = Dice::new(seed);
    for kill in 0..kills {
        agent.launch();
        // From before the store is open to well past a commit and a mark.
        pause(dice.duration(Duration::from_millis(20), Duration::from_millis(2600)));
        assert!(agent.is_running(), "it ended by itself\n{}", agent.said());
        if kill % 2 == 0 {
            agent.kill();
        } else {
            agent.cut_power();
        }
    }
}

/// Every row that the gateway has stored is in the ledger, with the same values.
#[track_caller]
fn must_hold_what_was_stored(
    stored: &[(String, Vec<desk::ProfileRow>)],
    rows: &[storage::ledger::BookedRow],
) -> usize {
    let mut compared = 0;
    for (meter, stored) in stored {
        for row in stored {
            let booked = rows
                .iter()
                .find(|booked| booked.meter.as_str() == meter && booked.end.to_string() == row.end);
            let booked =
                booked.unwrap_or_else(|| panic!("{meter} {} is stored and not booked", row.end));
            let values: Vec<String> = booked
                .values
                .iter()
                .map(|value| {
                    value.value.map_or_else(String::new, |digits| {
                        metering::decimal_text(digits, value.channel.exponent)
                    })
                })
                .collect();
            assert_eq!(values, row.values, "{meter} {}", row.end);
            assert_eq!(booked.flags.to_string(), row.flags, "{meter} {}", row.end);
            compared += 1;
        }
    }
    compared
}

fn stored_by(agent: &Agent, bus: &Bus, from: u64, to: u64) -> Vec<(String, Vec<desk::ProfileRow>)> {
    let of = |meter: &str| {
        let request = Request::Profile {
            meter: meter.to_owned(),
            from,
            to,
            profile: None,
        };
        match agent.ask(&request) {
            Ok(Ok(Answer::Profile { rows, .. })) => rows,
            other => panic!("no profile of {meter}: {other:?}"),
        }
    };
    bus.meters
        .iter()
        .map(|meter| (meter.id.clone(), of(&meter.id)))
        .collect()
}

fn bus(world: &World, number: u8) -> Bus {
    let id = format!("bus{number}");
    let mut bus = Bus::serial(&id, world.folder(), 19_200, number.into());
    bus.seat("eastron-sdm630", 1);
    bus.seat("abb-b23", 2);
    bus
}

/// All gateways at once, and the head-end between its commit and its word to the broker, or
/// anywhere else.
fn kill_all_at_random(world: &mut World, agents: &mut [Agent], kills: u32) {
    std::thread::scope(|scope| {
        let mut killers = Vec::new();
        for (seed, agent) in (1..).zip(&mut *agents) {
            killers.push(scope.spawn(move || kill_at_random(agent, kills, seed)));
        }
        for _ in 0..by_tier(3, 30) {
            pause(Duration::from_secs(9));
            world.head_end.kill();
            world.head_end.start();
        }
        for killer in killers {
            killer.join().expect("a gateway that survives its kills");
        }
    });
    // Not by the killers: what a thread starts ends with it.
    agents.iter_mut().for_each(Agent::start);
}

#[test]
fn two_hundred_kills_lose_nothing_and_double_nothing() {
    let Some(mut world) = World::new("kill -9") else {
        return;
    };
    let kills = by_tier(52, 1000);
    let began = utc();
    let buses: Vec<Bus> = (1..=GATEWAYS).map(|number| bus(&world, number)).collect();
    let gateway =
        |(number, bus): (u8, &Bus)| world.gateway(&format!("pmu-kill-{number}"), &[bus], PERIOD_S);
    let mut agents: Vec<Agent> = (1..).zip(&buses).map(gateway).collect();
    world.head_end.start();
    kill_all_at_random(&mut world, &mut agents, kills);
    pause(Duration::from_secs(6));
    let upto = utc().before(Duration::from_secs(4));
    let mut stored = Vec::new();
    for (agent, bus) in agents.iter_mut().zip(&buses) {
        wait_for_delivery(agent, Duration::from_secs(30));
        stored.push(stored_by(agent, bus, began.seconds(), upto.seconds()));
    }
    agents.iter_mut().for_each(Agent::stop);
    let summary = world.head_end.stop();
    world.must_agree(&summary);
    for figure in ["gaps", "missing", "lost"] {
        assert_eq!(world.head_end.sum(figure), 0, "{figure}: {summary}");
    }
    let mut compared = 0;
    for ((agent, bus), stored) in agents.iter().zip(&buses).zip(&stored) {
        let rows = world.head_end.rows(&agent.file.gateway);
        let verdict = judge(&rows, &[bus]);
        let quarantined = agent.said().matches("meter-quarantined:").count();
        let gateway = &agent.file.gateway;
        println!("{gateway}: {kills} kills, {quarantined} quarantines, {verdict}");
        verdict.must_be_clean();
        must_reach(&rows, &[bus], upto);
        compared += must_hold_what_was_stored(stored, &rows);
    }
    let all = kills * u32::from(GATEWAYS);
    println!("{all} kills, {compared} stored intervals all at the head-end; {summary}");
    assert!(all >= 200 && compared > 0);
}

#[test]
fn kills_on_a_bench_lose_nothing_and_double_nothing() {
    let Some(mut world) = World::new("kill -9 on a bench") else {
        return;
    };
    let bench = Bench::open("kill -9");
    let mut agent = world.bench_gateway(&bench, 5);
    world.head_end.start();
    kill_at_random(&mut agent, by_tier(50, 1000), 1);
    agent.start();
    pause(Duration::from_secs(20));
    wait_for_delivery(&agent, Duration::from_mins(1));
    agent.stop();
    world.judge_bench(&bench);
}
