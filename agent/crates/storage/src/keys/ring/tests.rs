use super::*;
use crate::wire::Writer;
use proptest::prelude::*;

const OLD: KeyNumber = KeyNumber(1);
const NEW: KeyNumber = KeyNumber(2);
const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn after(minutes: u64) -> Timestamp {
    START.after(Duration::from_mins(minutes))
}

fn doubtful() -> Ring {
    let mut ring = Ring::new(OLD);
    ring.prepare(NEW).unwrap();
    assert_eq!(ring.send(), Ok(NEW));
    ring
}

/// One attempt; what is to be dropped after it.
#[track_caller]
fn attempt(ring: &mut Ring, minute: u64, key: KeyNumber, verdict: Verdict) -> Option<KeyNumber> {
    assert_eq!(ring.choose(after(minute)), Choice::Try(key), "{ring:?}");
    ring.begin(key, after(minute)).unwrap();
    let dropped = ring.judge(key, verdict, after(minute)).unwrap();
    let stored = ring.encode(b"here");
    assert_eq!(Ring::decode(&stored, b"here").as_ref(), Ok(&*ring));
    dropped
}

#[track_caller]
fn rests(ring: &Ring, minute: u64, until: u64) {
    let until = after(until);
    assert_eq!(
        ring.choose(after(minute)),
        Choice::Rest { until },
        "{ring:?}"
    );
}

#[test]
fn a_wrong_key_is_refused_once_and_then_rests_longer_each_time() {
    let mut ring = Ring::new(OLD);
    let mut minute = 0;
    for pause in [60, 120, 240, 480, 960, 1440, 1440] {
        assert_eq!(attempt(&mut ring, minute, OLD, Verdict::Refused), None);
        rests(&ring, minute, minute + pause);
        rests(&ring, minute + pause - 1, minute + pause);
        minute += pause;
    }
    assert_eq!(attempt(&mut ring, minute, OLD, Verdict::Proven), None);
    assert_eq!(
        ring,
        Ring {
            at: ring.at,
            ..Ring::new(OLD)
        }
    );
    assert_eq!(ring.choose(after(minute)), Choice::Try(OLD));
}

#[test]
fn a_person_ends_the_pause() {
    let mut ring = Ring::new(OLD);
    attempt(&mut ring, 0, OLD, Verdict::Refused);
    ring.retry_now();
    assert_eq!(ring.choose(after(0)), Choice::Try(OLD));
    let mut ring = doubtful();
    attempt(&mut ring, 0, NEW, Verdict::Refused);
    attempt(&mut ring, 0, OLD, Verdict::Refused);
    ring.retry_now();
    assert_eq!(ring.choose(after(0)), Choice::Try(NEW));
}

#[test]
fn a_clock_that_was_set_back_does_not_lengthen_a_pause() {
    let mut ring = Ring::new(OLD);
    attempt(&mut ring, 1_000_000, OLD, Verdict::Refused);
    attempt(&mut ring, 0, OLD, Verdict::Refused);
    rests(&ring, 1, 120);
}

#[test]
fn after_a_doubtful_change_each_key_is_tried_once() {
    let mut ring = doubtful();
    assert_eq!(attempt(&mut ring, 0, NEW, Verdict::Refused), None);
    assert_eq!(attempt(&mut ring, 0, OLD, Verdict::Proven), Some(NEW));
    assert_eq!(ring, Ring::new(OLD));

    let mut ring = doubtful();
    assert_eq!(attempt(&mut ring, 0, NEW, Verdict::Proven), Some(OLD));
    assert_eq!(ring, Ring::new(NEW));

    let mut ring = doubtful();
    assert_eq!(attempt(&mut ring, 0, NEW, Verdict::Refused), None);
    assert_eq!(attempt(&mut ring, 1, OLD, Verdict::Refused), None);
    rests(&ring, 2, 61);
    assert_eq!(attempt(&mut ring, 61, NEW, Verdict::Refused), None);
    rests(&ring, 62, 121);
    assert!(ring.is_doubtful(), "two refusals drop no key");
}

#[test]
fn a_meter_that_is_silent_to_one_key_is_asked_with_the_other() {
    let mut ring = doubtful();
    attempt(&mut ring, 0, NEW, Verdict::Silent);
    attempt(&mut ring, 1, OLD, Verdict::Silent);
    attempt(&mut ring, 2, NEW, Verdict::Silent);
    assert_eq!(attempt(&mut ring, 3, OLD, Verdict::Proven), Some(NEW));
}

#[test]
fn an_attempt_of_which_a_crash_hid_the_end_is_not_made_again_at_once() {
    let mut ring = doubtful();
    assert_eq!(ring.choose(after(0)), Choice::Try(NEW));
    assert_eq!(ring.begin(NEW, after(0)), Ok(true), "it is written first");
    assert_eq!(ring.choose(after(0)), Choice::Try(OLD));
    assert_eq!(ring.begin(OLD, after(1)), Ok(true));
    rests(&ring, 2, 61);
    assert_eq!(ring.choose(after(61)), Choice::Try(NEW));
}

#[test]
fn a_change_that_was_not_sent_or_is_refused_is_rolled_back() {
    let mut ring = Ring::new(OLD);
    ring.prepare(NEW).unwrap();
    assert_eq!(ring.choose(after(0)), Choice::Try(OLD));
    assert_eq!(ring.roll_back(), Ok(NEW));
    let mut ring = doubtful();
    assert_eq!(ring.roll_back(), Ok(NEW));
    assert_eq!(ring, Ring::new(OLD));
    let mut ring = doubtful();
    ring.begin(NEW, after(0)).unwrap();
    assert_eq!(ring.roll_back(), Err(RingFault::NotAtThatStage));
}

#[test]
fn steps_that_do_not_fit_are_refused_and_change_nothing() {
    let mut ring = Ring::new(OLD);
    assert_eq!(ring.send(), Err(RingFault::NotAtThatStage));
    assert_eq!(ring.roll_back(), Err(RingFault::NotAtThatStage));
    assert_eq!(ring.prepare(OLD), Err(RingFault::Stranger(OLD)));
    assert_eq!(ring.begin(NEW, after(0)), Err(RingFault::Stranger(NEW)));
    ring.prepare(NEW).unwrap();
    assert_eq!(ring.prepare(KeyNumber(3)), Err(RingFault::Changing));
    assert_eq!(ring.offer(KeyNumber(3)), Err(RingFault::Changing));
    // A key that the meter was never told cannot have been proven by it.
    let proven = ring.judge(NEW, Verdict::Proven, after(0));
    assert_eq!(proven, Err(RingFault::Stranger(NEW)));
    let mut ring = doubtful();
    assert_eq!(
        ring.begin(KeyNumber(3), after(0)),
        Err(RingFault::Stranger(KeyNumber(3)))
    );
    assert_eq!(ring, doubtful());
}

#[test]
fn an_imported_key_is_tried_at_once_and_the_old_one_stays_until_it_is_proven() {
    let mut ring = Ring::new(OLD);
    attempt(&mut ring, 0, OLD, Verdict::Refused);
    ring.offer(NEW).unwrap();
    assert_eq!(ring.standing(OLD), Some(Standing::DoubtfulOld));
    assert_eq!(ring.standing(NEW), Some(Standing::DoubtfulNew));
    assert_eq!(attempt(&mut ring, 1, NEW, Verdict::Proven), Some(OLD));
    assert_eq!(ring.standing(NEW), Some(Standing::Current));
    assert_eq!(ring.standing(OLD), None);
}

/// How an attempt ends, besides being answered.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    None,
    Silent,
    /// The process ends after the attempt, before its end is noted.
    Crash,
}

fn trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        4 => Just(Trouble::None),
        1 => Just(Trouble::Silent),
        1 => Just(Trouble::Crash),
    ]
}

proptest! {
    /// Polled every minute for two days: a meter that has one of the two keys, or neither.
    #[test]
    fn the_right_key_is_never_dropped_and_no_meter_is_stormed(
        has in prop::option::of(prop::bool::ANY),
        troubles in prop::collection::vec(trouble(), 64),
    ) {
        let truth = has.map(|is_new| if is_new { NEW } else { OLD });
        let mut ring = doubtful();
        let mut troubles = troubles.into_iter();
        let mut refused_at: Vec<u64> = Vec::new();
        for minute in 0..2880 {
            let Choice::Try(key) = ring.choose(after(minute)) else { continue };
            let mut disk = ring.clone();
            let is_written = disk.begin(key, after(minute)).unwrap();
            let verdict = if truth == Some(key) { Verdict::Proven } else { Verdict::Refused };
            match troubles.next().unwrap_or(Trouble::None) {
                Trouble::None => {
                    refused_at.extend((verdict == Verdict::Refused).then_some(minute));
                    let dropped = disk.judge(key, verdict, after(minute)).unwrap();
                    prop_assert!(dropped.is_none() || dropped != truth);
                    ring = disk;
                }
                Trouble::Silent => {
                    disk.judge(key, Verdict::Silent, after(minute)).unwrap();
                    ring = disk;
                }
                Trouble::Crash => {
                    refused_at.extend((verdict == Verdict::Refused).then_some(minute));
                    if is_written {
                        ring = disk;
                    }
                }
            }
        }
        match truth {
            Some(truth) => prop_assert_eq!(&ring, &Ring { at: ring.at, ..Ring::new(truth) }),
            None => prop_assert!(ring.is_doubtful()),
        }
        // Each key once, then a pause of an hour and more: never three in less than that.
        for three in refused_at.windows(3) {
            prop_assert!(three[2] - three[0] >= 60, "{refused_at:?}");
        }
        prop_assert!(refused_at.len() < 40, "{refused_at:?}");
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes: Vec<u8>) {
        drop(Ring::decode(&bytes, b"here"));
        let mut framed = Writer::default();
        framed.byte(1);
        framed.raw(&bytes);
        if let Ok(ring) = Ring::decode(&framed.finish(b"here"), b"here") {
            prop_assert_eq!(Ring::decode(&ring.encode(b"here"), b"here"), Ok(ring));
        }
    }
}
