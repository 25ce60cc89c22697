//! Scans of a line with DLMS meters beside others.

use super::world::{bench, plug, seat_low};
use crate::bench::Bench;
use desk::{FoundMeter, Outcome, ScanResult, ScanWish, Work};
use simulator::dlms::{DlmsAccess, DlmsInstrument, DlmsScenario};
use simulator::trouble::FlagTroubles;

fn wish(addresses: &[&str]) -> ScanWish {
    ScanWish {
        modbus: false,
        flag: false,
        dlms: true,
        addresses: addresses.iter().map(|&text| text.to_owned()).collect(),
        bauds: vec![9600],
        seconds_max: 900,
    }
}

async fn scan(bench: &Bench, wish: ScanWish) -> ScanResult {
    let bus = "main".to_owned();
    match bench.outcome(Work::Scan { bus, wish }).await {
        Outcome::Scan(result) => result,
        other => panic!("{other:?}"),
    }
}

fn shown(found: &FoundMeter) -> String {
    format!(
        "{} {} {} {} {} {}",
        found.protocol,
        found.address,
        found.line,
        found.identification,
        found.serial.as_deref().unwrap_or("-"),
        found.configured.as_deref().unwrap_or("-")
    )
}

fn scenario(serial: &str) -> DlmsScenario {
    DlmsScenario {
        days: 1,
        ..DlmsScenario::new(7, serial)
    }
}

/// A line with a Modbus meter, and two DLMS meters of which one is known.
fn mixed() -> Bench {
    let mut bench = bench();
    let healthy = FlagTroubles::default;
    seat_low(&mut bench, "dlms-1", 70, scenario("00012345"), healthy());
    let keys = "profile = { period-seconds = 60 }";
    bench.seat_modbus("modbus-1", "abb-b23", 7, keys);
    let new = DlmsInstrument::new(scenario("00099117"), DlmsAccess::default());
    plug(&bench, &new, 117, healthy());
    bench
}

#[tokio::test(start_paused = true)]
async fn dlms_meters_are_found_between_others_and_say_who_they_are() {
    let mut bench = mixed();
    bench.start();
    bench.live(5).await;
    let result = scan(&bench, wish(&["1/117"])).await;
    let found: Vec<String> = result.found.iter().map(shown).collect();
    let expected = [
        "dlms 1/70 9600 8N1 PMU0000000012345 00012345 dlms-1",
        "dlms 1/117 9600 8N1 PMU0000000099117 00099117 -",
    ];
    assert_eq!(found, expected, "{result:#?}");
    assert_eq!(result.found[1].models[0], "dlms-generic");
    assert_eq!(result.doubts, []);
    assert_eq!(result.left_out, Vec::<String>::new());
    bench.stop().await;
}

/// Who is nowhere likely is found by looking everywhere, and the schedule goes on meanwhile.
#[tokio::test(start_paused = true)]
async fn every_lower_address_is_tried_while_other_meters_are_read() {
    let mut bench = mixed();
    bench.start();
    bench.live(5).await;
    let before = bench.meters().await;
    let answers = |meters: &[desk::MeterStatus]| {
        let mut meters = meters.iter();
        meters
            .find(|meter| meter.meter == "modbus-1")
            .unwrap()
            .answers
    };
    let before = answers(&before);
    let result = scan(&bench, wish(&[])).await;
    let mut found: Vec<&str> = result
        .found
        .iter()
        .map(|one| one.address.as_str())
        .collect();
    found.sort_unstable();
    assert_eq!(found, ["1/117", "1/70"], "{result:#?}");
    let after = answers(&bench.meters().await);
    assert!(after > before + 3, "{before} and then {after} answers");
    bench.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_scan_without_an_answer_says_what_was_tried() {
    let mut bench = bench();
    let healthy = FlagTroubles::default();
    let meter = seat_low(&mut bench, "dlms-1", 70, scenario("00012345"), healthy);
    bench.wire.change_flag(meter.place, |troubles| {
        troubles.dead = true;
    });
    bench.start();
    let wish = ScanWish {
        seconds_max: 20,
        ..wish(&[])
    };
    let result = scan(&bench, wish).await;
    assert_eq!(result.found, []);
    let tried = result.tried.join("; ");
    assert!(tried.contains("DLMS 9600 8N1"), "{tried}");
    assert!(!result.left_out.is_empty());
    bench.stop().await;
}
