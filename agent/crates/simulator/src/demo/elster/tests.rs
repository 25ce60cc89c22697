use std::time::Duration;

use simulator::wire::WireSettings;

use super::*;

/// Monday, 23 November 2026, 10:00 UTC.
const BEGAN_S: u64 = 1_795_428_000;

fn seated() -> Vec<Elster> {
    let wire = Wire::new(WireSettings::serial(9600, 10), 1);
    seat(&wire, Timestamp::from_seconds(BEGAN_S), 1).unwrap()
}

#[test]
fn each_has_a_past_with_a_cut_a_part_and_a_flag() {
    for elster in seated() {
        let recorded = elster.recorded(Timestamp::from_seconds(BEGAN_S));
        assert!(recorded.len() > 48, "{}: {}", elster.id, recorded.len());
        let is_gap = |pair: &[Recorded]| {
            let [one, next] = pair else { return false };
            next.end.millis_since(one.end) > 1_800_000
        };
        assert_eq!(recorded.windows(2).filter(|pair| is_gap(pair)).count(), 1);
        let parts = recorded.iter().filter(|interval| !interval.is_whole);
        assert_eq!(parts.count(), 2, "{}", elster.id);
        let flagged = recorded
            .iter()
            .filter(|interval| !interval.flags.is_empty());
        assert_eq!(flagged.count(), 1, "{}", elster.id);
        for interval in &recorded {
            assert_eq!(interval.values.len(), 4, "{interval:?}");
        }
    }
}

#[test]
fn they_differ_in_what_a_gateway_must_know() {
    let [one, other] = seated().try_into().unwrap();
    assert_ne!(one.address(), other.address());
    assert_ne!(one.model, other.model);
    assert_ne!(one.password, other.password);
    let shown = |elster: &Elster| elster.shown_at(Duration::from_mins(1));
    assert_eq!(shown(&one), Timestamp::from_seconds(BEGAN_S + 64));
    assert_eq!(shown(&other), Timestamp::from_seconds(BEGAN_S + 53));
}

#[test]
fn a_register_is_judged_by_what_the_meter_counted() {
    let elster = &seated()[0];
    let at = Timestamp::from_seconds(BEGAN_S);
    let of = |text: &str| text.parse::<Obis>().unwrap();
    let total = i64::try_from(elster.meter.total(Source::Import, seconds(at)) / 3600).unwrap();
    let watt_hours = |digits| Quantity {
        digits,
        exponent: -3,
        unit: Unit::WattHour,
    };
    let judged = |obis: &str, digits| elster.showed(of(obis), watt_hours(digits), at);
    assert_eq!(judged("1-0:1.8.0", total), Some(true));
    assert_eq!(judged("1-0:1.8.0", total + 10_000_000), Some(false));
    assert_eq!(
        judged("1-0:2.8.0", total),
        Some(false),
        "another register's"
    );
    assert_eq!(judged("1-0:5.8.0", total), Some(false), "another unit's");
    let rate = elster.meter.tou_total(1, seconds(at)).unwrap() / 3600;
    assert_eq!(
        judged("1-0:1.8.2", i64::try_from(rate).unwrap()),
        Some(true)
    );
    assert_eq!(
        judged("1-0:1.8.3", i64::try_from(rate).unwrap()),
        Some(false)
    );
    assert_eq!(judged("1-0:0.4.2", 1), None);
    assert_eq!(judged("1-65:1.8.0", total), None);
}

#[test]
fn behind_transformers_the_product_and_what_is_counted_are_both_right() {
    let elster = &seated()[1];
    let at = Timestamp::from_seconds(BEGAN_S);
    let total = i64::try_from(elster.meter.total(Source::Import, seconds(at)) / 3600).unwrap();
    let judged = |obis: &str, digits| {
        let quantity = Quantity {
            digits,
            exponent: -3,
            unit: Unit::WattHour,
        };
        elster.showed(obis.parse().unwrap(), quantity, at)
    };
    assert_eq!(judged("1-0:1.8.0", total * 4000), Some(true));
    assert_eq!(judged("1-0:1.8.0", total), Some(false), "not multiplied");
    assert_eq!(judged("1-0:1.8.0", total * 4000 + 1), Some(false));
    assert_eq!(judged("1-65:1.8.0", total), Some(true));
    assert_eq!(judged("1-65:1.8.0", total * 4000), Some(false));
}

#[test]
fn energy_of_an_interval_is_multiplied_and_demand_is_not() {
    let ratio = |elster: &Elster| {
        let recorded = elster.recorded(Timestamp::from_seconds(BEGAN_S));
        let interval = recorded.iter().find(|found| found.is_whole).unwrap();
        let (obis, _) = measured(Source::Import).unwrap();
        let demand = interval.values[&obis.as_average()].digits;
        // Milliwatts over half an hour, in microwatt hours.
        interval.values[&obis.as_increment()].digits / (demand * 500)
    };
    let seated = seated();
    assert_eq!(seated.iter().map(ratio).collect::<Vec<_>>(), [1, 4000]);
}
