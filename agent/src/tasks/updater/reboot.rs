//! The wish for a reboot, which the service manager fulfils: the daemon has no right to reboot.

use bootloader_verify::{BootPlan, BootState, Candidate, Slot};
use std::path::Path;

/// The file of the wish, in the runtime folder.
const FILE: &str = "reboot-wanted";

/// Leaves the wish. `state` is what the next boot decides by, as far as it is known.
pub(super) fn wish(runtime_folder: &Path, why: &str, state: Option<&BootState>) {
    let text = text(why, state);
    let file = runtime_folder.join(FILE);
    log::info!("a reboot is wanted: {text}");
    if let Err(error) = std::fs::write(&file, format!("{text}\n")) {
        log::error!(error:%; "{}: the wish for a reboot cannot be written; reboot by hand", file.display());
    }
}

/// Which slot starts next, for firmware that has to be told, and why. `reboot-as-wished` on the
/// image reads the first word.
fn text(why: &str, state: Option<&BootState>) -> String {
    let next = state.map(|state| BootPlan::new(state.clone()).next_candidate());
    let next = match next {
        Some(Candidate::Slot(Slot::A)) => "slot-a",
        Some(Candidate::Slot(Slot::B)) => "slot-b",
        Some(Candidate::Recovery) => "recovery",
        Some(Candidate::Nothing) | None => "any",
    };
    format!("{next} {why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bootloader_verify::SlotState;
    use bootloader_verify::limits::TRIES;

    #[track_caller]
    fn check(expected: &str, change: impl FnOnce(&mut BootState)) {
        let mut state = BootState::default();
        change(&mut state);
        assert_eq!(text("a reason", Some(&state)), expected);
    }

    #[test]
    fn the_wish_names_the_slot_that_the_boot_program_will_choose() {
        check("slot-b a reason", |state| state.begin_trial(Slot::B));
        check("slot-a a reason", |state| state.begin_trial(Slot::A));
        check("slot-a a reason", |state| {
            state.begin_trial(Slot::B);
            state.slot_mut(Slot::B).state = SlotState::Trial { left: 0 };
        });
        check("slot-b a reason", |state| {
            state.begin_trial(Slot::B);
            state.slot_mut(Slot::B).state = SlotState::Trial { left: TRIES - 1 };
        });
        check("slot-b a reason", |state| {
            state.commit(Slot::B, 5, None, false);
        });
        check("slot-a a reason", |state| {
            state.commit(Slot::B, 5, None, false);
            state.give_up(Slot::B);
            state.begin_trial(Slot::A);
        });
        assert_eq!(text("a reason", None), "any a reason");
    }
}
