//! A meter that says in which power of ten its registers count.

use crate::bench::{Bench, ZONE};
use metering::{Obis, Quantity};
use simulator::elster::{PpmMeter, Scenario, Source};
use simulator::trouble::FlagTroubles;

#[tokio::test(start_paused = true)]
async fn a_register_is_told_in_watt_hours_and_as_the_meter_counts_it() {
    let scenario = Scenario {
        days: 2,
        ..Scenario::new(11, "5000456")
    };
    let mut bench = Bench::new(&scenario);
    let meter = PpmMeter::new(scenario);
    bench
        .wire
        .seat_flag(meter.on_wire().unwrap(), FlagTroubles::default());
    bench.configure(&format!(
        "[[meter]]\nid = \"old\"\nbus = \"main\"\nmodel = \"elster-ppm\"\naddress = \"456\"\n\
         access = {{ password-file = \"password\" }}\nclock = {{ basis = \"{ZONE}\" }}\n\n"
    ));
    bench.start();
    bench
        .live_until(1200, |meter| meter.last_collected.is_some())
        .await;
    let truth = meter.truth().total(Source::Import, bench.utc()) / 3_600_000;
    bench.stop().await;
    let readings = bench.readings();
    let told = |obis: &str| {
        let obis: Obis = obis.parse().unwrap();
        let mut values = readings.iter().rev().flat_map(|readings| &readings.values);
        let found = values.find(|value| value.obis == obis);
        found
            .and_then(|value| value.quantity)
            .unwrap_or_else(|| panic!("{obis}: {readings:#?}"))
    };
    let watt_hours = |quantity: Quantity| {
        let exponent = u32::try_from(quantity.exponent).unwrap_or(0);
        u128::try_from(quantity.digits).unwrap() * 10_u128.pow(exponent)
    };
    let primary = watt_hours(told("1-0:1.8.0"));
    // What it counts is whole tens, and some minutes have passed since.
    assert!(
        primary <= truth && truth - primary < 2000,
        "{primary} of {truth}"
    );
    assert_eq!(watt_hours(told("1-65:1.8.0")) * 10, primary);
}
