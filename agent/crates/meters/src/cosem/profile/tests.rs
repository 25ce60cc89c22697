use super::*;
use crate::catalogue::Catalogue;
use crate::cosem::SetupAnswers;
use dlms::codec::LogicalName;
use proptest::prelude::*;
use std::sync::LazyLock;

const BERLIN: &str = "posix:CET-1CEST,M3.5.0,M10.5.0/3";

static MODEL: LazyLock<DlmsModel> = LazyLock::new(|| {
    let text = include_str!("../../../../../../config/meter-models/dlms-as3000.toml");
    let catalogue = Catalogue::parse(&[("dlms-as3000.toml", text)]).unwrap();
    catalogue.dlms_model("dlms-as3000").unwrap().clone()
});

const CLOCK: (u16, [u8; 6], i8) = (8, [0, 0, 1, 0, 0, 255], 2);
const STATUS: (u16, [u8; 6], i8) = (1, [0, 0, 96, 10, 1, 255], 2);
const TOTAL: (u16, [u8; 6], i8) = (3, [1, 0, 1, 8, 0, 255], 2);
const INCREMENT: (u16, [u8; 6], i8) = (3, [1, 0, 1, 29, 0, 255], 2);
const DEMAND: (u16, [u8; 6], i8) = (5, [1, 0, 1, 4, 0, 255], 3);

fn structure(cells: &[Data]) -> Data {
    Data::Structure(cells.to_vec())
}

fn setup(columns: &[(u16, [u8; 6], i8)], period: u32, order: u8) -> ProfileSetup {
    let object = |(class, name, number): &(u16, [u8; 6], i8)| {
        structure(&[
            Data::LongUnsigned(*class),
            Data::OctetString(name.to_vec()),
            Data::Integer(*number),
            Data::LongUnsigned(0),
        ])
    };
    let objects = Data::Array(columns.iter().map(object).collect());
    let answers = SetupAnswers {
        objects: &objects,
        period: &Data::DoubleLongUnsigned(period),
        order: Some(&Data::Enum(order)),
        in_use: None,
        entries: None,
    };
    ProfileSetup::read(&MODEL, &MODEL.profiles[0], &answers).unwrap()
}

fn at(day: u8, hour: u8, minute: u8) -> Data {
    Data::OctetString(vec![
        0x07, 0xea, 10, day, 0xff, hour, minute, 0, 0, 0x80, 0, 0xff,
    ])
}

fn number(value: u32) -> Data {
    Data::DoubleLongUnsigned(value)
}

fn read(setup: &ProfileSetup, code: u8, rows: Vec<Data>) -> Result<ProfileRead, CosemFault> {
    let scaler = ScalerUnit { exponent: 1, code };
    let scalers = setup
        .scalers()
        .into_iter()
        .map(|wanted| (wanted, scaler))
        .collect();
    let basis = BERLIN.parse().unwrap();
    let reader = ProfileReader::new(&MODEL, &MODEL.profiles[0], &basis);
    reader.read(setup, &scalers, &Data::Array(rows), true)
}

/// `24T22:15 [Some(1)] flags` a row, then what is told.
#[track_caller]
fn check(setup: &ProfileSetup, rows: Vec<Data>, expected: &[&str], happenings: &[&str]) {
    let read = read(setup, 30, rows).unwrap();
    let told = read.rows.iter().map(|found| {
        let end = found.row.end.to_string();
        format!("{} {:?} {}", &end[8..16], found.row.values, found.row.flags)
    });
    let told: Vec<String> = told.collect();
    assert_eq!(told, expected);
    let told: Vec<String> = read.happenings.iter().map(ToString::to_string).collect();
    assert_eq!(told, happenings);
}

#[test]
fn a_column_is_what_the_meter_says_and_a_mark_is_in_utc() {
    let setup = setup(&[CLOCK, STATUS, TOTAL], 900, 1);
    let rows = vec![
        structure(&[at(1, 12, 15), Data::Unsigned(0), number(1000)]),
        structure(&[at(1, 12, 30), Data::Unsigned(0x80), number(1019)]),
    ];
    let expected = ["01T10:15 [Some(1000)] ", "01T10:30 [Some(1019)] power-down"];
    check(&setup, rows.clone(), &expected, &[]);
    let read = read(&setup, 30, rows).unwrap();
    let channel = &read.shape.channels[0];
    assert_eq!(
        (channel.exponent, channel.kind),
        (1, metering::ChannelKind::Register)
    );
    assert_eq!(read.blocks().len(), 1);
    assert_eq!(read.newest().unwrap().to_string(), "2026-10-01T10:30:00Z");
}

#[test]
fn null_data_stands_for_the_row_before_and_a_time_one_period_later() {
    let setup = setup(&[CLOCK, STATUS, TOTAL], 900, 1);
    let rows = vec![
        structure(&[at(1, 12, 15), Data::Unsigned(0x20), number(1000)]),
        structure(&[Data::Null, Data::Null, number(1001)]),
        structure(&[Data::Null, Data::Unsigned(0), Data::Null]),
    ];
    let expected = [
        "01T10:15 [Some(1000)] time-set",
        "01T10:30 [Some(1001)] time-set",
        "01T10:45 [Some(1001)] ",
    ];
    check(&setup, rows.clone(), &expected, &[]);
    let later = read(&setup, 30, rows[1..].to_vec());
    assert_eq!(later, Err(CosemFault::FirstRow));
}

#[test]
fn the_newest_row_may_be_the_first_and_null_data_counts_back() {
    let setup = setup(&[CLOCK, TOTAL], 900, 2);
    let rows = vec![
        structure(&[at(1, 12, 45), number(3)]),
        structure(&[Data::Null, number(2)]),
        structure(&[at(1, 12, 15), number(1)]),
    ];
    let expected = [
        "01T10:15 [Some(1)] ",
        "01T10:30 [Some(2)] ",
        "01T10:45 [Some(3)] ",
    ];
    check(&setup, rows, &expected, &[]);
}

#[test]
fn an_order_that_stamps_contradict_is_not_believed() {
    let setup = setup(&[CLOCK, TOTAL], 900, 1);
    let rows = vec![
        structure(&[at(1, 12, 45), number(3)]),
        structure(&[at(1, 12, 30), number(2)]),
        structure(&[at(1, 12, 15), number(1)]),
    ];
    let expected = [
        "01T10:15 [Some(1)] ",
        "01T10:30 [Some(2)] ",
        "01T10:45 [Some(3)] ",
    ];
    let told = "rows lie the other way than the profile says; their stamps are believed";
    check(&setup, rows, &expected, &[told]);
}

#[test]
fn both_hours_of_an_autumn_change_have_their_rows_by_their_order() {
    for order in [1, 2] {
        let setup = setup(&[CLOCK, TOTAL], 1800, order);
        let stamps = [(1, 30), (2, 0), (2, 30), (2, 0), (2, 30), (3, 0)];
        let row = |(value, (hour, minute))| structure(&[at(25, hour, minute), number(value)]);
        let mut rows: Vec<Data> = (1..).zip(stamps).map(row).collect();
        if order == 2 {
            rows.reverse();
        }
        let expected = [
            "24T23:30 [Some(1)] ",
            "25T00:00 [Some(2)] ",
            "25T00:30 [Some(3)] ",
            "25T01:00 [Some(4)] ",
            "25T01:30 [Some(5)] ",
            "25T02:00 [Some(6)] ",
        ];
        check(&setup, rows.clone(), &expected, &[]);
        // A time that is left out is counted, and the change does not matter to it.
        let counted = [
            vec![rows[0].clone()],
            (2..7)
                .map(|value| {
                    structure(&[
                        Data::Null,
                        number(if order == 2 { 7 - value } else { value }),
                    ])
                })
                .collect(),
        ]
        .concat();
        check(&setup, counted, &expected, &[]);
    }
}

#[test]
fn rows_that_begin_within_the_second_hour_are_told_by_what_follows() {
    let setup = setup(&[CLOCK, TOTAL], 1800, 1);
    let rows = vec![
        structure(&[at(25, 2, 30), number(1)]),
        structure(&[at(25, 3, 0), number(2)]),
    ];
    check(
        &setup,
        rows,
        &["25T01:30 [Some(1)] ", "25T02:00 [Some(2)] "],
        &[],
    );
    let alone = vec![structure(&[at(25, 2, 30), number(1)])];
    let told = "rows from 2026-10-25T00:30:00Z to 2026-10-25T00:30:00Z may lie an hour later; read \
                more rows around them";
    check(&setup, alone, &["25T00:30 [Some(1)] "], &[told]);
}

#[test]
fn a_mark_that_comes_again_behind_a_clock_change_is_told_and_lost_to_nobody() {
    let setup = setup(&[CLOCK, INCREMENT], 900, 1);
    let rows = vec![
        structure(&[at(1, 12, 15), number(5)]),
        structure(&[at(1, 12, 30), number(6)]),
        structure(&[at(1, 12, 15), number(7)]),
        structure(&[at(1, 12, 30), number(8)]),
        structure(&[at(1, 12, 45), number(9)]),
    ];
    check(
        &setup,
        rows,
        &[
            "01T10:15 [Some(5)] ",
            "01T10:30 [Some(6)] ",
            "01T10:45 [Some(9)] ",
        ],
        &[
            "the clock was set back by 900 s, to 2026-10-01T10:15:00Z",
            "mark 2026-10-01T10:15:00Z came again with [Some(7)]; its first row stays",
            "mark 2026-10-01T10:30:00Z came again with [Some(8)]; its first row stays",
        ],
    );
}

#[test]
fn parts_of_an_interval_add_up_and_are_short() {
    let rows = |values: [u32; 3]| {
        vec![
            structure(&[at(1, 12, 7), number(values[0])]),
            structure(&[at(1, 12, 15), number(values[1])]),
            structure(&[at(1, 12, 40), number(values[2])]),
        ]
    };
    let increments = setup(&[CLOCK, INCREMENT], 900, 1);
    let expected = ["01T10:15 [Some(7)] short", "01T10:45 [Some(4)] short"];
    check(&increments, rows([5, 2, 4]), &expected, &[]);
    let totals = setup(&[CLOCK, TOTAL], 900, 1);
    let expected = ["01T10:15 [Some(7)] short", "01T10:45 [Some(9)] short"];
    check(&totals, rows([5, 7, 9]), &expected, &[]);
}

#[test]
fn a_row_that_is_written_a_little_late_belongs_to_its_mark() {
    let setup = setup(&[CLOCK, TOTAL], 900, 1);
    let mut stamp = at(1, 12, 15);
    if let Data::OctetString(octets) = &mut stamp {
        octets[7] = 3;
    }
    let read = read(&setup, 30, vec![structure(&[stamp, number(1)])]).unwrap();
    let row = &read.rows[0].row;
    assert_eq!(
        (row.end.to_string().as_str(), row.offset_ms),
        ("2026-10-01T10:15:00Z", 3000)
    );
    assert!(row.flags.is_good());
}

#[test]
fn demand_has_its_energy_beside_it() {
    let setup = setup(&[CLOCK, DEMAND], 900, 1);
    let rows = vec![structure(&[at(1, 12, 15), number(40)])];
    let read = read(&setup, 27, rows).unwrap();
    let codes = read.shape.channels.iter();
    let codes: Vec<String> = codes
        .map(|channel| format!("{} {} {}", channel.obis, channel.exponent, channel.unit))
        .collect();
    assert_eq!(codes, ["1-0:1.4.0 1 W", "1-0:1.29.0 -1 Wh"]);
    assert_eq!(read.rows[0].row.values, [Some(40), Some(1000)]);
}

#[test]
fn what_has_no_scaler_no_unit_or_no_number_is_told() {
    let columns = setup(&[CLOCK, TOTAL], 900, 1);
    let unit = read(&columns, 13, vec![structure(&[at(1, 12, 15), number(1)])]).unwrap();
    let code = CosemHappening::NoUnit {
        obis: "1-0:1.8.0".parse().unwrap(),
        code: 13,
    };
    assert_eq!(unit.happenings, [code]);
    assert!(unit.shape.channels.is_empty());
    let rows = vec![structure(&[
        at(1, 12, 15),
        Data::VisibleString(b"?".to_vec()),
    ])];
    let told = "1-0:1.8.0 at 2026-10-01T10:15:00Z is `?`, which is no number of its scale";
    check(&columns, rows, &["01T10:15 [None] missing"], &[told]);
}

#[test]
fn scaler_and_unit_that_are_captured_count() {
    let scaler = (3, [1, 0, 1, 8, 0, 255], 3);
    let setup = setup(&[CLOCK, TOTAL, scaler], 900, 1);
    let own = |exponent| structure(&[Data::Integer(exponent), Data::Enum(30)]);
    let rows = vec![
        structure(&[at(1, 12, 15), number(1000), own(0)]),
        structure(&[at(1, 12, 30), number(101), own(1)]),
        structure(&[at(1, 12, 45), number(1), own(-1)]),
    ];
    let told = "1-0:1.8.0 at 2026-10-01T10:45:00Z is `1`, which is no number of its scale";
    let expected = [
        "01T10:15 [Some(1000)] ",
        "01T10:30 [Some(1010)] ",
        "01T10:45 [None] missing",
    ];
    check(&setup, rows, &expected, &[told]);
}

#[test]
fn unknown_bits_are_kept_and_told() {
    let setup = setup(&[CLOCK, STATUS, TOTAL], 900, 1);
    let bits = dlms::codec::BitString::new(16, vec![0b1000_0001, 0b0100_0000]).unwrap();
    let rows = vec![structure(&[
        at(1, 12, 15),
        Data::BitString(bits),
        number(1),
    ])];
    let read = read(&setup, 30, rows).unwrap();
    assert_eq!(read.rows[0].status, Some(0b10_1000_0001));
    assert_eq!(read.rows[0].row.flags.to_string(), "power-down+not-valid");
    assert_eq!(read.happenings, [CosemHappening::UnknownBits(1 << 9)]);
}

#[test]
fn rows_with_unknown_bits_are_told_as_stretches() {
    let setup = setup(&[CLOCK, STATUS, TOTAL], 900, 1);
    let row = |minute: u8, status: u8| {
        let bits = dlms::codec::BitString::new(16, vec![0, status]).unwrap();
        structure(&[at(1, 12, minute), Data::BitString(bits), number(1)])
    };
    // Bit 9 is the second of the second octet.
    let rows = vec![row(0, 0), row(15, 0x40), row(30, 0x40), row(45, 0)];
    let read = read(&setup, 30, rows).unwrap();
    let runs = read.unknown.iter().map(|run| {
        let minute = |mark: metering::Timestamp| mark.seconds() / 60 % 60;
        (run.bits, minute(run.first), minute(run.last))
    });
    let runs: Vec<_> = runs.collect();
    assert_eq!(runs, [(0, 0, 0), (1 << 9, 15, 30), (0, 45, 45)]);
}

#[test]
fn rows_of_other_columns_or_without_a_clock_are_refused() {
    let columns = setup(&[CLOCK, TOTAL], 900, 1);
    let width = read(&columns, 30, vec![structure(&[at(1, 12, 15)])]).unwrap_err();
    let words = "row 1 has 1 values for 2 columns; read the capture objects again";
    assert_eq!(width.to_string(), words);
    let none = setup(&[TOTAL], 900, 1);
    assert_eq!(read(&none, 30, Vec::new()), Err(CosemFault::NoClock));
    let events = setup(&[CLOCK, TOTAL], 0, 1);
    assert_eq!(
        read(&events, 30, Vec::new()),
        Err(CosemFault::Period { seconds: 0 })
    );
}

#[test]
fn a_log_has_its_codes_and_no_grid() {
    let columns = setup(&[CLOCK, (1, [0, 0, 96, 11, 0, 255], 2)], 0, 1);
    let basis = BERLIN.parse().unwrap();
    let profile = MODEL
        .profiles
        .iter()
        .find(|profile| profile.content == "events")
        .unwrap();
    let reader = crate::cosem::LogReader::new(&MODEL, profile, &basis);
    let rows = Data::Array(vec![
        structure(&[at(1, 12, 15), Data::Unsigned(3)]),
        structure(&[Data::OctetString(vec![0xff; 12]), Data::Unsigned(4)]),
    ]);
    let entries = reader.read(&columns, &rows, false).unwrap();
    let told: Vec<_> = entries
        .iter()
        .map(|entry| (entry.at.map(|at| at.to_string()), entry.code))
        .collect();
    let first = Some("2026-10-01T10:15:00Z".to_owned());
    assert_eq!(told, [(first, Some(3)), (None, Some(4))]);
}

fn any_cell() -> impl Strategy<Value = Data> {
    prop_oneof![
        3 => Just(Data::Null),
        3 => (1_u8..=31, 0_u8..24, 0_u8..60).prop_map(|(day, hour, minute)| at(day, hour, minute)),
        3 => any::<u32>().prop_map(Data::DoubleLongUnsigned),
        1 => any::<i64>().prop_map(Data::Long64),
        1 => any::<f32>().prop_map(Data::Float32),
        1 => prop::collection::vec(any::<u8>(), 0..13).prop_map(Data::OctetString),
    ]
}

proptest! {
    #[test]
    fn no_row_is_lost_and_each_mark_comes_once(
        rows in prop::collection::vec(prop::collection::vec(any_cell(), 3), 0..20),
        order in 0_u8..4,
        period in prop_oneof![Just(900_u32), Just(86_400), any::<u32>()],
    ) {
        let objects = |(class, name, number): &(u16, [u8; 6], i8)| structure(&[
            Data::LongUnsigned(*class), Data::OctetString(name.to_vec()),
            Data::Integer(*number), Data::LongUnsigned(0),
        ]);
        let objects = Data::Array([CLOCK, STATUS, TOTAL].iter().map(objects).collect());
        let rows = Data::Array(rows.iter().map(|cells| structure(cells)).collect());
        let whole = structure(&[
            objects, Data::DoubleLongUnsigned(period), Data::Enum(order), rows,
        ]);
        crate::cosem::fuzz_profile(&MODEL, &whole.encode());
    }

    #[test]
    fn every_row_is_a_row_or_told(stamps in prop::collection::vec((1_u8..=31, 0_u8..24, 0_u8..60), 0..30)) {
        let columns = setup(&[CLOCK, INCREMENT], 900, 1);
        let rows: Vec<Data> = stamps
            .iter()
            .map(|(day, hour, minute)| structure(&[at(*day, *hour, *minute), number(1)]))
            .collect();
        let read = read(&columns, 30, rows).unwrap();
        let parts: u32 = read.rows.iter().map(|found| u32::from(found.parts)).sum();
        let again = |told: &&CosemHappening| matches!(told, CosemHappening::Again { .. });
        let again = read.happenings.iter().filter(again).count();
        prop_assert_eq!(usize::try_from(parts).unwrap() + again, stamps.len());
        let counted: i64 = read.rows.iter().filter_map(|found| found.row.values[0]).sum();
        prop_assert_eq!(usize::try_from(counted).unwrap() + again, stamps.len());
    }
}

#[test]
fn the_channel_of_a_maker_has_its_usual_code() {
    let columns = setup(&[CLOCK, (3, [1, 1, 1, 8, 0, 255], 2)], 900, 1);
    let scaler = Attribute {
        class: 3,
        name: LogicalName([1, 1, 1, 8, 0, 255]),
        number: 3,
    };
    assert_eq!(columns.scalers(), [scaler]);
    let read = read(&columns, 30, vec![structure(&[at(1, 12, 15), number(1)])]).unwrap();
    assert_eq!(read.shape.channels[0].obis.to_string(), "1-0:1.8.0");
}
