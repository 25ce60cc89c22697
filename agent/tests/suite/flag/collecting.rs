//! What a round through a meter brings.

use crate::bench::{Bench, Seat};
use metering::{EventCode, Flag};
use simulator::elster::{ElsterModel, Scenario, Source};
use simulator::link::ModemEvent;

#[tokio::test(start_paused = true)]
async fn a_meter_is_read_and_its_serial_number_is_learned() {
    let scenario = Scenario::new(1, "90123456");
    let mut bench = Bench::new(&scenario);
    let seat = bench.seat("elster-1", ElsterModel::A1140, scenario, "");
    bench.start();
    bench
        .live_until(900, |meter| meter.last_collected.is_some())
        .await;
    let meters = bench.meters().await;
    assert_eq!(meters[0].serial.as_deref(), Some(&*seat.meter.serial()));
    assert_eq!(meters[0].remarks, Vec::<String>::new());
    bench.stop().await;
    let readings = bench.readings();
    let obis = "1-0:1.8.0".parse().unwrap();
    let found = readings.iter().find_map(|reading| {
        let value = reading.values.iter().find(|value| value.obis == obis)?;
        Some((reading.taken_at, value.quantity?))
    });
    let (at, quantity) = found.expect("its total was read");
    let utc = i64::try_from(at.seconds()).unwrap();
    let truth = |utc| i128::try_from(seat.meter.total(Source::Import, utc)).unwrap() / 3600;
    let shown = i128::from(quantity.digits);
    assert_eq!(quantity.exponent, -3, "{quantity}");
    assert!(
        (truth(utc - 2)..=truth(utc + 1)).contains(&shown),
        "{quantity}"
    );
    assert!(
        bench
            .events()
            .iter()
            .any(|event| event.code == EventCode::MeterAccepted)
    );
}

/// A slow line gives a meter a few seconds at a time: what is billed comes before counters of events.
#[tokio::test(start_paused = true)]
async fn registers_are_read_before_what_only_tells_of_the_past() {
    let scenario = Scenario::new(1, "90123456");
    let mut bench = Bench::new(&scenario);
    bench.seat("elster-1", ElsterModel::A1140, scenario, "");
    bench.start();
    bench.live(16).await;
    bench.stop().await;
    let obis = "1-0:1.8.0".parse().unwrap();
    let mut values = bench.readings().into_iter().flat_map(|found| found.values);
    assert!(values.any(|value| value.obis == obis));
}

/// Rows of a profile that the gateway or a meter made: how many, and how many with a flag.
fn rows(bench: &Bench, name: &str) -> (usize, usize) {
    let blocks = bench.rows();
    let own = blocks.iter().filter(|block| block.meter.as_str() == name);
    let rows: Vec<_> = own.flat_map(|block| &block.rows).collect();
    let season = metering::Flags::NONE.with(Flag::DstActive).bits();
    let flagged = rows.iter().filter(|row| row.flags.bits() & !season != 0);
    (rows.len(), flagged.count())
}

#[tokio::test(start_paused = true)]
async fn both_kinds_of_meters_share_a_line() {
    let scenario = |serial: &str| Scenario {
        days: 2,
        ..Scenario::new(4, serial)
    };
    let mut bench = Bench::new(&scenario("1"));
    let keys = "profile = { period-seconds = 900 }\ninstant = { every-seconds = 10 }";
    for unit in 1..=3 {
        bench.seat_modbus(&format!("modbus-{unit}"), "eastron-sdm630", unit, keys);
    }
    for serial in ["10000101", "10000102"] {
        let name = format!("elster-{}", &serial[5..]);
        bench.seat(&name, ElsterModel::A1140, scenario(serial), "");
    }
    let keys = "profile = { period-seconds = 1800, totals = [\"1-0:1.8.0\", \"1-0:2.8.0\"] }";
    let sampled = bench.seat("elster-103", ElsterModel::A1120, scenario("10000103"), keys);
    bench.start();
    bench.live(6 * 3600 + 60).await;
    let meters = bench.meters().await;
    for meter in &meters {
        assert_eq!(meter.state, "healthy", "{meter:?}");
    }
    bench.stop().await;
    for unit in 1..=3 {
        let (made, flagged) = rows(&bench, &format!("modbus-{unit}"));
        assert!(made >= 23, "{made}");
        // The one that was begun half-way.
        assert!(flagged <= 1, "{flagged} of {made}");
    }
    let readings = bench.readings();
    let read = |name: &str| {
        let own = readings
            .iter()
            .filter(|reading| reading.meter.as_str() == name);
        own.count()
    };
    // 6 h of readings every 10 s; 99 % of them come in time.
    assert!(read("modbus-1") > 2140, "{}", read("modbus-1"));
    for name in ["elster-101", "elster-102"] {
        let (kept, _) = rows(&bench, name);
        assert!(kept > 2 * 48 + 10, "{name}: {kept}");
    }
    // A session would keep the samples of the others waiting, so this one waits for them.
    check_sampled(&bench, "elster-103", &sampled, 6000);
}

/// Every interval that the gateway made of a meter's totals is as the meter was about then.
#[track_caller]
fn check_sampled(bench: &Bench, name: &str, seat: &Seat, late_ms: i32) {
    let blocks = bench.rows();
    let own = blocks.iter().filter(|block| block.meter.as_str() == name);
    let mut checked = 0;
    for row in own.flat_map(|block| &block.rows) {
        let Some(total) = row.values[0] else { continue };
        // The first mark had passed when the gateway was ready.
        let is_first = row.flags.has(Flag::GatewayRestart);
        let is_near = (-2000..late_ms).contains(&row.offset_ms);
        assert!(is_first || is_near, "{row:?}");
        let taken = i64::try_from(row.end.seconds()).unwrap() + i64::from(row.offset_ms) / 1000;
        let truth = |utc| i128::try_from(seat.meter.total(Source::Import, utc)).unwrap() / 3600;
        let shown = i128::from(total);
        assert!(
            (truth(taken - 2)..=truth(taken + 2)).contains(&shown),
            "{row:?}"
        );
        checked += 1;
    }
    assert!(checked >= 11, "{checked}");
}

#[tokio::test(start_paused = true)]
async fn a_meter_without_a_profile_is_sampled_at_its_marks() {
    let scenario = Scenario {
        days: 2,
        ..Scenario::new(8, "10000103")
    };
    let mut bench = Bench::new(&scenario);
    let keys = "profile = { period-seconds = 1800, totals = [\"1-0:1.8.0\", \"1-0:2.8.0\"] }";
    let seat = bench.seat("elster-103", ElsterModel::A1120, scenario, keys);
    bench.start();
    bench.live(6 * 3600 + 60).await;
    bench.stop().await;
    check_sampled(&bench, "elster-103", &seat, 2000);
    let (made, flagged) = rows(&bench, "elster-103");
    assert!(flagged <= 1, "{flagged} of {made}");
}

#[tokio::test(start_paused = true)]
async fn a_meter_behind_a_modem_is_read_in_few_calls() {
    let scenario = Scenario {
        days: 20,
        ..Scenario::new(5, "90123456")
    };
    let (mut bench, modem) = Bench::dialled(&scenario);
    let keys = "number = \"0123\"\ncollect = { every-seconds = 86400, days-max = 30 }";
    let seat = bench.seat("elster-1", ElsterModel::A1140, scenario, keys);
    bench.start();
    bench
        .live_until(3600, |meter| meter.last_collected.is_some())
        .await;
    bench.live(60).await;
    assert!(!modem.is_in_call(), "the call has ended");
    let calls = modem
        .life()
        .iter()
        .filter(|event| matches!(event, ModemEvent::Dialled(_)))
        .count();
    assert_eq!(calls, 1, "{:#?}", modem.life());
    let until = bench.utc();
    bench.stop().await;
    let begun = seat.meter.begun();
    let found = super::profiles::check(&bench, "elster-1", &seat, begun, until - 600);
    assert!(found > 19 * 48, "{found} intervals");
}

#[tokio::test(start_paused = true)]
async fn a_reload_changes_one_meter_and_leaves_the_others_alone() {
    let scenario = |serial: &str| Scenario {
        days: 2,
        ..Scenario::new(6, serial)
    };
    let mut bench = Bench::new(&scenario("1"));
    let keys = "collect = { every-seconds = 600 }";
    bench.seat("elster-101", ElsterModel::A1140, scenario("10000101"), keys);
    bench.start();
    bench
        .live_until(600, |meter| meter.last_collected.is_some())
        .await;
    bench.seat("elster-102", ElsterModel::A1140, scenario("10000102"), keys);
    bench.reload().await;
    bench.live(600).await;
    let meters = bench.meters().await;
    assert_eq!(meters.len(), 2);
    for meter in &meters {
        assert!(meter.last_collected.is_some(), "{meter:?}");
        assert_eq!(meter.trust, desk::MeterTrust::Right);
    }
}

#[tokio::test(start_paused = true)]
async fn a_corrected_password_is_tried_at_once() {
    let scenario = Scenario {
        days: 2,
        passwords: ["OTHER001", "OTHER002", "OTHER003"].map(str::to_owned),
        ..Scenario::new(7, "90123456")
    };
    let mut bench = Bench::new(&scenario);
    bench.seat("elster-1", ElsterModel::A1140, scenario, "");
    bench.start();
    bench.live(120).await;
    let meters = bench.meters().await;
    assert_eq!(meters[0].last_interval, None, "{meters:?}");
    bench.password("OTHER001");
    bench.reload().await;
    bench
        .live_until(600, |meter| meter.last_interval.is_some())
        .await;
    bench.stop().await;
    let events = bench.events();
    let refused = events
        .iter()
        .filter(|event| event.code == EventCode::MeterPasswordRefused);
    assert_eq!(refused.count(), 1, "{events:#?}");
}

/// Instantaneous values kept of a Modbus meter in half an hour on a disk that is filled after so long.
async fn kept_readings(free_percent: u64) -> usize {
    let mut bench = Bench::new(&Scenario::new(4, "1"));
    let keys = "instant = { every-seconds = 10 }";
    bench.seat_modbus("modbus-1", "eastron-sdm630", 1, keys);
    bench.free(free_percent);
    bench.start();
    bench.live(1800).await;
    bench.stop().await;
    bench.readings().len()
}

#[tokio::test(start_paused = true)]
async fn a_world_has_a_disk_of_its_own() {
    // Whatever room the machine has that runs this: there is much, and there is too little.
    assert!(kept_readings(50).await > 170);
    assert!(kept_readings(5).await < 60);
}
