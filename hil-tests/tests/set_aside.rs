//! An entry that the broker cannot take is set aside and holds nothing up; a person sees it, and
//! releases it when the cause is gone.
#![cfg(test)]

use std::process::Command;
use std::time::Duration;

use hil_tests::agent::Agent;
use hil_tests::binaries;
use hil_tests::broker::BrokerSettings;
use hil_tests::bus::Bus;
use hil_tests::clock::{pause, utc, wait_until};
use hil_tests::world::World;

const WITHIN: Duration = Duration::from_secs(40);
/// Enough for a block of intervals and for a few values, not for all values of this model.
const SMALL: BrokerSettings = BrokerSettings {
    max_inflight: 100,
    max_packet: 450,
    persistence: false,
};

#[test]
fn what_cannot_be_delivered_waits_for_a_person() {
    let Some(mut world) = World::with("entries set aside", SMALL) else {
        return;
    };
    let mut bus = Bus::serial("main", world.folder(), 38_400, 1);
    bus.seat("eastron-sdm630", 1);
    bus.seat("abb-b23", 2);
    let mut agent = world.gateway("pmu-aside", &[&bus], 2);
    agent.file.meters[0].instant_s = Some(5);
    world.head_end.start();
    agent.start();
    wait_until("an entry is too large", WITHIN, || aside(&agent) >= 2);
    let told = agent.status().alarms;
    assert!(
        told.iter().any(|alarm| alarm.contains("message-set-aside")),
        "{told:?}"
    );
    // What is behind it goes on.
    pause(Duration::from_secs(4));
    all_else_arrives(&agent);

    let shown = pmuctl(&agent, &["store", "set-aside"], 0);
    // An event that says so and is too large itself must not beget another.
    assert!(shown.matches(", since").count() < 8, "{shown}");
    assert!(shown.contains("\ntm 1, since"), "{shown}");
    assert!(
        shown.contains("more than the 450 that the broker takes"),
        "{shown}"
    );
    let refused = pmuctl(&agent, &["store", "release", "tm", "999999"], 1);
    assert!(refused.contains("was not set aside"), "{refused}");
    let refused = pmuctl(&agent, &["store", "release", "mail", "1"], 1);
    assert!(refused.contains("name one of: lp, ev, tm"), "{refused}");

    // The cause is gone: the broker takes larger packets.
    agent.file.meters[0].instant_s = None;
    agent.reload();
    pause(Duration::from_secs(6));
    let shown = pmuctl(&agent, &["store", "set-aside"], 0);
    let entries = shown.lines().filter_map(|line| line.split_once(", since"));
    for (stream, number) in entries.filter_map(|(entry, _)| entry.split_once(' ')) {
        let before = aside(&agent);
        let done = pmuctl(&agent, &["store", "release", stream, number], 0);
        assert!(done.contains("goes with the next connection"), "{done}");
        assert_eq!(aside(&agent), before - 1);
    }
    world.broker.stop();
    world.broker.restart(BrokerSettings::default());
    wait_until("the gateway is connected", WITHIN, || agent.is_connected());
    pause(Duration::from_secs(3));
    all_else_arrives(&agent);
    let left = pmuctl(&agent, &["store", "set-aside"], 0);
    assert_eq!(left, "nothing is set aside\n");

    let upto = utc().before(Duration::from_secs(3));
    all_else_arrives(&agent);
    let verdict = world.judge(&mut agent, &[&bus], upto);
    println!("{verdict}");
    verdict.must_be_clean();
    let holes = holes(&world);
    assert_eq!(holes, "nothing is missing\n");
}

/// Only what was set aside still waits.
#[track_caller]
fn all_else_arrives(agent: &Agent) {
    wait_until("all else is at the head-end", WITHIN, || {
        let streams = agent.status().outbox;
        streams
            .iter()
            .all(|stream| stream.waiting <= stream.set_aside)
    });
}

fn aside(agent: &Agent) -> u64 {
    let streams = agent.status().outbox;
    streams.iter().map(|stream| stream.set_aside).sum()
}

#[track_caller]
fn pmuctl(agent: &Agent, words: &[&str], code: i32) -> String {
    let done = Command::new(binaries::pmuctl())
        .args(words)
        .env("PMU_SOCKET", agent.folder().join("run/desk.sock"))
        .output()
        .expect("pmuctl");
    let text = String::from_utf8([done.stdout, done.stderr].concat()).expect("words");
    println!("$ pmuctl {}\n{text}", words.join(" "));
    assert_eq!(done.status.code(), Some(code), "{text}");
    text
}

fn holes(world: &World) -> String {
    let done = Command::new(binaries::pmuctl())
        .args(["head-end", "holes", "--ledger"])
        .arg(world.folder().join("head-end/ledger"))
        .output()
        .expect("pmuctl");
    String::from_utf8([done.stdout, done.stderr].concat()).expect("words")
}
