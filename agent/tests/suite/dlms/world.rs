//! A bus with simulated DLMS meters.

use crate::bench::{Bench, ZONE};
use ::dlms::security::{Key, Keys, Secret, Suite};
use authority::SecretOctets;
use iec62056_21::codec::Baud;
use metering::{MeterId, Row, Timestamp};
use pmu_agent::front::GATEWAY_PROFILE;
use pmu_agent::tasks::keykeeper::KeySet;
use simulator::dlms::{DlmsAccess, DlmsInstrument, DlmsPlace, DlmsScenario, mode_e};
use simulator::elster::Scenario;
use simulator::trouble::FlagTroubles;
use simulator::wire::SpeakerPlace;
use std::collections::BTreeMap;
use storage::keys::{KeyKind, OldKey};

/// The client that reads, with a password or with keys.
const READER: u16 = 1;

pub(super) struct Meter {
    pub(super) instrument: DlmsInstrument,
    pub(super) place: SpeakerPlace,
}

/// A world that begins when such meters do.
pub(super) fn bench() -> Bench {
    let starts_at = DlmsScenario::new(1, "").starts_at;
    Bench::new(&Scenario {
        starts_at,
        ..Scenario::new(3, "")
    })
}

pub(super) fn key_octets(suite: Suite) -> (Vec<u8>, Vec<u8>) {
    let octets = suite.key_octets();
    (vec![0x42; octets], vec![0x24; octets])
}

/// Its entry; `table` is what stands in its table `dlms`.
pub(super) fn entry(name: &str, lower: u16, table: &str, keys: &str) -> String {
    format!(
        "[[meter]]\nid = \"{name}\"\nbus = \"main\"\nmodel = \"dlms-generic\"\n\
         dlms = {{ lower-address = {lower}, client = {READER}, {table} }}\n\
         clock = {{ basis = \"{ZONE}\" }}\ncollect = {{ every-seconds = 900 }}\n{keys}\n"
    )
}

/// A meter with a password.
pub(super) fn seat_low(
    bench: &mut Bench,
    name: &str,
    lower: u16,
    scenario: DlmsScenario,
    troubles: FlagTroubles,
) -> Meter {
    let access = DlmsAccess {
        passwords: vec![(READER, Secret::new(b"0001ABCD").unwrap())],
        keys: Vec::new(),
    };
    let table = "association = \"reader\", password-file = \"password\"";
    bench.configure(&entry(name, lower, table, ""));
    seat(bench, lower, scenario, access, troubles)
}

/// A meter with keys.
pub(super) fn seat_secured(
    bench: &mut Bench,
    (name, lower): (&str, u16),
    suite: Suite,
    scenario: DlmsScenario,
) -> Meter {
    let (encryption, authentication) = key_octets(suite);
    let keys = Keys::new(suite, &encryption, &authentication).unwrap();
    let access = DlmsAccess {
        passwords: Vec::new(),
        keys: vec![(READER, keys)],
    };
    let table = format!("association = \"secured\", suite = {}", suite.number());
    bench.configure(&entry(name, lower, &table, ""));
    seat(bench, lower, scenario, access, FlagTroubles::default())
}

/// A meter of mode E with a password, or with keys where a suite is given; it is signed on as `001`.
pub(super) fn seat_mode_e(
    bench: &mut Bench,
    name: &str,
    suite: Option<Suite>,
    scenario: DlmsScenario,
) -> Meter {
    let mut access = DlmsAccess::default();
    let proof = if let Some(suite) = suite {
        let (encryption, authentication) = key_octets(suite);
        let keys = Keys::new(suite, &encryption, &authentication).unwrap();
        access.keys.push((READER, keys));
        format!("association = \"secured\", suite = {}", suite.number())
    } else {
        let secret = Secret::new(b"0001ABCD").unwrap();
        access.passwords.push((READER, secret));
        "association = \"reader\", password-file = \"password\"".to_owned()
    };
    let table = format!("sign-on = \"mode-e\", sign-on-address = \"001\", {proof}");
    bench.configure(&entry(name, 17, &table, ""));
    let instrument = DlmsInstrument::new(scenario, access);
    let sign_on = mode_e(Some("001"), Baud::B9600).unwrap();
    let meter = instrument.on_mode_e(DlmsPlace::alone(17), sign_on);
    let healthy = FlagTroubles::default();
    let place = bench.wire.seat_dlms(meter.unwrap(), healthy);
    Meter { instrument, place }
}

/// The key that wraps new ones.
pub(super) fn master(suite: Suite) -> Vec<u8> {
    vec![0x66; suite.key_octets()]
}

/// Brings the meter's master key to the gateway.
pub(super) async fn import_master(bench: &Bench, name: &str, suite: Suite) {
    let meter: MeterId = name.parse().unwrap();
    let now = Timestamp::from_seconds(u64::try_from(bench.utc()).unwrap());
    let secret = SecretOctets::new(&master(suite)).unwrap();
    let set = KeySet {
        meter,
        suite,
        keys: vec![(KeyKind::Wrapping, secret)],
        old: OldKey::Goes,
    };
    let taken = bench.keys().ask(move |room| room.take_in(&set, now)).await;
    taken.unwrap();
}

fn seat(
    bench: &Bench,
    lower: u16,
    scenario: DlmsScenario,
    access: DlmsAccess,
    troubles: FlagTroubles,
) -> Meter {
    let suite = access.keys.first().map(|(_, keys)| keys.suite());
    let mut instrument = DlmsInstrument::new(scenario, access);
    if let Some(suite) = suite {
        let master = Key::new(suite, &master(suite)).unwrap();
        instrument = instrument.with_master(READER, master);
    }
    let place = plug(bench, &instrument, lower, troubles);
    Meter { instrument, place }
}

/// Puts a meter on the line.
pub(super) fn plug(
    bench: &Bench,
    instrument: &DlmsInstrument,
    lower: u16,
    troubles: FlagTroubles,
) -> SpeakerPlace {
    let place = DlmsPlace {
        is_alone: false,
        ..DlmsPlace::alone(lower)
    };
    let meter = instrument.on_hdlc(place).unwrap();
    bench.wire.seat_dlms(meter, troubles)
}

/// Takes in keys as `pmuctl meter keys import` does.
pub(super) async fn import(bench: &Bench, name: &str, suite: Suite, pair: (Vec<u8>, Vec<u8>)) {
    let meter: MeterId = name.parse().unwrap();
    let now = Timestamp::from_seconds(u64::try_from(bench.utc()).unwrap());
    let (encryption, authentication) = pair;
    let secret = |octets: &[u8]| SecretOctets::new(octets).unwrap();
    let set = KeySet {
        meter,
        suite,
        keys: vec![
            (KeyKind::Encryption, secret(&encryption)),
            (KeyKind::Authentication, secret(&authentication)),
        ],
        old: OldKey::Goes,
    };
    let taken = bench.keys().ask(move |room| room.take_in(&set, now)).await;
    taken.unwrap();
}

/// Rows that were kept of a meter, once each.
#[track_caller]
pub(super) fn rows(bench: &Bench, name: &str) -> BTreeMap<Timestamp, Row> {
    let mut found = BTreeMap::new();
    for block in bench.rows() {
        if block.meter.as_str() != name || block.profile != GATEWAY_PROFILE {
            continue;
        }
        for row in block.rows {
            let before = found.insert(row.end, row.clone());
            assert_eq!(before, None, "{} was kept twice", row.end);
        }
    }
    found
}

/// Compares what was kept with what the meter wrote up to a true time; all of it must be there.
#[track_caller]
pub(super) fn check_rows(bench: &Bench, name: &str, meter: &Meter, upto: i64) {
    let kept = rows(bench, name);
    let mut missing = 0;
    for truth in meter.instrument.rows(upto) {
        let end = Timestamp::from_seconds(u64::try_from(truth.end).unwrap());
        let values: Vec<Option<i64>> = truth
            .values
            .iter()
            .map(|value| Some((*value).into()))
            .collect();
        match kept.get(&end) {
            Some(row) => assert_eq!(row.values, values, "{name} at {end}"),
            None => missing += 1,
        }
    }
    assert_eq!(missing, 0, "{name}: {} rows are kept", kept.len());
}
