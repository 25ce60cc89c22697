//! `kill -9` of the gateway while it gives a meter new keys: whichever of old and new the meter has
//! then is found out by trying each once, and the meter is read on.
#![cfg(test)]

use std::path::Path;
use std::time::Duration;

use desk::{Answer, KeyStanding, KeyStatus, KeysWish, Request, Work};
use dlms::security::{Key, Keys, Suite};
use hil_tests::agent::Agent;
use hil_tests::agent_file::AgentFile;
use hil_tests::bus::Bus;
use hil_tests::clock::{pause, wait_until};
use hil_tests::dlms::{READER, credentials, entry, import, pair, private, seat_at};
use hil_tests::hands::{check, start};
use hil_tests::hex::hex;
use simulator::dlms::{DlmsAccess, DlmsInstrument};
use simulator::wire::SpeakerPlace;

const NAME: &str = "feeder-17";
const MASTER: [u8; 32] = [0x66; 32];
const WITHIN: Duration = Duration::from_mins(2);

/// When the gateway is killed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Moment {
    /// The new key is written down, and has not reached the meter.
    Prepared,
    /// The meter has it, and nobody has heard it say so.
    Taken,
}

fn keys(agent: &Agent) -> Vec<KeyStatus> {
    let wish = KeysWish::Status {
        meter: Some(NAME.to_owned()),
    };
    match agent.ask(&Request::Keys { wish }) {
        Ok(Ok(Answer::Keys(status))) => status.keys,
        other => panic!("no keys: {other:?}"),
    }
}

/// The encryption key that the meter has; none while nobody knows.
fn current(agent: &Agent) -> Option<KeyStatus> {
    let mut keys = keys(agent).into_iter();
    keys.find(|key| key.kind == "encryption key" && key.standing == KeyStanding::Current)
}

/// Begins a change of the encryption key and kills the gateway then. What has left it reaches the
/// meter all the same, so that a cable comes off before that where it must not.
fn kill_at(
    agent: &mut Agent,
    (bus, meter, place): (&Bus, &DlmsInstrument, SpeakerPlace),
    moment: Moment,
) {
    let before = meter.transfers();
    let work = Work::ChangeKeys {
        meter: NAME.to_owned(),
        encryption: true,
        authentication: false,
    };
    let _started = start(agent, &work);
    wait_until("the change is under way", WITHIN, || match moment {
        Moment::Prepared => current(agent).is_none(),
        Moment::Taken => meter.transfers() > before,
    });
    if moment == Moment::Prepared {
        bus.wire.change_flag(place, |troubles| troubles.dead = true);
    }
    agent.kill();
    pause(Duration::from_millis(500));
    bus.wire
        .change_flag(place, |troubles| troubles.dead = false);
}

/// Waits until it is known which key the meter has.
fn settled(agent: &Agent) -> KeyStatus {
    wait_until("the meter has proven a key", WITHIN, || {
        current(agent).is_some()
    });
    check(agent, "meter clock feeder-17", 0, &[]);
    let key = current(agent).expect("a key");
    assert_eq!(key.refusals, 0, "{key:?}");
    key
}

/// The key with which new ones are wrapped.
fn import_master(agent: &Agent, folder: &Path) {
    let file = folder.join("master.key");
    private(&file, hex(&MASTER).as_bytes());
    let words = format!(
        "meter keys import {NAME} --suite 2 --key-encryption-key-file {}",
        file.display()
    );
    check(agent, &words, 0, &["key encryption key taken in"]);
}

#[test]
fn a_kill_in_the_middle_of_a_change_of_keys_leaves_a_meter_that_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let bus = Bus::serial("main", folder.path(), 9600, 6);
    let two = pair(Suite::Two, 0x22);
    let access = DlmsAccess {
        passwords: Vec::new(),
        keys: vec![(READER, Keys::new(Suite::Two, &two.0, &two.1).expect("keys"))],
    };
    let master = Key::new(Suite::Two, &MASTER).expect("a key");
    let (meter, place) = seat_at(&bus, 17, access);
    let meter = meter.with_master(READER, master);
    let mut file = AgentFile::new("pmu-rotation");
    file.serial("main", &bus.device(), bus.baud());
    file.more = entry(NAME, 17, "association = \"secured\", suite = 2");
    let mut agent = Agent::install(file, folder.path());
    let credentials = credentials(folder.path());
    let variable = format!("CREDENTIALS_DIRECTORY={}", credentials.display());
    agent.run_under(&["env", &variable]);
    agent.start();
    import(&agent, folder.path(), NAME, Suite::Two, &two);
    import_master(&agent, folder.path());
    check(&agent, "meter clock feeder-17", 0, &[]);

    let (mut kept, mut changed) = (0, 0);
    for moment in [Moment::Prepared, Moment::Taken]
        .into_iter()
        .cycle()
        .take(6)
    {
        let (before, was) = (meter.transfers(), settled(&agent));
        kill_at(&mut agent, (&bus, &meter, place), moment);
        agent.start();
        let key = settled(&agent);
        let (has_new, is_same) = (meter.transfers() > before, key.since == was.since);
        println!("{moment:?}: the meter has the new key: {has_new}; the same one: {is_same}");
        // The old key is kept where the meter never had the new one, and only there.
        assert_eq!(is_same, !has_new, "{was:?} {key:?}");
        *if has_new { &mut changed } else { &mut kept } += 1;
    }
    println!("killed 6 times: {kept} with the old key, {changed} with the new one");
    assert!(kept >= 2 && changed >= 3, "both ends were seen");
    check(&agent, "meter keys rotate feeder-17", 0, &["rotated"]);
    check(&agent, "meter read feeder-17", 0, &["1-0:1.8.0"]);
    agent.stop();
}
