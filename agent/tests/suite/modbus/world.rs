//! A bus with a Modbus meter whose settings can be written.

use crate::bench::Bench;
use crate::site::Site;
use meters::catalogue::SettingValue;
use simulator::elster::Scenario;
use simulator::meter::{RegisterSource, SettingsMeter};
use std::sync::Arc;

pub(super) const NAME: &str = "hall-5";
pub(super) const MODEL: &str = "siemens-pac3200";
pub(super) const UNIT: u8 = 5;
/// Where its demand period stands, two words.
pub(super) const DEMAND_PERIOD: u16 = 50_021;
pub(super) const SCHEME: &str = include_str!("../../../../config/schemes/demand-30-minutes.toml");

/// A gateway with the meter, which has been read for a while, and its operators.
pub(super) async fn site() -> (Site, Arc<SettingsMeter>) {
    let mut bench = Bench::new(&Scenario::new(3, ""));
    bench.configure(&format!(
        "[[meter]]\nid = \"{NAME}\"\nbus = \"main\"\nmodel = \"{MODEL}\"\nunit = {UNIT}\n"
    ));
    let settings = bench.settings();
    let model = settings.catalogue.model(MODEL).expect("such a model");
    let meter = SettingsMeter::new(model, UNIT, 5, 0).expect("a meter");
    let healthy = meter.meter().healthy();
    let meter = Arc::new(meter);
    bench.wire.seat(meter.on_wire(), healthy);
    (Site::open(bench, false).await, meter)
}

pub(super) fn plug(site: &Site, is_in: bool) {
    let change = |troubles: &mut simulator::trouble::MeterTroubles| troubles.dead = !is_in;
    assert!(site.bench.wire.change_meter(UNIT, change));
}

/// Its demand period.
pub(super) fn in_minutes(meter: &SettingsMeter) -> i64 {
    match meter.in_force("demand-period") {
        Some(SettingValue::Number(minutes)) => minutes,
        other => panic!("{other:?}"),
    }
}

/// Somebody sets its demand period at the meter.
pub(super) fn set_by_others(site: &Site, meter: &SettingsMeter, minutes: u16) {
    let now = site.bench.wire.now();
    meter
        .write(DEMAND_PERIOD, &[0, minutes], now)
        .expect("it takes that");
}
