use metering::Unit;

use super::*;

const BEGIN_S: u64 = 1_795_392_000;
const METER: &str = "elster-1";

fn mark(number: u64) -> Timestamp {
    Timestamp::from_seconds(BEGIN_S + number * 1800)
}

fn energy() -> Obis {
    "1-0:1.29.0".parse().unwrap()
}

fn watt_hours(digits: i64, exponent: i8) -> Quantity {
    Quantity {
        digits,
        exponent,
        unit: Unit::WattHour,
    }
}

/// The intervals 1, 2 and 4: in the third there was no power, and a part of the fourth.
fn recorded() -> Vec<Recorded> {
    let interval = |number: u64, is_whole| Recorded {
        end: mark(number),
        values: BTreeMap::from([(
            energy(),
            watt_hours(1000 + i64::try_from(number).unwrap(), -3),
        )]),
        is_whole,
        flags: if number == 2 {
            vec!["phase-fail"]
        } else {
            Vec::new()
        },
    };
    vec![interval(1, true), interval(2, true), interval(4, false)]
}

fn booking(number: u64, value: Quantity, flags: &str) -> Booking {
    Booking {
        meter: METER.to_owned(),
        profile: PROFILE.to_owned(),
        start: mark(number - 1),
        end: mark(number),
        sampled: mark(number),
        obis: energy(),
        value: Some(value),
        flags: flags.to_owned(),
    }
}

fn good() -> Vec<Booking> {
    vec![
        booking(1, watt_hours(10_010, -4), "dst-active"),
        booking(2, watt_hours(1002, -3), "phase-fail"),
        booking(4, watt_hours(1004, -3), "power-up+short"),
    ]
}

#[track_caller]
fn after(change: impl FnOnce(&mut Vec<Booking>, &mut Profile)) -> Verdict {
    let mut bookings = good();
    let mut profile = Profile {
        made: Made {
            meter: METER.to_owned(),
            intervals: 3,
            last: Some(mark(4)),
        },
        recorded: recorded(),
        complete_to: Some(mark(4)),
    };
    change(&mut bookings, &mut profile);
    let mut verdict = Verdict::default();
    judge(&bookings, &profile, &mut verdict);
    verdict
}

#[test]
fn what_the_meter_recorded_is_not_complained_about() {
    let expected = Verdict {
        stored: 3,
        confirmed: 3,
        own_compared: BTreeMap::from([(METER.to_owned(), 3)]),
        flagged: 3,
        heard: BTreeSet::from([METER.to_owned()]),
        ..Verdict::default()
    };
    assert_eq!(after(|_, _| {}), expected);
}

#[test]
fn a_wrong_value_or_unit_is_found() {
    let verdict = after(|bookings, _| bookings[1].value = Some(watt_hours(1003, -3)));
    let expected = format!(
        "elster-1 {}: 1-0:1.29.0 is booked as 0.001003 kWh, recorded is 0.001002 kWh",
        mark(2)
    );
    assert_eq!(verdict.wrong, [expected]);
    let verdict = after(|bookings, _| {
        let unit = Unit::VarHour;
        bookings[1].value = bookings[1].value.map(|value| Quantity { unit, ..value });
    });
    assert_eq!(verdict.wrong.len(), 1, "{verdict:?}");
    let verdict = after(|bookings, _| bookings[1].value = None);
    assert_eq!(verdict.wrong.len(), 1, "{verdict:?}");
}

#[test]
fn an_interval_that_was_never_recorded_is_found() {
    let verdict = after(|bookings, _| bookings.push(booking(3, watt_hours(0, 0), "short")));
    assert_eq!(verdict.wrong.len(), 1, "{verdict:?}");
    assert!(verdict.wrong[0].contains("no such interval"));
    assert!(verdict.twice[0].contains("4 intervals are booked, 3 were made"));
}

#[test]
fn an_interval_that_is_booked_twice_is_found() {
    let verdict = after(|bookings, _| bookings.push(booking(2, watt_hours(1002, -3), "")));
    assert_eq!(verdict.twice.len(), 1, "{verdict:?}");
    let verdict = after(|bookings, _| {
        bookings.push(Booking {
            profile: "1-0:99.1.0*1".to_owned(),
            ..booking(2, watt_hours(1002, -3), "")
        });
    });
    assert_eq!(verdict.wrong.len(), 1, "{verdict:?}");
}

#[test]
fn an_interval_that_is_left_out_is_found() {
    let verdict = after(|bookings, _| drop(bookings.remove(1)));
    assert_eq!((verdict.lost, verdict.gaps.len()), (1, 1), "{verdict:?}");

    // It was never stored, although everything had been asked for.
    let verdict = after(|bookings, profile| {
        bookings.truncate(2);
        profile.made.intervals = 2;
        profile.made.last = Some(mark(2));
    });
    assert_eq!((verdict.lost, verdict.gaps.len()), (0, 1), "{verdict:?}");

    let verdict = after(|bookings, profile| {
        bookings.truncate(2);
        profile.made.intervals = 2;
        profile.made.last = Some(mark(2));
        profile.complete_to = None;
    });
    assert!(verdict.gaps.is_empty(), "it is still under way");
}

#[test]
fn flags_say_what_befell_the_meter_and_nothing_else() {
    let flagged = |place: usize, flags: &str| {
        let flags = flags.to_owned();
        after(move |bookings, _| bookings[place].flags = flags)
    };
    assert_eq!(flagged(2, "power-up").gaps.len(), 1);
    assert_eq!(flagged(1, "").gaps.len(), 1);
    assert_eq!(flagged(0, "short").wrong.len(), 1);
}

#[test]
fn nothing_booked_is_nothing_heard() {
    let verdict = after(|bookings, profile| {
        bookings.clear();
        profile.made.intervals = 0;
        profile.made.last = None;
        profile.complete_to = None;
    });
    assert_eq!(verdict, Verdict::default());
}
