use simulator::wire::WireSettings;

use super::*;

/// Monday, 23 November 2026, 10:00 UTC.
const BEGAN_S: u64 = 1_795_428_000;

fn seated() -> Vec<Dlms> {
    let wire = Wire::new(WireSettings::serial(9600, 10), 1);
    seat(&wire, Timestamp::from_seconds(BEGAN_S), 1).unwrap()
}

#[test]
fn one_has_keys_of_suite_0_and_one_of_suite_2() {
    let [one, other] = seated().try_into().unwrap();
    assert_eq!(one.protocol().to_string(), "DLMS 0");
    assert_eq!(other.protocol().to_string(), "DLMS 2");
    let octets = |meter: &Dlms| {
        let keys = [&meter.encryption, &meter.authentication];
        keys.map(|key| key.reveal().len())
    };
    assert_eq!((octets(&one), octets(&other)), ([16; 2], [32; 2]));
    assert_ne!(one.encryption.reveal(), one.authentication.reveal());
    assert_ne!(one.lower, other.lower);
    let shown = |meter: &Dlms| meter.shown_at(Duration::from_mins(1));
    assert_eq!(shown(&one), Timestamp::from_seconds(BEGAN_S + 63));
    assert_eq!(shown(&other), Timestamp::from_seconds(BEGAN_S + 58));
}

#[test]
fn keys_are_others_each_time() {
    let (once, again) = (seated(), seated());
    assert_ne!(once[0].encryption.reveal(), again[0].encryption.reveal());
}

#[test]
fn each_has_a_past_with_one_gap() {
    for meter in seated() {
        let recorded = meter.recorded(Timestamp::from_seconds(BEGAN_S));
        assert!((88..96).contains(&recorded.len()), "{}", recorded.len());
        let is_gap = |pair: &[Recorded]| {
            let [one, next] = pair else { return false };
            next.end.millis_since(one.end) > 900_000
        };
        assert_eq!(recorded.windows(2).filter(|pair| is_gap(pair)).count(), 1);
        for interval in &recorded {
            assert_eq!(interval.values.len(), CAPTURED.len(), "{interval:?}");
        }
    }
}

#[test]
fn a_total_is_judged_by_what_the_meter_counted() {
    let meter = &seated()[0];
    let at = Timestamp::from_seconds(BEGAN_S);
    let true_time = i64::try_from(BEGAN_S).unwrap() - 3;
    let total = i64::from(meter.instrument.total(Energy::Import, true_time));
    let judged = |obis: &str, digits, unit| {
        let quantity = Quantity {
            digits,
            exponent: 0,
            unit,
        };
        meter.showed(obis.parse().unwrap(), quantity, at)
    };
    assert_eq!(judged("1-0:1.8.0", total, Unit::WattHour), Some(true));
    assert_eq!(
        judged("1-0:1.8.0", total + 1000, Unit::WattHour),
        Some(false)
    );
    assert_eq!(judged("1-0:2.8.0", total, Unit::WattHour), Some(false));
    assert_eq!(judged("1-0:1.8.0", total, Unit::VarHour), Some(false));
    assert_eq!(judged("1-0:1.7.0", 1, Unit::Watt), None);
}
