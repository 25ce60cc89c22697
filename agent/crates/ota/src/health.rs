//! What becomes of a system that runs: kept, left, or looked at.

use crate::disk::SlotDisk;
use crate::fault::Fault;
use crate::place::{Place, Running};
use crate::state_blocks;
use bootloader_verify::{BootState, Manifest, Refusal, Slot, SlotRecord, SlotState};

/// A slot, as far as its manifest and the state tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotSight {
    /// Which.
    pub slot: Slot,
    /// What the state says of it.
    pub record: SlotRecord,
    /// Its manifest, if it may be started here. Its content was not read for this.
    pub manifest: Result<Manifest, Refusal>,
}

/// Both slots and the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Slot A and slot B.
    pub slots: [SlotSight; 2],
    /// The state as it stands.
    pub state: BootState,
    /// The lowest security counter that is taken.
    pub floor: u64,
}

impl Health {
    /// The slot that runs and is still to prove itself.
    pub fn on_trial(&self, running: Running) -> Option<Slot> {
        let Running::Slot(slot) = running else {
            return None;
        };
        let is_trial = matches!(self.state.slot(slot).state, SlotState::Trial { .. });
        is_trial.then_some(slot)
    }
}

/// Looks at both slots. Writes nothing.
pub fn look(disk: &impl SlotDisk, place: &Place) -> Result<Health, Fault> {
    let (state, _) = state_blocks::read(disk)?;
    let sight = |slot| SlotSight {
        slot,
        record: *state.slot(slot),
        manifest: place
            .judge_slot(disk, &state, slot)
            .map(|accepted| accepted.manifest().clone()),
    };
    Ok(Health {
        slots: [sight(Slot::A), sight(Slot::B)],
        floor: place.expected_with(&state).floor,
        state,
    })
}

/// The system that runs is kept: its slot is good from now on, and the floor rises as far as both
/// slots allow, or to its counter if its manifest closes the door behind it.
pub fn commit(disk: &mut impl SlotDisk, place: &Place) -> Result<BootState, Fault> {
    let Running::Slot(slot) = place.running else {
        return Err(Fault::InRecovery);
    };
    let (state, _) = state_blocks::read(disk)?;
    let own = place
        .judge_slot(disk, &state, slot)
        .map_err(Fault::Refused)?;
    let other = slot.other();
    let is_good = state.slot(other).state == SlotState::Good;
    let way_back = place.judge_slot(disk, &state, other);
    let counter = way_back.ok().filter(|_| is_good);
    let counter = counter.map(|accepted| accepted.manifest().counter);
    let manifest = own.manifest();
    state_blocks::change(disk, |state| {
        state.commit(slot, manifest.counter, counter, manifest.close_door);
    })
}

/// The system that runs has come to health. One on trial is kept; of a good one only the row of
/// failed starts is forgotten.
pub fn note_health(disk: &mut impl SlotDisk, place: &Place) -> Result<BootState, Fault> {
    let Running::Slot(slot) = place.running else {
        return Err(Fault::InRecovery);
    };
    let (state, _) = state_blocks::read(disk)?;
    if state.slot(slot).state != SlotState::Good {
        return commit(disk, place);
    }
    state_blocks::change(disk, |state| state.slot_mut(slot).streak = 0)
}

/// The next start is that of the other slot. Its whole content is read before: without a way back
/// nothing is left.
pub fn roll_back(disk: &mut impl SlotDisk, place: &Place) -> Result<Slot, Fault> {
    let Running::Slot(slot) = place.running else {
        return Err(Fault::InRecovery);
    };
    let other = slot.other();
    let (state, _) = state_blocks::read(disk)?;
    place
        .check_slot(disk, &state, other)
        .map_err(|refusal| Fault::NoWayBack {
            slot: other,
            refusal,
        })?;
    state_blocks::change(disk, |state| {
        state.give_up(slot);
        let record = state.slot_mut(other);
        if record.state == SlotState::Good {
            record.streak = 0;
        } else {
            state.begin_trial(other);
        }
    })?;
    Ok(other)
}
