//! Meters with whose data something is wrong: what a person is told of it, and in which words.

use super::profiles::check;
use crate::bench::Bench;
use desk::{MeterStatus, MeterTrust, Outcome, Work};
use metering::EventCode;
use simulator::broken::Broken;
use simulator::elster::{ElsterModel, Scenario};
use simulator::trouble::OneIn;

/// The status after a while, and the codes of what was found.
async fn lived(broken: Broken, model: ElsterModel, seconds: u64) -> (Bench, MeterStatus) {
    let keys = "collect = { every-seconds = 3600, days-max = 3 }";
    let (mut bench, _) = Bench::broken(broken, model, keys);
    bench.start();
    bench.live(seconds).await;
    let status = bench.meters().await.remove(0);
    (bench, status)
}

fn codes(status: &MeterStatus) -> Vec<&str> {
    let found = status.found.iter();
    found.map(|found| found.code.as_str()).collect()
}

fn meter() -> String {
    "elster-1".to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_has_lost_its_time_is_not_called_off() {
    for model in [ElsterModel::A1140, ElsterModel::A1700] {
        let (mut bench, status) = lived(Broken::ClockInvalid, model, 1800).await;
        assert!(codes(&status).contains(&"T02"), "{model:?}: {status:#?}");
        let outcome = bench.outcome(Work::Clock { meter: meter() }).await;
        let Outcome::Clock(clock) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(clock.why.starts_with("T02: "), "{clock:?}");
        bench.stop().await;
        let events = bench.events();
        let count = |code| events.iter().filter(|event| event.code == code).count();
        assert!(count(EventCode::MeterClockInvalid) >= 1, "{events:#?}");
        assert_eq!(count(EventCode::MeterClockOff), 0, "{events:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_off_is_told_with_the_status() {
    let (_, status) = lived(Broken::ClockOff, ElsterModel::A1140, 1800).await;
    assert_eq!(codes(&status), ["T01"], "{status:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_ends_sessions_of_its_own_is_named_and_read_when_it_stops() {
    let keys = "collect = { every-seconds = 3600, days-max = 3 }";
    let (mut bench, seat) = Bench::broken(Broken::SignsOff, ElsterModel::A1140, keys);
    let mut signs_off = OneIn::NEVER;
    // A sign-off in answer to a password that was never taken would count as a refusal.
    bench.wire.change_flag(seat.place, |trouble| {
        std::mem::swap(&mut trouble.signs_off, &mut signs_off);
    });
    bench.start();
    bench
        .live_until(600, |meter| meter.trust == MeterTrust::Right)
        .await;
    let change = |to| {
        bench
            .wire
            .change_flag(seat.place, |trouble| trouble.signs_off = to);
    };
    change(signs_off);
    // Hardly a session reaches what it was opened for; what it says then is no message of another
    // fault.
    let told = bench.failure(Work::Poll { meter: meter() }).await;
    assert_eq!(told.code, "C08", "{told:#?}");
    bench.live(24 * 3600).await;
    let status = bench.meters().await.remove(0);
    let words = "meter signed off of its own; open another session";
    let remarks = &status.remarks;
    assert!(remarks.iter().any(|remark| remark == words), "{status:#?}");
    change(OneIn::NEVER);
    bench.live(30 * 3600).await;
    let until = bench.utc();
    bench.stop().await;
    let first = until - 2 * 86_400;
    let found = check(&bench, "elster-1", &seat, first, until - 7200);
    assert!(found >= 2 * 48 - 6, "{found} intervals");
}

#[tokio::test(start_paused = true)]
async fn a_meter_without_its_load_profile_is_told_and_the_rest_is_read() {
    let (mut bench, status) = lived(Broken::ProfileMissing, ElsterModel::A1140, 3600).await;
    assert_eq!(status.state, "healthy", "{status:#?}");
    assert!(codes(&status).contains(&"L01"), "{status:#?}");
    let work = Work::Collect {
        meter: meter(),
        from: None,
        to: None,
        again: false,
    };
    let outcome = bench.outcome(work).await;
    let Outcome::Collected(result) = outcome else {
        panic!("{outcome:?}");
    };
    let told = result.found.iter().find(|found| found.code == "L01");
    assert!(told.is_some(), "{result:#?}");
    bench.stop().await;
    assert!(!bench.readings().is_empty(), "registers are read");
    let events = bench.events();
    let gaps = events
        .iter()
        .filter(|event| event.code == EventCode::MeterProfileGap);
    assert_eq!(gaps.count(), 1, "{events:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_meter_out_of_reach_is_told_before_it_overwrites_what_nobody_has_read() {
    // Ten channels of ten minutes: some thirteen days, by the sheet of the maker.
    let scenario = Scenario {
        minutes: 10,
        mask: Some(ElsterModel::A1140.full_mask()),
        days: 1,
        ..Scenario::new(7, "00012345")
    };
    let mut bench = Bench::new(&scenario);
    let seat = bench.seat("elster-1", ElsterModel::A1140, scenario, "");
    bench.start();
    bench
        .live_until(1800, |meter| meter.last_collected.is_some())
        .await;
    let status = bench.meters().await.remove(0);
    let days = status.overwrite_in_days.expect("it keeps them for days");
    assert!((9..30).contains(&days), "{status:#?}");
    assert_eq!(codes(&status), Vec::<&str>::new());
    bench
        .wire
        .change_flag(seat.place, |trouble| trouble.dead = true);
    bench.live(u64::from(days - 6) * 86_400).await;
    bench.kill().await;
    bench.start();
    bench.live(3600).await;
    let status = bench.meters().await.remove(0);
    assert!(codes(&status).contains(&"L04"), "{status:#?}");
    bench.live(7 * 86_400).await;
    let status = bench.meters().await.remove(0);
    assert_eq!(status.overwrite_in_days, Some(0));
    bench.stop().await;
    let events = bench.events().into_iter();
    let told = events.filter(|event| event.code == EventCode::MeterProfileOverwrite);
    let told: Vec<String> = told.map(|event| event.detail).collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[0].starts_with("L04: in "), "{told:#?}");
    assert!(
        told[1].starts_with("L04: the meter may already"),
        "{told:#?}"
    );
}
