use super::*;
use crate::catalogue::Catalogue;
use iec62056_21::codec::octets_of;
use proptest::prelude::*;
use std::sync::LazyLock;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../config/meter-models");
    Catalogue::load(std::path::Path::new(folder)).unwrap()
});

fn events(id: &str, variant: &str, number: u16, before: &str, now: &str) -> Vec<MeterEvent> {
    let model = CATALOGUE.flag_model(id).unwrap();
    let row = model.identity(variant, number).unwrap();
    let octets = |text: &str| {
        let mut octets = octets_of(&text.replace(' ', "")).unwrap();
        octets.resize(usize::from(row.octets), 0);
        octets
    };
    let basis = "+01:00".parse().unwrap();
    MeterLog::new(model, variant, &basis).changes(row, &octets(before), &octets(now))
}

/// Each event as `code [time] detail`.
#[track_caller]
fn check(id: &str, number: u16, before: &str, now: &str, expected: &[&str]) {
    let model = CATALOGUE.flag_model(id).unwrap();
    let variant = &model.variants.last().unwrap().id;
    let told: Vec<String> = events(id, variant, number, before, now)
        .iter()
        .map(|event| {
            let at = event.at.map_or(String::new(), |at| format!("{at} "));
            format!("{} {at}{}", event.code, event.detail)
        })
        .collect();
    assert_eq!(told, expected);
}

/// An event of the set-up in the doctor's words.
fn setup(code: &str, what: &str) -> String {
    format!(
        "{code} L03: {what} changed since the last reading; compare the last backup with the meter, \
         and note the change"
    )
}

// 2025-01-01 at 00:00, 00:30, 01:00, 01:30 of the meter's clock.
const T0: &str = "80857467";
const T1: &str = "888C7467";
const T2: &str = "90937467";
const T3: &str = "989A7467";

#[test]
fn new_stamps_become_events_oldest_first() {
    check(
        "elster-a1700",
        695,
        &format!("0100 {T0}"),
        &format!("0300 {T2} {T1} {T0}"),
        &[
            "meter-power-failed 2024-12-31T23:30:00Z power failure",
            "meter-power-failed 2025-01-01T00:00:00Z power failure",
        ],
    );
    check(
        "elster-a1700",
        695,
        &format!("0100 {T0}"),
        &format!("0100 {T0}"),
        &[],
    );
}

#[test]
fn a_jump_beyond_the_stamps_is_said() {
    check(
        "elster-a1700",
        695,
        &format!("0100 {T0}"),
        &format!("0900 {T3} {T2} {T1}"),
        &[
            "meter-events-without-stamp power failure was counted 8 times since the last reading, \
             the meter has stamps of 3: 5 are without a time; read it more often",
            "meter-power-failed 2024-12-31T23:30:00Z power failure",
            "meter-power-failed 2025-01-01T00:00:00Z power failure",
            "meter-power-failed 2025-01-01T00:30:00Z power failure",
        ],
    );
}

#[test]
fn counters_roll_over() {
    check(
        "elster-a1700",
        695,
        &format!("FFFF {T0}"),
        &format!("0000 {T1} {T0}"),
        &["meter-power-failed 2024-12-31T23:30:00Z power failure"],
    );
    check(
        "elster-a1700",
        695,
        &format!("0500 {T0}"),
        "0000",
        &[&setup(
            "meter-setup-changed",
            "the counter of power failure (it went back from [5] to [0]: it was reset, or the meter \
             was exchanged)",
        )],
    );
}

#[test]
fn events_say_phases_ports_causes_and_names() {
    check(
        "elster-a1700",
        693,
        "0000",
        &format!("0100 {T1} 00000000 00000000 05"),
        &["meter-phase-failed 2024-12-31T23:30:00Z phase failure of phase A C"],
    );
    check(
        "elster-a1140",
        680,
        "0000",
        &format!("0100 {T1} 00000000 00000000 01 00 00 4A4F484E2020202020202020"),
        &["meter-programmed 2024-12-31T23:30:00Z programming, through a remote port, by `JOHN`"],
    );
    check(
        "elster-a1140",
        699,
        "0000",
        &format!("0100 {T1} 00000000 00000000 08"),
        &["meter-billing-reset 2024-12-31T23:30:00Z end of billing, cause 08"],
    );
}

#[test]
fn long_counters_are_added_up_over_their_phases() {
    let long = |counts: &str, start: &str, stop: &str| {
        let none = "00000000".repeat(4);
        format!("{counts} 000000000000000000000000 {start}{none} {stop}{none} 02")
    };
    let told = events(
        "elster-a1700",
        "extended",
        693,
        &long("000000000000", "00000000", "00000000"),
        &long("000001000000", T1, T2),
    );
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0].detail,
        "phase failure of phase B until 2025-01-01 01:00:00"
    );
}

#[test]
fn status_bits_that_come_and_go_are_events() {
    check(
        "elster-a1700",
        724,
        "00000001",
        "00010080",
        &[
            "meter-phase-failed status system bit 8 came up: phase A failed",
            "meter-device-error status system bit 31 came up: backup register set corrupt",
            "meter-status-changed status system bit 24 went: billing reset",
        ],
    );
    check(
        "elster-a1140",
        724,
        "00",
        "00000000 01",
        &["meter-status-changed status error bit 0 came up: meaning not known"],
    );
}

#[test]
fn another_identity_ratio_or_set_up_is_an_event() {
    check(
        "elster-a1700",
        798,
        "3031",
        "3032",
        &[&setup(
            "meter-identity-changed",
            "serial number (`01`, now `02`)",
        )],
    );
    check(
        "elster-a1700",
        795,
        "41",
        "42",
        &[&setup("meter-setup-changed", "scheme (`A`, now `B`)")],
    );
    check(
        "elster-a1700",
        616,
        "00000200 0005",
        "00000400 0005",
        &[&setup(
            "meter-ratio-changed",
            "the ratio of transformers (200.00 A : 5.00 A, now 400.00 A : 5.00 A)",
        )],
    );
    check(
        "elster-a1700",
        777,
        "0001",
        "0003",
        &[&setup(
            "meter-profile-reconfigured",
            "channels of the load profile ([00, 01], now [00, 03])",
        )],
    );
    check(
        "elster-a1700",
        667,
        "01",
        "02",
        &[&setup(
            "meter-setup-changed",
            "what the TOU registers measure \
             ([01, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00], now \
             [02, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00])",
        )],
    );
    // Totals move all the time.
    check("elster-a1700", 507, "01", "02", &[]);
}

proptest! {
    #[test]
    fn every_count_is_an_event_or_said_to_be_without_a_stamp(before: u16, advance in 0_u16..2000, kept in 0_usize..4) {
        let stamps = [T3, T2, T1][..kept].concat();
        let now = before.wrapping_add(advance);
        let text = |count: u16, stamps: &str| {
            let [low, high] = count.to_le_bytes();
            format!("{low:02X}{high:02X} {stamps}")
        };
        let told = events("elster-a1700", "tou-16", 695, &text(before, ""), &text(now, &stamps));
        let stamped = told.iter().filter(|event| event.at.is_some()).count();
        prop_assert_eq!(stamped, kept.min(usize::from(advance)));
        let is_short = usize::from(advance) > stamped;
        prop_assert_eq!(told.len() - stamped, usize::from(is_short));
    }

    #[test]
    fn no_octets_make_it_panic(before: Vec<u8>, now: Vec<u8>) {
        let basis = ClockBasis::utc();
        for model in CATALOGUE.flag_models() {
            for row in &model.identities {
                for variant in &model.variants {
                    let log = MeterLog::new(model, &variant.id, &basis);
                    log.changes(row, &before, &now);
                }
            }
        }
    }
}
