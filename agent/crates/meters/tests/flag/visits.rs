//! Whole visits to healthy meters.

use crate::world::{World, eight, seven};
use meters::elster::profile::ProfileRow;
use meters::flag::{BillingWish, Found, ProfileWish, WhichProfile, Wishes};
use simulator::elster::{ElsterModel, Scenario, TrueInterval};
use simulator::trouble::FlagTroubles;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(600);

pub(crate) fn rows(found: &[Found]) -> Vec<ProfileRow> {
    let mut rows = Vec::new();
    for item in found {
        if let Found::Profile {
            which: WhichProfile::Load,
            read,
        } = item
        {
            for piece in &read.pieces {
                rows.extend(piece.rows.iter().cloned());
            }
        }
    }
    rows
}

/// Compares rows with the truth about the same ends.
#[track_caller]
pub(crate) fn check_rows(rows: &[ProfileRow], truth: &[TrueInterval]) {
    let mut truth = truth.iter();
    for row in rows {
        let end = i64::try_from(row.end.seconds()).unwrap();
        let expected = truth
            .find(|interval| interval.end == end)
            .unwrap_or_else(|| panic!("no true interval ends at {}", row.end));
        let shown: Vec<Option<i64>> = expected
            .channels
            .iter()
            .map(|channel| i64::try_from(channel.shown).ok())
            .collect();
        assert_eq!(row.values, shown, "{}", row.end);
    }
}

const PROFILED: [ElsterModel; 6] = [
    ElsterModel::A1700,
    ElsterModel::A1700Tou32,
    ElsterModel::A1700Extended,
    ElsterModel::A1700Late,
    ElsterModel::A1140,
    ElsterModel::As230,
];

pub(crate) fn whole_profile() -> Wishes {
    Wishes {
        profile: Some(ProfileWish::All),
        ..Wishes::default()
    }
}

/// All that the meter has, but for the interval that ended while it was read.
#[track_caller]
pub(crate) fn check_whole(world: &World) {
    let rows = rows(&world.found);
    let truth = world.meter.intervals(world.meter.begun(), world.utc());
    check_rows(&rows, &truth);
    let missing = truth.len() - rows.len();
    assert!(missing <= 2, "{missing} of {} missing", truth.len());
}

#[tokio::test(start_paused = true)]
async fn a_profile_comes_whole_from_every_model() {
    for model in PROFILED {
        let mut world = World::new(model);
        world.visit(whole_profile(), LONG).await;
        check_whole(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn a_profile_comes_whole_in_slices_of_any_length() {
    for seconds in [6, 8, 10, 15, 37] {
        let mut world = World::new(ElsterModel::A1700);
        world
            .visit(whole_profile(), Duration::from_secs(seconds))
            .await;
        check_whole(&world);
        let remarks: Vec<&Found> = world
            .found
            .iter()
            .filter(|found| matches!(found, Found::Remark(_)))
            .collect();
        assert!(remarks.is_empty(), "{seconds} s: {remarks:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_data_stream_brings_the_same_in_slices_of_any_length() {
    for model in [ElsterModel::A1140, ElsterModel::A1700] {
        for seconds in [8, 20, 600] {
            let mut world = World::on(
                model,
                Scenario::new(7, "00012345"),
                FlagTroubles::default(),
                eight(9600),
            );
            world
                .visit(whole_profile(), Duration::from_secs(seconds))
                .await;
            check_whole(&world);
        }
    }
}

fn everything() -> Wishes {
    Wishes {
        registers: true,
        events: true,
        billing: BillingWish::All,
        instants: Some(Vec::new()),
        ..Wishes::default()
    }
}

#[tokio::test(start_paused = true)]
async fn everything_that_a_model_names_is_understood() {
    for model in ElsterModel::ALL {
        for seconds in [8, 600] {
            let mut world = World::new(model);
            world.visit(everything(), Duration::from_secs(seconds)).await;
            let odd: Vec<&Found> = world
                .found
                .iter()
                .filter(|found| {
                    matches!(
                        found,
                        Found::NotUnderstood { .. } | Found::Refused { .. } | Found::Remark(_)
                    )
                })
                .collect();
            // Whether this one has the long forms of its predecessor is told differently.
            if model != ElsterModel::A1700Late {
                assert!(odd.is_empty(), "{model:?} {seconds}: {odd:#?}");
            }
            let compared = world.check_values();
            assert!(compared > 20, "{model:?}: {compared}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_data_stream_is_much_faster_than_packets() {
    let scenario = || {
        let mut scenario = Scenario::new(7, "00012345");
        scenario.days = 90;
        scenario
    };
    let none = FlagTroubles::default;
    let mut packets = World::on(ElsterModel::A1140, scenario(), none(), seven(9600));
    let (_, slow) = packets.visit(whole_profile(), LONG).await;
    let mut stream = World::on(ElsterModel::A1140, scenario(), none(), eight(9600));
    let (_, fast) = stream.visit(whole_profile(), LONG).await;
    check_whole(&packets);
    check_whole(&stream);
    let ratio = slow.as_secs_f64() / fast.as_secs_f64();
    println!("packets {slow:?}, data stream {fast:?}: {ratio:.2} times faster");
    assert!(ratio >= 1.8, "{ratio}");
}
