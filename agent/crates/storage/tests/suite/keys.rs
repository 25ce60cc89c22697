//! The file of keys: no counter twice and no key lost, wherever the power fails.

use crate::crash::{Dice, cut};
use crate::disk::{Disk, Images, Op};
use metering::{MeterId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::Duration;
use storage::keys::{
    Choice, KeyError, KeyFile, KeyKind, KeyNumber, OldKey, Origin, Ring, RingFault, SealedKey,
    Standing, Verdict,
};
use storage::{Remedy, StoreError, StoreFile, limits};

const KIND: KeyKind = KeyKind::Encryption;
const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn meter(number: u64) -> MeterId {
    format!("meter-{number}").parse().unwrap()
}

fn sealed(meter: &MeterId, origin: Origin, number: KeyNumber) -> SealedKey {
    SealedKey {
        meter: meter.clone(),
        kind: KIND,
        origin,
        since: START,
        sealed: format!("sealed for {number}").into_bytes(),
    }
}

fn count(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap()
}

fn import(file: &mut KeyFile, owner: u64) -> KeyNumber {
    let number = file.next_number();
    let key = sealed(&meter(owner), Origin::Imported, number);
    file.import(number, &key, OldKey::StaysUntilProven).unwrap();
    number
}

fn prepare(file: &mut KeyFile, owner: u64) -> KeyNumber {
    let number = file.next_number();
    let key = sealed(&meter(owner), Origin::Generated, number);
    file.prepare(number, &key).unwrap();
    number
}

#[test]
fn a_counter_that_is_not_known_is_never_begun_at_nought() {
    let mut file = KeyFile::open_on(&Disk::default()).unwrap();
    let key = import(&mut file, 1);
    assert_eq!(file.counter(key).unwrap(), None);
    let refused = file.reserve(key, count(1));
    assert!(
        matches!(refused, Err(KeyError::CounterUnknown)),
        "{refused:?}"
    );
    file.raise(key, 500).unwrap();
    let range = file.reserve(key, count(256)).unwrap();
    let first = 500 + limits::COUNTER_GAP + 1;
    assert_eq!((range.first, range.last), (first, first + 255));
    file.forget_counter(key).unwrap();
    let refused = file.reserve(key, count(1));
    assert!(
        matches!(refused, Err(KeyError::CounterUnknown)),
        "{refused:?}"
    );
}

#[test]
fn what_tells_a_file_from_all_others_is_set_once_and_stays() {
    let disk = Disk::default();
    let mut file = KeyFile::open_on(&disk).unwrap();
    assert_eq!(file.unique().unwrap(), None);
    file.set_unique([1, 2, 3, 4, 5]).unwrap();
    file.set_unique([9; 5]).unwrap();
    file.close().unwrap();
    let file = KeyFile::open_on(&disk).unwrap();
    assert_eq!(file.unique().unwrap(), Some([1, 2, 3, 4, 5]));
}

#[test]
fn a_generated_key_counts_from_one_and_writes_once_for_four_sessions() {
    let mut file = KeyFile::open_on(&Disk::default()).unwrap();
    import(&mut file, 1);
    let key = prepare(&mut file, 1);
    let before = file.traffic().syncs;
    let mut next = 1;
    for _ in 0..4 {
        let range = file.reserve(key, count(256)).unwrap();
        assert_eq!((range.first, range.last), (next, next + 255));
        next += 256;
    }
    let one = file.traffic().syncs - before;
    assert_eq!(file.reserve(key, count(256)).unwrap().first, next);
    assert_eq!(file.traffic().syncs - before, 2 * one);
}

#[test]
fn a_counter_never_goes_back_and_does_not_leap_on_a_word() {
    let mut file = KeyFile::open_on(&Disk::default()).unwrap();
    import(&mut file, 1);
    let key = prepare(&mut file, 1);
    assert_eq!(file.reserve(key, count(10)).unwrap().last, 10);
    file.raise(key, 3).unwrap();
    assert_eq!(file.reserve(key, count(10)).unwrap().first, 11);
    // Within what is reserved: nothing is written, what others used is skipped.
    file.raise(key, 100).unwrap();
    assert_eq!(file.reserve(key, count(10)).unwrap().first, 101);
    file.raise(key, limits::COUNTERS_ON_DISK).unwrap();
    let first = file.reserve(key, count(10)).unwrap().first;
    assert_eq!(first, limits::COUNTERS_ON_DISK + 1);
    let known = file.counter(key).unwrap().unwrap();
    let far = file.raise(key, known + limits::COUNTER_JUMP_MAX + 1);
    assert!(matches!(far, Err(KeyError::CounterFar { .. })), "{far:?}");
    file.raise(key, known + limits::COUNTER_JUMP_MAX).unwrap();
    let beyond = known + limits::COUNTER_JUMP_MAX + limits::COUNTER_GAP;
    assert_eq!(file.reserve(key, count(1)).unwrap().first, beyond + 1);
}

#[test]
fn counters_end_and_do_not_begin_again() {
    let mut file = KeyFile::open_on(&Disk::default()).unwrap();
    let key = import(&mut file, 1);
    file.raise(key, u32::MAX - limits::COUNTER_GAP - 5).unwrap();
    let range = file.reserve(key, count(256)).unwrap();
    assert_eq!((range.first, range.last), (u32::MAX - 4, u32::MAX));
    let end = file.reserve(key, count(1));
    assert!(matches!(end, Err(KeyError::CounterExhausted)), "{end:?}");
}

#[test]
fn counters_of_a_key_that_was_dropped_are_not_handed_out() {
    let mut file = KeyFile::open_on(&Disk::default()).unwrap();
    let old = import(&mut file, 1);
    file.raise(old, 1).unwrap();
    file.reserve(old, count(1)).unwrap();
    file.note_heard(old, 7).unwrap();
    let new = file.next_number();
    let key = sealed(&meter(1), Origin::Imported, new);
    file.import(new, &key, OldKey::Goes).unwrap();
    // What is left of its block stays in no memory.
    let gone = file.counter(old);
    assert!(matches!(gone, Err(KeyError::NoSuchKey(_))), "{gone:?}");
    let gone = file.reserve(old, count(1));
    assert!(matches!(gone, Err(KeyError::NoSuchKey(_))), "{gone:?}");
    file.flush().unwrap();
    assert_eq!(file.list().unwrap(), [(new, key)]);
    file.forget(&meter(1)).unwrap();
    assert_eq!(file.list().unwrap(), []);
    let none = file.ring(&meter(1), KIND);
    assert_eq!(
        none.unwrap_err().to_string(),
        "meter-1 has no encryption key; import it"
    );
}

#[test]
fn a_key_for_another_number_and_a_second_change_are_refused() {
    let mut file = KeyFile::open_on(&Disk::default()).unwrap();
    let key = sealed(&meter(1), Origin::Imported, KeyNumber(9));
    let refused = file.import(KeyNumber(9), &key, OldKey::Goes);
    assert!(
        matches!(refused, Err(KeyError::OtherNumber { .. })),
        "{refused:?}"
    );
    let first = file.next_number();
    let refused = file.prepare(first, &key);
    assert!(
        matches!(refused, Err(KeyError::NoKey { .. })),
        "{refused:?}"
    );
    import(&mut file, 1);
    prepare(&mut file, 1);
    let number = file.next_number();
    let refused = file.import(number, &key, OldKey::StaysUntilProven);
    let changing = matches!(refused, Err(KeyError::Ring(RingFault::Changing)));
    assert!(changing, "{refused:?}");
    assert_eq!(file.next_number(), number);
    assert_eq!(file.list().unwrap().len(), 2);
}

#[test]
fn what_was_heard_is_kept_when_the_file_is_closed() {
    let disk = Disk::default();
    let mut file = KeyFile::open_on(&disk).unwrap();
    let key = import(&mut file, 1);
    file.note_heard(key, 70).unwrap();
    file.note_heard(key, 60).unwrap();
    assert_eq!(file.heard(key).unwrap(), Some(70));
    file.close().unwrap();
    let file = KeyFile::open_on(&disk).unwrap();
    assert_eq!(file.heard(key).unwrap(), Some(70));
    assert_eq!(file.counter(key).unwrap(), None);
}

#[test]
fn a_broken_file_is_not_replaced_by_an_empty_one() {
    let disk = Disk::default();
    let mut file = KeyFile::open_on(&disk).unwrap();
    import(&mut file, 1);
    file.close().unwrap();
    let good = disk.images();
    let length = good.get(StoreFile::Keys).len();
    let mut refused = 0;
    for place in (0..length).step_by(97) {
        let disk = Disk::with(good.clone());
        disk.damage(StoreFile::Keys, place);
        let seen = std::panic::catch_unwind(|| {
            let file = KeyFile::open_on(&disk)?;
            file.list().map_err(|error| match error {
                KeyError::Store(error) => error,
                other => panic!("{other}"),
            })
        });
        if let Ok(Err(error)) = seen {
            refused += 1;
            assert!(!matches!(error.remedy(), Remedy::SetAside(_)), "{error}");
        } else if let Ok(Ok(keys)) = seen {
            // Where the damage meets nothing that is used, or what is checked.
            assert!(keys.len() == 1, "place {place}: {keys:?}");
        }
        assert_eq!(disk.set_aside_files(), []);
    }
    assert!(refused > 0);
}

#[test]
fn a_file_that_a_power_cut_left_unmade_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.redb");
    let mut unmade = vec![0_u8; 72 * 1024];
    unmade[9..200].fill(7);
    std::fs::write(&path, &unmade).unwrap();
    let mut file = KeyFile::open(folder.path()).unwrap();
    let key = import(&mut file, 1);
    file.close().unwrap();
    // One octet behind the head, and it may be a key's.
    unmade[50_000] = 1;
    std::fs::write(&path, &unmade).unwrap();
    let refused = KeyFile::open(folder.path()).unwrap_err();
    assert_eq!(refused.remedy(), Remedy::AskTechnician, "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), unmade);
    assert_eq!(key, KeyNumber(1));
}

#[test]
fn a_full_disk_hands_out_nothing() {
    let disk = Disk::default();
    let mut file = KeyFile::open_on(&disk).unwrap();
    import(&mut file, 1);
    let key = prepare(&mut file, 1);
    for operations in 0..40 {
        disk.fail_after(Some(operations));
        let mut file = match KeyFile::open_on(&disk) {
            Ok(file) => file,
            Err(StoreError::DiskFull { .. } | StoreError::Database { .. }) => continue,
            Err(other) => panic!("{other}"),
        };
        let used = file.counter(key).unwrap().unwrap();
        let range = file.reserve(key, count(1));
        drop(file);
        disk.fail_after(None);
        let file = KeyFile::open_on(&disk).unwrap();
        let kept = file.counter(key).unwrap().unwrap();
        match range {
            Ok(range) => assert!(range.first > used && kept >= range.last),
            Err(KeyError::Store(_)) => assert!(kept >= used),
            Err(other) => panic!("{other}"),
        }
    }
}

/// What was acknowledged.
#[derive(Debug, Clone, Default, PartialEq)]
struct Facts {
    /// The highest counter of each key that was handed out.
    used: BTreeMap<KeyNumber, u32>,
    rings: BTreeMap<MeterId, Ring>,
    keys: BTreeSet<KeyNumber>,
    next: Option<KeyNumber>,
    /// The meter's counters that were heard, and those that were written for certain.
    heard: BTreeMap<KeyNumber, u32>,
    heard_for_certain: BTreeMap<KeyNumber, u32>,
}

struct Owner {
    file: KeyFile,
    facts: Facts,
    dice: Dice,
    now: Timestamp,
}

impl Owner {
    fn step(&mut self) {
        self.now = self.now.after(Duration::from_mins(self.dice.roll(90)));
        let who = self.dice.roll(2);
        let owner = meter(who);
        let Ok(ring) = self.file.ring(&owner, KIND) else {
            import(&mut self.file, who);
            return;
        };
        let roll = self.dice.roll(12);
        match (roll, ring.next().and_then(|next| ring.standing(next))) {
            (0, None) => drop(prepare(&mut self.file, who)),
            (1, None) => drop(import(&mut self.file, who)),
            (0..=6, Some(Standing::Next)) => {
                self.file.send(&owner, KIND).unwrap();
            }
            (7, Some(Standing::Next)) => self.file.roll_back(&owner, KIND).unwrap(),
            (11, _) => {
                self.file.flush().unwrap();
                self.facts.heard_for_certain = self.facts.heard.clone();
            }
            _ => self.session(&owner, &ring),
        }
    }

    fn session(&mut self, owner: &MeterId, ring: &Ring) {
        let Choice::Try(key) = ring.choose(self.now) else {
            return;
        };
        if self.file.counter(key).unwrap().is_none() {
            let used = u32::try_from(self.dice.roll(1000)).unwrap();
            self.file.raise(key, used).unwrap();
            self.facts.used.insert(key, used);
            return;
        }
        match self.dice.roll(3) {
            0 => self.file.begin(owner, KIND, key, self.now).unwrap(),
            1 => {
                let verdicts = [Verdict::Proven, Verdict::Refused, Verdict::Silent];
                let verdict = verdicts[self.dice.index(3)];
                self.file
                    .judge(owner, KIND, key, verdict, self.now)
                    .unwrap();
            }
            _ => {
                let before = self.facts.used.get(&key).copied().unwrap_or(0);
                let range = self.file.reserve(key, count(256)).unwrap();
                assert!(range.first > before, "{key}: {range:?} after {before}");
                self.facts.used.insert(key, range.last);
                let heard = range.last / 2;
                self.file.note_heard(key, heard).unwrap();
                self.facts.heard.insert(key, heard);
            }
        }
    }

    fn look(&mut self) {
        let keys = self.file.list().unwrap();
        self.facts.keys = keys.iter().map(|(number, _)| *number).collect();
        self.facts.next = Some(self.file.next_number());
        for owner in (0..2).map(meter) {
            if let Ok(ring) = self.file.ring(&owner, KIND) {
                self.facts.rings.insert(owner, ring);
            }
        }
        let keys = &self.facts.keys;
        self.facts.used.retain(|key, _| keys.contains(key));
        self.facts.heard.retain(|key, _| keys.contains(key));
        self.facts
            .heard_for_certain
            .retain(|key, _| keys.contains(key));
    }
}

/// Compares what a power cut left with what was acknowledged before it, and would have been next.
fn compare(images: Images, old: &Facts, new: &Facts) -> Result<Disk, String> {
    let disk = Disk::with(images);
    let mut file = KeyFile::open_on(&disk).map_err(|error| error.to_string())?;
    let told = |error: KeyError| error.to_string();
    let keys = file.list().map_err(told)?;
    let numbers: BTreeSet<KeyNumber> = keys.iter().map(|(number, _)| *number).collect();
    let mut rings = BTreeMap::new();
    for owner in (0..2).map(meter) {
        if let Ok(ring) = file.ring(&owner, KIND) {
            rings.insert(owner, ring);
        }
    }
    let is = |facts: &Facts| {
        facts.rings == rings && facts.keys == numbers && facts.next == Some(file.next_number())
    };
    // Before the first operation there is nothing to compare with.
    if old.next.is_some() && !is(old) && !is(new) {
        return Err(format!(
            "{rings:?} {numbers:?} is neither {old:?} nor {new:?}"
        ));
    }
    for (number, key) in &keys {
        if key.sealed != format!("sealed for {number}").into_bytes() {
            return Err(format!("{number} has changed"));
        }
        let heard = file.heard(*number).map_err(told)?;
        if heard < old.heard_for_certain.get(number).copied() {
            return Err(format!("{number}: heard {heard:?} only"));
        }
        match file.reserve(*number, count(1)) {
            Ok(range) if Some(range.first) <= old.used.get(number).copied() => {
                return Err(format!("{number}: {range:?} is used a second time"));
            }
            Ok(_) => {}
            Err(KeyError::CounterUnknown) if !old.used.contains_key(number) => {}
            Err(error) => return Err(format!("{number}: {error}")),
        }
    }
    Ok(disk)
}

/// One life, cut at every operation of the disk, some of it a second time in the recovery.
fn cut_everywhere(seed: u64) -> (u64, Vec<String>) {
    let disk = Disk::default();
    let mut owner = Owner {
        file: KeyFile::open_on(&disk).unwrap(),
        facts: Facts::default(),
        dice: Dice(2 * seed + 1),
        now: START,
    };
    owner.look();
    let mut steps = vec![(disk.position(), owner.facts.clone())];
    for _ in 0..120 {
        owner.step();
        owner.look();
        steps.push((disk.position(), owner.facts.clone()));
    }
    let files = [StoreFile::Keys];
    let mut dice = Dice(2 * seed + 77);
    let mut durable = Images::default();
    let mut unsynced: Vec<&Op> = Vec::new();
    let (mut cuts, mut failures) = (0, Vec::new());
    let log = disk.log();
    for (position, op) in log.iter().enumerate() {
        let done = steps.partition_point(|(end, _)| *end <= position);
        let none = Facts::default();
        let old = done.checked_sub(1).map_or(&none, |index| &steps[index].1);
        let new = steps.get(done).map_or(old, |(_, facts)| facts);
        for _ in 0..3 {
            cuts += 1;
            let images = cut(&files, &durable, &unsynced, &mut dice);
            if let Err(failure) = compare(images, old, new) {
                failures.push(format!("seed {seed}, place {position}: {failure}"));
            }
        }
        match op {
            Op::Sync(_) => unsynced.drain(..).for_each(|op| durable.apply(op)),
            other => unsynced.push(other),
        }
    }
    (cuts, failures)
}

#[test]
fn no_counter_is_used_twice_and_no_key_is_lost_wherever_the_power_fails() {
    let mut all = 0;
    for seed in 1..=4 {
        let (cuts, failures) = cut_everywhere(seed);
        assert_eq!(
            failures,
            Vec::<String>::new(),
            "{} of {cuts}",
            failures.len()
        );
        all += cuts;
    }
    assert!(all > 2_000, "{all} cuts");
}

/// Killed again and again, each time at another operation of the disk: what was handed out in any of
/// the lives is never handed out again.
#[test]
fn no_counter_is_used_twice_over_many_lives() {
    let disk = Disk::default();
    let mut file = KeyFile::open_on(&disk).unwrap();
    import(&mut file, 1);
    let key = prepare(&mut file, 1);
    drop(file);
    let mut images = disk.images();
    let mut dice = Dice(5);
    let mut used = 0;
    for life in 0..300 {
        let disk = Disk::with(images.clone());
        let before = images;
        let mut handed = Vec::new();
        if let Ok(mut file) = KeyFile::open_on(&disk) {
            for _ in 0..4 + dice.roll(4) {
                let range = file.reserve(key, count(256)).unwrap();
                handed.push((disk.position(), range));
            }
        }
        let log = disk.log();
        let place = dice.index(log.len() + 1);
        let (mut durable, mut unsynced) = (before, Vec::new());
        for op in &log[..place] {
            match op {
                Op::Sync(_) => unsynced.drain(..).for_each(|op| durable.apply(op)),
                other => unsynced.push(other),
            }
        }
        // Only what was handed out before the cut was used.
        for (_, range) in handed.into_iter().filter(|(at, _)| *at <= place) {
            assert!(range.first > used, "life {life}: {range:?} after {used}");
            used = range.last;
        }
        images = cut(&[StoreFile::Keys], &durable, &unsynced, &mut dice);
    }
    assert!(used > 100_000, "{used}");
}
