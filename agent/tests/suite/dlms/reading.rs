//! What rounds through such meters bring.

use super::world::{bench, check_rows, seat_low, seat_secured};
use ::dlms::security::Suite;
use desk::{MeterTrust, Outcome, Part, Work};
use metering::EventCode;
use simulator::dlms::{DlmsScenario, Energy, Nulls, Sorting};
use simulator::trouble::FlagTroubles;

fn scenario(serial: &str) -> DlmsScenario {
    DlmsScenario {
        days: 3,
        ..DlmsScenario::new(7, serial)
    }
}

#[tokio::test(start_paused = true)]
async fn a_meter_is_read_and_its_serial_number_is_learned() {
    let mut bench = bench();
    let healthy = FlagTroubles::default();
    let meter = seat_low(&mut bench, "dlms-1", 17, scenario("00012345"), healthy);
    bench.start();
    bench
        .live_until(1200, |meter| meter.last_collected.is_some())
        .await;
    let upto = bench.utc() - 900;
    let meters = bench.meters().await;
    assert_eq!(meters[0].serial.as_deref(), Some("00012345"), "{meters:#?}");
    assert_eq!(meters[0].trust, MeterTrust::Right);
    bench.stop().await;
    check_rows(&bench, "dlms-1", &meter, upto);
    let obis = "1-0:1.8.0".parse().unwrap();
    let (at, quantity) = bench
        .readings()
        .iter()
        .find_map(|reading| {
            let value = reading.values.iter().find(|value| value.obis == obis)?;
            Some((reading.taken_at, value.quantity?))
        })
        .expect("its total was read");
    let utc = i64::try_from(at.seconds()).unwrap();
    let total = |utc| i64::from(meter.instrument.total(Energy::Import, utc));
    let shown = quantity.digits;
    assert!(
        (total(utc - 2)..=total(utc + 2)).contains(&shown),
        "{quantity}"
    );
    let events = bench.events();
    assert!(
        events
            .iter()
            .any(|event| event.code == EventCode::MeterAccepted)
    );
}

/// Every way in which such a profile may lie and be asked for brings the same rows.
#[tokio::test(start_paused = true)]
async fn every_kind_of_profile_brings_the_same_rows() {
    let kinds = [
        (true, true, Sorting::OldestFirst, Nulls::InAnswer),
        (true, false, Sorting::NewestFirst, Nulls::Never),
        (false, true, Sorting::NewestFirst, Nulls::InAnswer),
        (false, false, Sorting::OldestFirst, Nulls::InBuffer),
    ];
    for (range, entries, sorting, nulls) in kinds {
        let mut bench = bench();
        let scenario = DlmsScenario {
            selects_range: range,
            selects_entries: entries,
            sorting,
            nulls,
            capacity: 400,
            ..scenario("00012345")
        };
        let healthy = FlagTroubles::default();
        let meter = seat_low(&mut bench, "dlms-1", 17, scenario, healthy);
        bench.start();
        bench
            .live_until(3000, |meter| meter.last_collected.is_some())
            .await;
        let upto = bench.utc() - 900;
        bench.stop().await;
        check_rows(&bench, "dlms-1", &meter, upto);
    }
}

/// What is new comes, hour by hour, and a day without the gateway is filled.
#[tokio::test(start_paused = true)]
async fn a_day_without_the_gateway_is_filled() {
    let mut bench = bench();
    let healthy = FlagTroubles::default();
    let meter = seat_low(&mut bench, "dlms-1", 17, scenario("00012345"), healthy);
    bench.start();
    bench
        .live_until(1200, |meter| meter.last_collected.is_some())
        .await;
    bench.kill().await;
    tokio::time::sleep(std::time::Duration::from_hours(24)).await;
    bench.start();
    bench.live(2000).await;
    let upto = bench.utc() - 1000;
    bench.stop().await;
    check_rows(&bench, "dlms-1", &meter, upto);
}

#[tokio::test(start_paused = true)]
async fn another_meter_in_its_place_is_not_read() {
    let mut bench = bench();
    let healthy = FlagTroubles::default;
    let meter = seat_low(&mut bench, "dlms-1", 17, scenario("00012345"), healthy());
    bench.start();
    bench
        .live_until(1200, |meter| meter.last_collected.is_some())
        .await;
    meter
        .instrument
        .change(|scenario| scenario.serial = "00099999".to_owned());
    bench.live(2000).await;
    let meters = bench.meters().await;
    assert_eq!(meters[0].trust, MeterTrust::Wrong, "{meters:#?}");
    bench.stop().await;
    let events = bench.events();
    let told = events
        .iter()
        .filter(|event| event.code == EventCode::WrongMeter);
    assert_eq!(told.count(), 1, "{events:#?}");
}

#[tokio::test(start_paused = true)]
async fn people_see_registers_clock_layers_and_the_profile() {
    let mut bench = bench();
    let healthy = FlagTroubles::default();
    let meter = seat_low(&mut bench, "dlms-1", 17, scenario("00012345"), healthy);
    bench.start();
    bench.live(5).await;
    let meter_id = || "dlms-1".to_owned();
    let part = Part::Registers;
    let read = Work::Read {
        meter: meter_id(),
        part,
    };
    let Outcome::Values(values) = bench.outcome(read).await else {
        panic!("values");
    };
    assert!(
        values
            .iter()
            .any(|value| value.obis == "1-0:1.8.0" && value.value.contains("kWh")),
        "{values:#?}"
    );
    let Outcome::Clock(clock) = bench.outcome(Work::Clock { meter: meter_id() }).await else {
        panic!("a clock");
    };
    assert!(clock.error_ms.abs() < 1500, "{clock:#?}");
    let Outcome::Ping(ping) = bench.outcome(Work::Ping { meter: meter_id() }).await else {
        panic!("layers");
    };
    assert!(ping.layers.iter().all(|layer| layer.is_well), "{ping:#?}");
    let collect = Work::Collect {
        meter: meter_id(),
        from: None,
        to: None,
        again: true,
    };
    let Outcome::Collected(brought) = bench.outcome(collect).await else {
        panic!("a collection");
    };
    assert!(brought.intervals > 280, "{brought:#?}");
    bench.wire.unseat_flag(meter.place);
    let told = bench.failure(Work::Clock { meter: meter_id() }).await;
    assert_eq!(told.code, "D01", "{told:#?}");
    bench.stop().await;
}

#[tokio::test(start_paused = true)]
async fn people_see_which_objects_a_meter_has() {
    let mut bench = bench();
    let healthy = FlagTroubles::default();
    seat_low(&mut bench, "dlms-1", 17, scenario("00012345"), healthy);
    bench.seat_modbus("modbus-1", "eastron-sdm630", 1, "");
    bench.start();
    bench.live(5).await;
    let work = |meter: &str| Work::Objects {
        meter: meter.to_owned(),
    };
    let Outcome::Objects(objects) = bench.outcome(work("dlms-1")).await else {
        panic!("objects");
    };
    assert_eq!(objects.len(), 40, "{objects:#?}");
    let total = objects.iter().find(|object| object.obis == "1-0:1.8.0");
    let total = total.expect("its total is listed");
    assert_eq!((total.class, total.class_name.as_str()), (3, "Register"));
    assert_eq!(total.name, "active energy, from the grid");
    assert!(total.in_model);
    let security = objects.iter().find(|object| object.class == 64);
    let security = security.expect("its security set-up is listed");
    assert_eq!((security.version, security.in_model), (1, false));
    let policy = "policy 0: nothing has to be protected, suite 0, title of the meter 504D55";
    assert!(security.access.contains(policy), "{security:#?}");
    let told = bench.failure(work("modbus-1")).await;
    assert_eq!(told.code, "J03", "{told:#?}");
    bench.stop().await;
}

/// A dead meter and a noisy one cost the others nothing but time.
#[tokio::test(start_paused = true)]
async fn meters_of_three_protocols_share_a_line() {
    let mut bench = bench();
    let healthy = FlagTroubles::default();
    let low = seat_low(&mut bench, "dlms-1", 17, scenario("00012345"), healthy);
    let dead = seat_low(
        &mut bench,
        "dlms-2",
        18,
        scenario("00012346"),
        FlagTroubles::default(),
    );
    bench.wire.unseat_flag(dead.place);
    let keys = "profile = { period-seconds = 900 }";
    bench.seat_modbus("modbus-1", "eastron-sdm630", 1, keys);
    let two = seat_secured(&mut bench, ("dlms-3", 19), Suite::Two, scenario("00012347"));
    bench.start();
    super::world::import(
        &bench,
        "dlms-3",
        Suite::Two,
        super::world::key_octets(Suite::Two),
    )
    .await;
    bench.live(4000).await;
    let upto = bench.utc() - 2000;
    let states: Vec<_> = bench.meters().await;
    bench.stop().await;
    check_rows(&bench, "dlms-1", &low, upto);
    check_rows(&bench, "dlms-3", &two, upto);
    let silent = states.iter().find(|meter| meter.meter == "dlms-2").unwrap();
    assert_eq!(silent.state, "silent", "{states:#?}");
    let modbus = bench
        .rows()
        .into_iter()
        .filter(|block| block.meter.as_str() == "modbus-1");
    let marks: usize = modbus.map(|block| block.rows.len()).sum();
    assert!(marks >= 3, "{marks}");
}
