//! What an installation takes, refuses, and leaves behind.

use crate::disk::MemoryDisk;
use crate::images::{Image, Recipe, in_slot, key, place, public};
use crate::simulated_boot::{Started, boot};
use bootloader_verify::limits::{BLOCK, TRIES};
use bootloader_verify::{BootState, Role, Slot, SlotState};
use ota::{Area, Fault, Install, Order, Running, SlotDisk};
use proptest::prelude::*;

const NOW: u64 = 2_000;

fn old() -> Image {
    Recipe::default().make()
}

fn new() -> Recipe {
    Recipe {
        seed: 2,
        counter: 6,
        ..Recipe::default()
    }
}

fn install(disk: &mut MemoryDisk, image: &Image, order: Order) -> Result<(), Fault> {
    let mut install = Install::new(disk, &in_slot(Slot::A), order, NOW)?;
    for piece in image.file.chunks(1000) {
        install.push(disk, piece)?;
    }
    install.finish()
}

#[test]
fn an_image_is_installed_tried_and_starts() {
    let (old, image) = (old(), new().make());
    let mut disk = MemoryDisk::with(Slot::A, &old);
    install(&mut disk, &image, image.order()).unwrap();
    assert!(disk.parts.holds(Slot::B, &image));
    assert!(disk.parts.holds(Slot::A, &old), "what runs is not touched");
    let boot_b = disk.parts.part(Area::Boot(Slot::B));
    assert_eq!(boot_b[..image.payload.len()], image.payload);
    let trial = SlotState::Trial { left: TRIES };
    assert_eq!(disk.parts.state().slot(Slot::B).state, trial);
    assert_eq!(boot(&mut disk), Started::Slot(Slot::B));
}

#[test]
fn a_smaller_image_leaves_nothing_of_a_larger_one() {
    let image = new().make();
    let large = Recipe {
        blocks: 40,
        ..Recipe::default()
    };
    let mut disk = MemoryDisk::with(Slot::A, &old());
    disk.parts.place(Slot::B, &large.make());
    install(&mut disk, &image, image.order()).unwrap();
    assert!(disk.parts.holds(Slot::B, &image));
}

#[track_caller]
fn check_refused(recipe: &Recipe, words: &str) {
    let image = recipe.make();
    let mut disk = MemoryDisk::with(Slot::A, &old());
    let fault = install(&mut disk, &image, image.order()).unwrap_err();
    assert!(fault.to_string().contains(words), "{fault}");
    assert!(disk.steps.is_empty(), "refused before the first write");
}

#[test]
fn what_the_first_block_tells_is_refused_before_anything_is_written() {
    let with = |change: &dyn Fn(&mut Recipe)| {
        let mut recipe = new();
        change(&mut recipe);
        recipe
    };
    check_refused(&with(&|it| it.key = 7), "does not trust");
    check_refused(&with(&|it| it.counter = 2), "below the floor");
    check_refused(&with(&|it| it.arch = "arm64"), "another processor");
    check_refused(&with(&|it| it.role = Role::Recovery), "no image for a slot");
    check_refused(&with(&|it| it.expires = NOW - 1), "past its date");
    check_refused(&with(&|it| it.blocks = 47), "does not fit");
    check_refused(&with(&|it| it.payload = 20 * BLOCK), "its partition");
    let from_tomorrow = with(&|it| (it.built, it.expires) = (NOW + 1, NOW + 2));
    check_refused(&from_tomorrow, "set the clock");
}

#[test]
fn an_image_at_the_floor_or_of_the_next_key_or_for_ever_is_taken() {
    for change in [
        |it: &mut Recipe| it.counter = 3,
        |it: &mut Recipe| it.key = 2,
        |it: &mut Recipe| it.expires = NOW,
        |it: &mut Recipe| it.built = NOW + 1,
        |it: &mut Recipe| it.payload = 0,
        |it: &mut Recipe| it.payload = 512,
    ] {
        let mut recipe = new();
        change(&mut recipe);
        let image = recipe.make();
        let mut disk = MemoryDisk::with(Slot::A, &old());
        install(&mut disk, &image, image.order()).unwrap();
        assert_eq!(boot(&mut disk), Started::Slot(Slot::B), "{recipe:?}");
    }
}

#[test]
fn the_state_raises_the_floor_and_never_lowers_it() {
    let mut disk = MemoryDisk::with(Slot::A, &old());
    let state = |floor| BootState {
        floor,
        sequence: 1,
        ..BootState::default()
    };
    disk.parts.set_state(&state(7));
    let image = new().make();
    assert!(matches!(
        install(&mut disk, &image, image.order()),
        Err(Fault::Refused(_))
    ));
    disk.parts.set_state(&state(0));
    let low = Recipe {
        counter: 2,
        ..new()
    }
    .make();
    assert!(install(&mut disk, &low, low.order()).is_err());
}

#[test]
fn a_statement_of_the_root_key_replaces_the_keys() {
    let mut disk = MemoryDisk::with(Slot::A, &old());
    let statement = key(9).sign_statement(1, &public(7), &public(8));
    disk.parts.write(Area::State, 2 * BLOCK, &statement);
    let image = Recipe { key: 7, ..new() }.make();
    install(&mut disk, &image, image.order()).unwrap();
    let revoked = new().make();
    assert!(install(&mut MemoryDisk::of(disk.parts), &revoked, revoked.order()).is_err());
}

/// After a fault the slot has no manifest, and what ran still starts.
#[track_caller]
fn check_broken_off(file: &[u8], order: Order, words: &str) {
    let mut disk = MemoryDisk::with(Slot::A, &old());
    let mut install = Install::new(&disk, &in_slot(Slot::A), order, NOW).unwrap();
    let fault = file
        .chunks(5000)
        .find_map(|piece| install.push(&mut disk, piece).err())
        .unwrap_or_else(|| install.finish().unwrap_err());
    assert!(fault.to_string().contains(words), "{fault}");
    assert_eq!(boot(&mut disk), Started::Slot(Slot::A));
}

#[test]
fn bytes_that_are_not_those_of_the_order_end_the_installation() {
    let image = new().make();
    let order = image.order();
    let wrong = Order {
        sha256: [1; 32],
        ..order
    };
    check_broken_off(&image.file, wrong, "SHA-256 differs");
    let short = Order {
        bytes: order.bytes - 1,
        ..order
    };
    check_broken_off(&image.file, short, "the order says");
    let cut = &image.file[..image.file.len() - 1];
    check_broken_off(cut, order, "goes on from there");
    let long = [&image.file[..], &[0]].concat();
    let mut disk = MemoryDisk::with(Slot::A, &old());
    let mut install = Install::new(&disk, &in_slot(Slot::A), order, NOW).unwrap();
    assert!(install.push(&mut disk, &long).is_err());
    let mut flipped = image.file.clone();
    flipped[BLOCK + 100] ^= 1;
    check_broken_off(&flipped, order, "content is not what was signed");
    let mut flipped = image.file.clone();
    *flipped.last_mut().unwrap() ^= 1;
    check_broken_off(&flipped, order, "SHA-256 differs");
}

#[test]
fn a_file_that_is_no_image_is_called_so() {
    let file = vec![b'x'; 20_000];
    let order = Order {
        sha256: [0; 32],
        bytes: 20_000,
    };
    check_broken_off(&file, order, "does not begin with a manifest");
}

#[test]
fn a_payload_that_firmware_could_not_read_is_refused() {
    let image = Recipe {
        payload: 100,
        ..new()
    };
    let image = image.make();
    check_broken_off(&image.file, image.order(), "no boot partition");
}

#[test]
fn a_disk_that_forgets_is_noticed() {
    let image = new().make();
    for area in [Area::Slot(Slot::B), Area::Boot(Slot::B)] {
        let mut disk = MemoryDisk::with(Slot::A, &old());
        disk.parts.place(Slot::B, &old());
        disk.forgetful = Some(area);
        let fault = install(&mut disk, &image, image.order()).unwrap_err();
        assert!(matches!(fault, Fault::ReadBack { .. }), "{fault}");
        assert_ne!(boot(&mut disk), Started::Nothing);
    }
    let mut disk = MemoryDisk::with(Slot::A, &old());
    disk.broken = Some(Area::State);
    let fault = install(&mut disk, &image, image.order()).unwrap_err();
    assert!(fault.to_string().contains("pmu-state"), "{fault}");
}

#[test]
fn a_system_on_trial_keeps_its_way_back() {
    let image = new().make();
    let mut disk = MemoryDisk::with(Slot::A, &old());
    install(&mut disk, &image, image.order()).unwrap();
    assert_eq!(boot(&mut disk), Started::Slot(Slot::B));
    let again = Install::new(&disk, &in_slot(Slot::B), image.order(), NOW);
    assert!(matches!(again, Err(Fault::OnTrial(Slot::B))));
}

#[test]
fn recovery_writes_the_slot_that_is_worse() {
    let order = new().make().order();
    let target = |states: [SlotState; 2]| {
        let mut state = BootState {
            sequence: 1,
            ..BootState::default()
        };
        state.slot_mut(Slot::A).state = states[0];
        state.slot_mut(Slot::B).state = states[1];
        let mut disk = MemoryDisk::empty();
        disk.parts.set_state(&state);
        Install::new(&disk, &place(Running::Recovery), order, NOW)
            .unwrap()
            .target()
    };
    assert_eq!(target([SlotState::Bad, SlotState::Bad]), Slot::B);
    assert_eq!(target([SlotState::Bad, SlotState::Good]), Slot::A);
    assert_eq!(target([SlotState::Good, SlotState::Bad]), Slot::B);
    assert_eq!(target([SlotState::Good, SlotState::Good]), Slot::B);
}

/// Cuts the stream at any byte and goes on with a new installation, as after a restart.
fn resumed(image: &Image, at: usize, lie: u64) -> Result<(), Fault> {
    let mut disk = MemoryDisk::with(Slot::A, &old());
    let order = image.order();
    let mut first = Install::new(&disk, &in_slot(Slot::A), order, NOW)?;
    first.push(&mut disk, &image.file[..at])?;
    let kept = first.keep(&mut disk)? + lie;
    let mut second = Install::new(&disk, &in_slot(Slot::A), order, NOW)?;
    second.push(&mut disk, &image.file[..BLOCK])?;
    let from = usize::try_from(second.take_up(&mut disk, kept)?).unwrap();
    assert!(lie > 0 || u64::try_from(from).unwrap() == kept.max(4096));
    second.push(&mut disk, &image.file[from..])?;
    second.finish()?;
    assert!(disk.parts.holds(Slot::B, image));
    Ok(())
}

#[test]
fn a_note_that_lies_costs_the_installation_and_nothing_else() {
    let image = new().make();
    let fault = resumed(&image, BLOCK + 10, 8 * 4096).unwrap_err();
    assert!(fault.to_string().contains("not what was signed"), "{fault}");
}

#[test]
fn the_same_installation_goes_on_where_its_stream_was_cut() {
    let image = new().make();
    let mut disk = MemoryDisk::with(Slot::A, &old());
    let mut install = Install::new(&disk, &in_slot(Slot::A), image.order(), NOW).unwrap();
    let (first, rest) = image.file.split_at(33_333);
    install.push(&mut disk, first).unwrap();
    assert!(install.finish().unwrap_err().is_passing());
    assert_eq!(install.position(), 33_333);
    assert!(install.push(&mut disk, rest).unwrap().is_complete);
    assert!(disk.size(Area::State).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_installation_goes_on_from_any_byte(at in 0usize..90_000) {
        let image = new().make();
        let at = at.min(image.file.len() - 1);
        resumed(&image, at, 0).unwrap();
    }

    #[test]
    fn no_changed_byte_is_installed(at in 0usize..110_000, bit in 0u8..8) {
        let image = new().make();
        let at = at % image.file.len();
        let mut changed = image.clone();
        changed.file[at] ^= 1 << bit;
        let mut disk = MemoryDisk::with(Slot::A, &old());
        // Even where the order was made for the changed file.
        let order = changed.order();
        prop_assert!(install(&mut disk, &changed, order).is_err());
        prop_assert_eq!(boot(&mut disk), Started::Slot(Slot::A));
    }

    #[test]
    fn pieces_of_any_size_make_the_same_disk(pieces in proptest::collection::vec(1usize..70_000, 1..40)) {
        let image = new().make();
        let mut disk = MemoryDisk::with(Slot::A, &old());
        let mut install = Install::new(&disk, &in_slot(Slot::A), image.order(), NOW).unwrap();
        let mut rest = &image.file[..];
        for piece in pieces.iter().cycle() {
            let (now, later) = rest.split_at((*piece).min(rest.len()));
            install.push(&mut disk, now).unwrap();
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert!(disk.parts.holds(Slot::B, &image));
    }
}
