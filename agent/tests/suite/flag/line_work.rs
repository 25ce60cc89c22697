//! Work at the line: pings, scans, trials, listening.

use crate::bench::{Bench, outcome};
use desk::{JobState, Outcome, Part, PingResult, ScanResult, ScanWish, Work};
use simulator::elster::{ElsterModel, Scenario};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

async fn ping(bench: &Bench, meter: &str) -> PingResult {
    let meter = meter.to_owned();
    match bench.outcome(Work::Ping { meter }).await {
        Outcome::Ping(result) => result,
        other => panic!("{other:?}"),
    }
}

fn layers(result: &PingResult) -> Vec<(&str, bool)> {
    let layers = result.layers.iter();
    layers
        .map(|layer| (layer.name.as_str(), layer.is_well))
        .collect()
}

async fn scan(bench: &Bench, wish: ScanWish) -> ScanResult {
    let bus = "main".to_owned();
    match bench.outcome(Work::Scan { bus, wish }).await {
        Outcome::Scan(result) => result,
        other => panic!("{other:?}"),
    }
}

fn wish(addresses: &[&str], bauds: &[u32], seconds_max: u32) -> ScanWish {
    ScanWish {
        modbus: false,
        flag: true,
        dlms: false,
        addresses: addresses.iter().map(|text| (*text).to_owned()).collect(),
        bauds: bauds.to_vec(),
        seconds_max,
    }
}

#[tokio::test(start_paused = true)]
async fn a_ping_shows_layer_by_layer_that_all_is_well() {
    let scenario = Scenario::new(1, "90123456");
    let mut bench = Bench::new(&scenario);
    bench.seat("elster-1", ElsterModel::A1140, scenario, "");
    bench.start();
    bench.live(1).await;
    let result = ping(&bench, "elster-1").await;
    let well = ["port", "line", "sign-on", "identity", "password"].map(|name| (name, true));
    assert_eq!(layers(&result), well, "{result:#?}");
    assert_eq!(result.diagnosis, None);
    bench.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_ping_of_a_silent_meter_says_what_was_tried() {
    let scenario = Scenario::new(1, "90123456");
    let mut bench = Bench::new(&scenario);
    let seat = bench.seat("elster-1", ElsterModel::A1140, scenario, "");
    bench
        .wire
        .change_flag(seat.place, |troubles| troubles.dead = true);
    bench.start();
    bench.live(1).await;
    let result = ping(&bench, "elster-1").await;
    assert_eq!(layers(&result), [("port", true), ("line", false)]);
    let diagnosis = result.diagnosis.unwrap();
    assert_eq!(diagnosis.code, "C01");
    assert!(diagnosis.tried.len() > 5, "{diagnosis:#?}");
    // The schedule goes on: the meter is read when it is back.
    bench
        .wire
        .change_flag(seat.place, |troubles| troubles.dead = false);
    bench
        .live_until(900, |meter| meter.last_collected.is_some())
        .await;
    bench.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_read_of_a_meter_at_another_address_fails_with_the_reason() {
    let scenario = Scenario::new(1, "90123456");
    let mut bench = Bench::new(&scenario);
    let seat = bench.seat("elster-1", ElsterModel::A1140, scenario, "");
    bench.wire.change_flag_settings(seat.place, |settings| {
        settings.address = Some(iec62056_21::codec::MeterAddress::new("999").unwrap());
    });
    bench.start();
    bench.live(1).await;
    let what = Work::Read {
        meter: "elster-1".to_owned(),
        part: Part::Registers,
    };
    let diagnosis = bench.failure(what).await;
    assert_eq!(diagnosis.code, "C01");
    let words = format!("{} {}", diagnosis.happened, diagnosis.next.join(" "));
    assert!(words.contains("address"), "{diagnosis:#?}");
    bench.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_scan_finds_meters_between_the_polls_and_names_those_it_knows() {
    let scenario = Scenario::new(1, "90123456");
    let mut bench = Bench::new(&scenario);
    bench.seat("elster-1", ElsterModel::A1140, scenario, "");
    let stranger =
        simulator::elster::ElsterMeter::new(ElsterModel::As230, Scenario::new(2, "00077012"));
    bench.wire.seat_flag(
        stranger.on_wire().unwrap(),
        simulator::trouble::FlagTroubles::default(),
    );
    bench.start();
    bench.live(1).await;
    let result = scan(&bench, wish(&["012", "456"], &[9600], 200)).await;
    let found: Vec<(&str, Option<&str>)> = result
        .found
        .iter()
        .map(|meter| (meter.address.as_str(), meter.configured.as_deref()))
        .collect();
    assert!(found.contains(&("456", Some("elster-1"))), "{result:#?}");
    assert!(found.contains(&("012", None)), "{result:#?}");
    assert!(!result.tried.is_empty());
    bench
        .live_until(900, |meter| meter.last_collected.is_some())
        .await;
    bench.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_scan_can_be_cancelled_and_ends_in_time() {
    let scenario = Scenario::new(1, "90123456");
    let mut bench = Bench::new(&scenario);
    let seat = bench.seat("elster-1", ElsterModel::A1140, scenario, "");
    bench
        .wire
        .change_flag(seat.place, |troubles| troubles.dead = true);
    bench.start();
    bench.live(1).await;
    let bus = "main".to_owned();
    let number = bench
        .begin(Work::Scan {
            bus,
            wish: wish(&[], &[], 600),
        })
        .await;
    bench.live(20).await;
    bench.ask(desk::Request::Cancel { number }).await.unwrap();
    let job = bench.end_of(number, 60).await;
    assert!(matches!(job.state, JobState::Cancelled(_)), "{job:?}");
    let result = scan(&bench, wish(&[], &[], 40)).await;
    assert!(result.found.is_empty() && !result.left_out.is_empty());
    let backwards = Work::Scan {
        bus: "main".to_owned(),
        wish: wish(&["9-1"], &[], 40),
    };
    let refused = bench.failure(backwards).await;
    assert!(refused.happened.contains("9-1"), "{refused:?}");
    bench.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_listener_sends_nothing_and_hears_what_others_say() {
    let scenario = Scenario::new(1, "90123456");
    let mut bench = Bench::new(&scenario);
    let seat = bench.seat("elster-1", ElsterModel::A1140, scenario, "");
    bench.start();
    bench.live(1).await;
    bench
        .live_until(900, |meter| meter.last_collected.is_some())
        .await;
    let number = bench
        .begin(Work::Listen {
            bus: "main".to_owned(),
            seconds: 30,
        })
        .await;
    bench.live(5).await;
    let before = bench.wire.counters().flag_messages;
    let sign_on = format!("/?{}!\r\n", seat.meter.address());
    let sent = iec62056_21::codec::parity::send(sign_on.as_bytes());
    let mut foreign = bench.wire.line();
    foreign.write_all(&sent).await.unwrap();
    drop(foreign);
    sleep(Duration::from_secs(20)).await;
    assert_eq!(bench.wire.counters().flag_messages, before + 1);
    let outcome = outcome(bench.end_of(number, 60).await);
    let Outcome::Heard(heard) = outcome else {
        panic!("{outcome:?}");
    };
    let meanings: Vec<&str> = heard.iter().map(|line| line.meaning.as_str()).collect();
    assert!(
        meanings
            .iter()
            .any(|meaning| meaning.contains("identification")),
        "{heard:?}"
    );
    bench.stop().await;
}
