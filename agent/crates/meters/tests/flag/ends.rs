//! How visits end when something is wrong, and that they go on where they were.

use crate::visits::{check_rows, check_whole, rows, whole_profile};
use crate::world::World;
use iec62056_21::codec::Password;
use iec62056_21::meter::WrongPassword;
use meters::flag::{
    Credential, DayRange, Found, ProfileWish, Visit, VisitEnd, VisitFault, VisitTools, Wishes,
    visit,
};
use simulator::elster::{ElsterModel, Scenario};
use simulator::trouble::{FlagTroubles, OneIn};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(600);

fn registers() -> Wishes {
    Wishes {
        registers: true,
        ..Wishes::default()
    }
}

#[tokio::test(start_paused = true)]
async fn another_meter_is_not_read() {
    let mut world = World::new(ElsterModel::A1140);
    world.known.serial = Some("99999".to_owned());
    let report = world.slice(&mut Visit::new(registers()), LONG).await;
    assert!(
        matches!(&report.end, VisitEnd::Failed(VisitFault::OtherMeter { found, .. }) if found == "0000000000012345"),
        "{report:?}"
    );
    assert!(world.found.is_empty(), "{:?}", world.found);
}

#[tokio::test(start_paused = true)]
async fn a_meter_of_another_model_is_not_read() {
    let mut world = World::new(ElsterModel::A1140);
    let model = crate::world::catalogue().flag_model("elster-a1700").unwrap();
    world.known.model = std::sync::Arc::new(model.clone());
    let report = world.slice(&mut Visit::new(registers()), LONG).await;
    assert!(
        matches!(&report.end, VisitEnd::Failed(VisitFault::OtherModel { found }) if found.starts_with("/GEC5120510")),
        "{report:?}"
    );
    assert!(world.found.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_tried_once() {
    for habit in [
        WrongPassword::Nak,
        WrongPassword::SignOff,
        WrongPassword::Refusal,
    ] {
        check_password(habit, 1).await;
    }
    // Silence may be a lost confirmation: once more, and no further.
    check_password(WrongPassword::Silence, 2).await;
}

async fn check_password(habit: WrongPassword, tries: u8) {
    let mut world = World::new(ElsterModel::A1140);
    world
        .wire
        .change_flag_settings(world.place, |settings| settings.security.wrong = habit);
    world.known.credential = Some(Credential {
        level: 1,
        password: Password::new("WRONG123").unwrap(),
    });
    let report = world.slice(&mut Visit::new(registers()), LONG).await;
    assert!(
        matches!(report.end, VisitEnd::Failed(VisitFault::Password(_))),
        "{habit:?}: {report:?}"
    );
    assert_eq!(report.sessions, tries, "{habit:?}");
    assert!(world.found.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_dead_meter_costs_little() {
    let mut world = World::new(ElsterModel::A1140);
    world.wire.change_flag(world.place, |troubles| troubles.dead = true);
    let report = world.slice(&mut Visit::new(registers()), LONG).await;
    assert!(
        matches!(report.end, VisitEnd::Failed(VisitFault::NotOpened(_))),
        "{report:?}"
    );
    assert!(report.held < Duration::from_secs(25), "{:?}", report.held);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_cut_is_opened_again_and_goes_on() {
    let troubles = FlagTroubles {
        signs_off: OneIn::times(40),
        ..FlagTroubles::default()
    };
    let mut world = World::with(ElsterModel::A1700, Scenario::new(7, "00012345"), troubles);
    let mut what = Visit::new(whole_profile());
    let mut cuts = 0;
    for _ in 0..200 {
        let report = world.slice(&mut what, LONG).await;
        cuts += report.sessions;
        match report.end {
            VisitEnd::Done => break,
            VisitEnd::Failed(VisitFault::Cut { .. }) => {}
            end => panic!("{end:?}"),
        }
    }
    assert!(what.is_done() && cuts > 3, "{cuts}");
    check_whole(&world);
}

#[tokio::test(start_paused = true)]
async fn a_visit_can_be_cancelled_at_every_exchange_and_what_it_read_is_right() {
    for after in (1..200).step_by(17) {
        let mut world = World::new(ElsterModel::A1140);
        let asked = AtomicUsize::new(0);
        let cancelled = || asked.fetch_add(1, Ordering::Relaxed) >= after;
        let tools = VisitTools {
            hold_max: LONG,
            clock: &world.clock,
            cancelled: &cancelled,
            sink: &mut world.found,
        };
        let mut what = Visit::new(whole_profile());
        let report = visit(&mut world.line, &world.known, &mut what, tools).await;
        assert!(matches!(report.end, VisitEnd::Cancelled), "{report:?}");
        let truth = world.meter.intervals(world.meter.begun(), world.utc());
        check_rows(&rows(&world.found), &truth);
        // What was cancelled can be taken up again.
        let report = world.slice(&mut what, LONG).await;
        assert!(matches!(report.end, VisitEnd::Done), "{report:?}");
        check_whole(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_wished_days_are_read() {
    for model in [ElsterModel::A1140, ElsterModel::A1700] {
        let mut world = World::new(model);
        let today = u64::try_from(world.meter.local(world.utc())).unwrap() / 86_400;
        let wished = [
            DayRange {
                first: today - 30,
                last: today - 30,
            },
            DayRange {
                first: today - 10,
                last: today - 9,
            },
        ];
        let wishes = Wishes {
            profile: Some(ProfileWish::Days(wished.to_vec())),
            ..Wishes::default()
        };
        let (octets, _) = world.visit(wishes, LONG).await;
        let rows = rows(&world.found);
        let truth = world.meter.intervals(world.meter.begun(), world.utc());
        check_rows(&rows, &truth);
        let days: Vec<u64> = truth
            .iter()
            .filter(|interval| {
                let day = u64::try_from(interval.local_end - 1).unwrap() / 86_400;
                wished.iter().any(|range| (range.first..=range.last).contains(&day))
            })
            .map(|interval| u64::try_from(interval.end).unwrap())
            .collect();
        let ends: Vec<u64> = rows.iter().map(|row| row.end.seconds()).collect();
        for end in &days {
            assert!(ends.contains(end), "{model:?}: no row ends at {end}");
        }
        assert!(ends.len() <= days.len() + 4, "{} of {}", ends.len(), days.len());
        assert!(octets < 9000, "{model:?}: {octets} octets for three days");
    }
}

#[tokio::test(start_paused = true)]
async fn sessions_that_are_too_short_are_told_as_such() {
    let mut world = World::new(ElsterModel::A1140);
    let mut what = Visit::new(registers());
    let mut ends = Vec::new();
    for _ in 0..5 {
        let report = world.slice(&mut what, Duration::from_secs(3)).await;
        if let VisitEnd::Failed(fault) = report.end {
            ends.push(fault);
            break;
        }
    }
    assert!(matches!(&ends[..], [VisitFault::TooShort { .. }]), "{ends:?}");
    assert!(!world.found.iter().any(|found| matches!(found, Found::Content { .. })));
}

#[tokio::test(start_paused = true)]
async fn daily_collection_costs_a_fraction_of_a_full_read() {
    let ninety = |days: i64| {
        let mut scenario = Scenario::new(7, "00012345");
        scenario.days = days;
        // Import, export, two quadrants.
        scenario.mask = Some([0x00, 0x0f]);
        World::with(ElsterModel::A1700, scenario, FlagTroubles::default())
    };
    let mut world = ninety(90);
    let (whole, held) = world.visit(whole_profile(), LONG).await;
    check_whole(&world);
    let mut world = ninety(90);
    let today = u64::try_from(world.meter.local(world.utc())).unwrap() / 86_400;
    let range = DayRange {
        first: today - 1,
        last: today,
    };
    let wishes = Wishes {
        profile: Some(ProfileWish::Days(vec![range])),
        ..Wishes::default()
    };
    let (daily, daily_held) = world.visit(wishes, LONG).await;
    println!("full read {whole} octets in {held:?}, daily one {daily} in {daily_held:?}");
    assert!(daily * 100 <= whole * 4, "{daily} of {whole}");
}
