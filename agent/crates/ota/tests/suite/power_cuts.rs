//! The power is cut after every write and every flush of an installation, a commit, a rollback and
//! a boot; what was not flushed is there, gone, mixed up or torn. A slot that can be proven starts
//! every time.

use crate::disk::{MemoryDisk, Parts, Step, apply, cut};
use crate::images::{Image, Recipe, in_slot};
use crate::simulated_boot::{Started, Verdicts, boot, boot_again};
use bootloader_verify::limits::TRIES;
use bootloader_verify::{BootState, Slot};
use ota::{Area, Install, Place, commit, note_health, roll_back};
use std::collections::HashSet;
use std::num::NonZeroU8;

/// What a cut may leave of the writes that were not flushed.
const TEARS: u64 = 330;
/// Cut points that the suite must reach.
const CUTS_MIN: u64 = 20_000;

struct Case {
    before: Parts,
    steps: Vec<Step>,
    /// Every image that may start.
    images: [Image; 2],
    running: Slot,
    /// A system that never comes to health.
    sick: Option<Slot>,
}

#[derive(Default)]
struct Count {
    /// Places to cut, times the different disks that a cut there may leave.
    cuts: u64,
    /// Different disks.
    booted: u64,
}

impl Case {
    fn of(
        disk: MemoryDisk,
        images: [Image; 2],
        running: Slot,
        act: impl FnOnce(&mut MemoryDisk),
    ) -> Self {
        let mut disk = MemoryDisk::of(disk.parts);
        let before = disk.parts.clone();
        act(&mut disk);
        assert!(!disk.steps.is_empty());
        Self {
            before,
            steps: disk.steps,
            images,
            running,
            sick: Some(running.other()),
        }
    }

    fn check_every_cut(&self, count: &mut Count) {
        let (mut seen, mut verdicts) = (HashSet::new(), Verdicts::new());
        for length in 0..=self.steps.len() {
            let (parts, loose) = cut(&self.before, &self.steps[..length]);
            let mut here = HashSet::new();
            // Nothing is loose behind a flush: there is one disk.
            let variants = if loose.is_empty() { 1 } else { TEARS };
            for variant in 0..variants {
                let mut left = parts.clone();
                leave(&mut left, &loose, variant, u64::try_from(length).unwrap());
                let digest = digest(&left);
                count.cuts += u64::from(here.insert(digest));
                if seen.insert(digest) {
                    count.booted += 1;
                    // The slot that runs is never written.
                    verdicts.retain(|(slot, _), _| *slot == self.running.letter());
                    self.check(&mut verdicts, left, (length, variant));
                }
            }
        }
    }

    fn check(&self, verdicts: &mut Verdicts, left: Parts, (length, variant): (usize, u64)) {
        let floor = self.before.state().floor;
        let is_whole =
            |parts: &Parts, slot| self.images.iter().any(|image| parts.holds(slot, image));
        let is_untouched = |area| left.part(area) == self.before.part(area);
        assert!(is_untouched(Area::Slot(self.running)));
        let mut disk = MemoryDisk::of(left);
        let mut tries = 0;
        for _ in 0..5 {
            let Started::Slot(slot) = boot_again(&mut disk, verdicts) else {
                panic!("no slot starts after {length} steps, variant {variant}");
            };
            assert!(
                is_whole(&disk.parts, slot),
                "{slot} is half of something: {length}, {variant}"
            );
            assert!(
                disk.parts.state().floor >= floor,
                "the floor fell: {length}, {variant}"
            );
            if slot != self.running {
                tries += 1;
            }
            if Some(slot) != self.sick {
                note_health(&mut disk, &in_slot(slot)).unwrap();
            }
        }
        let is_kept = disk.parts.state().preferred != self.running;
        assert!(
            tries <= TRIES || is_kept || self.sick.is_none(),
            "{tries} tries: {length}, {variant}"
        );
        let boot = Area::Boot(self.running.other());
        let part = disk.parts.part(boot);
        let is_seen = part[..512].iter().any(|byte| *byte != 0);
        let is_one = |image: &Image| part.starts_with(&image.payload);
        assert!(
            !is_seen || self.images.iter().any(is_one),
            "firmware sees half a boot partition: {length}, {variant}"
        );
    }
}

/// Of the writes that were not flushed: none, all, all in the wrong order, or any sectors of any.
fn leave(parts: &mut Parts, loose: &[&Step], variant: u64, seed: u64) {
    match variant {
        0 => {}
        1 => loose.iter().for_each(|step| apply(parts, step, u64::MAX)),
        2 => loose
            .iter()
            .rev()
            .for_each(|step| apply(parts, step, u64::MAX)),
        _ => {
            let mut dice = Dice(seed * 1000 + variant);
            for step in loose {
                let sectors = match dice.roll() % 4 {
                    0 => 0,
                    1 => u64::MAX,
                    // The beginning of it, and any sectors of it.
                    2 => (1 << (dice.roll() % 9)) - 1,
                    _ => dice.roll(),
                };
                apply(parts, step, sectors);
            }
        }
    }
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 27)
    }
}

fn digest(parts: &Parts) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    let areas = [
        Area::Slot(Slot::A),
        Area::Slot(Slot::B),
        Area::Boot(Slot::A),
        Area::Boot(Slot::B),
        Area::State,
    ];
    let mut hash = Sha256::new();
    for area in areas {
        hash.update(parts.part(area));
    }
    hash.finalize().into()
}

fn image(seed: u8, blocks: u32, counter: u64) -> Image {
    let recipe = Recipe {
        seed,
        blocks,
        counter,
        payload: 9000,
        ..Recipe::default()
    };
    recipe.make()
}

fn install(disk: &mut MemoryDisk, place: &Place, image: &Image, kept: usize) {
    let install = Install::new(disk, place, image.order(), 2_000).unwrap();
    let mut install = install.in_pieces_of(NonZeroU8::MIN);
    install.push(disk, &image.file[..4096]).unwrap();
    let kept = u64::try_from(kept).unwrap();
    let from = usize::try_from(install.take_up(disk, kept).unwrap()).unwrap();
    for piece in image.file[from..].chunks(24_000) {
        install.push(disk, piece).unwrap();
        // As the agent does it while a download runs.
        install.keep(disk).unwrap();
    }
    install.finish().unwrap();
}

/// A box that runs `slot` well; its state has been written `times` times, so that either copy is the
/// newer one.
fn running(slot: Slot, old: &Image, times: u64) -> MemoryDisk {
    let mut disk = MemoryDisk::sized(14, 3);
    disk.parts.place(slot, old);
    for _ in 0..times {
        assert_eq!(boot(&mut disk), Started::Slot(slot));
        note_health(&mut disk, &in_slot(slot)).unwrap();
    }
    disk
}

fn installations() -> Vec<Case> {
    let mut cases = Vec::new();
    for (slot, blocks, times, other) in [
        (Slot::A, 3, 0, false),
        (Slot::A, 8, 1, false),
        (Slot::B, 8, 2, true),
        (Slot::A, 10, 3, true),
        (Slot::B, 12, 4, true),
        (Slot::A, 12, 5, false),
    ] {
        let (old, new) = (image(1, 9, 5), image(2, blocks, 6));
        let mut disk = running(slot, &old, times);
        if other {
            disk.parts.place(slot.other(), &old);
        }
        let place = in_slot(slot);
        for kept in [0, 4096 * 4] {
            let act = |disk: &mut MemoryDisk| install(disk, &place, &new, kept);
            if kept > 0 {
                // What an earlier installation left before it was cut.
                let half = &new.content[..4096 * 3];
                disk.parts.write(Area::Slot(slot.other()), 0, half);
            }
            if kept == 0 || other {
                continue_with(&mut cases, &disk, &[&old, &new], slot, &act);
            }
        }
    }
    cases
}

fn continue_with(
    cases: &mut Vec<Case>,
    disk: &MemoryDisk,
    images: &[&Image; 2],
    slot: Slot,
    act: &dyn Fn(&mut MemoryDisk),
) {
    let images = images.map(Clone::clone);
    let case = Case::of(disk.clone(), images, slot, |disk| act(disk));
    cases.push(case);
}

/// Commit, rollback, and boots that write the state themselves.
fn decisions() -> Vec<Case> {
    let mut cases = Vec::new();
    for (slot, times) in [(Slot::A, 1), (Slot::A, 2), (Slot::B, 1), (Slot::B, 2)] {
        let (old, new) = (image(1, 9, 5), image(2, 11, 8));
        let other = slot.other();
        let mut disk = running(slot, &old, times);
        install(&mut disk, &in_slot(slot), &new, 0);
        let images = [&old, &new];
        continue_with(&mut cases, &disk, &images, slot, &|disk| {
            boot(disk);
        });
        boot(&mut disk);
        continue_with(&mut cases, &disk, &images, slot, &|disk| {
            commit(disk, &in_slot(other)).unwrap();
        });
        continue_with(&mut cases, &disk, &images, slot, &|disk| {
            roll_back(disk, &in_slot(other)).unwrap();
        });
        commit(&mut disk, &in_slot(other)).unwrap();
        continue_with(&mut cases, &disk, &images, other, &|disk| {
            boot(disk);
            note_health(disk, &in_slot(other)).unwrap();
            roll_back(disk, &in_slot(other)).unwrap();
        });
        if let Some(case) = cases.last_mut() {
            case.sick = None;
        }
    }
    cases
}

#[test]
fn a_slot_that_can_be_proven_starts_after_every_cut() {
    let mut count = Count::default();
    for case in installations().iter().chain(&decisions()) {
        case.check_every_cut(&mut count);
    }
    println!(
        "power cuts: {} cut points, {} different disks booted, 0 without a slot that starts",
        count.cuts, count.booted
    );
    assert!(count.cuts >= CUTS_MIN, "{} cut points", count.cuts);
}

#[test]
fn an_installation_that_was_cut_can_be_made_again() {
    let (old, new) = (image(1, 9, 5), image(2, 11, 6));
    let place = in_slot(Slot::A);
    let disk = running(Slot::A, &old, 1);
    let case = Case::of(disk, [old, new.clone()], Slot::A, |disk| {
        install(disk, &place, &new, 0);
    });
    for length in 0..=case.steps.len() {
        let (parts, _) = cut(&case.before, &case.steps[..length]);
        let mut disk = MemoryDisk::of(parts);
        let Started::Slot(running) = boot(&mut disk) else {
            panic!("no slot starts");
        };
        if running == Slot::A {
            install(&mut disk, &place, &new, 0);
            assert_eq!(boot(&mut disk), Started::Slot(Slot::B), "{length}");
        }
    }
}

#[test]
fn a_torn_state_never_hides_the_newer_copy() {
    let mut first = BootState::default().next();
    first.floor = 4;
    let mut second = first.next();
    second.floor = 5;
    let mut disk = MemoryDisk::empty();
    disk.parts.set_state(&first);
    let step = Step::Write {
        area: Area::State,
        offset: 4096,
        bytes: second.encode().to_vec(),
    };
    for sectors in 0..256 {
        let mut parts = disk.parts.clone();
        apply(&mut parts, &step, sectors);
        // Sectors between the fields and the digest are zero before and after.
        let is_whole = sectors & 0x81 == 0x81;
        let expected = if is_whole { &second } else { &first };
        assert_eq!(&parts.state(), expected, "sectors {sectors:08b}");
    }
}
