//! Sessions with keys: counters, wrong keys, a gateway that lost its file.

use super::world::{bench, check_rows, import, key_octets, seat_secured};
use ::dlms::security::Suite;
use desk::Work;
use metering::EventCode;
use simulator::dlms::DlmsScenario;

fn scenario() -> DlmsScenario {
    DlmsScenario {
        days: 2,
        ..DlmsScenario::new(9, "00012345")
    }
}

#[tokio::test(start_paused = true)]
async fn each_suite_is_read_with_keys_whose_counter_the_meter_tells() {
    for suite in [Suite::Zero, Suite::One, Suite::Two] {
        let mut bench = bench();
        let meter = seat_secured(&mut bench, ("dlms-1", 17), suite, scenario());
        bench.start();
        import(&bench, "dlms-1", suite, key_octets(suite)).await;
        bench
            .live_until(2400, |meter| meter.last_collected.is_some())
            .await;
        let upto = bench.utc() - 900;
        bench.stop().await;
        check_rows(&bench, "dlms-1", &meter, upto);
    }
}

/// A wrong key is one refusal and a pause, whatever the schedule and people want.
#[tokio::test(start_paused = true)]
async fn a_wrong_key_is_tried_once_and_then_rests() {
    let mut bench = bench();
    seat_secured(&mut bench, ("dlms-1", 17), Suite::Zero, scenario());
    bench.start();
    import(&bench, "dlms-1", Suite::Zero, (vec![1; 16], vec![2; 16])).await;
    bench.live(1800).await;
    let told = bench
        .failure(Work::Clock {
            meter: "dlms-1".to_owned(),
        })
        .await;
    assert_eq!(told.code, "D03", "{told:#?}");
    // The right one is tried at once.
    import(&bench, "dlms-1", Suite::Zero, key_octets(Suite::Zero)).await;
    bench
        .live_until(3600, |meter| meter.last_collected.is_some())
        .await;
    bench.stop().await;
    let events = bench.events();
    let refused = events
        .iter()
        .filter(|event| event.code == EventCode::MeterKeyRefused);
    assert_eq!(refused.count(), 1, "{events:#?}");
    assert!(
        !events
            .iter()
            .any(|event| event.code == EventCode::MeterProfileConflict)
    );
}

/// Killed again and again: what is kept stays right, and no counter is used twice, or the meter
/// would refuse.
#[tokio::test(start_paused = true)]
async fn a_gateway_that_is_killed_goes_on_with_its_counters() {
    let mut bench = bench();
    let meter = seat_secured(&mut bench, ("dlms-1", 17), Suite::Two, scenario());
    bench.start();
    import(&bench, "dlms-1", Suite::Two, key_octets(Suite::Two)).await;
    for round in 1..=8 {
        bench.live(3 + round * 2).await;
        bench.kill().await;
        bench.start();
    }
    bench
        .live_until(3600, |meter| meter.last_collected.is_some())
        .await;
    let upto = bench.utc() - 900;
    bench.stop().await;
    check_rows(&bench, "dlms-1", &meter, upto);
}

/// The file of keys is lost: the keys are brought again, and the meter tells the counter.
#[tokio::test(start_paused = true)]
async fn a_lost_file_of_keys_is_made_good_by_bringing_the_keys_again() {
    let mut bench = bench();
    let meter = seat_secured(&mut bench, ("dlms-1", 17), Suite::Two, scenario());
    bench.start();
    import(&bench, "dlms-1", Suite::Two, key_octets(Suite::Two)).await;
    bench
        .live_until(2400, |meter| meter.last_collected.is_some())
        .await;
    bench.stop().await;
    std::fs::remove_file(bench.file("data/keys.redb")).unwrap();
    bench.start();
    import(&bench, "dlms-1", Suite::Two, key_octets(Suite::Two)).await;
    bench.live(4000).await;
    let upto = bench.utc() - 2000;
    bench.stop().await;
    check_rows(&bench, "dlms-1", &meter, upto);
}
