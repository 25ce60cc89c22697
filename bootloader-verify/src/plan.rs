//! In which order a boot looks at what there is, and what each outcome does to the state.
//!
//! A try is written down before it is made: whatever happens then, it counts. Only a slot on trial
//! loses tries; a good one gathers a streak, which chooses the other slot for a while and condemns
//! nothing.

use crate::limits::STREAK_MAX;
use crate::state::{BootState, Slot, SlotState};
use crate::verdict::Refusal;

/// What is looked at next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Candidate {
    /// A slot.
    Slot(Slot),
    /// The recovery image.
    Recovery,
    /// Nothing is left: refuse to boot.
    Nothing,
}

impl Candidate {
    /// In the state block.
    fn number(self) -> u8 {
        match self {
            Self::Slot(Slot::A) => 1,
            Self::Slot(Slot::B) => 2,
            Self::Recovery => 3,
            Self::Nothing => 0,
        }
    }
}

/// One boot, from the state to the image that is started.
#[derive(Debug, Clone)]
pub struct BootPlan {
    state: BootState,
    looked_at: [bool; 2],
    was_in_recovery: bool,
    /// The firmware was asked for this candidate's payload before this start.
    payload: u8,
    /// Why the slot that was wanted most was refused, for the report; an empty one was not wanted.
    first: Option<Refusal>,
}

impl BootPlan {
    /// A boot that begins with this state.
    pub fn new(mut state: BootState) -> Self {
        let payload = std::mem::take(&mut state.payload);
        Self {
            payload,
            state,
            looked_at: [false; 2],
            was_in_recovery: false,
            first: None,
        }
    }

    /// The state as it has to be on disk before the candidate is started.
    pub fn state(&self) -> &BootState {
        &self.state
    }

    /// The state is on disk under this sequence.
    pub fn written(&mut self, sequence: u64) {
        self.state.sequence = sequence;
    }

    /// What is looked at next. The state afterwards must be written before the candidate is started.
    pub fn next_candidate(&mut self) -> Candidate {
        match self.choose() {
            Candidate::Slot(slot) => {
                self.note(slot);
                let record = self.state.slot_mut(slot);
                match &mut record.state {
                    SlotState::Trial { left } => *left = left.saturating_sub(1),
                    SlotState::Good => record.streak = record.streak.saturating_add(1),
                    SlotState::Empty | SlotState::Writing | SlotState::Bad => {}
                }
                self.state.recovery = None;
                Candidate::Slot(slot)
            }
            Candidate::Recovery => {
                self.was_in_recovery = true;
                self.state.recovery = self.first.or(Some(Refusal::Empty));
                Candidate::Recovery
            }
            Candidate::Nothing => Candidate::Nothing,
        }
    }

    /// A candidate was refused.
    pub fn refused(&mut self, candidate: Candidate, refusal: Refusal) {
        if let Candidate::Slot(slot) = candidate {
            if matches!(self.first, None | Some(Refusal::Empty)) {
                self.first = Some(refusal);
            }
            let record = self.state.slot_mut(slot);
            record.refused = Some(refusal);
            // Another kernel is no fault of the image, and an empty slot is none.
            let is_fault = !matches!(refusal, Refusal::Kernel | Refusal::Empty);
            if is_fault && record.state != SlotState::Writing {
                record.state = SlotState::Bad;
            }
            if refusal == Refusal::Empty && record.state != SlotState::Writing {
                record.state = SlotState::Empty;
            }
        }
    }

    /// Whether the firmware may be asked for this candidate's payload: if it was asked before this
    /// start and another one came, it does not help.
    pub fn may_change_payload(&self, candidate: Candidate) -> bool {
        self.payload != candidate.number()
    }

    /// The firmware will start this candidate's payload: that is the try, and it is counted there.
    pub fn changes_payload(&mut self, candidate: Candidate) {
        self.state.payload = candidate.number();
        if let Candidate::Slot(slot) = candidate {
            let record = self.state.slot_mut(slot);
            match &mut record.state {
                SlotState::Trial { left } => *left = left.saturating_add(1),
                SlotState::Good => record.streak = record.streak.saturating_sub(1),
                SlotState::Empty | SlotState::Writing | SlotState::Bad => {}
            }
        }
    }

    fn note(&mut self, slot: Slot) {
        let [a, b] = &mut self.looked_at;
        match slot {
            Slot::A => *a = true,
            Slot::B => *b = true,
        }
    }

    fn is_new(&self, slot: Slot) -> bool {
        let [a, b] = self.looked_at;
        match slot {
            Slot::A => !a,
            Slot::B => !b,
        }
    }

    /// Trial, then good and steady, then whatever else might do, recovery, and in the end what had
    /// used its tries up: a box that stands still helps nobody.
    fn choose(&self) -> Candidate {
        let first = self.state.preferred;
        let slots = [first, first.other()];
        let is_trial = |slot: &Slot| matches!(self.state.slot(*slot).state, SlotState::Trial { left } if left > 0);
        let is_good = |slot: &Slot| self.state.slot(*slot).state == SlotState::Good;
        let is_steady = |slot: &Slot| is_good(slot) && self.state.slot(*slot).streak < STREAK_MAX;
        let may_do = |slot: &Slot| {
            let state = self.state.slot(*slot).state;
            matches!(
                state,
                SlotState::Bad | SlotState::Writing | SlotState::Empty
            )
        };
        let is_used_up =
            |slot: &Slot| matches!(self.state.slot(*slot).state, SlotState::Trial { left: 0 });
        let of = |wanted: &dyn Fn(&Slot) -> bool| {
            let mut found = slots.iter().filter(|slot| self.is_new(**slot));
            found.find(|slot| wanted(slot)).copied()
        };
        let before = of(&is_trial).or(of(&is_steady)).or(of(&may_do));
        match before {
            Some(slot) => Candidate::Slot(slot),
            None if !self.was_in_recovery => Candidate::Recovery,
            None => of(&is_good)
                .or(of(&is_used_up))
                .map_or(Candidate::Nothing, Candidate::Slot),
        }
    }
}

/// What an installation and its proof do to the state.
impl BootState {
    /// A slot is about to be written: nothing in it counts any more.
    pub fn begin_writing(&mut self, slot: Slot) {
        let record = self.slot_mut(slot);
        record.state = SlotState::Writing;
        record.streak = 0;
        record.refused = None;
    }

    /// The slot is complete; it is tried at the next boot.
    pub fn begin_trial(&mut self, slot: Slot) {
        let record = self.slot_mut(slot);
        record.state = SlotState::Trial {
            left: crate::limits::TRIES,
        };
        record.streak = 0;
    }

    /// The slot that runs has come to health. `counter` is its security counter, `other` that of a
    /// good image in the other slot. The floor rises so far that both stay bootable, or up to this
    /// one if the manifest closes the door behind it.
    pub fn commit(&mut self, slot: Slot, counter: u64, other: Option<u64>, close_door: bool) {
        let record = self.slot_mut(slot);
        record.state = SlotState::Good;
        record.streak = 0;
        record.refused = None;
        self.preferred = slot;
        self.recovery = None;
        let reach = if close_door {
            counter
        } else {
            other.map_or(counter, |other| counter.min(other))
        };
        self.floor = self.floor.max(reach);
    }

    /// The slot is not to be started again by itself; the other one is.
    pub fn give_up(&mut self, slot: Slot) {
        self.slot_mut(slot).state = SlotState::Trial { left: 0 };
        if self.preferred == slot {
            self.preferred = slot.other();
        }
    }

    /// Recovery has run long enough: the slots are looked at anew at the next boot.
    pub fn forget_streaks(&mut self) {
        for slot in [Slot::A, Slot::B] {
            self.slot_mut(slot).streak = 0;
        }
    }
}

#[cfg(test)]
mod tests;
