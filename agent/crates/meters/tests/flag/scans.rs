//! Scans of lines with simulated meters.

use crate::world::{World, catalogue, eight, seven};
use line::LineSettings;
use meters::flag::{
    Configured, LineReach, ScanOrder, ScanReport, ScanWish, Sighting, Site, StationWish,
    WishedAddresses, scan,
};
use simulator::elster::{ElsterMeter, ElsterModel, Scenario};
use simulator::meter::ModelMeter;
use simulator::trouble::FlagTroubles;
use std::sync::Arc;
use std::time::Duration;

fn wish(flag: bool, modbus: bool, addresses: &[&str], bauds: &[u32]) -> ScanWish {
    let texts: Vec<String> = addresses.iter().map(|text| (*text).to_owned()).collect();
    ScanWish {
        flag,
        modbus,
        dlms: StationWish::None,
        addresses: WishedAddresses::parse(&texts).unwrap(),
        bauds: bauds.to_vec(),
    }
}

async fn run(world: &mut World, line: LineSettings, wish: &ScanWish, seconds: u64) -> ScanReport {
    let mut site = Site {
        line: &mut world.line,
        reach: LineReach {
            line,
            can_change: true,
            dtr: None,
        },
        set_dtr: None,
        tcp: None,
    };
    let order = ScanOrder {
        wish,
        known: &Configured::default(),
        catalogue: catalogue(),
        limit: Duration::from_secs(seconds),
    };
    let mut last = 0;
    let report = scan(&mut site, order, &|| false, &mut |progress| {
        assert!(progress.done >= last && progress.done <= progress.total);
        last = progress.done;
    })
    .await;
    assert!(report.fault.is_none(), "{report:?}");
    report
}

fn shown(report: &ScanReport) -> Vec<String> {
    let one = |meter: &meters::flag::FoundMeter| {
        format!(
            "{} {} at {}: {} {}",
            meter.protocol.word(),
            meter.address.as_deref().unwrap_or("-"),
            meter.setting,
            meter.serial.as_deref().unwrap_or("-"),
            meter.models.first().map_or("-", String::as_str),
        )
    };
    report.found.iter().map(one).collect()
}

#[tokio::test(start_paused = true)]
async fn one_meter_is_found_and_its_address_with_it() {
    let mut world = World::new(ElsterModel::A1700);
    let report = run(
        &mut world,
        seven(9600),
        &wish(true, false, &[], &[9600]),
        60,
    )
    .await;
    assert_eq!(
        shown(&report),
        ["flag 345 at 9600 7E1: 0000000000012345 elster-a1700"]
    );
    assert!(report.doubts.is_empty(), "{:?}", report.doubts);
}

#[tokio::test(start_paused = true)]
async fn several_meters_share_a_line() {
    let mut world = World::new(ElsterModel::A1140);
    for (seed, serial) in [(8, "00012007"), (9, "00099008")] {
        let other = ElsterMeter::new(ElsterModel::As230, Scenario::new(seed, serial));
        world
            .wire
            .seat_flag(other.on_wire().unwrap(), FlagTroubles::default());
    }
    let report = run(
        &mut world,
        seven(9600),
        &wish(true, false, &["345"], &[9600]),
        200,
    )
    .await;
    let mut found = shown(&report);
    found.sort();
    assert_eq!(
        found,
        [
            "flag 007 at 9600 7E1: 0000000000012007 elster-as230",
            "flag 008 at 9600 7E1: 0000000000099008 elster-as230",
            "flag 345 at 9600 7E1: 0000000000012345 elster-a1140",
        ]
    );
    assert!(report.doubts.is_empty(), "{:?}", report.doubts);
}

#[tokio::test(start_paused = true)]
async fn meters_of_both_protocols_are_found_on_one_line() {
    let line = eight(9600);
    let mut world = World::on(
        ElsterModel::A1700,
        Scenario::new(7, "00012345"),
        FlagTroubles::default(),
        line,
    );
    for (unit, name) in [(3, "abb-b23"), (9, "sunspec-meter"), (5, "eastron-sdm630")] {
        let model = catalogue().model(name).unwrap();
        let meter = Arc::new(ModelMeter::new(model, unit, 5).unwrap());
        world.wire.seat(meter.on_wire(), meter.healthy());
    }
    let report = run(&mut world, line, &wish(true, true, &[], &[9600]), 400).await;
    let found: Vec<(String, String)> = report
        .found
        .iter()
        .map(|meter| {
            let address = meter.address.clone().unwrap_or_default();
            (address, meter.models.first().cloned().unwrap_or_default())
        })
        .collect();
    let has = |address: &str, model: &str| {
        assert!(
            found.contains(&(address.to_owned(), model.to_owned())),
            "{model} at {address}: {found:?}"
        );
    };
    has("3", "abb-b23");
    has("9", "sunspec-meter");
    has("345", "elster-a1700");
    assert!(found.iter().any(|(address, _)| address == "5"), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn a_meter_is_found_at_another_speed_and_the_line_is_left_as_it_was() {
    let mut world = World::on(
        ElsterModel::As230,
        Scenario::new(7, "00012345"),
        FlagTroubles::default(),
        seven(2400),
    );
    let own = seven(9600);
    world.line.set(own).await.unwrap();
    let report = run(&mut world, own, &wish(true, false, &[], &[]), 120).await;
    assert_eq!(
        shown(&report),
        ["flag 345 at 2400 7E1: 0000000000012345 elster-as230"]
    );
    assert!(report.doubts.is_empty(), "{:?}", report.doubts);
    let second = world.line.timing().answer_time(960);
    assert_eq!(second.as_millis(), 1000, "9600 again");
}

#[tokio::test(start_paused = true)]
async fn two_meters_at_one_address_are_a_doubt() {
    let mut world = World::new(ElsterModel::A1140);
    let twin = ElsterMeter::new(ElsterModel::As230, Scenario::new(9, "00099345"));
    world
        .wire
        .seat_flag(twin.on_wire().unwrap(), FlagTroubles::default());
    let report = run(
        &mut world,
        seven(9600),
        &wish(true, false, &["345"], &[9600]),
        60,
    )
    .await;
    assert!(report.found.is_empty(), "{:?}", report.found);
    let doubt = report
        .doubts
        .iter()
        .find(|doubt| doubt.address.as_deref() == Some("345"))
        .unwrap();
    assert!(
        matches!(doubt.sighting, Sighting::TwoMeters | Sighting::Garbled(_)),
        "{doubt:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_scan_ends_in_time_and_says_what_it_left_out() {
    let mut world = World::new(ElsterModel::A1140);
    world.wire.unseat_flag(world.place);
    let began = tokio::time::Instant::now();
    let report = run(&mut world, seven(9600), &wish(true, true, &[], &[]), 30).await;
    assert!(
        began.elapsed() <= Duration::from_secs(31),
        "{:?}",
        began.elapsed()
    );
    assert!(report.found.is_empty() && report.doubts.is_empty());
    assert_eq!(report.tried[0], "FLAG 9600 7E1: 2 addresses");
    assert!(!report.left_out.is_empty());
}

#[tokio::test(start_paused = true)]
async fn dtr_is_tried_both_ways_and_left_as_it_was() {
    let mut world = World::new(ElsterModel::A1140);
    let mut switched = Vec::new();
    let place = world.place;
    let wire = world.wire.clone();
    let mut set = |_: &mut simulator::wire::MemoryLine, on: bool| {
        switched.push(on);
        // The head has no supply while DTR is on.
        wire.change_flag(place, |troubles| troubles.dead = on);
        Ok(())
    };
    let mut site = Site {
        line: &mut world.line,
        reach: LineReach {
            line: seven(9600),
            can_change: true,
            dtr: Some(true),
        },
        set_dtr: Some(&mut set),
        tcp: None,
    };
    let wish = wish(true, false, &[], &[9600]);
    let order = ScanOrder {
        wish: &wish,
        known: &Configured::default(),
        catalogue: catalogue(),
        limit: Duration::from_secs(40),
    };
    let report = scan(&mut site, order, &|| false, &mut |_| {}).await;
    assert_eq!(
        shown(&report),
        ["flag 345 at 9600 7E1, DTR off: 0000000000012345 elster-a1140"]
    );
    assert_eq!(switched.last(), Some(&true));
}

#[tokio::test(start_paused = true)]
async fn a_scan_can_be_cancelled() {
    let mut world = World::new(ElsterModel::A1140);
    let mut site = Site {
        line: &mut world.line,
        reach: LineReach {
            line: seven(9600),
            can_change: true,
            dtr: None,
        },
        set_dtr: None,
        tcp: None,
    };
    let wish = wish(true, false, &[], &[9600]);
    let order = ScanOrder {
        wish: &wish,
        known: &Configured::default(),
        catalogue: catalogue(),
        limit: Duration::from_secs(400),
    };
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let cancelled = || asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 3;
    let report = scan(&mut site, order, &cancelled, &mut |_| {}).await;
    assert!(report.is_cancelled && !report.left_out.is_empty());
    assert_eq!(report.found.len(), 1);
}
