//! A boot as the boot program does it, over a disk in memory.

use crate::disk::MemoryDisk;
use crate::images::in_slot;
use bootloader_verify::limits::BLOCK;
use bootloader_verify::{
    BootPlan, BootState, Candidate, Expected, ReadAt, Refusal, Slot, check_slot,
};
use ota::{Area, SlotDisk};
use std::collections::HashMap;
use std::io;

/// What was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Started {
    Slot(Slot),
    Recovery,
    Nothing,
}

struct Part<'a>(&'a MemoryDisk, Area);

impl ReadAt for Part<'_> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_at(self.1, offset, buffer)
    }
}

/// Verdicts over slots whose bytes have not changed since, by the floor.
pub(crate) type Verdicts = HashMap<(char, u64), Result<(), Refusal>>;

/// Boots once.
pub(crate) fn boot(disk: &mut MemoryDisk) -> Started {
    boot_again(disk, &mut Verdicts::new())
}

/// Boots once more from the same slots. Whatever is started, its try is on the disk before.
pub(crate) fn boot_again(disk: &mut MemoryDisk, verdicts: &mut Verdicts) -> Started {
    let before = disk.parts.state();
    let mut plan = BootPlan::new(before.clone());
    loop {
        let candidate = plan.next_candidate();
        write_state(disk, plan.state());
        let Candidate::Slot(slot) = candidate else {
            return match candidate {
                Candidate::Recovery => Started::Recovery,
                _ => Started::Nothing,
            };
        };
        let verdict = verdicts
            .entry((slot.letter(), before.floor))
            .or_insert_with(|| check(disk, slot, before.floor));
        match verdict {
            Ok(()) => return Started::Slot(slot),
            Err(refusal) => plan.refused(candidate, *refusal),
        }
    }
}

fn write_state(disk: &mut MemoryDisk, state: &BootState) {
    let parts = disk.parts.part(Area::State);
    let (first, second) = parts.split_at(BLOCK);
    let (newest, copy) = BootState::newest(first, &second[..BLOCK]);
    let next = BootState {
        sequence: newest.sequence,
        ..state.clone()
    };
    if next != newest {
        disk.write_at(Area::State, copy.offset(), &next.next().encode())
            .unwrap();
        disk.flush(Area::State).unwrap();
    }
}

fn check(disk: &MemoryDisk, slot: Slot, floor: u64) -> Result<(), Refusal> {
    let area = Area::Slot(slot);
    let size = disk.size(area).unwrap();
    let part = Part(disk, area);
    let place = in_slot(slot);
    let expected = Expected {
        floor: place.expected.floor.max(floor),
        ..place.expected
    };
    check_slot(&part, size, &place.keys, &expected, 1).map(drop)
}
