use super::*;
use crate::catalogue::Phase;
use crate::modbus::WriteFunction;
use crate::program::Place;

fn item(place: Place, role: Role, wanted: &[u8]) -> PlanItem {
    PlanItem {
        name: "x".to_owned(),
        phase: Phase::Setting,
        place,
        role,
        wanted: wanted.to_vec(),
        words: String::new(),
        clears_profile: false,
    }
}

fn registers(function: WriteFunction) -> Place {
    Place::Registers {
        address: 1,
        count: 2,
        function,
    }
}

#[track_caller]
fn check(function: WriteFunction, found: &[u8], expected: StepState) {
    let item = item(registers(function), Role::Keep, &[1, 1, 2, 2]);
    assert_eq!(state(&item, &[0, 0, 0, 0], found, false), expected);
}

#[test]
fn what_stands_there_is_old_new_or_told() {
    use StepState::{Between, Foreign, New, Old, Same};
    check(WriteFunction::Several, &[0, 0, 0, 0], Old);
    check(WriteFunction::Several, &[1, 1, 2, 2], New);
    // One frame writes both: a half is nothing that this plan left.
    check(WriteFunction::Several, &[1, 1, 0, 0], Foreign);
    check(WriteFunction::Single, &[1, 1, 0, 0], Between);
    check(WriteFunction::Single, &[1, 1, 9, 9], Foreign);
    let same = item(registers(WriteFunction::Single), Role::Keep, &[7; 4]);
    assert_eq!(state(&same, &[7; 4], &[7; 4], false), Same);
}

#[test]
fn what_is_done_once_is_told_by_its_witness() {
    use StepState::{Foreign, New, Old, Same};
    let place = Place::Packets {
        identity: 655,
        first: 1,
        octets: 0,
    };
    let witness = Place::Packets {
        identity: 543,
        first: 1,
        octets: 4,
    };
    let item = item(place, Role::Act { witness, at: 2 }, &[]);
    let check = |found: &[u8], expected| {
        assert_eq!(state(&item, &[9, 9, 0xff, 0xff], found, false), expected);
    };
    check(&[1, 1, 0xff, 0xff], Old);
    check(&[1, 1, 0, 0], New);
    check(&[1, 1, 1, 0], Foreign);
    check(&[1, 1], Foreign);
    assert_eq!(state(&item, &[0; 4], &[0, 0, 1, 0], true), Same);
}

#[test]
fn pieces_are_what_one_frame_carries() {
    let long = Place::Packets {
        identity: 668,
        first: 3,
        octets: 130,
    };
    let pieces = long.pieces();
    let shown: Vec<String> = pieces
        .iter()
        .map(|(place, range)| format!("{place} {range:?}"))
        .collect();
    assert_eq!(
        shown,
        [
            "668003 (64 octets) 0..64",
            "668004 (64 octets) 64..128",
            "668005 (2 octets) 128..130"
        ]
    );
    assert_eq!(registers(WriteFunction::Several).pieces().len(), 1);
    assert_eq!(registers(WriteFunction::Single).pieces().len(), 2);
}
