//! What a visit brings, and what it refuses.

use crate::keeper::Keeper;
use crate::meter::{AUTH_TWO, KEY_TWO, LOW, PASSWORD, PUBLIC, ROWS, SUITE_TWO};
use crate::wire::{Far, Wire};
use dlms::codec::{Conformance, Data};
use dlms::conversation::Terms;
use dlms::security::{Keys, Secret, Suite, SystemTitle};
use line::Peer;
use metering::{Period, Row, Timestamp};
use meters::ClockBasis;
use meters::catalogue::Catalogue;
use meters::catalogue::dlms::DlmsModel;
use meters::collection::{Marks, Wanted};
use meters::dlms::{
    CollectRun, DlmsCredentials, DlmsFault, DlmsPlace, DlmsVisit, DlmsWish, ExpectedMeter, RowsWay,
    RunEnd, Scalers, dlms_terms,
};
use std::collections::BTreeMap;
use std::time::Duration;

const NAME: &str = "PMUTEST000000001";
/// A quarter of an hour behind the last row of the meter: 2026-06-03, noon of its clock.
const NOW: u64 = 1_780_480_800;

/// The generic model at the address of the meter, with these ways to choose rows.
fn model(selection: &str) -> DlmsModel {
    let text = include_str!("../../../../../config/meter-models/dlms-generic.toml");
    let place = "address-octets = 1\nupper = 1\n";
    let load = "content = \"load profile 1\"\n";
    assert!(text.contains(place) && text.contains(load));
    let text = text
        .replace(place, "address-octets = 2\nupper = 1\nlower = 17\n")
        .replace(load, &format!("{load}selection = {selection}\n"));
    let catalogue = Catalogue::parse(&[("dlms-generic.toml", &text)]).unwrap();
    catalogue.dlms_model("dlms-generic").unwrap().clone()
}

fn basis() -> ClockBasis {
    "posix:CET-1CEST,M3.5.0,M10.5.0/3".parse().unwrap()
}

fn terms(model: &DlmsModel, client: u16, place: DlmsPlace, hold_max: Duration) -> Terms {
    let (association, credentials) = match client {
        PUBLIC => ("public", DlmsCredentials::None),
        LOW => (
            "reader",
            DlmsCredentials::Password(Secret::new(PASSWORD).unwrap()),
        ),
        _ => {
            let keys = Keys::new(Suite::Two, &KEY_TWO, &AUTH_TWO).unwrap();
            (
                "secured",
                DlmsCredentials::Keys(keys, SystemTitle(*b"PMU\0\0\0\0\x01")),
            )
        }
    };
    let wish = DlmsWish {
        peer: Peer(17),
        place,
        association: association.to_owned(),
        client: Some(client),
        hold_max,
        pdu_octets: None,
    };
    dlms_terms(model, &wish, &credentials).unwrap()
}

/// The meter, whose profile says all about itself.
fn meter(far: Far) -> Wire {
    let wire = Wire::new(far);
    {
        let mut far = wire.far.lock().unwrap();
        let model = model("[]");
        let profile = model.load_profile().unwrap();
        let values = &mut far.device().store_mut().values;
        for (number, value) in [
            (4, Data::DoubleLongUnsigned(900)),
            (5, Data::Enum(1)),
            (7, Data::DoubleLongUnsigned(ROWS)),
            (8, Data::DoubleLongUnsigned(1000)),
        ] {
            values.insert(profile.attribute(number), value);
        }
    }
    wire
}

fn any() -> ExpectedMeter {
    ExpectedMeter::Any
}

fn all() -> Wanted {
    Wanted::Only(vec![Marks {
        first: Timestamp::from_seconds(NOW - 4 * 86_400),
        last: Timestamp::from_seconds(NOW),
    }])
}

/// Rows that came, by their marks, and how often each came.
#[derive(Default)]
struct Came {
    rows: BTreeMap<Timestamp, Row>,
    sessions: u32,
    parts: u32,
    twice: usize,
}

/// Reads in as many sessions as that takes.
async fn collect(
    wire: &mut Wire,
    model: &DlmsModel,
    terms: &Terms,
    wanted: &Wanted,
    way: RowsWay,
) -> Came {
    let profile = model.load_profile().unwrap();
    let period = Period::from_seconds(900).unwrap();
    let now = Timestamp::from_seconds(NOW);
    let mut run = CollectRun::new(wanted, profile, period, now);
    let (mut came, mut scalers, mut keeper) = (Came::default(), Scalers::new(), Keeper::default());
    loop {
        came.sessions += 1;
        assert!(came.sessions < 100, "it does not end");
        let mut visit = DlmsVisit::begin(&mut wire.guard, &mut keeper, model, terms, &any())
            .await
            .unwrap();
        let setup = visit.setup(profile).await.unwrap();
        let mut take = |read: meters::cosem::ProfileRead| {
            came.parts += 1;
            assert_eq!(read.happenings, []);
            for found in read.rows {
                came.twice += usize::from(came.rows.insert(found.row.end, found.row).is_some());
            }
            true
        };
        let basis = basis();
        let end = visit
            .collect(
                &mut run,
                (profile, &setup),
                &mut scalers,
                (&basis, now),
                &mut take,
            )
            .await
            .unwrap();
        assert!(visit.end().await.fault.is_none());
        assert_eq!(run.way(), way);
        if end == RunEnd::Done {
            assert_eq!(run.remaining(), []);
            return came;
        }
    }
}

/// Every row of the meter, as it was made.
#[track_caller]
fn check_rows(came: &Came) {
    assert_eq!(came.rows.len(), usize::try_from(ROWS).unwrap());
    for (number, row) in (1_i64..).zip(came.rows.values()) {
        assert_eq!(row.values, [Some(1_000_000 + number * 19)]);
    }
    let first = came.rows.keys().next().unwrap();
    assert_eq!(first.to_string(), "2026-05-31T22:00:00Z");
}

const LONG: Duration = Duration::from_mins(10);
const HDLC: DlmsPlace = DlmsPlace::Hdlc { lower: None };

#[tokio::test(start_paused = true)]
async fn a_visit_says_which_meter_it_is_shows_its_clock_and_reads_registers() {
    let model = model("[\"range\"]");
    for client in [PUBLIC, LOW, SUITE_TWO] {
        for place in [HDLC, DlmsPlace::Wrapper] {
            let far = match place {
                DlmsPlace::Hdlc { .. } => Far::hdlc(1024),
                DlmsPlace::Wrapper => Far::wrapper(1024),
            };
            let mut wire = meter(far);
            let mut keeper = Keeper::default();
            let terms = terms(&model, client, place, LONG);
            let expected = ExpectedMeter::This(NAME.to_owned());
            let mut visit =
                DlmsVisit::begin(&mut wire.guard, &mut keeper, &model, &terms, &expected)
                    .await
                    .unwrap();
            assert_eq!(visit.identity(), NAME);
            let clock = visit.clock().await.unwrap();
            assert_eq!(clock.value.shown.to_string(), "2026-06-01 12:15:00");
            assert!(clock.arrived_at > clock.left_at);
            let registers: Vec<_> = model.default_registers().take(2).collect();
            let mut scalers = Scalers::new();
            let read = visit.registers(&registers, &mut scalers).await.unwrap();
            let [Ok(energy), Err(other)] = read.as_slice() else {
                panic!("{read:?}");
            };
            assert_eq!(energy.quantity.unwrap().to_string(), "1234.5678 kWh");
            let words = "the meter does not give 3/1-0:2.8.0*255/2: object undefined";
            assert_eq!(other.to_string(), words);
            assert!(visit.end().await.fault.is_none());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn another_meter_is_left_before_anything_of_it_is_read() {
    let model = model("[\"range\"]");
    let mut wire = meter(Far::hdlc(1024));
    let mut keeper = Keeper::default();
    let terms = terms(&model, LOW, HDLC, LONG);
    let expected = ExpectedMeter::This("12345678".to_owned());
    let fault = DlmsVisit::begin(&mut wire.guard, &mut keeper, &model, &terms, &expected)
        .await
        .unwrap_err();
    assert!(fault.ends_session());
    let DlmsFault::WrongMeter { found, .. } = fault else {
        panic!("{fault}");
    };
    assert_eq!(found, NAME);
    let log = wire.log();
    let asked = ["2 reads 1/0-0:96.1.0*255/2", "2 reads 1/0-0:42.0.0*255/2"];
    assert_eq!(log, asked);
}

#[tokio::test(start_paused = true)]
async fn a_profile_is_read_by_time_by_place_or_whole() {
    for (selection, way) in [
        ("[\"range\", \"entry\"]", RowsWay::Range),
        ("[\"entry\"]", RowsWay::Entry),
        ("[]", RowsWay::Whole),
    ] {
        let model = model(selection);
        let mut wire = meter(Far::hdlc(1024));
        let terms = terms(&model, SUITE_TWO, HDLC, LONG);
        let came = collect(&mut wire, &model, &terms, &all(), way).await;
        check_rows(&came);
        assert_eq!((came.twice, came.sessions), (0, 1), "{way:?}");
        assert!(way == RowsWay::Whole || came.parts > 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_association_without_selection_reads_the_whole_buffer() {
    let model = model("[\"range\", \"entry\"]");
    let mut wire = meter(Far::hdlc(1024));
    let terms = Terms {
        conformance: Conformance::ALL.without(Conformance::SELECTION),
        ..terms(&model, LOW, HDLC, LONG)
    };
    let came = collect(&mut wire, &model, &terms, &all(), RowsWay::Whole).await;
    check_rows(&came);
}

#[tokio::test(start_paused = true)]
async fn what_a_session_leaves_undone_goes_on_in_the_next_one() {
    for (selection, way) in [
        ("[\"range\"]", RowsWay::Range),
        ("[\"entry\"]", RowsWay::Entry),
    ] {
        let model = model(selection);
        let mut wire = meter(Far::hdlc(256));
        let terms = terms(&model, LOW, HDLC, Duration::from_secs(6));
        let came = collect(&mut wire, &model, &terms, &all(), way).await;
        check_rows(&came);
        assert!(came.sessions > 1, "{way:?} took one session");
        if way == RowsWay::Range {
            assert_eq!(came.twice, 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_marks_that_are_missing_are_asked_for() {
    let model = model("[\"range\"]");
    let mut wire = meter(Far::wrapper(1024));
    let terms = terms(&model, LOW, DlmsPlace::Wrapper, LONG);
    let at = |back: u64| Timestamp::from_seconds(NOW - back * 900);
    let stretch = |first, last| Marks {
        first: at(first),
        last: at(last),
    };
    let wanted = Wanted::Only(vec![stretch(3, 0), stretch(100, 99)]);
    let came = collect(&mut wire, &model, &terms, &wanted, RowsWay::Range).await;
    let marks: Vec<Timestamp> = came.rows.keys().copied().collect();
    // The mark of now has no row yet.
    assert_eq!(marks, [at(100), at(99), at(3), at(2), at(1)]);
    assert_eq!(came.parts, 2);
}

#[test]
fn what_an_association_needs_must_be_there() {
    let model = model("[]");
    let wish = |association: &str, place| DlmsWish {
        peer: Peer(17),
        place,
        association: association.to_owned(),
        client: None,
        hold_max: LONG,
        pdu_octets: None,
    };
    let told = |association: &str, place| {
        let terms = dlms_terms(&model, &wish(association, place), &DlmsCredentials::None);
        terms.map(|_| ()).map_err(|fault| fault.to_string())
    };
    assert_eq!(told("public", HDLC), Ok(()));
    let lacks = |words: &str| Err(words.to_owned());
    assert_eq!(
        told("nobody", HDLC),
        lacks("association `nobody` is not known; use one of the model's associations")
    );
    assert_eq!(
        told("reader", HDLC),
        lacks("a password for association `reader` is not known; give the meter's password")
    );
    assert_eq!(
        told("secured", HDLC),
        lacks("keys for association `secured` is not known; import the meter's keys")
    );
    let far = DlmsPlace::Hdlc { lower: Some(200) };
    assert_eq!(
        told("public", far),
        lacks(
            "the HDLC address of the meter is not known; give the meter's lower address in its \
             settings"
        )
    );
}

/// A list longer than any APDU comes in blocks, and one that is refused ends nothing.
#[tokio::test(start_paused = true)]
async fn an_object_list_comes_whole_or_is_refused() {
    let model = model("[]");
    let mut wire = meter(Far::hdlc(1024));
    let mut keeper = Keeper::default();
    let terms = terms(&model, LOW, HDLC, LONG);
    let mut visit = DlmsVisit::begin(&mut wire.guard, &mut keeper, &model, &terms, &any())
        .await
        .unwrap();
    let refused = visit.objects().await.unwrap_err();
    assert!(!refused.ends_session());
    assert!(matches!(refused, DlmsFault::Refused { .. }), "{refused}");
    let object = |number: u16| {
        let [high, low] = number.to_be_bytes();
        let rights = vec![Data::Array(Vec::new()), Data::Array(Vec::new())];
        Data::Structure(vec![
            Data::LongUnsigned(1),
            Data::Unsigned(0),
            Data::OctetString(vec![0, 0, 96, high, low, 255]),
            Data::Structure(rights),
        ])
    };
    let list = Data::Array((0..500).map(object).collect());
    assert!(list.encode().len() > 2 * 4096);
    {
        let mut far = wire.far.lock().unwrap();
        let values = &mut far.device().store_mut().values;
        values.insert(meters::cosem::OBJECT_LIST, list);
    }
    let objects = visit.objects().await.unwrap();
    assert_eq!(objects.len(), 500);
    assert_eq!(objects[499].name.to_string(), "0-0:96.1.243");
    visit.end().await;
}
