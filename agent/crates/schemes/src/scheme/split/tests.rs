use super::super::{parse_scheme, zone_named};
use super::*;
use metering::scheme::Scheme;
use metering::{ClockQuality, Flags, Obis, Period, ProfileShape, Unit};
use proptest::prelude::*;
use std::sync::Arc;

fn two_rates() -> Scheme {
    let text = include_str!("../../../../../../config/schemes/two-rate-all-year.toml");
    parse_scheme("x", text).unwrap()
}

struct Made {
    kind: ChannelKind,
    unit: Unit,
    seconds: u32,
    end: &'static str,
    values: Vec<Option<i64>>,
}

fn increments(seconds: u32, end: &'static str, values: Vec<Option<i64>>) -> Made {
    Made {
        kind: ChannelKind::Increment,
        unit: Unit::WattHour,
        seconds,
        end,
        values,
    }
}

fn profile(made: &Made) -> ProfileRows {
    let code: Obis = "1-0:1.8.0".parse().unwrap();
    let channel = Channel {
        obis: if made.kind == ChannelKind::Average {
            code.as_average()
        } else {
            code.as_increment()
        },
        exponent: 0,
        unit: made.unit,
        kind: made.kind,
    };
    let end: jiff::Timestamp = made.end.parse().unwrap();
    let row = |(index, value): (usize, &Option<i64>)| Row {
        end: Timestamp::from_seconds(
            u64::try_from(end.as_second()).unwrap()
                + u64::from(made.seconds) * u64::try_from(index).unwrap(),
        ),
        values: vec![*value],
        flags: Flags::NONE,
        offset_ms: 0,
    };
    ProfileRows {
        meter: "m".parse().unwrap(),
        profile: "1-0:99.1.0".parse().unwrap(),
        shape: ProfileShape {
            period: Period::from_seconds(made.seconds).unwrap(),
            channels: Arc::new([channel]),
        },
        clock: ClockQuality::Synchronised,
        rows: made.values.iter().enumerate().map(row).collect(),
    }
}

fn divide(scheme: &Scheme, zone: &str, made: &Made) -> Result<Split, SplitFault> {
    let zone = zone_named(zone).unwrap();
    split(Tariff::of(scheme), &zone, &profile(made), 0, &scheme.tou)
}

/// Day, night, uncounted, counted again, total; divided and without value by count.
#[track_caller]
fn check(scheme: &Scheme, zone: &str, made: &Made, expected: ([i64; 5], [usize; 2])) {
    let split = divide(scheme, zone, made).unwrap();
    let digits = |index: usize| {
        split
            .registers
            .get(index)
            .map_or(0, |one| one.energy.digits)
    };
    let found = [
        digits(0),
        digits(1),
        split.uncounted.digits,
        split.counted_again.digits,
        split.total.digits,
    ];
    let counts = [split.divided.len(), split.without_value.len()];
    assert_eq!((found, counts), expected, "{split:?}");
}

#[test]
fn intervals_go_to_the_register_of_their_rate() {
    // 06:30 to 07:00 is night, 07:00 to 08:00 is day.
    let made = increments(
        1800,
        "2027-01-12T07:00:00Z",
        vec![Some(5), Some(10), Some(20)],
    );
    check(
        &two_rates(),
        "Europe/London",
        &made,
        ([30, 5, 0, 0, 35], [0, 0]),
    );
    // In summer 07:00 of the wall is 06:00 UTC.
    let made = increments(
        1800,
        "2027-07-12T06:00:00Z",
        vec![Some(5), Some(10), Some(20)],
    );
    check(
        &two_rates(),
        "Europe/London",
        &made,
        ([30, 5, 0, 0, 35], [0, 0]),
    );
}

#[test]
fn an_interval_in_which_rates_change_is_divided_by_time_and_said() {
    // 06:00 to 08:00 with the switch in the middle; the odd unit stays with the later part.
    let made = increments(7200, "2027-01-12T08:00:00Z", vec![Some(101)]);
    check(&two_rates(), "UTC", &made, ([51, 50, 0, 0, 101], [1, 0]));
}

#[test]
fn what_has_no_value_is_told() {
    let made = increments(1800, "2027-01-12T07:00:00Z", vec![None, Some(10), None]);
    check(&two_rates(), "UTC", &made, ([10, 0, 0, 0, 10], [0, 2]));
    let empty = increments(1800, "2027-01-12T07:00:00Z", vec![]);
    check(&two_rates(), "UTC", &empty, ([0, 0, 0, 0, 0], [0, 0]));
}

#[test]
fn totals_and_powers_become_energy_first() {
    let mut made = increments(
        1800,
        "2027-01-12T07:00:00Z",
        vec![Some(100), Some(130), Some(120), Some(150)],
    );
    made.kind = ChannelKind::Register;
    // The first has nothing before it, the third went back.
    check(&two_rates(), "UTC", &made, ([60, 0, 0, 0, 60], [0, 2]));
    made.kind = ChannelKind::Average;
    made.unit = Unit::Watt;
    made.values = vec![Some(3), Some(5)];
    let split = divide(&two_rates(), "UTC", &made).unwrap();
    assert_eq!(split.total.to_string(), "0.0040 kWh");
    made.seconds = 1200;
    let fault = divide(&two_rates(), "UTC", &made).unwrap_err();
    assert_eq!(fault, SplitFault::Endless(1200));
    made.kind = ChannelKind::Increment;
    let fault = divide(&two_rates(), "UTC", &made).unwrap_err();
    assert!(matches!(fault, SplitFault::NotEnergy(_)), "{fault}");
}

#[test]
fn what_no_register_or_more_than_one_counts_is_told() {
    let mut scheme = two_rates();
    scheme.tou.remove(1);
    let made = increments(1800, "2027-01-12T07:00:00Z", vec![Some(5), Some(10)]);
    check(&scheme, "UTC", &made, ([10, 0, 5, 0, 15], [0, 0]));
    let mut twin = scheme.tou[0].clone();
    twin.number = 9;
    scheme.tou.push(twin);
    check(&scheme, "UTC", &made, ([10, 10, 5, 10, 15], [0, 0]));
    scheme.tou[1].source = "1-0:3.8.0".parse().unwrap();
    check(&scheme, "UTC", &made, ([10, 0, 5, 0, 15], [0, 0]));
}

#[test]
fn what_cannot_be_divided_says_so() {
    let made = increments(1800, "2027-01-12T07:00:00Z", vec![Some(i64::MAX), Some(1)]);
    let fault = divide(&two_rates(), "UTC", &made).unwrap_err();
    assert_eq!(fault, SplitFault::TooLarge);
    let none = Scheme::default();
    let made = increments(1800, "2027-01-12T07:00:00Z", vec![Some(1)]);
    let fault = divide(&none, "UTC", &made).unwrap_err();
    assert_eq!(fault, SplitFault::Undecided(Undecided::NoCalendar));
    let zone = zone_named("UTC").unwrap();
    let scheme = two_rates();
    let mut turned = profile(&increments(1800, "2027-01-12T07:00:00Z", vec![Some(1); 3]));
    turned.rows.reverse();
    let found = split(Tariff::of(&scheme), &zone, &turned, 0, &[]);
    assert!(matches!(found, Err(SplitFault::OutOfOrder(_))), "{found:?}");
    let found = split(Tariff::of(&scheme), &zone, &profile(&made), 1, &[]);
    assert_eq!(found.unwrap_err(), SplitFault::NoChannel(1));
}

proptest! {
    #[test]
    fn parts_are_the_total_to_the_last_digit(
        values in proptest::collection::vec(proptest::option::of(-1000_i64..100_000), 0..120),
        seconds in proptest::sample::select(&[60_u32, 900, 1800, 3600, 5400, 7200, 21_600, 86_400][..]),
        hour in 0_i64..24 * 365,
        zone in proptest::sample::select(&["Europe/London", "Asia/Kolkata", "Australia/Lord_Howe"][..]),
        switched in proptest::collection::btree_set(1_u16..1440, 0..8),
    ) {
        let mut scheme = two_rates();
        let calendar = scheme.calendar.as_mut().unwrap();
        let day = &mut calendar.day_types[0];
        day.switches.truncate(1);
        for (index, minutes) in switched.into_iter().enumerate() {
            day.switches.push(metering::scheme::Switch {
                at: metering::scheme::TimeOfDay::from_minutes(minutes).unwrap(),
                energy: RateSet::from_bits([1, 2, 3, 0, 4][index % 5]),
                demand: RateSet::NONE,
            });
        }
        let mut made = increments(seconds, "2027-01-02T00:00:00Z", values);
        let mut rows = profile(&made);
        for row in &mut rows.rows {
            row.end = Timestamp::from_seconds(row.end.seconds() + u64::try_from(hour * 3600).unwrap());
        }
        let zone = zone_named(zone).unwrap();
        let split = split(Tariff::of(&scheme), &zone, &rows, 0, &scheme.tou).unwrap();
        let total: i64 = made.values.iter().flatten().sum();
        prop_assert_eq!(split.total.digits, total);
        let by_rates: i64 = split.by_rates.iter().map(|(_, energy)| energy.digits).sum();
        prop_assert_eq!(by_rates, total);
        let counted: i64 = split.registers.iter().map(|one| one.energy.digits).sum();
        prop_assert_eq!(counted + split.uncounted.digits - split.counted_again.digits, total);
        made.values.retain(Option::is_none);
        prop_assert_eq!(split.without_value.len(), made.values.len());
    }
}
