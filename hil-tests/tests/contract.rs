//! The published contract is enough to read what a gateway sends: its decoder, written in another
//! language over other libraries, reads golden vectors and live traffic as the ledger has it.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use hil_tests::binaries::root;
use hil_tests::bus::Bus;
use hil_tests::clock::{pause, wait_until};
use hil_tests::limits::START_WITHIN;
use hil_tests::listener::Listener;
use hil_tests::process::{Process, command, run};
use hil_tests::python::{peer, with_modules};
use hil_tests::world::{World, wait_for_delivery};
use metering::{ChannelKind, Flag};
use serde_json::Value;
use storage::ledger::BookedRow;

const GATEWAY: &str = "pmu-contract";

fn script(python: &Path, name: &str) -> std::process::Command {
    let mut run = command(python);
    run.arg("-u").arg(root().join("docs/uplink").join(name));
    run
}

#[test]
fn the_published_decoder_reads_every_golden_vector() {
    let modules = ["cbor2", "cryptography"];
    let Some(python) = with_modules("golden vectors by the published decoder", &modules) else {
        return;
    };
    let said = run("check_vectors.py", &mut script(&python, "check_vectors.py"));
    println!("{}", said.trim());
    assert!(said.trim().ends_with(", 0 wrong"), "{said}");
}

/// An interval as the decoder tells it: values by channel, and the words of its flags.
type Told = (BTreeMap<String, i64>, BTreeSet<String>);

/// What the decoder said of intervals, by meter and end in seconds.
fn intervals(lines: &[Value]) -> BTreeMap<(String, u64), Told> {
    let mut lists: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    let mut told = BTreeMap::new();
    for line in lines {
        let message = &line["decoded"];
        let body = &message["b"];
        if let (Some(list), Some(cv)) = (message["ch"].as_array(), body["cv"].as_u64()) {
            let name = |channel: &Value| {
                format!(
                    "{} {}",
                    channel[0].as_str().unwrap(),
                    channel[3].as_str().unwrap()
                )
            };
            lists.insert(cv, list.iter().map(name).collect());
        }
    }
    for line in lines
        .iter()
        .filter(|line| line["topic"].as_str().unwrap().ends_with("/lp"))
    {
        let body = &line["decoded"]["b"];
        let names = &lists[&body["cv"].as_u64().unwrap()];
        for row in body["rows"].as_array().unwrap() {
            let values = row["values"].as_array().unwrap();
            assert_eq!(values.len(), names.len(), "{row}");
            let pairs = names.iter().cloned().zip(values);
            let values = pairs
                .filter_map(|(name, value)| Some((name, value.as_i64()?)))
                .collect();
            let flags = row["flags"].as_array().unwrap();
            let flags = flags
                .iter()
                .map(|word| word.as_str().unwrap().to_owned())
                .collect();
            let key = (
                body["m"].as_str().unwrap().to_owned(),
                row["end"].as_u64().unwrap(),
            );
            told.insert(key, (values, flags));
        }
    }
    told
}

/// What the decoder says, line by line; none may be a complaint.
fn lines_of(said: &str) -> Vec<Value> {
    let lines: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    let failed: Vec<&Value> = lines
        .iter()
        .filter(|line| !line["error"].is_null())
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
    lines
}

/// Compares every booked interval with what the decoder told; how many values.
fn compare(rows: &[BookedRow], told: &BTreeMap<(String, u64), Told>) -> usize {
    let mut compared = 0;
    for row in rows {
        let key = (row.meter.to_string(), row.end.seconds());
        let found = told.get(&key);
        let (values, flags) = found.unwrap_or_else(|| panic!("nobody told of {key:?}"));
        for value in &row.values {
            let kind = match value.channel.kind {
                ChannelKind::Register => "reg",
                ChannelKind::Average => "avg",
                ChannelKind::Increment => "inc",
            };
            let name = format!("{} {kind}", value.channel.obis);
            assert_eq!(values.get(&name).copied(), value.value, "{key:?} {name}");
            compared += 1;
        }
        let booked = Flag::all().filter(|flag| row.flags.has(*flag));
        let booked: BTreeSet<String> = booked.map(|flag| flag.word().to_owned()).collect();
        assert_eq!(flags, &booked, "{key:?}");
    }
    compared
}

/// Checks every watermark that was heard with another library; how many.
fn check_watermarks(python: &Path, world: &World, acks: &Listener) -> usize {
    let mut text = String::new();
    let heard = acks.heard();
    for ack in &heard {
        write!(text, "{} ", ack.topic).unwrap();
        for octet in &ack.payload {
            write!(text, "{octet:02x}").unwrap();
        }
        text.push('\n');
    }
    let file = world.folder().join("acks.txt");
    std::fs::write(&file, text).unwrap();
    let mut check = peer(python, "check_watermarks.py");
    check.arg(&world.key.public).arg(&file);
    let said = run("check_watermarks.py", &mut check);
    assert_eq!(said.lines().count(), heard.len(), "{said}");
    heard.len()
}

/// The decoder as a subscriber of its own.
fn start_decoder(python: &Path, world: &mut World) -> Process {
    let reader = world.authority.client("reader");
    let mut start = script(python, "decoder.py");
    start.args([
        "--host",
        "localhost",
        "--port",
        &world.broker.port().to_string(),
    ]);
    start.arg("--ca").arg(world.authority.certificate());
    start
        .arg("--cert")
        .arg(&reader.certificate)
        .arg("--key")
        .arg(&reader.key);
    start.args(["--gateway", GATEWAY]);
    world.broker.grant("reader", &["topic read gw/v1/+/up/#"]);
    let decoder = Process::start("decoder", &mut start, world.folder());
    wait_until("the decoder has subscribed", START_WITHIN, || {
        world.broker.said().contains("Sending SUBACK to reader")
    });
    decoder
}

#[test]
fn the_published_decoder_reads_live_traffic_as_the_ledger_has_it() {
    let promise = "live traffic by the published decoder";
    let modules = ["cbor2", "paho.mqtt.client", "cryptography"];
    let Some(python) = with_modules(promise, &modules) else {
        return;
    };
    let Some(mut world) = World::new(promise) else {
        return;
    };
    let mut bus = Bus::serial("main", world.folder(), 9600, 1);
    bus.seat("eastron-sdm630", 1);
    bus.seat("abb-b23", 2);
    bus.seat_with("abb-b24", 3, |troubles| troubles.dead = true);
    let mut agent = world.gateway(GATEWAY, &[&bus], 2);
    agent.file.meters[0].instant_s = Some(3);

    let decoder = start_decoder(&python, &mut world);
    let filters = ["gw/v1/+/dn/ack"];
    let acks = Listener::start(world.folder(), &world.broker, &world.listener, &filters);
    world.head_end.start();
    agent.start();
    pause(Duration::from_secs(16));
    wait_for_delivery(&agent, Duration::from_secs(20));
    agent.stop();
    pause(Duration::from_secs(1));
    let summary = world.head_end.stop();
    world.must_agree(&summary);

    let lines = lines_of(&decoder.said());
    let compared = compare(&world.head_end.rows(GATEWAY), &intervals(&lines));
    let topics = lines.iter().filter_map(|line| line["topic"].as_str());
    let streams: BTreeSet<&str> = topics
        .filter_map(|topic| topic.rsplit('/').next())
        .collect();
    println!(
        "{} messages on {streams:?}, {compared} values compared, 0 different",
        lines.len()
    );
    assert!(compared >= 20, "{summary}");
    for stream in ["st", "lp", "ev", "tm"] {
        assert!(streams.contains(stream), "nothing on {stream}");
    }
    let watermarks = check_watermarks(&python, &world, &acks);
    println!("{watermarks} watermarks, each with a signature that another library confirms");
    assert!(watermarks > 0);
}
