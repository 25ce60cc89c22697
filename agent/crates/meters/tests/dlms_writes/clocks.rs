//! A clock is set and shifted, each once, wherever the link is cut.

use crate::cut_line::Lost;
use crate::reader::{READER, SUITE_TWO, SUITE_ZERO};
use crate::world::World;
use crate::writes::{WAYS, scenario, way};
use dlms::codec::{Data, LogicalName, Method};
use metering::Timestamp;
use meters::ClockBasis;
use meters::dlms::{
    ClockChange, ClockGround, ClockRecord, ClockReport, ClockState, Doubtful, WriteFault,
};
use simulator::dlms::{ClockSet, DlmsScenario};
use std::time::Duration;
use tokio::time::Instant;

const SHIFT: Method = Method {
    class: 8,
    name: LogicalName::CLOCK,
    number: 6,
};

fn basis() -> ClockBasis {
    "posix:CET-1CEST,M3.5.0,M10.5.0/3".parse().unwrap()
}

/// A meter whose clock is so many seconds ahead.
fn off_by(ahead: i64) -> DlmsScenario {
    let scenario = scenario();
    let at = scenario.starts_at - 3600;
    DlmsScenario {
        clock_sets: vec![ClockSet { at, ahead }],
        ..scenario
    }
}

/// True time, as the gateway's own clock tells it.
fn wall(world: &World) -> impl Fn() -> Timestamp + Sync + use<> {
    let epoch = world.wire.epoch();
    let starts = Timestamp::from_seconds(u64::try_from(world.meter.utc(Duration::ZERO)).unwrap());
    move || starts.after(Instant::now().duration_since(epoch))
}

async fn look(world: &mut World, change: ClockChange) -> Result<ClockRecord, WriteFault> {
    let (basis, now) = (basis(), wall(world));
    let ground = ClockGround {
        basis: &basis,
        now: &now,
    };
    let record = world
        .visit(async |visit| visit.look_at_clock(change, ground).await)
        .await?;
    let text = toml::to_string(&record).unwrap();
    assert_eq!(toml::from_str::<ClockRecord>(&text).unwrap(), record);
    Ok(record)
}

async fn write(world: &mut World, record: &ClockRecord) -> Result<ClockReport, WriteFault> {
    let (basis, now) = (basis(), wall(world));
    let ground = ClockGround {
        basis: &basis,
        now: &now,
    };
    world
        .visit(async |visit| visit.write_clock(record, ground, Doubtful::Leave).await)
        .await
}

async fn standing(world: &mut World, record: &ClockRecord) -> ClockReport {
    let (basis, now) = (basis(), wall(world));
    let ground = ClockGround {
        basis: &basis,
        now: &now,
    };
    let told = world.visit(async |visit| visit.clock_standing(record, ground).await);
    told.await.unwrap()
}

/// Seconds that the meter's clock is truly ahead.
fn ahead(world: &World) -> i64 {
    let utc = world.meter.utc(world.wire.now());
    world.meter.shown(utc) - utc
}

#[tokio::test(start_paused = true)]
async fn a_clock_is_set_and_read_again() {
    for way in WAYS {
        for off in [-7200, -40, 25, 86_400 * 3] {
            let mut world = World::new(off_by(off), way, false);
            let record = look(&mut world, ClockChange::Set).await.unwrap();
            let report = write(&mut world, &record).await.unwrap();
            assert_eq!(report.state, ClockState::New, "{report}");
            assert!(ahead(&world).abs() <= 1, "{}", ahead(&world));
            assert!(
                report.before.ahead_ms.abs_diff(off * 1000) < 1500,
                "{report}"
            );
            assert!(report.found.off_ms() < 2500, "{report}");
            let events = world.meter.events(world.meter.utc(world.wire.now()));
            let sets = events.iter().filter(|(_, code)| *code == 3).count();
            assert_eq!(sets, 2);
            let back = record.turned_back();
            let report = write(&mut world, &back).await.unwrap();
            assert_eq!(report.state, ClockState::New, "{report}");
            assert!((ahead(&world) - off).abs() <= 2, "{}", ahead(&world));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_right_is_left_alone() {
    let mut world = World::new(off_by(0), WAYS[0], false);
    let record = look(&mut world, ClockChange::Set).await.unwrap();
    let report = write(&mut world, &record).await.unwrap();
    assert_eq!(report.state, ClockState::Unchanged, "{report}");
    let clock = world.model.clock.asked();
    assert_eq!(world.meter.written(clock), 0);
}

#[tokio::test(start_paused = true)]
async fn a_clock_is_shifted_once_and_back() {
    for way in WAYS {
        for seconds in [-900, -30, 45, 900] {
            let mut world = World::new(off_by(12), way, false);
            let record = look(&mut world, ClockChange::Shift(seconds)).await.unwrap();
            for _ in 0..3 {
                let report = write(&mut world, &record).await.unwrap();
                assert_eq!(report.state, ClockState::New, "{report}");
                assert_eq!(ahead(&world), 12 + i64::from(seconds));
                assert_eq!(world.meter.executed(SHIFT), 1);
            }
            let back = record.turned_back();
            let report = write(&mut world, &back).await.unwrap();
            assert_eq!(
                (report.state, ahead(&world)),
                (ClockState::New, 12),
                "{report}"
            );
        }
    }
}

/// What could not be told afterwards is not begun, and who may not write is told so.
#[tokio::test(start_paused = true)]
async fn shifts_that_are_too_small_or_too_large_and_other_clients_are_refused() {
    let mut world = World::new(off_by(12), WAYS[0], false);
    for seconds in [0, 2, -901, i16::MIN] {
        let fault = look(&mut world, ClockChange::Shift(seconds))
            .await
            .unwrap_err();
        assert!(matches!(fault, WriteFault::Clock { .. }), "{fault}");
    }
    let mut world = World::new(off_by(120), way(READER, false), false);
    for change in [ClockChange::Set, ClockChange::Shift(-120)] {
        let record = look(&mut world, change).await.unwrap();
        let report = write(&mut world, &record).await.unwrap();
        assert_eq!(
            (report.state, ahead(&world)),
            (ClockState::Old, 120),
            "{report}"
        );
        assert!(report.to_string().contains("denied"), "{report}");
    }
}

/// Somebody else moved it in between: a shift would lead nowhere.
#[tokio::test(start_paused = true)]
async fn a_clock_that_somebody_else_moved_is_not_shifted() {
    let mut world = World::new(off_by(100), WAYS[1], false);
    let record = look(&mut world, ClockChange::Shift(-100)).await.unwrap();
    let minute = Method { number: 3, ..SHIFT };
    for (method, parameter, result) in [
        (minute, Data::Integer(0), true),
        (SHIFT, Data::Long(-40), true),
        (SHIFT, Data::Long(901), false),
        (SHIFT, Data::Integer(1), false),
    ] {
        let done = world.visit(async |visit| {
            let done = visit.session().act(method, Some(&parameter)).await;
            Ok(done.unwrap().0 == dlms::codec::ActionResult::Success)
        });
        assert_eq!(done.await.unwrap(), result);
    }
    let report = write(&mut world, &record).await.unwrap();
    assert_eq!(report.state, ClockState::Doubtful, "{report}");
    assert_eq!(world.meter.executed(SHIFT), 1);
}

/// Cut at each exchange: the next look tells whether the clock moved, and it moves once.
#[tokio::test(start_paused = true)]
async fn a_clock_that_is_cut_anywhere_is_moved_once() {
    for way in [way(SUITE_ZERO, false), way(SUITE_TWO, true)] {
        for change in [ClockChange::Set, ClockChange::Shift(-300)] {
            let mut whole = World::new(off_by(300), way, false);
            let record = look(&mut whole, change).await.unwrap();
            whole.mend(None).await;
            write(&mut whole, &record).await.unwrap();
            let exchanges = whole.cutter.exchanges();
            let (mut old, mut new) = (0, 0);
            for at in 1..=exchanges {
                for lost in [Lost::Request, Lost::Answer] {
                    for goes_back in [false, true] {
                        let mut world = World::new(off_by(300), way, false);
                        let record = look(&mut world, change).await.unwrap();
                        world.mend(Some((at, lost))).await;
                        drop(write(&mut world, &record).await);
                        let truly_moved = ahead(&world).abs() <= 1;
                        world.mend(None).await;
                        let report = standing(&mut world, &record).await;
                        let expected = if truly_moved {
                            ClockState::New
                        } else {
                            ClockState::Old
                        };
                        assert_eq!(report.state, expected, "{at} {lost:?}: {report}");
                        old += usize::from(!truly_moved);
                        new += usize::from(truly_moved);
                        let (record, wanted) = if goes_back {
                            (record.turned_back(), 300)
                        } else {
                            (record, 0)
                        };
                        let report = write(&mut world, &record).await.unwrap();
                        assert_eq!(report.state, ClockState::New, "{report}");
                        assert!((ahead(&world) - wanted).abs() <= 2, "{}", ahead(&world));
                        let moved = world.meter.executed(SHIFT);
                        let most = if goes_back {
                            2 * u32::from(truly_moved)
                        } else {
                            1
                        };
                        assert!(moved <= most, "{moved} shifts");
                    }
                }
            }
            println!(
                "{change:?}, {way:?}: {} cuts, {old} old, {new} new",
                old + new
            );
            assert!(old > 10 && new > 3);
        }
    }
}
