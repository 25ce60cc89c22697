//! DLMS meters on a line, their keys in the hands of a person, and what the head-end booked of them.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dlms::security::Suite;
use metering::Timestamp;
use simulator::dlms::{DlmsAccess, DlmsInstrument, DlmsPlace, DlmsScenario};
use simulator::elster::Zone;
use simulator::trouble::FlagTroubles;
use simulator::wire::SpeakerPlace;

use crate::agent::Agent;
use crate::bus::Bus;
use crate::clock::{utc, wait_until};
use crate::hands::check;
use crate::hex::hex;
use crate::world::World;

/// The client that reads.
pub const READER: u16 = 1;

/// A file that only its owner may read.
pub fn private(file: &Path, text: &[u8]) {
    std::fs::write(file, text).expect("a file");
    std::fs::set_permissions(file, PermissionsExt::from_mode(0o600)).expect("a mode");
}

/// Two keys of a suite, other ones for each meter.
pub fn pair(suite: Suite, seed: u8) -> (Vec<u8>, Vec<u8>) {
    let octets = suite.key_octets();
    (vec![seed; octets], vec![seed ^ 0xff; octets])
}

/// A meter on the line, as of this machine's time of day.
pub fn seat(bus: &Bus, lower: u16, access: DlmsAccess) -> DlmsInstrument {
    seat_at(bus, lower, access).0
}

/// The same, and where it sits, so that something can befall it.
pub fn seat_at(bus: &Bus, lower: u16, access: DlmsAccess) -> (DlmsInstrument, SpeakerPlace) {
    let scenario = dlms_scenario(bus, u64::from(lower), &format!("000{lower}77"));
    seat_with(bus, lower, scenario, access)
}

/// The same with a life of its own.
pub fn seat_with(
    bus: &Bus,
    lower: u16,
    scenario: DlmsScenario,
    access: DlmsAccess,
) -> (DlmsInstrument, SpeakerPlace) {
    let meter = DlmsInstrument::new(scenario, access);
    let place = DlmsPlace {
        is_alone: false,
        ..DlmsPlace::alone(lower)
    };
    let on_wire = meter.on_hdlc(place).expect("an address");
    let place = bus.wire.seat_dlms(on_wire, FlagTroubles::default());
    (meter, place)
}

/// A meter in the configuration, with the rest of its table `dlms`.
pub fn entry(name: &str, lower: u16, table: &str) -> String {
    format!(
        "\n[[meter]]\nid = \"{name}\"\nbus = \"main\"\nmodel = \"dlms-generic\"\n\
         dlms = {{ lower-address = {lower}, client = {READER}, {table} }}\n\
         collect = {{ every-seconds = 40 }}\n"
    )
}

/// The master key, as systemd hands it over.
pub fn credentials(folder: &Path) -> PathBuf {
    let credentials = folder.join("credentials");
    std::fs::create_dir_all(&credentials).expect("a folder");
    private(&credentials.join("pmu-master-key"), &[0x5c; 32]);
    credentials
}

/// Brings the keys of a meter in files, by hand.
pub fn import(agent: &Agent, folder: &Path, name: &str, suite: Suite, keys: &(Vec<u8>, Vec<u8>)) {
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

/// Waits until so many meters are there, and each was collected after this instant. A gateway that has
/// just started names none at first.
#[track_caller]
pub fn wait_for_meters(agent: &Agent, count: usize, after: Timestamp, within: Duration) {
    let after = after.to_string();
    wait_until("all meters are collected", within, || {
        let meters = agent.meters();
        let last = meters
            .iter()
            .filter_map(|meter| meter.last_collected.as_ref());
        last.filter(|last| **last > after).count() == count
    });
}

/// A meter that has been at work for a day, as of this machine's time of day.
pub fn dlms_scenario(bus: &Bus, seed: u64, serial: &str) -> DlmsScenario {
    let since = bus.wire.now().as_secs();
    let starts_at = utc().before(Duration::from_secs(since)).seconds();
    DlmsScenario {
        starts_at: i64::try_from(starts_at).expect("a time of this century"),
        days: 1,
        zone: Zone::UTC,
        ..DlmsScenario::new(seed, serial)
    }
}

/// Compares what the head-end booked with what a meter wrote up to now; how many intervals it were.
#[track_caller]
pub fn judge_dlms(
    world: &World,
    gateway: &str,
    name: &str,
    (meter, bus): (&DlmsInstrument, &Bus),
) -> usize {
    let rows = world.head_end.rows(gateway);
    let own = rows.iter().filter(|row| row.meter.as_str() == name);
    let mut booked = BTreeMap::new();
    for row in own {
        let end = i64::try_from(row.end.seconds()).expect("a time of this century");
        let values: Vec<i64> = row.values.iter().filter_map(|value| value.value).collect();
        assert_eq!(
            booked.insert(end, values),
            None,
            "{name}: {} twice",
            row.end
        );
    }
    // What the meter wrote within the last minute may still be on its way.
    let upto = meter.utc(bus.wire.now()) - 60;
    let mut wrong = Vec::new();
    for truth in meter.rows(upto) {
        let values: Vec<i64> = truth.values.iter().map(|value| i64::from(*value)).collect();
        if booked.get(&truth.end) != Some(&values) {
            wrong.push(format!(
                "{}: {:?} is {values:?}",
                truth.end,
                booked.get(&truth.end)
            ));
        }
    }
    println!(
        "{name}: {} intervals booked, {} wrong or lost",
        booked.len(),
        wrong.len()
    );
    assert_eq!(wrong, Vec::<String>::new(), "{name}");
    booked.len()
}
