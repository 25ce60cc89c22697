//! What this box is, and which slot an update goes to.

use crate::disk::{Area, Reader, SlotDisk};
use crate::fault::Fault;
use bootloader_verify::limits::{BLOCK, STATEMENT_AT};
use bootloader_verify::{
    Accepted, BootState, Expected, Refusal, Slot, SlotState, TrustedKeys, check_slot, judge_slot,
};

/// Which system runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Running {
    /// That of a slot.
    Slot(Slot),
    /// The read-only one that mends the others.
    Recovery,
}

/// What this box is: nothing here comes from a place that can be written.
#[derive(Debug, Clone)]
pub struct Place {
    /// The keys that came with the image.
    pub keys: TrustedKeys,
    /// Product, board, processor, and the floor that came with the image.
    pub expected: Expected,
    /// Which system runs.
    pub running: Running,
}

impl Place {
    /// The slot that may be written: never the one that runs.
    pub(crate) fn target(&self, state: &BootState) -> Result<Slot, Fault> {
        match self.running {
            Running::Slot(slot) => match state.slot(slot).state {
                SlotState::Trial { .. } => Err(Fault::OnTrial(slot)),
                _ => Ok(slot.other()),
            },
            // One of them may yet be the better one.
            Running::Recovery => {
                let other = state.preferred.other();
                let is_worse = state.slot(other).state == SlotState::Good
                    && state.slot(state.preferred).state != SlotState::Good;
                Ok(if is_worse { state.preferred } else { other })
            }
        }
    }

    /// The keys in force: a newer statement by the root key replaces those of the image.
    pub(crate) fn keys_in_force(&self, disk: &impl SlotDisk) -> Result<TrustedKeys, Fault> {
        let mut block = [0; BLOCK];
        disk.read_at(Area::State, STATEMENT_AT, &mut block)
            .map_err(|source| disk_fault(Area::State, source))?;
        Ok(self
            .keys
            .with_statement(&block)
            .unwrap_or_else(|_| self.keys.clone()))
    }

    /// What an image must be here and now.
    pub(crate) fn expected_with(&self, state: &BootState) -> Expected {
        Expected {
            floor: self.expected.floor.max(state.floor),
            ..self.expected.clone()
        }
    }

    /// The verdict over the manifest that lies in a slot.
    pub(crate) fn judge_slot(
        &self,
        disk: &impl SlotDisk,
        state: &BootState,
        slot: Slot,
    ) -> Result<Accepted, Refusal> {
        let area = Area::Slot(slot);
        let size = disk.size(area).map_err(|_| Refusal::Device)?;
        let keys = self.keys_in_force(disk).map_err(|_| Refusal::Device)?;
        let expected = self.expected_with(state);
        judge_slot(&Reader { disk, area }, size, &keys, &expected)
    }

    /// The verdict over everything that lies in a slot.
    pub(crate) fn check_slot(
        &self,
        disk: &impl SlotDisk,
        state: &BootState,
        slot: Slot,
    ) -> Result<Accepted, Refusal> {
        let area = Area::Slot(slot);
        let size = disk.size(area).map_err(|_| Refusal::Device)?;
        let keys = self.keys_in_force(disk).map_err(|_| Refusal::Device)?;
        let expected = self.expected_with(state);
        check_slot(&Reader { disk, area }, size, &keys, &expected, 1)
    }
}

/// A fault of the disk, by the part it was met in.
pub(crate) fn disk_fault(area: Area, source: std::io::Error) -> Fault {
    Fault::Disk {
        what: name(area),
        source,
    }
}

/// A part of the disk, as its partition is called.
pub(crate) const fn name(area: Area) -> &'static str {
    match area {
        Area::Slot(Slot::A) => "pmu-a",
        Area::Slot(Slot::B) => "pmu-b",
        Area::Boot(Slot::A) => "pmu-boot-a",
        Area::Boot(Slot::B) => "pmu-boot-b",
        Area::State => "pmu-state",
    }
}
