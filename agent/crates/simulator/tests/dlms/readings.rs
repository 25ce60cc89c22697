//! What the driver reads is what the meter holds.

use crate::reader::{READER, SERIAL, SUITE_TWO, SUITE_ZERO};
use crate::world::{LONG, World, basis, model, seconds};
use metering::Obis;
use metering::{Period, Timestamp};
use meters::catalogue::dlms::{DlmsRegister, DlmsWhat};
use meters::collection::{Marks, Wanted};
use meters::cosem::CosemHappening;
use meters::dlms::{CollectRun, DlmsVisit, ExpectedMeter, RowsWay, RunEnd};
use simulator::dlms::{
    ClockSet, DlmsAccess, DlmsInstrument, DlmsScenario, Energy, Nulls, PUBLIC, Sorting,
};

fn any() -> ExpectedMeter {
    ExpectedMeter::Any
}

fn scenario() -> DlmsScenario {
    DlmsScenario::new(7, SERIAL)
}

/// Collects everything in one session after the other, and says what came beside the rows.
async fn collect(world: &mut World, selection: &str, way: RowsWay) -> Vec<CosemHappening> {
    let model = model(selection);
    let profile = model.load_profile().unwrap();
    let period = Period::from_seconds(900).unwrap();
    let now = world.now();
    let first = Timestamp::from_seconds(now.seconds() - 40 * 86_400);
    let wanted = Wanted::Only(vec![Marks { first, last: now }]);
    let mut run = CollectRun::new(&wanted, profile, period, now);
    let terms = world.terms(&model, READER, LONG);
    let mut told = Vec::new();
    for _ in 0..100 {
        let (guard, keeper) = (&mut world.guard, &mut world.keeper);
        let visit = DlmsVisit::begin(guard, keeper, &model, &terms, &any()).await;
        let mut visit = visit.unwrap();
        let setup = visit.setup(profile).await.unwrap();
        let rows = &mut world.rows;
        let mut take = |read: meters::cosem::ProfileRead| {
            told.extend(read.happenings);
            for found in read.rows {
                if let Some(known) = rows.insert(found.row.end, found.row.clone()) {
                    assert_eq!(known.values, found.row.values);
                }
            }
            true
        };
        let basis = basis();
        let end = visit
            .collect(
                &mut run,
                (profile, &setup),
                &mut world.scalers,
                (&basis, now),
                &mut take,
            )
            .await
            .unwrap();
        assert!(visit.end().await.fault.is_none());
        assert_eq!(run.way(), way);
        if end == RunEnd::Done {
            assert_eq!(run.remaining(), []);
            return told;
        }
    }
    panic!("it does not end");
}

/// Everything that the profile held when it was asked has come, and nothing else.
#[track_caller]
fn check_all(world: &World, until: i64) {
    let held = world.meter.rows(until);
    assert!(held.len() > 50);
    for row in &held {
        assert!(world.rows.contains_key(&seconds(row.end)), "{}", row.end);
    }
    assert!(world.check_rows() >= held.len() - 1);
}

#[tokio::test(start_paused = true)]
async fn every_client_reads_who_the_meter_is_its_clock_and_its_registers() {
    let model = model("[\"range\"]");
    for client in [PUBLIC, READER, SUITE_ZERO, SUITE_TWO] {
        for mut world in [World::new(scenario()), World::in_wrapper(scenario())] {
            let terms = world.terms(&model, client, LONG);
            let begun = world.utc();
            let expected = ExpectedMeter::This(SERIAL.to_owned());
            let (guard, keeper) = (&mut world.guard, &mut world.keeper);
            let mut visit = DlmsVisit::begin(guard, keeper, &model, &terms, &expected)
                .await
                .unwrap();
            let clock = visit.clock().await.unwrap();
            let at = world.meter.utc(clock.arrived_at - world.wire.epoch());
            // Central Europe in May.
            let shown = i64::try_from(clock.value.shown.seconds()).unwrap() - 7200;
            assert!((begun..=at).contains(&shown), "{shown} {at}");
            assert_eq!(clock.value.deviation, Some(-120));
            let registers: Vec<&DlmsRegister> = model.registers.iter().collect();
            let readings = visit.registers(&registers, &mut world.scalers).await;
            let readings = readings.unwrap();
            assert!(visit.end().await.fault.is_none());
            let until = world.utc();
            let value = |name: &str| {
                let obis: Obis = name.parse().unwrap();
                let found = registers.iter().position(|one| one.name == obis).unwrap();
                readings[found].as_ref().unwrap().quantity.unwrap()
            };
            for (name, energy) in [
                ("1-0:1.8.0", Energy::Import),
                ("1-0:2.8.0", Energy::Export),
                ("1-0:3.8.0", Energy::ReactiveImport),
            ] {
                let total = |utc| i64::from(world.meter.total(energy, utc));
                let range = total(begun)..=total(until);
                assert!(range.contains(&value(name).digits), "{name}");
            }
            let rate = |rate| i64::from(world.meter.rate(Energy::Import, rate, begun));
            assert!(value("1-0:1.8.1").digits.abs_diff(rate(1)) < 10);
            assert!(value("1-0:1.8.2").digits.abs_diff(rate(2)) < 10);
            let timed = readings.iter().flatten();
            let timed = timed.filter(|reading| reading.at.is_some());
            assert_eq!(timed.count(), 2);
            let demand = readings
                .iter()
                .flatten()
                .find_map(|one| one.period.as_ref());
            assert_eq!(demand.unwrap().seconds, Some(900));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_public_client_reads_the_counter_of_another_and_what_there_is() {
    let model = model("[]");
    let mut world = World::new(scenario());
    for client in [SUITE_ZERO, PUBLIC] {
        let terms = world.terms(&model, client, LONG);
        let (guard, keeper) = (&mut world.guard, &mut world.keeper);
        let mut visit = DlmsVisit::begin(guard, keeper, &model, &terms, &any())
            .await
            .unwrap();
        let name = model.object(DlmsWhat::DeviceName).unwrap().asked();
        let name = visit.get(name).await.unwrap().unwrap();
        assert_eq!(name.octets(), Some(world.meter.device_name().as_bytes()));
        if client == PUBLIC {
            let counter = model.counter_of("secured").unwrap().asked();
            let counter = visit.get(counter).await.unwrap().unwrap();
            assert!(counter.integer().unwrap() > 0);
            let list = ::dlms::codec::Attribute {
                class: 15,
                name: ::dlms::codec::LogicalName::ASSOCIATION,
                number: 2,
            };
            let list = visit.get(list).await.unwrap().unwrap();
            assert!(list.items().unwrap().len() > 20);
        }
        visit.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn all_rows_come_by_every_way_however_the_meter_says_them() {
    let ways = [
        ("[\"range\"]", RowsWay::Range),
        ("[\"entry\"]", RowsWay::Entry),
        ("[]", RowsWay::Whole),
    ];
    for (selection, way) in ways {
        for sorting in [Sorting::OldestFirst, Sorting::NewestFirst] {
            for nulls in [Nulls::Never, Nulls::InAnswer, Nulls::InBuffer] {
                let mut world = World::new(DlmsScenario {
                    sorting,
                    nulls,
                    capacity: 700,
                    // So little that values repeat.
                    load_mw: 5000,
                    ..scenario()
                });
                let until = world.utc();
                let told = collect(&mut world, selection, way).await;
                assert_eq!(told, [], "{way:?} {sorting:?} {nulls:?}");
                check_all(&world, until);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_refuses_a_selection_is_read_by_the_next_one() {
    for (selects_range, selects_entries, way) in [
        (false, true, RowsWay::Entry),
        (true, false, RowsWay::Range),
        (false, false, RowsWay::Whole),
    ] {
        let mut world = World::new(DlmsScenario {
            selects_range,
            selects_entries,
            days: 3,
            ..scenario()
        });
        let until = world.utc();
        collect(&mut world, "[\"range\", \"entry\"]", way).await;
        check_all(&world, until);
    }
}

#[tokio::test(start_paused = true)]
async fn a_power_failure_leaves_a_gap_and_a_status() {
    let start = scenario().starts_at;
    let outage = (start - 100_000, start - 80_000);
    let mut world = World::new(DlmsScenario {
        outages: vec![outage],
        ..scenario()
    });
    let until = world.utc();
    let told = collect(&mut world, "[\"range\"]", RowsWay::Range).await;
    assert_eq!(told, [CosemHappening::UnknownBits(0x80)]);
    check_all(&world, until);
    let inside = |end: &Timestamp| (seconds(outage.0)..seconds(outage.1)).contains(end);
    assert!(!world.rows.keys().any(inside));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_set_back_writes_marks_again_and_the_first_row_counts() {
    let start = scenario().starts_at;
    let mut world = World::new(DlmsScenario {
        clock_sets: vec![ClockSet {
            at: start - 86_400,
            ahead: -3600,
        }],
        ..scenario()
    });
    let until = world.utc();
    let told = collect(&mut world, "[]", RowsWay::Whole).await;
    let again = |one: &&CosemHappening| matches!(one, CosemHappening::Again { .. });
    assert_eq!(told.iter().filter(again).count(), 4, "{told:?}");
    world.check_rows();
    assert_eq!(world.rows.len() + 4, world.meter.rows(until).len());
}

#[tokio::test(start_paused = true)]
async fn other_columns_empty_the_profile() {
    let start = scenario().starts_at;
    let mut world = World::new(DlmsScenario {
        column_changes: vec![(start - 86_400, Energy::ALL.to_vec())],
        ..scenario()
    });
    let until = world.utc();
    collect(&mut world, "[\"range\"]", RowsWay::Range).await;
    check_all(&world, until);
    let held = world.meter.rows(until);
    assert_eq!(held.len(), 96);
    let all = |row: &metering::Row| row.values.len() == Energy::ALL.len();
    assert!(world.rows.values().all(all));
}

#[tokio::test(start_paused = true)]
async fn the_hour_that_comes_twice_is_two_hours() {
    // 2026-10-25 12:00 UTC.
    let mut world = World::new(DlmsScenario {
        starts_at: 1_792_929_600,
        ..scenario()
    });
    let until = world.utc();
    collect(&mut world, "[\"range\"]", RowsWay::Range).await;
    check_all(&world, until);
}

#[test]
fn the_meter_that_clients_of_others_read_holds_what_they_must_find() {
    // `simulator dlms --starts-at 1780315200 --days 3`, as tests/peers/run of the crate dlms has it.
    let start = 1_780_315_200;
    let meter = DlmsInstrument::new(
        DlmsScenario {
            starts_at: start,
            days: 3,
            ..DlmsScenario::new(1, SERIAL)
        },
        DlmsAccess::default(),
    );
    let rows = meter.rows(start);
    let import: Vec<u32> = rows.iter().map(|row| row.values[0]).collect();
    let of = |end: i64| rows.iter().find(|row| row.end == end).unwrap().values[0];
    assert_eq!(import.len(), 288);
    assert_eq!((import[0], import[287]), (608_846_009, 609_079_521));
    assert_eq!((import[2], import[4]), (608_846_996, 608_847_997));
    // From 01:00 to 02:00 of the first of June in Central Europe.
    let one = 1_780_268_400;
    assert_eq!((of(one), of(one + 3600)), (609_031_514, 609_035_494));
}
