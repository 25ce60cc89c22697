//! What a round through a meter brings.

use super::bench::Bench;
use metering::EventCode;
use simulator::elster::{ElsterModel, Scenario, Source};

#[tokio::test(start_paused = true)]
async fn a_meter_is_read_and_its_serial_number_is_learned() {
    let scenario = Scenario::new(1, "90123456");
    let mut bench = Bench::new(&scenario);
    let seat = bench.seat("elster-1", ElsterModel::A1140, scenario, "");
    bench.start();
    bench
        .live_until(600, |meter| meter.last_collected.is_some())
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
