use super::*;
use crate::catalogue::Catalogue;
use crate::catalogue::dlms::DlmsModel;
use crate::cosem::SetupAnswers;
use ::dlms::codec::Data;
use std::sync::LazyLock;

static MODEL: LazyLock<DlmsModel> = LazyLock::new(|| {
    let text = include_str!("../../../../../../config/meter-models/dlms-generic.toml");
    let catalogue = Catalogue::parse(&[("dlms-generic.toml", text)]).unwrap();
    catalogue.dlms_model("dlms-generic").unwrap().clone()
});

const PERIOD: u32 = 1800;
/// 2026-10-25, noon in UTC.
const NOON: u64 = 1_792_929_600;

fn setup(in_use: u32, order: u8) -> ProfileSetup {
    let clock = Data::Structure(vec![
        Data::LongUnsigned(8),
        Data::OctetString(vec![0, 0, 1, 0, 0, 255]),
        Data::Integer(2),
        Data::LongUnsigned(0),
    ]);
    let answers = SetupAnswers {
        objects: &Data::Array(vec![clock]),
        period: &Data::DoubleLongUnsigned(PERIOD),
        order: Some(&Data::Enum(order)),
        in_use: Some(&Data::DoubleLongUnsigned(in_use)),
        entries: None,
    };
    ProfileSetup::read(&MODEL, MODEL.load_profile().unwrap(), &answers).unwrap()
}

fn marks(first_back: u64, last_back: u64) -> Marks {
    let at = |back: u64| Timestamp::from_seconds(NOON - back * u64::from(PERIOD));
    Marks {
        first: at(first_back),
        last: at(last_back),
    }
}

fn part(
    way: RowsWay,
    wanted: Marks,
    setup: &ProfileSetup,
    rows_max: u32,
    back: u32,
) -> ProfilePart {
    let basis = "posix:CET-1CEST,M3.5.0,M10.5.0/3".parse().unwrap();
    let ground = PartGround {
        profile: MODEL.load_profile().unwrap(),
        setup,
        period: Period::from_seconds(PERIOD).unwrap(),
        basis: &basis,
        now: Timestamp::from_seconds(NOON),
        rows_max,
        back,
    };
    next_part(way, wanted, None, &ground)
}

/// What a range asks for, as the clock shows it.
fn range(wanted: Marks, rows_max: u32, back: u32) -> String {
    range_of(wanted, &setup(1000, 1), rows_max, back)
}

fn range_of(wanted: Marks, setup: &ProfileSetup, rows_max: u32, back: u32) -> String {
    let found = part(RowsWay::Range, wanted, setup, rows_max, back);
    let Some(Selection::Range { from, to, .. }) = found.selection else {
        panic!("it is no range");
    };
    let shown = |data: &Data| CosemTime::of(data, "it").unwrap().shown.to_string();
    format!("{} to {}", shown(&from), shown(&to))
}

fn places(wanted: Marks, setup: &ProfileSetup, rows_max: u32, back: u32) -> (u32, u32, u32) {
    let found = part(RowsWay::Entry, wanted, setup, rows_max, back);
    let Some(Selection::Entries { from, to, .. }) = found.selection else {
        panic!("they are no places");
    };
    (from, to, found.age)
}

#[test]
fn a_range_begins_behind_the_mark_before_and_ends_a_little_late() {
    let noon = "2026-10-25 11:30:01 to 2026-10-25 13:00:30";
    assert_eq!(range(marks(2, 0), 100, 0), noon);
    let short = "2026-10-25 11:30:01 to 2026-10-25 12:00:30";
    assert_eq!(range(marks(2, 0), 1, 0), short);
    let further = "2026-10-25 10:30:01 to 2026-10-25 13:00:30";
    assert_eq!(range(marks(2, 0), 100, 2), further);
    // Where newer rows are sent before it, the row that it refers to is a newer one.
    let newest_first = range_of(marks(2, 1), &setup(1000, 2), 100, 2);
    assert_eq!(newest_first, "2026-10-25 11:30:01 to 2026-10-25 13:30:30");
}

#[test]
fn a_range_over_a_clock_change_is_an_hour_wider_on_both_sides() {
    // Marks from 00:30 to 01:30 in UTC: the clock shows 02:30, 02:00 and 02:30.
    let found = range(marks(23, 21), 100, 0);
    assert_eq!(found, "2026-10-25 01:00:01 to 2026-10-25 03:30:30");
}

#[test]
fn places_reach_at_least_as_far_back_as_their_marks() {
    assert_eq!(places(marks(4, 0), &setup(1000, 1), 100, 0), (994, 1000, 0));
    assert_eq!(places(marks(4, 0), &setup(1000, 2), 100, 0), (1, 7, 0));
    assert_eq!(places(marks(40, 0), &setup(1000, 1), 10, 0), (958, 967, 33));
    assert_eq!(places(marks(40, 0), &setup(1000, 2), 10, 0), (34, 43, 33));
}

#[test]
fn what_refers_to_a_row_before_it_begins_further_back_in_the_buffer() {
    assert_eq!(places(marks(40, 0), &setup(1000, 1), 10, 3), (955, 967, 33));
    assert_eq!(places(marks(40, 0), &setup(1000, 2), 10, 3), (31, 46, 33));
    assert_eq!(places(marks(4, 0), &setup(5, 1), 100, 3), (1, 5, 0));
}

#[test]
fn a_meter_that_does_not_say_how_many_rows_it_has_is_read_whole() {
    let mut setup = setup(1, 1);
    setup.in_use = None;
    let found = part(RowsWay::Entry, marks(4, 0), &setup, 10, 0);
    assert_eq!((found.selection, found.begins_within), (None, false));
}
