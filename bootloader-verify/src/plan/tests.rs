use super::*;
use crate::limits::TRIES;
use Candidate::{Nothing, Recovery};

const A: Candidate = Candidate::Slot(Slot::A);
const B: Candidate = Candidate::Slot(Slot::B);

fn state(a: SlotState, b: SlotState) -> BootState {
    let mut state = BootState::default();
    state.slot_mut(Slot::A).state = a;
    state.slot_mut(Slot::B).state = b;
    state
}

/// All candidates of a boot in which everything is refused.
fn all(state: BootState) -> Vec<Candidate> {
    let mut plan = BootPlan::new(state);
    let mut seen = Vec::new();
    loop {
        let candidate = plan.next_candidate();
        seen.push(candidate);
        if candidate == Nothing {
            return seen;
        }
        assert!(seen.len() < 10, "{seen:?}");
        plan.refused(candidate, Refusal::Content);
    }
}

#[track_caller]
fn check(a: SlotState, b: SlotState, expected: &[Candidate]) {
    assert_eq!(all(state(a, b)), expected, "{a:?} {b:?}");
}

#[test]
fn candidates_come_in_the_order_of_what_is_known() {
    use SlotState::{Bad, Empty, Good, Trial, Writing};
    check(Good, Good, &[A, B, Recovery, Nothing]);
    check(Good, Empty, &[A, B, Recovery, Nothing]);
    check(Good, Trial { left: 1 }, &[B, A, Recovery, Nothing]);
    check(Good, Writing, &[A, B, Recovery, Nothing]);
    check(Bad, Good, &[B, A, Recovery, Nothing]);
    // A slot whose tries are used up comes after recovery.
    check(Good, Trial { left: 0 }, &[A, Recovery, B, Nothing]);
    check(
        Trial { left: 0 },
        Trial { left: 0 },
        &[Recovery, A, B, Nothing],
    );
}

#[test]
fn a_trial_loses_a_try_with_each_start_and_then_the_old_slot_comes_back() {
    let mut state = state(SlotState::Good, SlotState::Empty);
    state.begin_writing(Slot::B);
    state.begin_trial(Slot::B);
    let mut started = Vec::new();
    for _ in 0..TRIES + 2 {
        let mut plan = BootPlan::new(state);
        started.push(plan.next_candidate());
        state = plan.state().clone();
    }
    assert_eq!(started, [B, B, B, A, A]);
    assert_eq!(state.slot(Slot::B).state, SlotState::Trial { left: 0 });
}

#[test]
fn a_committed_slot_loses_nothing_with_power_cuts() {
    let mut state = state(SlotState::Good, SlotState::Trial { left: 2 });
    state.commit(Slot::B, 7, Some(5), false);
    let mut started = Vec::new();
    for _ in 0..STREAK_MAX {
        let mut plan = BootPlan::new(state);
        started.push(plan.next_candidate());
        state = plan.state().clone();
    }
    assert!(started.iter().all(|slot| *slot == B), "{started:?}");
    // Then the other one for once as long, then recovery; nobody is condemned.
    let mut later = Vec::new();
    for _ in 0..=STREAK_MAX {
        let mut plan = BootPlan::new(state);
        later.push(plan.next_candidate());
        state = plan.state().clone();
    }
    assert_eq!(later, [A, A, A, A, A, Recovery]);
    assert_eq!(state.slot(Slot::B).state, SlotState::Good);
    state.forget_streaks();
    assert_eq!(BootPlan::new(state).next_candidate(), B);
}

#[test]
fn where_recovery_is_refused_too_a_good_slot_with_a_streak_is_started() {
    let mut state = state(SlotState::Good, SlotState::Bad);
    state.slot_mut(Slot::A).streak = 200;
    assert_eq!(all(state), [B, Recovery, A, Nothing]);
}

#[test]
fn a_refusal_is_kept_for_the_report() {
    let mut plan = BootPlan::new(state(SlotState::Good, SlotState::Good));
    let first = plan.next_candidate();
    plan.refused(first, Refusal::Signature);
    assert_eq!(plan.next_candidate(), B);
    let record = plan.state().slot(Slot::A);
    assert_eq!(record.state, SlotState::Bad);
    assert_eq!(record.refused, Some(Refusal::Signature));
    plan.refused(B, Refusal::Gap);
    assert_eq!(plan.next_candidate(), Recovery);
    // Why the slot that was wanted most did not start.
    assert_eq!(plan.state().recovery, Some(Refusal::Signature));
}

#[test]
fn an_empty_slot_and_another_kernel_are_no_faults() {
    let mut plan = BootPlan::new(state(SlotState::Good, SlotState::Good));
    let first = plan.next_candidate();
    plan.refused(first, Refusal::Kernel);
    let second = plan.next_candidate();
    plan.refused(second, Refusal::Empty);
    let states = [Slot::A, Slot::B].map(|slot| plan.state().slot(slot).state);
    assert_eq!(states, [SlotState::Good, SlotState::Empty]);
}

#[test]
fn the_floor_rises_so_far_that_both_slots_stay_bootable() {
    for (counter, other, close_door, expected) in [
        (7, Some(5), false, 5),
        (7, Some(9), false, 7),
        (7, None, false, 7),
        (7, Some(5), true, 7),
        (2, None, true, 3),
    ] {
        let mut state = BootState {
            floor: 3,
            ..BootState::default()
        };
        state.commit(Slot::A, counter, other, close_door);
        assert_eq!(state.floor, expected, "{counter} {other:?} {close_door}");
    }
}

#[test]
fn what_was_given_up_is_not_started_by_itself() {
    let mut state = state(SlotState::Good, SlotState::Good);
    state.preferred = Slot::B;
    state.give_up(Slot::B);
    assert_eq!(all(state), [A, Recovery, B, Nothing]);
}

#[test]
fn a_change_of_payload_is_asked_once_and_costs_one_try_in_all() {
    let mut plan = BootPlan::new(state(SlotState::Good, SlotState::Trial { left: 3 }));
    assert_eq!(plan.next_candidate(), B);
    assert!(plan.may_change_payload(B));
    plan.changes_payload(B);
    let asked = plan.state().clone();
    assert_eq!(asked.slot(Slot::B).state, SlotState::Trial { left: 3 });

    // The payload came: the try is counted there.
    let mut came = BootPlan::new(asked.clone());
    assert_eq!(came.next_candidate(), B);
    let counted = came.state().slot(Slot::B).state;
    assert_eq!(counted, SlotState::Trial { left: 2 });
    assert_eq!(came.state().payload, 0);

    // It did not come: the former payload runs, and takes another slot.
    assert!(!came.may_change_payload(B));
    came.refused(B, Refusal::Kernel);
    assert_eq!(came.next_candidate(), A);
    // A later start may ask again.
    let mut later = BootPlan::new(came.state().clone());
    assert_eq!(later.next_candidate(), B);
    assert!(later.may_change_payload(B));
}
