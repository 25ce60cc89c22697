use super::*;
use authority::{MasterKey, SealFault, SecretOctets};
use dlms::codec::acse::Diagnostic;
use dlms::codec::{Exception, ServiceError};
use dlms::conversation::{Access, Ciphering, Road, Session, SessionFault, Step, Terms};
use dlms::security::{CounterKeeper as _, SecurityFault, Suite, SystemTitle};
use dlms::wrapper::Ports;
use line::Peer;
use metering::{MeterId, Timestamp};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;
use storage::keys::{KeyKind, KeyNumber, OldKey, Standing, Verdict};
use tokio_util::sync::CancellationToken;

#[path = "../../../crates/dlms/tests/support/meter.rs"]
mod meter;
#[expect(
    dead_code,
    reason = "shared with the tests of the crate dlms, which use all of it"
)]
#[path = "../../../crates/dlms/tests/support/wire.rs"]
mod wire;

use meter::{AUTH, ENERGY, KEY, SUITE_ZERO};
use wire::{Far, Plays, Wire};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn name() -> MeterId {
    "meter-1".parse().unwrap()
}

fn master() -> Result<MasterKey, SealFault> {
    MasterKey::from_credential(Some(&[7; 32]))
}

fn room(folder: &Path) -> KeyRoom {
    KeyRoom::new(folder.to_owned(), master())
}

fn import(room: &mut KeyRoom, kind: KeyKind, octets: &[u8]) -> KeyNumber {
    let secret = SecretOctets::new(octets).unwrap();
    let old = OldKey::StaysUntilProven;
    room.import(&name(), kind, &secret, old, NOW).unwrap()
}

/// One life of the thread that has the keys.
fn begin(room: KeyRoom) -> (KeyHandle, JoinHandle<()>) {
    let (handle, jobs) = channel();
    let life = run(room, jobs, CancellationToken::new());
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let thread = std::thread::Builder::new().spawn(move || runtime.unwrap().block_on(life));
    (handle, thread.unwrap())
}

fn terms(attempt: &Attempt) -> Terms {
    let ports = Ports {
        source: SUITE_ZERO,
        destination: 1,
    };
    Terms {
        access: Access::Gmac,
        ciphering: Some(Ciphering::new(
            attempt.keys.clone(),
            SystemTitle(*b"PMU\0\0\0\0\x01"),
        )),
        ..Terms::public(Peer(17), Road::Wrapper(ports))
    }
}

/// The keys for a session now; `None` while the meter is left alone.
async fn attempt(handle: &KeyHandle, now: Timestamp) -> Option<Attempt> {
    let next = handle.ask(move |room| room.attempt(&name(), Suite::Zero, now));
    match next.await.unwrap() {
        NextKeys::Try(attempt) => Some(*attempt),
        NextKeys::Rest { .. } => None,
    }
}

async fn judge(handle: &KeyHandle, attempt: Attempt, verdict: Verdict, now: Timestamp) {
    let judged = handle.ask(move |room| room.judge(&attempt, verdict, now));
    judged.await.unwrap();
}

/// The counters of the ciphered reads and proofs that were sent, in their order.
fn counters(wire: &Wire) -> Vec<u32> {
    let asked = wire.asked.lock().unwrap();
    let ciphered = asked
        .iter()
        .filter(|request| matches!(request[8], 0xc8 | 0xcb));
    let counter = |request: &Vec<u8>| u32::from_be_bytes(request[11..15].try_into().unwrap());
    ciphered.map(counter).collect()
}

#[tokio::test]
async fn sessions_of_many_lives_use_no_counter_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut wire = Wire::new(Far::wrapper(1024));
    for life in 0..5 {
        let mut room = room(folder.path());
        if life == 0 {
            let key = import(&mut room, KeyKind::Encryption, &KEY);
            import(&mut room, KeyKind::Authentication, &AUTH);
            // As the meter's public client says.
            room.with(|file| file.raise(key, 70)).unwrap();
        }
        let (handle, thread) = begin(room);
        for _ in 0..3 {
            let attempt = attempt(&handle, NOW).await.unwrap();
            let mut counters = KeyCounters::new(handle.clone(), attempt.encryption);
            assert!(counters.are_known().await.unwrap());
            let terms = terms(&attempt);
            let session = Session::open(&mut wire.guard, &mut counters, &terms).await;
            let mut session = session.unwrap();
            judge(&handle, attempt, Verdict::Proven, NOW).await;
            session.get(ENERGY).await.unwrap().unwrap();
            assert!(session.close().await.fault.is_none());
        }
        drop(handle);
        thread.join().unwrap();
    }
    let used = counters(&wire);
    assert_eq!(used.len(), 30);
    assert!(used.windows(2).all(|pair| pair[0] < pair[1]), "{used:?}");
    assert!(used[0] > 70 + storage::limits::COUNTER_GAP, "{used:?}");
}

#[tokio::test]
async fn a_counter_that_is_not_known_sends_nothing_ciphered() {
    let folder = tempfile::tempdir().unwrap();
    let mut room = room(folder.path());
    import(&mut room, KeyKind::Encryption, &KEY);
    import(&mut room, KeyKind::Authentication, &AUTH);
    let (handle, _thread) = begin(room);
    let attempt = attempt(&handle, NOW).await.unwrap();
    let mut keeper = KeyCounters::new(handle.clone(), attempt.encryption);
    assert!(!keeper.are_known().await.unwrap());
    let mut wire = Wire::new(Far::wrapper(1024));
    let opened = Session::open(&mut wire.guard, &mut keeper, &terms(&attempt)).await;
    let fault = opened.map(drop).unwrap_err();
    assert!(fault.to_string().contains("public client"), "{fault}");
    assert_eq!(
        verdict(&fault),
        Verdict::Silent,
        "nothing is said of the key"
    );
    assert_eq!(wire.asked.lock().unwrap().len(), 0);
    assert_eq!(keeper.heard().await.unwrap(), None);
}

#[tokio::test]
async fn a_wrong_key_is_tried_once_and_the_old_one_still_opens() {
    let folder = tempfile::tempdir().unwrap();
    let mut room = room(folder.path());
    let old = import(&mut room, KeyKind::Encryption, &KEY);
    import(&mut room, KeyKind::Authentication, &AUTH);
    let wrong = import(&mut room, KeyKind::Encryption, &[0x66; 16]);
    for key in [old, wrong] {
        room.with(|file| file.raise(key, 1)).unwrap();
    }
    let (handle, _thread) = begin(room);
    let mut wire = Wire::new(Far::wrapper(1024));
    let mut tried = Vec::new();
    for minute in 0..3 {
        let now = NOW.after(Duration::from_mins(minute));
        let attempt = attempt(&handle, now).await.unwrap();
        tried.push(attempt.encryption);
        let mut keeper = KeyCounters::new(handle.clone(), attempt.encryption);
        let opened = Session::open(&mut wire.guard, &mut keeper, &terms(&attempt)).await;
        let found = match opened {
            Ok(session) => {
                assert!(session.close().await.fault.is_none());
                Verdict::Proven
            }
            Err(fault) => verdict(&fault),
        };
        judge(&handle, attempt, found, now).await;
    }
    assert_eq!(tried, [wrong, old, old]);
    let ring = handle.ask(|room| room.with(|file| file.ring(&name(), KeyKind::Encryption)));
    let ring = ring.await.unwrap();
    assert_eq!(ring.standing(old), Some(Standing::Current));
    assert_eq!(ring.standing(wrong), None);
}

#[tokio::test]
async fn two_wrong_keys_are_refused_once_each_and_the_meter_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut room = room(folder.path());
    let one = import(&mut room, KeyKind::Encryption, &[0x65; 16]);
    import(&mut room, KeyKind::Authentication, &AUTH);
    let two = import(&mut room, KeyKind::Encryption, &[0x66; 16]);
    for key in [one, two] {
        room.with(|file| file.raise(key, 1)).unwrap();
    }
    let (handle, _thread) = begin(room);
    let mut wire = Wire::new(Far::wrapper(1024));
    let mut tried = 0;
    for minute in 0..50 {
        let now = NOW.after(Duration::from_mins(minute));
        let Some(attempt) = attempt(&handle, now).await else {
            continue;
        };
        tried += 1;
        let mut keeper = KeyCounters::new(handle.clone(), attempt.encryption);
        let opened = Session::open(&mut wire.guard, &mut keeper, &terms(&attempt)).await;
        let fault = opened.map(drop).unwrap_err();
        assert_eq!(verdict(&fault), Verdict::Refused, "{fault:?}");
        judge(&handle, attempt, Verdict::Refused, now).await;
    }
    assert_eq!(tried, 2);
}

#[test]
fn a_gateway_without_its_master_key_says_how_to_make_one() {
    let folder = tempfile::tempdir().unwrap();
    let none = read_credential(Some(folder.path())).unwrap();
    assert!(none.is_none());
    assert!(read_credential(None).unwrap().is_none());
    let master = MasterKey::from_credential(none.as_ref().map(|octets| octets.as_slice()));
    let mut room = KeyRoom::new(folder.path().to_owned(), master);
    let secret = SecretOctets::new(&KEY).unwrap();
    let old = OldKey::StaysUntilProven;
    let refused = room.import(&name(), KeyKind::Encryption, &secret, old, NOW);
    let words = refused.unwrap_err().to_string();
    assert!(words.contains("systemd-creds encrypt"), "{words}");

    std::fs::write(
        folder.path().join(authority::MASTER_KEY_CREDENTIAL),
        [7; 32],
    )
    .unwrap();
    let octets = read_credential(Some(folder.path())).unwrap().unwrap();
    assert!(MasterKey::from_credential(Some(&octets)).is_ok());
}

#[test]
fn keys_open_with_their_own_master_key_alone_and_no_octet_of_them_is_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut own = room(folder.path());
    let number = import(&mut own, KeyKind::Encryption, &[0xA7; 16]);
    assert_eq!(own.secret(number).unwrap().reveal(), [0xA7; 16]);
    own.close().unwrap();
    let file = std::fs::read(folder.path().join("keys.redb")).unwrap();
    assert!(!file.windows(4).any(|part| part == [0xA7; 4]));

    let other = MasterKey::from_credential(Some(&[8; 32]));
    let mut other = KeyRoom::new(folder.path().to_owned(), other);
    let refused = other.secret(number).unwrap_err();
    assert!(
        matches!(refused, KeyTrouble::Seal(SealFault::Sealed)),
        "{refused:?}"
    );
    // What belongs to nobody here stays there.
    other.close().unwrap();
    assert_eq!(
        room(folder.path()).secret(number).unwrap().reveal(),
        [0xA7; 16]
    );
}

#[test]
fn a_generated_key_is_another_one_each_time_and_two_doubts_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut room = room(folder.path());
    import(&mut room, KeyKind::Encryption, &KEY);
    import(&mut room, KeyKind::Authentication, &AUTH);
    let kind = KeyKind::Encryption;
    let mut made = Vec::new();
    for _ in 0..2 {
        let next = room.prepare(&name(), kind, Suite::Zero, NOW).unwrap();
        assert_eq!(room.with(|file| file.counter(next)).unwrap(), Some(0));
        made.push(room.secret(next).unwrap().reveal().to_vec());
        room.with(|file| file.roll_back(&name(), kind)).unwrap();
    }
    assert!(made[0] != made[1] && made[0].len() == 16);
    room.prepare(&name(), kind, Suite::Zero, NOW).unwrap();
    room.with(|file| file.send(&name(), kind)).unwrap();
    let refused = room.prepare(&name(), KeyKind::Authentication, Suite::Zero, NOW);
    let words = refused.unwrap_err().to_string();
    assert!(words.contains("encryption key of meter-1"), "{words}");
}

#[test]
fn a_refusal_is_told_from_silence() {
    let step = Step::Association;
    let exception = |error| SessionFault::Exception {
        step,
        exception: Exception {
            state: 1,
            error,
            expected_counter: None,
        },
    };
    for (fault, expected) in [
        (SessionFault::ProofRefused, Verdict::Refused),
        (
            SessionFault::Refused {
                diagnostic: Diagnostic::Authentication,
            },
            Verdict::Refused,
        ),
        (
            SessionFault::Refused {
                diagnostic: Diagnostic::Context,
            },
            Verdict::Silent,
        ),
        (
            SessionFault::Security {
                step,
                fault: SecurityFault::Tag,
            },
            Verdict::Refused,
        ),
        (
            SessionFault::Security {
                step,
                fault: SecurityFault::Exhausted,
            },
            Verdict::Silent,
        ),
        (exception(ServiceError::Deciphering), Verdict::Refused),
        (exception(ServiceError::InvocationCounter), Verdict::Silent),
        (SessionFault::Over, Verdict::Silent),
    ] {
        assert_eq!(verdict(&fault), expected, "{fault}");
    }
}

#[test]
fn nothing_is_made_on_the_disk_before_somebody_asks_for_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let (handle, thread) = begin(room(folder.path()));
    drop(handle);
    thread.join().unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_was_asked_before_the_stop_is_done_and_later_questions_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (handle, jobs) = channel();
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    // In this order: the question waits before the thread begins.
    let life = run(room(folder.path()), jobs, shutdown);
    let (title, ()) = tokio::join!(handle.ask(KeyRoom::title), life);
    let title = title.unwrap();
    let refused = handle.ask(KeyRoom::title).await.unwrap_err();
    assert!(matches!(refused, KeyTrouble::Stopped), "{refused:?}");
    assert_eq!(room(folder.path()).title().unwrap(), title, "it is closed");
}

#[tokio::test]
async fn a_gateway_keeps_its_system_title_and_no_other_has_it() {
    let [one, two] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (handle, thread) = begin(room(one.path()));
    let title = MeterKeys::new(handle).title().await.unwrap();
    thread.join().unwrap();
    assert!(title.0.starts_with(b"PMU"), "{title}");
    assert_eq!(room(one.path()).title().unwrap(), title);
    assert_ne!(room(two.path()).title().unwrap(), title);
    std::fs::remove_file(one.path().join("keys.redb")).unwrap();
    let later = room(one.path()).title().unwrap();
    assert_ne!(later, title, "a lost file takes its nonces with it");
}

#[tokio::test]
async fn a_session_gets_its_keys_and_a_lost_counter_by_the_way_that_the_bus_goes() {
    let folder = tempfile::tempdir().unwrap();
    let mut room = room(folder.path());
    import(&mut room, KeyKind::Encryption, &KEY);
    import(&mut room, KeyKind::Authentication, &AUTH);
    let (handle, _thread) = begin(room);
    let keys = MeterKeys::new(handle);
    let next = keys.attempt(&name(), Suite::Zero, NOW).await.unwrap();
    let NextKeys::Try(attempt) = next else {
        panic!("nothing was refused yet");
    };
    let mut counters = keys.counters(&attempt);
    assert!(!counters.are_known().await.unwrap());
    keys.recover(&attempt, 70).await.unwrap();
    assert!(counters.are_known().await.unwrap());
    let far = keys.recover(&attempt, u32::MAX - 5).await.unwrap_err();
    assert!(far.to_string().contains("far beyond"), "{far}");
    let mut terms = terms(&attempt);
    terms.ciphering = Some(Ciphering::new(
        attempt.keys.clone(),
        keys.title().await.unwrap(),
    ));
    let mut wire = Wire::new(Far::wrapper(1024));
    let session = Session::open(&mut wire.guard, &mut counters, &terms).await;
    let mut session = session.unwrap();
    keys.judge(*attempt, Verdict::Proven, NOW).await.unwrap();
    session.get(ENERGY).await.unwrap().unwrap();
    assert!(session.close().await.fault.is_none());
}

fn set(octets: [u8; 16], old: OldKey) -> KeySet {
    let secret = |octets: &[u8]| SecretOctets::new(octets).unwrap();
    KeySet {
        meter: name(),
        suite: Suite::Zero,
        keys: vec![
            (KeyKind::Encryption, secret(&octets)),
            (KeyKind::Authentication, secret(&AUTH)),
        ],
        old,
    }
}

#[test]
fn keys_that_people_bring_are_told_of_without_an_octet() {
    let folder = tempfile::tempdir().unwrap();
    let mut room = room(folder.path());
    assert_eq!(room.infos(None, NOW).unwrap(), []);
    assert!(!room.has_file(), "looking makes no file");
    let stays = OldKey::StaysUntilProven;
    let taken = room.take_in(&set(KEY, stays), NOW).unwrap();
    assert!(taken.iter().all(|(_, taken)| *taken == Taken::Alone));
    let again = room.take_in(&set(KEY, stays), NOW).unwrap();
    assert!(again.iter().all(|(_, taken)| *taken == Taken::Known));
    let infos = room.infos(Some(&name()), NOW).unwrap();
    let seen: Vec<_> = infos
        .iter()
        .map(|info| (info.kind, info.standing))
        .collect();
    let current = Standing::Current;
    let wanted = [
        (KeyKind::Encryption, current),
        (KeyKind::Authentication, current),
    ];
    assert_eq!(seen, wanted);
    assert_eq!(infos[0].counter, None);
    assert!(!format!("{infos:?}").contains("[0, 1, 2"));
    let other = "meter-2".parse().unwrap();
    assert_eq!(room.infos(Some(&other), NOW).unwrap(), []);
}

#[test]
fn a_second_change_is_refused_as_a_whole_and_a_person_may_replace_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut room = room(folder.path());
    let stays = OldKey::StaysUntilProven;
    room.take_in(&set(KEY, stays), NOW).unwrap();
    let taken = room.take_in(&set([1; 16], stays), NOW).unwrap();
    assert_eq!(taken[0].1, Taken::BesideTheOld);
    assert_eq!(taken[1].1, Taken::Known);
    let before = room.infos(None, NOW).unwrap();
    assert_eq!(before.len(), 3);
    let mut both = set([2; 16], stays);
    both.keys[1].1 = SecretOctets::new(&[3; 16]).unwrap();
    both.keys.reverse();
    let refused = room.take_in(&both, NOW).unwrap_err();
    assert!(matches!(refused, KeyTrouble::InDoubt { .. }), "{refused:?}");
    assert_eq!(room.infos(None, NOW).unwrap(), before, "nothing was kept");
    // The one in doubt may be brought again.
    room.take_in(&set([1; 16], stays), NOW).unwrap();
    room.take_in(&set([2; 16], OldKey::Goes), NOW).unwrap();
    assert_eq!(room.infos(None, NOW).unwrap().len(), 2);
}

#[test]
fn keys_of_another_length_are_refused_before_the_first_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut room = room(folder.path());
    for length in [1, 15, 17, 32, 64] {
        let mut wrong = set(KEY, OldKey::Goes);
        wrong.keys[1].1 = SecretOctets::new(&vec![1; length]).unwrap();
        let refused = room.take_in(&wrong, NOW).unwrap_err();
        assert!(matches!(refused, KeyTrouble::Fit(_)), "{refused:?}");
    }
    assert!(!room.has_file());
}

#[test]
fn keys_may_be_brought_anew_after_the_master_key_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let stays = OldKey::StaysUntilProven;
    let mut first = room(folder.path());
    first.take_in(&set(KEY, stays), NOW).unwrap();
    first.close().unwrap();
    let other = MasterKey::from_credential(Some(&[8; 32]));
    let mut second = KeyRoom::new(folder.path().to_owned(), other);
    let taken = second.take_in(&set(KEY, stays), NOW).unwrap();
    assert_eq!(taken[0].1, Taken::BesideTheOld);
    let next = second.attempt(&name(), Suite::Zero, NOW).unwrap();
    assert!(matches!(next, NextKeys::Try(_)), "{next:?}");
    let none = MasterKey::from_credential(None);
    let mut third = KeyRoom::new(folder.path().to_owned(), none);
    assert!(third.take_in(&set(KEY, stays), NOW).is_err());
}

/// A gateway whose meter has both keys and a master key, and whose counter is known.
fn rotating(folder: &Path) -> (MeterKeys, JoinHandle<()>) {
    let mut room = room(folder);
    let key = import(&mut room, KeyKind::Encryption, &KEY);
    import(&mut room, KeyKind::Authentication, &AUTH);
    import(&mut room, KeyKind::Wrapping, &meter::MASTER);
    room.with(|file| file.raise(key, 1)).unwrap();
    let (handle, thread) = begin(room);
    (MeterKeys::new(handle), thread)
}

async fn next_attempt(keys: &MeterKeys) -> Attempt {
    match keys.attempt(&name(), Suite::Zero, NOW).await.unwrap() {
        NextKeys::Try(attempt) => *attempt,
        NextKeys::Rest { until } => panic!("it rests until {until}"),
    }
}

/// One session that replaces the encryption key.
async fn rotate(keys: &MeterKeys, wire: &mut Wire) -> Result<Rotated, RotationFault> {
    let attempt = next_attempt(keys).await;
    let (mut counters, terms) = (keys.counters(&attempt), terms(&attempt));
    let session = Session::open(&mut wire.guard, &mut counters, &terms).await;
    let mut session = session.unwrap();
    keys.judge(attempt, Verdict::Proven, NOW).await.unwrap();
    let change = (KeyKind::Encryption, Suite::Zero);
    let rotated = keys.rotate(&mut session, &name(), change, NOW).await;
    drop(session.close().await);
    rotated
}

async fn standings(keys: &MeterKeys) -> Vec<Standing> {
    let infos = keys.0.ask(|room| room.infos(None, NOW)).await.unwrap();
    let encryption = infos
        .into_iter()
        .filter(|info| info.kind == KeyKind::Encryption);
    encryption.map(|info| info.standing).collect()
}

#[tokio::test]
async fn a_key_is_replaced_in_the_meter_and_the_new_one_is_tried_first() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, thread) = rotating(folder.path());
    let mut wire = Wire::new(Far::wrapper(1024));
    let rotated = rotate(&keys, &mut wire).await.unwrap();
    assert_eq!(rotated, Rotated::Taken);
    let doubtful = [Standing::DoubtfulOld, Standing::DoubtfulNew];
    assert_eq!(standings(&keys).await, doubtful);
    let taken = wire.far.lock().unwrap().device().store().keys.clone();
    let fresh = taken[&(SUITE_ZERO, 0)].clone();
    // The next life, after a crash, tries what the meter was given, and drops the old one.
    drop(keys);
    thread.join().unwrap();
    let (handle, _thread) = begin(room(folder.path()));
    let keys = MeterKeys::new(handle);
    let attempt = next_attempt(&keys).await;
    let number = attempt.encryption;
    let secret = keys.0.ask(move |room| room.secret(number)).await.unwrap();
    assert_eq!(secret.reveal(), fresh);
    assert!(keys.counters(&attempt).are_known().await.unwrap());
    keys.judge(attempt, Verdict::Proven, NOW).await.unwrap();
    assert_eq!(standings(&keys).await, [Standing::Current]);
}

#[tokio::test]
async fn a_meter_that_does_not_take_the_new_key_keeps_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, _thread) = rotating(folder.path());
    // The meter has another master key.
    let other = SecretOctets::new(&[0x11; 16]).unwrap();
    let goes = OldKey::Goes;
    let changed = keys
        .0
        .ask(move |room| room.import(&name(), KeyKind::Wrapping, &other, goes, NOW));
    changed.await.unwrap();
    let mut wire = Wire::new(Far::wrapper(1024));
    let rotated = rotate(&keys, &mut wire).await.unwrap();
    assert!(matches!(rotated, Rotated::Refused(_)), "{rotated:?}");
    assert_eq!(standings(&keys).await, [Standing::Current]);
}

#[tokio::test]
async fn a_line_that_fails_while_a_key_is_on_its_way_leaves_both_to_be_tried() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, _thread) = rotating(folder.path());
    // Behind the association and the proof no answer comes as it was sent.
    let garbled = Box::new(|request, mut plays: Plays| {
        if request > 2
            && let Some(octet) = plays.first_mut().and_then(|(_, said)| said.last_mut())
        {
            *octet ^= 1;
        }
        plays
    });
    let mut wire = Wire::with(Far::wrapper(1024), garbled, Box::new(|_| false));
    let fault = rotate(&keys, &mut wire).await.unwrap_err();
    assert!(matches!(fault, RotationFault::Doubtful(_)), "{fault:?}");
    let doubtful = [Standing::DoubtfulOld, Standing::DoubtfulNew];
    assert_eq!(standings(&keys).await, doubtful);
    let taken = wire.far.lock().unwrap().device().store().keys.clone();
    assert_eq!(taken.len(), 1, "and the meter did take it");
}

#[test]
fn a_change_that_the_meter_was_never_told_of_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let mut room = room(folder.path());
    let kind = KeyKind::Encryption;
    import(&mut room, kind, &KEY);
    import(&mut room, KeyKind::Authentication, &AUTH);
    let none = room.begin_rotation(&name(), kind, Suite::Zero, NOW);
    let words = none.unwrap_err().to_string();
    assert!(words.contains("no key encryption key"), "{words}");
    import(&mut room, KeyKind::Wrapping, &meter::MASTER);
    for _ in 0..2 {
        let made = room.begin_rotation(&name(), kind, Suite::Zero, NOW);
        assert!(!format!("{:?}", made.unwrap()).contains("77"), "no octet");
    }
    let wrapping = room.begin_rotation(&name(), KeyKind::Wrapping, Suite::Zero, NOW);
    let refused = wrapping.unwrap_err();
    assert!(
        matches!(refused, KeyTrouble::NotReplaceable(_)),
        "{refused:?}"
    );
    room.with(|file| file.send(&name(), kind)).unwrap();
    assert!(
        room.begin_rotation(&name(), kind, Suite::Zero, NOW)
            .is_err()
    );
}
