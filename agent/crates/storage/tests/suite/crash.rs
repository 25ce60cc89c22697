//! Power cuts: the store is opened on what a disk may hold after one, at thousands of points.
//!
//! Every write, sync and change of length of both files goes into one log. A cut at any place
//! of the log keeps what was synced, and of the rest a prefix, some writes, some sectors, or
//! sectors torn at any byte. What was acknowledged before the cut must be there, whatever was
//! under way must be there as a whole or not at all.

use crate::disk::{Disk, Images, Op};
use crate::model::{CLOCK, Model, PERIOD, START, at, block, compare, event, poll};
use metering::{MeterId, Timestamp};
use std::collections::BTreeSet;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use storage::{
    AuditRecord, Batch, Body, DiskSpace, FileState, GapRange, GapReason, GapRecord, OutboxCap,
    RetentionPolicy, Store, StoreFile, StoreOptions, Stream,
};

/// A small generator, so that a seed says everything.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % sides
    }

    pub(crate) fn index(&mut self, sides: usize) -> usize {
        usize::try_from(self.roll(u64::try_from(sides.max(1)).unwrap())).unwrap()
    }
}

fn options() -> StoreOptions {
    StoreOptions {
        hot_cache_bytes: 256 * 1024,
        archive_cache_bytes: 256 * 1024,
        ..StoreOptions::new([7; 8])
    }
}

/// A recorded life of a store: after each operation, the place in the log and what was
/// acknowledged by then.
struct Life {
    log: Vec<Op>,
    steps: Vec<(usize, Model)>,
}

impl Life {
    /// What was acknowledged before a place in the log, and what the operation under way there
    /// would have acknowledged.
    fn around(&self, position: usize) -> (Model, Model) {
        let done = self.steps.partition_point(|(end, _)| *end <= position);
        let old = done.checked_sub(1).map(|index| self.steps[index].1.clone());
        let old = old.unwrap_or_default();
        let new = self
            .steps
            .get(done)
            .map_or_else(|| old.clone(), |(_, model)| model.clone());
        (old, new)
    }
}

struct Owner {
    store: Store,
    model: Model,
    dice: Dice,
    seconds: u64,
    mark: u64,
}

impl Owner {
    /// What one batch shall hold, as the store will have it.
    fn bodies(&mut self) -> Vec<Body> {
        let mut bodies = Vec::new();
        let polls = (0..4).map(|owner| poll(owner, self.seconds - owner));
        let polls: Vec<_> = polls.take(self.dice.index(5)).collect();
        if !polls.is_empty() {
            bodies.push(Body::Readings(polls));
        }
        if self.dice.roll(3) == 0 {
            self.mark += 1 + self.dice.roll(9);
            for owner in 0..=self.dice.roll(4) {
                bodies.push(Body::Profile(block(owner, self.mark, 1, 0)));
            }
        }
        if self.dice.roll(9) == 0 {
            // A profile read once more, after a correction.
            let from = self.mark.saturating_sub(self.dice.roll(60));
            let rows = 1 + self.dice.roll(30);
            bodies.push(Body::Profile(block(
                self.dice.roll(4),
                from,
                rows,
                self.seconds,
            )));
        }
        if self.dice.roll(4) == 0 {
            bodies.push(Body::Event(event(self.seconds)));
        }
        if self.dice.roll(12) == 0 {
            bodies.push(Body::Gap(GapRecord {
                what: GapRange::Rows {
                    meter: crate::model::meter(1),
                    profile: crate::model::PROFILE,
                    from: at(0),
                    to: at(self.seconds),
                },
                why: GapReason::NotHeld,
                request: vec![1],
            }));
        }
        bodies
    }

    fn append(&mut self) {
        let mut batch = Batch::new();
        let now = at(self.seconds);
        let mut bodies = self.bodies();
        for body in &bodies {
            let mut handed = body.clone();
            if let Body::Readings(polls) = &mut handed {
                polls.reverse();
            }
            batch.push(handed, now, CLOCK);
        }
        let (kind, id) = (1, u32::try_from(self.dice.roll(3)).unwrap());
        let value = self.seconds.to_be_bytes().to_vec();
        batch.set_state(kind, id, value.clone());
        let is_audited = self.dice.roll(6) == 0;
        if is_audited {
            let record = AuditRecord {
                at: now,
                who: "installer".to_owned(),
                what: "test".to_owned(),
                detail: self.seconds.to_string(),
            };
            batch.audit(record, CLOCK);
        }
        let given = self.store.append(batch).unwrap();
        self.model.state.insert((kind, id), value);
        if is_audited {
            self.model.audit += 1;
            bodies.push(Body::Audit(self.store.audit_head()));
        }
        assert_eq!(given.len(), bodies.len());
        for (stream, number) in given {
            let index = bodies
                .iter()
                .position(|body| body.stream() == stream)
                .unwrap();
            self.model.entry(stream, number, bodies.remove(index));
        }
    }

    fn confirm(&mut self) {
        let stream = Stream::ALL[self.dice.index(Stream::ALL.len())];
        let newest = self.store.next(stream) - 1;
        let known = Model::of(&self.model.confirmed, stream);
        let upto = known + self.dice.roll(newest - known + 1);
        let mut islands = Vec::new();
        if newest > upto + 2 && self.dice.roll(2) == 0 {
            let first = upto + 2 + self.dice.roll(newest - upto - 1);
            islands.push((first, newest.min(first + self.dice.roll(3))));
        }
        self.store.confirm(stream, upto, &islands).unwrap();
        let set = self.model.islands.entry(stream).or_default();
        set.extend(islands.iter().flat_map(|(first, last)| *first..=*last));
        let mut upto = upto;
        while set.contains(&(upto + 1)) {
            upto += 1;
        }
        self.model.confirmed.insert(stream, upto);
    }

    fn seal(&mut self) {
        let mut slices = 0;
        while self.store.seal().unwrap().more {
            slices += 1;
            assert!(slices < 100);
        }
        for stream in [Stream::Profiles, Stream::Telemetry] {
            self.model
                .sealed
                .insert(stream, self.store.next(stream) - 1);
        }
    }

    fn retain(&mut self) {
        let cap = |bytes| OutboxCap {
            bytes,
            age: Duration::from_hours(24 * 30),
        };
        let policy = RetentionPolicy {
            profile_days: 6,
            telemetry_days: 1,
            profiles: cap(2_000 + self.dice.roll(20_000)),
            telemetry: cap(500 + self.dice.roll(3_000)),
            events: cap(300 + self.dice.roll(3_000)),
        };
        let space = DiskSpace {
            free: 50,
            total: 100,
        };
        let gaps = self.store.next(Stream::Gaps);
        let now = at(self.seconds);
        let report = self.store.retain(&policy, space, now, CLOCK).unwrap();
        for gap in gaps..self.store.next(Stream::Gaps) {
            let entry = self.store.pending(Stream::Gaps, gap - 1, 1).unwrap();
            self.model
                .entry(Stream::Gaps, gap, entry.entries[0].body.clone());
        }
        for (stream, first, last, _) in report.dropped {
            for number in first..=last {
                self.model.dropped.insert((stream, number));
                let sealed = Model::of(&self.model.sealed, stream);
                let body = &self.model.entries[&(stream, number)];
                if let Body::Readings(polls) = body
                    && number > sealed
                {
                    for poll in polls {
                        let key = (poll.meter.clone(), poll.taken_at);
                        self.model.polls.remove(&key);
                    }
                }
            }
        }
        self.forget_archived();
    }

    /// What retention took from the archive: asked of the store, and checked by its own rules.
    fn forget_archived(&mut self) {
        let forever = Timestamp::from_millis(u64::MAX / 4);
        let now = at(self.seconds);
        let kept_rows = now.before(Duration::from_hours(24 * 6));
        let kept_polls = now.before(Duration::from_hours(24));
        let mut rows: BTreeSet<(MeterId, Timestamp)> = BTreeSet::new();
        let mut polls = BTreeSet::new();
        for owner in (0..4).map(crate::model::meter) {
            let data = self
                .store
                .profile(
                    &owner,
                    crate::model::PROFILE,
                    Timestamp::default(),
                    forever,
                    100_000,
                )
                .unwrap();
            let ends = data.blocks.iter().flat_map(|block| &block.rows);
            rows.extend(ends.map(|row| (owner.clone(), row.end)));
            let found = self
                .store
                .telemetry(&owner, Timestamp::default(), forever, 100_000);
            polls.extend(
                found
                    .unwrap()
                    .into_iter()
                    .map(|poll| (owner.clone(), poll.taken_at)),
            );
        }
        self.model.rows.retain(|key, _| {
            assert!(
                rows.contains(key) || key.1 < kept_rows,
                "{key:?} went too early"
            );
            rows.contains(key)
        });
        self.model.polls.retain(|key, _| {
            assert!(
                polls.contains(key) || key.1 < kept_polls,
                "{key:?} went too early"
            );
            polls.contains(key)
        });
    }
}

/// Runs a store through `operations` and records everything.
fn live(seed: u64, operations: usize) -> Life {
    let disk = Disk::default();
    let (store, report) = Store::open_on(&disk, &options()).unwrap();
    assert_eq!(report.hot, FileState::Fresh);
    let mut steps = vec![(disk.position(), Model::default())];
    let mut owner = Owner {
        store,
        model: Model::default(),
        dice: Dice(seed * 2 + 1),
        seconds: 10 * PERIOD,
        mark: 1,
    };
    for _ in 0..operations {
        owner.seconds += 20 + owner.dice.roll(600);
        let mut persists = true;
        match owner.dice.roll(20) {
            0..12 => {
                owner.append();
                persists = false;
            }
            12..16 => {
                owner.confirm();
                persists = false;
            }
            16..18 => owner.seal(),
            18 => {
                owner.seconds += 40_000;
                owner.retain();
            }
            _ => owner.store.flush().unwrap(),
        }
        if persists {
            owner.model.persisted();
        }
        steps.push((disk.position(), owner.model.clone()));
    }
    // The store is forgotten, not closed.
    let log = disk.log();
    let now = (START + owner.seconds) / 86_400;
    assert!(now > START / 86_400, "some days were lived through");
    Life { log, steps }
}

const FILES: [StoreFile; 2] = [StoreFile::Hot, StoreFile::Archive];

/// The disk as a power cut may leave it: `durable` and some of what was not synced.
pub(crate) fn cut(
    files: &[StoreFile],
    durable: &Images,
    unsynced: &[&Op],
    dice: &mut Dice,
) -> Images {
    let mut images = durable.clone();
    for file in files.iter().copied() {
        let own: Vec<&&Op> = unsynced.iter().filter(|op| file_of(op) == file).collect();
        let way = dice.roll(4);
        let whole = dice.index(own.len() + 1);
        for (index, op) in own.into_iter().enumerate() {
            match op {
                Op::Write(_, offset, bytes) => match way {
                    0 if index < whole => images.apply(op),
                    1 if dice.roll(2) == 0 => images.apply(op),
                    2 => sectors(&mut images, file, *offset, bytes, dice, false),
                    3 => sectors(&mut images, file, *offset, bytes, dice, true),
                    _ => {}
                },
                Op::SetLen(..) => {
                    // It may have happened or not; what lies beyond may still have been written.
                    if dice.roll(2) == 0 {
                        images.apply(op);
                    }
                }
                other => images.apply(other),
            }
        }
    }
    images
}

fn sectors(
    images: &mut Images,
    file: StoreFile,
    offset: u64,
    bytes: &[u8],
    dice: &mut Dice,
    torn: bool,
) {
    let mut start = offset;
    for sector in bytes.chunks(512) {
        match dice.roll(if torn { 3 } else { 2 }) {
            0 => images.write(file, start, sector),
            2 => images.write(file, start, &sector[..dice.index(sector.len())]),
            _ => {}
        }
        start += 512;
    }
}

const fn file_of(op: &Op) -> StoreFile {
    match op {
        Op::Write(file, ..) | Op::SetLen(file, _) | Op::Sync(file) | Op::Cleared(file) => *file,
    }
}

/// What a run of cuts came to.
#[derive(Debug, Default)]
struct Tally {
    cuts: u64,
    double_cuts: u64,
    full_disks: u64,
    failures: Vec<String>,
}

/// Cuts the power at random places of a life, about every `stride` operations of the disk.
/// With `lies` only every third sync is real.
fn cut_all(life: &Life, seed: u64, stride: usize, lies: bool) -> Tally {
    let mut tally = Tally::default();
    let mut dice = Dice(seed * 2 + 0x1234_5679);
    let mut durable = Images::default();
    let mut unsynced: Vec<&Op> = Vec::new();
    let mut syncs = 0_u64;
    let mut next = dice.index(stride);
    for (position, op) in life.log.iter().enumerate() {
        if position == next {
            next += 1 + dice.index(2 * stride - 1);
            let images = cut(&FILES, &durable, &unsynced, &mut dice);
            let (old, new) = life.around(position);
            tally.cuts += 1;
            let twice = tally.cuts.is_multiple_of(5) && !lies;
            tally.double_cuts += u64::from(twice);
            // The power failed because, or while, somebody else had filled the disk.
            let full = tally.cuts.is_multiple_of(7) && !lies && position >= life.steps[0].0;
            tally.full_disks += u64::from(full);
            if full && let Err(failure) = read_on_full_disk(&images, &old, &new) {
                tally.failures.push(format!(
                    "seed {seed}, place {position}, full disk: {failure}"
                ));
            }
            let again = twice.then_some(&mut dice);
            if let Err(failure) = recover(images, &old, &new, again) {
                tally
                    .failures
                    .push(format!("seed {seed}, place {position}: {failure}"));
            }
        }
        match op {
            Op::Sync(file) => {
                syncs += 1;
                if !lies || syncs.is_multiple_of(3) {
                    let settled = |op: &&Op| file_of(op) == *file;
                    unsynced
                        .iter()
                        .filter(|op| settled(op))
                        .for_each(|op| durable.apply(op));
                    unsynced.retain(|op| !settled(op));
                }
            }
            Op::Cleared(_) => durable.apply(op),
            other => unsynced.push(other),
        }
    }
    tally
}

/// Opens the store after a cut on a disk without a free page: all of it can be read.
fn read_on_full_disk(images: &Images, old: &Model, new: &Model) -> Result<(), String> {
    let disk = Disk::with(images.clone());
    disk.fill(true);
    revive(&disk, old, new, false)
}

/// Opens the store after a cut and compares; with dice, cuts once more within the recovery.
fn recover(
    images: Images,
    old: &Model,
    new: &Model,
    again: Option<&mut Dice>,
) -> Result<(), String> {
    let disk = Disk::with(images.clone());
    revive(&disk, old, new, again.is_some())?;
    let Some(dice) = again else {
        return Ok(());
    };
    let log = disk.log();
    let place = dice.index(log.len());
    let mut durable = images;
    let mut unsynced: Vec<&Op> = Vec::new();
    for op in &log[..place] {
        match op {
            Op::Sync(file) => {
                let settled = |op: &&Op| file_of(op) == *file;
                unsynced
                    .iter()
                    .filter(|op| settled(op))
                    .for_each(|op| durable.apply(op));
                unsynced.retain(|op| !settled(op));
            }
            Op::Cleared(_) => durable.apply(op),
            other => unsynced.push(other),
        }
    }
    let images = cut(&FILES, &durable, &unsynced, dice);
    revive(&Disk::with(images), old, new, true).map_err(|failure| format!("second cut: {failure}"))
}

fn revive(disk: &Disk, old: &Model, new: &Model, works: bool) -> Result<(), String> {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let (store, _) = Store::open_on(disk, &options()).map_err(|error| error.to_string())?;
        // Closing a file that a lying disk tore panics within a panic: only sound ones are closed.
        let mut store = ManuallyDrop::new(store);
        let aside = disk.set_aside_files();
        if !aside.is_empty() && !new.entries.is_empty() {
            return Err(format!("{aside:?} set aside"));
        }
        compare(&store, old, new)?;
        if works {
            // Sealing once more what may have been sealed changes nothing anybody sees.
            while store.seal().map_err(|error| error.to_string())?.more {}
            store.flush().map_err(|error| error.to_string())?;
            compare(&store, old, new)?;
        }
        drop(ManuallyDrop::into_inner(store));
        Ok(())
    }));
    outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(format!("panic: {}", text.unwrap_or_default()))
    })
}

/// Runs several lives on two threads.
fn run(seeds: std::ops::Range<u64>, operations: usize, stride: usize, lies: bool) -> Tally {
    let half = |odd: u64| {
        let mut sum = Tally::default();
        for seed in seeds.clone().filter(|seed| seed % 2 == odd) {
            let life = live(seed, operations);
            let tally = cut_all(&life, seed, stride, lies);
            sum.cuts += tally.cuts;
            sum.double_cuts += tally.double_cuts;
            sum.full_disks += tally.full_disks;
            sum.failures.extend(tally.failures);
        }
        sum
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        let mut sum = half(0);
        let other = other.join().unwrap();
        sum.cuts += other.cuts;
        sum.double_cuts += other.double_cuts;
        sum.full_disks += other.full_disks;
        sum.failures.extend(other.failures);
        sum
    })
}

#[test]
fn nothing_acknowledged_is_lost_at_ten_thousand_power_cuts() {
    let tally = run(1..9, 180, 1, false);
    println!(
        "{} power cuts, {} of them double, {} on a full disk, {} failures",
        tally.cuts,
        tally.double_cuts,
        tally.full_disks,
        tally.failures.len()
    );
    assert!(
        tally.failures.is_empty(),
        "{:#?}",
        &tally.failures[..tally.failures.len().min(5)]
    );
    assert!(tally.cuts >= 10_000, "only {} cuts", tally.cuts);
    assert!(tally.full_disks >= 1_000, "{} full disks", tally.full_disks);
}

#[test]
fn a_disk_whose_syncs_lie_is_found_out() {
    let tally = run(1..3, 80, 8, true);
    println!(
        "{} power cuts on a lying disk, {} failures",
        tally.cuts,
        tally.failures.len()
    );
    let failures = u64::try_from(tally.failures.len()).unwrap();
    assert!(
        failures * 10 > tally.cuts,
        "{failures} of {}: this test could not fail",
        tally.cuts
    );
}
