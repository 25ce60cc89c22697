//! DLMS meters on a kernel pty, with keys that a person brought as the how-to says: every interval
//! that a meter wrote is at the head-end once and right, whatever kills the gateway meanwhile.
#![cfg(test)]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dlms::security::{Keys, Secret, Suite};
use hil_tests::agent::Agent;
use hil_tests::bus::Bus;
use hil_tests::clock::{pause, wait_until};
use hil_tests::dlms::{dlms_scenario, judge_dlms, private};
use hil_tests::hands::{check, json};
use hil_tests::world::{World, wait_for_delivery};
use simulator::dlms::{DlmsAccess, DlmsInstrument, DlmsPlace};
use simulator::trouble::FlagTroubles;

const GATEWAY: &str = "pmu-dlms";
/// The client that reads.
const READER: u16 = 1;
const PASSWORD: &str = "0001ABCD";
const WITHIN: Duration = Duration::from_mins(3);

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        write!(text, "{octet:02x}").expect("text");
        text
    })
}

/// Two keys of a suite, other ones for each meter.
fn pair(suite: Suite, seed: u8) -> (Vec<u8>, Vec<u8>) {
    let octets = suite.key_octets();
    (vec![seed; octets], vec![seed ^ 0xff; octets])
}

/// A meter on the line, as of this machine's time of day.
fn seat(bus: &Bus, lower: u16, access: DlmsAccess) -> DlmsInstrument {
    let scenario = dlms_scenario(bus, u64::from(lower), &format!("000{lower}77"));
    let meter = DlmsInstrument::new(scenario, access);
    let place = DlmsPlace {
        is_alone: false,
        ..DlmsPlace::alone(lower)
    };
    let on_wire = meter.on_hdlc(place).expect("an address");
    bus.wire.seat_dlms(on_wire, FlagTroubles::default());
    meter
}

fn entry(name: &str, lower: u16, table: &str) -> String {
    format!(
        "\n[[meter]]\nid = \"{name}\"\nbus = \"main\"\nmodel = \"dlms-generic\"\n\
         dlms = {{ lower-address = {lower}, client = {READER}, {table} }}\n\
         collect = {{ every-seconds = 40 }}\n"
    )
}

/// The master key, as systemd hands it over.
fn credentials(folder: &Path) -> PathBuf {
    let credentials = folder.join("credentials");
    std::fs::create_dir_all(&credentials).expect("a folder");
    private(&credentials.join("pmu-master-key"), &[0x5c; 32]);
    credentials
}

/// Brings the keys of a meter in files, by hand.
fn import(agent: &Agent, folder: &Path, name: &str, suite: Suite, keys: &(Vec<u8>, Vec<u8>)) {
    let files = ["encryption.key", "authentication.key"].map(|file| folder.join(file));
    private(&files[0], hex(&keys.0).as_bytes());
    private(&files[1], hex(&keys.1).as_bytes());
    let words = format!(
        "meter keys import {name} --suite {} --encryption-key-file {} --authentication-key-file {}",
        suite.number(),
        files[0].display(),
        files[1].display()
    );
    check(agent, &words, 0, &["encryption key taken in"]);
    for file in files {
        std::fs::remove_file(file).expect("a file");
    }
}

#[test]
fn meters_with_keys_of_every_kind_are_read_through_kills() {
    let Some(mut world) = World::new("DLMS meters") else {
        return;
    };
    let bus = Bus::serial("main", world.folder(), 9600, 3);
    let (zero, two) = (pair(Suite::Zero, 0x11), pair(Suite::Two, 0x22));
    let with = |suite, keys: &(Vec<u8>, Vec<u8>)| DlmsAccess {
        passwords: Vec::new(),
        keys: vec![(READER, Keys::new(suite, &keys.0, &keys.1).expect("keys"))],
    };
    let low = DlmsAccess {
        passwords: vec![(
            READER,
            Secret::new(PASSWORD.as_bytes()).expect("a password"),
        )],
        keys: Vec::new(),
    };
    let meters = [
        ("feeder-16", seat(&bus, 16, low)),
        ("feeder-17", seat(&bus, 17, with(Suite::Zero, &zero))),
        ("feeder-18", seat(&bus, 18, with(Suite::Two, &two))),
    ];
    let mut agent = world.gateway(GATEWAY, &[&bus], 60);
    private(&world.folder().join("password"), PASSWORD.as_bytes());
    let password = world.folder().join("password").display().to_string();
    let tables = [
        format!("association = \"reader\", password-file = \"{password}\""),
        "association = \"secured\", suite = 0".to_owned(),
        "association = \"secured\", suite = 2".to_owned(),
    ];
    for ((name, _), (lower, table)) in meters.iter().zip((16..).zip(tables)) {
        agent.file.more.push_str(&entry(name, lower, &table));
    }
    let credentials = credentials(world.folder());
    let variable = format!("CREDENTIALS_DIRECTORY={}", credentials.display());
    agent.run_under(&["env", &variable]);
    world.head_end.start();
    agent.start();

    // Without its keys a meter is left alone, and a person is told what to do.
    check(&agent, "meter clock feeder-17", 1, &["D04", "import"]);
    import(&agent, world.folder(), "feeder-17", Suite::Zero, &zero);
    import(&agent, world.folder(), "feeder-18", Suite::Two, &two);
    let status = json(&agent, "meter keys status").to_string();
    assert!(
        !status.contains(&hex(&two.0)) && !status.contains(&hex(&zero.1)),
        "{status}"
    );
    for _ in 0..3 {
        pause(Duration::from_secs(4));
        agent.kill();
        agent.start();
    }
    wait_until("all three are collected", WITHIN, || {
        let meters = agent.meters();
        meters.iter().all(|meter| meter.last_collected.is_some())
    });
    check(&agent, "meter ping feeder-18", 0, &["secured"]);
    check(&agent, "meter read feeder-18", 0, &["1-0:1.8.0", "kWh"]);
    check(&agent, "meter clock feeder-17", 0, &[]);
    wait_for_delivery(&agent, Duration::from_mins(1));
    agent.stop();
    let summary = world.head_end.stop();
    world.must_agree(&summary);
    for (name, meter) in &meters {
        let booked = judge_dlms(&world, GATEWAY, name, (meter, &bus));
        assert!(booked >= 90, "{name}");
    }
    must_hide_keys(&agent, &[&zero.0, &zero.1, &two.0, &two.1]);
}

/// No key lies open in the file of keys.
#[track_caller]
fn must_hide_keys(agent: &Agent, secrets: &[&Vec<u8>]) {
    let keys = std::fs::read(agent.folder().join("data/keys.redb")).expect("the file of keys");
    for octets in secrets {
        let mut parts = keys.windows(octets.len());
        assert!(!parts.any(|part| part == octets.as_slice()));
    }
}

/// A cable, an address, a level, a key: each is said in words of its own.
#[test]
fn each_mistake_is_told_in_words_of_its_own() {
    let Some(world) = World::new("what is wrong with a DLMS meter") else {
        return;
    };
    let bus = Bus::serial("main", world.folder(), 9600, 4);
    let zero = pair(Suite::Zero, 0x33);
    let keys = Keys::new(Suite::Zero, &zero.0, &zero.1).expect("keys");
    let access = || DlmsAccess {
        passwords: Vec::new(),
        keys: vec![(READER, keys.clone())],
    };
    seat(&bus, 17, access());
    seat(&bus, 19, access());
    let mut agent = world.gateway(GATEWAY, &[&bus], 60);
    private(&world.folder().join("password"), PASSWORD.as_bytes());
    let password = world.folder().join("password").display().to_string();
    let secured = "association = \"secured\", suite = 0";
    agent.file.more.push_str(&entry("nobody", 33, secured));
    agent.file.more.push_str(&entry("wrong-key", 17, secured));
    let low = format!("association = \"reader\", password-file = \"{password}\"");
    agent.file.more.push_str(&entry("wrong-level", 19, &low));
    let credentials = credentials(world.folder());
    let variable = format!("CREDENTIALS_DIRECTORY={}", credentials.display());
    agent.run_under(&["env", &variable]);
    agent.start();
    let other = pair(Suite::Zero, 0x44);
    import(&agent, world.folder(), "nobody", Suite::Zero, &other);
    import(&agent, world.folder(), "wrong-key", Suite::Zero, &other);
    wait_until("the wrong key was tried", WITHIN, || {
        let alarms = agent.status().alarms;
        alarms
            .iter()
            .any(|alarm| alarm.contains("refuses its keys"))
    });
    check(&agent, "meter clock wrong-key", 1, &["D03", "not"]);
    check(&agent, "meter ping nobody", 1, &["D01", "lower-address"]);
    check(&agent, "meter clock wrong-level", 1, &["D0"]);
}
