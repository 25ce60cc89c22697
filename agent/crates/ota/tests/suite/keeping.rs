//! What becomes of a system that runs: kept, left, or back again.

use crate::disk::MemoryDisk;
use crate::images::{Image, Recipe, in_slot, place};
use crate::simulated_boot::{Started, boot};
use bootloader_verify::limits::TRIES;
use bootloader_verify::{Refusal, Slot, SlotState};
use ota::{Fault, Install, Running, commit, look, note_health, roll_back};

fn image(seed: u8, counter: u64, close_door: bool) -> Image {
    let recipe = Recipe {
        counter,
        close_door,
        seed,
        ..Recipe::default()
    };
    recipe.make()
}

/// A box that runs slot A and was given an image for B.
fn updated(new: &Image) -> MemoryDisk {
    let mut disk = MemoryDisk::with(Slot::A, &image(1, 5, false));
    note_health(&mut disk, &in_slot(Slot::A)).unwrap();
    let mut install = Install::new(&disk, &in_slot(Slot::A), new.order(), 2_000).unwrap();
    install.push(&mut disk, &new.file).unwrap();
    disk
}

#[track_caller]
fn check_floor(counter: u64, close_door: bool, floor: u64) {
    let mut disk = updated(&image(2, counter, close_door));
    assert_eq!(boot(&mut disk), Started::Slot(Slot::B));
    let state = commit(&mut disk, &in_slot(Slot::B)).unwrap();
    assert_eq!(state.floor, floor);
    assert_eq!(state.slot(Slot::B).state, SlotState::Good);
    assert_eq!(boot(&mut disk), Started::Slot(Slot::B));
}

#[test]
fn a_kept_system_raises_the_floor_as_far_as_the_way_back_allows() {
    check_floor(8, false, 5);
    check_floor(5, false, 5);
    check_floor(4, false, 4);
    check_floor(8, true, 8);
}

#[test]
fn a_closed_door_leaves_no_way_back() {
    let mut disk = updated(&image(2, 8, true));
    boot(&mut disk);
    commit(&mut disk, &in_slot(Slot::B)).unwrap();
    assert!(matches!(
        roll_back(&mut disk, &in_slot(Slot::B)),
        Err(Fault::NoWayBack {
            refusal: Refusal::Floor,
            ..
        })
    ));
}

#[test]
fn a_system_that_never_comes_to_health_is_left_after_its_tries() {
    let mut disk = updated(&image(2, 8, false));
    for _ in 0..TRIES {
        assert_eq!(boot(&mut disk), Started::Slot(Slot::B));
    }
    assert_eq!(boot(&mut disk), Started::Slot(Slot::A));
    assert_eq!(boot(&mut disk), Started::Slot(Slot::A));
}

#[test]
fn health_forgets_failed_starts_and_writes_only_where_something_changes() {
    let mut disk = MemoryDisk::with(Slot::A, &image(1, 5, false));
    boot(&mut disk);
    assert_eq!(disk.parts.state().slot(Slot::A).streak, 1);
    let state = note_health(&mut disk, &in_slot(Slot::A)).unwrap();
    assert_eq!(state.slot(Slot::A).streak, 0);
    assert_eq!(state.floor, 0, "only what was tried moves the floor");
    let steps = disk.steps.len();
    note_health(&mut disk, &in_slot(Slot::A)).unwrap();
    assert_eq!(disk.steps.len(), steps);
}

#[test]
fn the_way_back_is_taken_and_the_way_forth_again() {
    let mut disk = updated(&image(2, 8, false));
    boot(&mut disk);
    commit(&mut disk, &in_slot(Slot::B)).unwrap();
    assert_eq!(roll_back(&mut disk, &in_slot(Slot::B)).unwrap(), Slot::A);
    assert_eq!(boot(&mut disk), Started::Slot(Slot::A));
    note_health(&mut disk, &in_slot(Slot::A)).unwrap();
    assert_eq!(roll_back(&mut disk, &in_slot(Slot::A)).unwrap(), Slot::B);
    assert_eq!(boot(&mut disk), Started::Slot(Slot::B));
}

#[test]
fn there_is_no_way_back_to_what_cannot_start() {
    let mut disk = MemoryDisk::with(Slot::A, &image(1, 5, false));
    assert!(matches!(
        roll_back(&mut disk, &in_slot(Slot::A)),
        Err(Fault::NoWayBack {
            refusal: Refusal::Empty,
            ..
        })
    ));
    let mut disk = updated(&image(2, 8, false));
    disk.parts.write(ota::Area::Slot(Slot::B), 7, &[0xaa]);
    assert!(matches!(
        roll_back(&mut disk, &in_slot(Slot::A)),
        Err(Fault::NoWayBack {
            refusal: Refusal::Content,
            ..
        })
    ));
}

#[test]
fn recovery_keeps_and_leaves_nothing() {
    let mut disk = MemoryDisk::empty();
    let recovery = place(Running::Recovery);
    assert!(matches!(
        commit(&mut disk, &recovery),
        Err(Fault::InRecovery)
    ));
    assert!(matches!(
        roll_back(&mut disk, &recovery),
        Err(Fault::InRecovery)
    ));
}

#[test]
fn both_slots_can_be_looked_at() {
    let mut disk = updated(&image(2, 8, false));
    boot(&mut disk);
    let seen = look(&disk, &in_slot(Slot::B)).unwrap();
    assert_eq!(seen.on_trial(Running::Slot(Slot::B)), Some(Slot::B));
    assert_eq!(seen.on_trial(Running::Recovery), None);
    let versions = seen.slots.map(|sight| sight.manifest.unwrap().version);
    assert_eq!(versions, ["1.0.1", "1.0.2"]);
    let empty = look(&MemoryDisk::empty(), &in_slot(Slot::A)).unwrap();
    assert!(
        empty
            .slots
            .iter()
            .all(|sight| sight.manifest == Err(Refusal::Empty))
    );
}
