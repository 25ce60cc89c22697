//! DLMS meters on a kernel pty, with keys that a person brought as the how-to says: every interval
//! that a meter wrote is at the head-end once and right, whatever kills the gateway meanwhile.
#![cfg(test)]

use std::time::Duration;

use dlms::security::{Keys, Secret, Suite};
use hil_tests::agent::Agent;
use hil_tests::bus::Bus;
use hil_tests::clock::{pause, wait_until};
use hil_tests::dlms::{
    READER, credentials, entry, import, judge_dlms, pair, private, seat, wait_for_meters,
};
use hil_tests::hands::{check, json};
use hil_tests::hex::hex;
use hil_tests::world::{World, wait_for_delivery};
use metering::Timestamp;
use simulator::dlms::DlmsAccess;

const GATEWAY: &str = "pmu-dlms";
const PASSWORD: &str = "0001ABCD";
const WITHIN: Duration = Duration::from_mins(3);

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
    wait_for_meters(&agent, meters.len(), Timestamp::default(), WITHIN);
    check(&agent, "meter ping feeder-18", 0, &["secured"]);
    check(&agent, "meter read feeder-18", 0, &["1-0:1.8.0", "kWh"]);
    check(&agent, "meter clock feeder-17", 0, &[]);
    wait_for_delivery(&agent, Duration::from_mins(1));
    agent.stop();
    let summary = world.head_end.stop();
    world.must_agree(&summary);
    for (name, meter) in &meters {
        assert!(
            judge_dlms(&world, GATEWAY, name, (meter, &bus)) >= 90,
            "{name}"
        );
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
