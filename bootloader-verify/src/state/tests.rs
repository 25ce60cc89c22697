use super::*;
use crate::limits::TRIES;
use proptest::prelude::*;

fn states() -> impl Strategy<Value = BootState> {
    let record =
        (0..5_u8, any::<u8>(), any::<u8>(), 0..17_u8).prop_map(|(state, left, streak, refused)| {
            SlotRecord {
                state: match state {
                    0 => SlotState::Empty,
                    1 => SlotState::Writing,
                    2 => SlotState::Trial { left },
                    3 => SlotState::Good,
                    _ => SlotState::Bad,
                },
                streak,
                refused: Refusal::of_code(refused),
            }
        });
    let slots = [record.clone(), record];
    let rest = (any::<bool>(), 0..17_u8, 0..4_u8);
    (any::<u64>(), any::<u64>(), rest, slots).prop_map(
        |(sequence, floor, (is_b, recovery, payload), slots)| BootState {
            payload,
            sequence,
            floor,
            preferred: if is_b { Slot::B } else { Slot::A },
            recovery: Refusal::of_code(recovery),
            slots,
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(state in states()) {
        prop_assert_eq!(BootState::decode(&state.encode()), Some(state));
    }

    #[test]
    fn a_flipped_bit_makes_a_copy_unreadable(state in states(), at in 0..BLOCK, bit in 0..8_u8) {
        let mut block = state.encode();
        block[at] ^= 1 << bit;
        prop_assert_eq!(BootState::decode(&block), None);
    }

    #[test]
    fn whatever_lies_on_the_disk_there_is_a_state(first in prop::collection::vec(any::<u8>(), 0..5000), second in prop::collection::vec(any::<u8>(), 0..5000)) {
        let (state, place) = BootState::newest(&first, &second);
        prop_assert_eq!(state, BootState::default());
        prop_assert_eq!(place, Copy::First);
    }

    #[test]
    fn a_torn_copy_leaves_the_other(state in states(), cut in 0..8_usize) {
        prop_assume!(state.sequence < u64::MAX);
        let (old, new) = (state.encode(), state.next().encode());
        // The newer one was being written over nothing when the power went.
        let mut torn = [0; BLOCK];
        torn[..cut * 512].copy_from_slice(&new[..cut * 512]);
        let (found, place) = BootState::newest(&old, &torn);
        prop_assert_eq!(found, state);
        prop_assert_eq!(place, Copy::Second);
    }
}

#[test]
fn the_newer_copy_counts_and_the_older_one_is_overwritten() {
    let older = BootState::default().next();
    let mut newer = older.next();
    newer.begin_trial(Slot::B);
    for (first, second, place) in [
        (&older, &newer, Copy::First),
        (&newer, &older, Copy::Second),
    ] {
        let found = BootState::newest(&first.encode(), &second.encode());
        assert_eq!(found, (newer.clone(), place));
    }
    let left = newer.slot(Slot::B).state;
    assert_eq!(left, SlotState::Trial { left: TRIES });
}
