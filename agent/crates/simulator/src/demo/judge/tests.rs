use metering::Unit;

use super::*;

const BEGIN_S: u64 = 1_795_392_000;

/// Every living meter shows 1000 Wh at the beginning and 10 Wh more in each interval.
struct Even;

impl Truth for Even {
    fn is_alive(&self, meter: &str) -> Option<bool> {
        match meter {
            "feeder-1" | "feeder-2" => Some(true),
            "dead" => Some(false),
            _ => None,
        }
    }

    fn showed(
        &self,
        _: &str,
        _: Obis,
        quantity: Quantity,
        (from, to): (Timestamp, Timestamp),
    ) -> bool {
        let begin = Timestamp::from_seconds(BEGIN_S);
        let shown =
            |at: Timestamp| 1000 + at.millis_since(begin).div_euclid(i64::from(PERIOD_S) * 100);
        (shown(from)..=shown(to)).contains(&quantity.digits) && quantity.exponent == 0
    }
}

fn total() -> Obis {
    "1-0:1.8.0".parse().unwrap()
}

fn mark(number: u64) -> Timestamp {
    Timestamp::from_seconds(BEGIN_S + number * u64::from(PERIOD_S))
}

fn watt_hours(digits: i64) -> Quantity {
    Quantity {
        digits,
        exponent: 0,
        unit: Unit::WattHour,
    }
}

/// The interval that ends at this mark: its total and its increment.
fn interval(
    meter: &str,
    number: u64,
    total_wh: impl Into<Option<Quantity>>,
    increment: impl Into<Option<Quantity>>,
    flags: &str,
) -> [Booking; 2] {
    let booking = |obis, value| Booking {
        meter: meter.to_owned(),
        profile: "1-0:99.1.0".to_owned(),
        start: mark(number - 1),
        end: mark(number),
        sampled: mark(number).after(Duration::from_millis(120)),
        obis,
        value,
        flags: flags.to_owned(),
    };
    [
        booking(total(), total_wh.into()),
        booking(total().as_increment(), increment.into()),
    ]
}

/// Four intervals as they should be, and what the gateway says of them.
fn good() -> (Vec<Booking>, Vec<Made>) {
    let mut bookings = Vec::new();
    bookings.extend(interval("feeder-1", 1, watt_hours(1010), None, "missing"));
    for number in 2..=4_u64 {
        let shown = 1000 + 10 * i64::try_from(number).unwrap();
        let (total, increment) = (watt_hours(shown), watt_hours(10));
        bookings.extend(interval("feeder-1", number, total, increment, ""));
    }
    let made = Made {
        meter: "feeder-1".to_owned(),
        intervals: 4,
        last: Some(mark(4)),
    };
    (bookings, vec![made])
}

/// Judges the good bookings after a change.
#[track_caller]
fn after(change: impl FnOnce(&mut Vec<Booking>)) -> Verdict {
    let (mut bookings, made) = good();
    change(&mut bookings);
    judge(&bookings, &made, &Even)
}

#[test]
fn what_is_right_is_not_complained_about() {
    let verdict = after(|_| {});
    let expected = Verdict {
        stored: 4,
        confirmed: 4,
        compared: 4,
        flagged: 1,
        heard: BTreeSet::from(["feeder-1".to_owned()]),
        ..Verdict::default()
    };
    assert_eq!(verdict, expected);
}

#[test]
fn a_wrong_value_is_found() {
    // Another register's value, and everything that follows from it.
    let verdict = after(|bookings| bookings[4].value = Some(watt_hours(9_999_999)));
    assert_eq!(verdict.wrong.len(), 3, "{:?}", verdict.wrong);
    assert!(
        verdict.wrong[0].contains("did not show"),
        "{:?}",
        verdict.wrong
    );

    // A value of an interval before: right meter, right register, wrong time.
    let verdict = after(|bookings| {
        bookings[6].value = Some(watt_hours(1030));
        bookings[7].value = Some(watt_hours(0));
    });
    assert_eq!(verdict.wrong.len(), 1, "{:?}", verdict.wrong);

    let verdict = after(|bookings| {
        let unit = Unit::VarHour;
        bookings[7].value = bookings[7].value.map(|value| Quantity { unit, ..value });
    });
    assert_eq!(verdict.wrong.len(), 1, "{:?}", verdict.wrong);
}

#[test]
fn a_wrong_increment_is_found() {
    let verdict = after(|bookings| bookings[5].value = Some(watt_hours(11)));
    assert_eq!(verdict.wrong.len(), 1, "{:?}", verdict.wrong);
    assert!(
        verdict.wrong[0].contains("grew by 0.010 kWh"),
        "{:?}",
        verdict.wrong
    );

    // Energy of a gap put into one interval.
    let verdict = after(|bookings| {
        bookings[2].value = None;
        bookings[3].value = None;
        bookings[2].flags = "missing".to_owned();
        bookings[3].flags = "missing".to_owned();
    });
    assert_eq!(verdict.wrong.len(), 1, "{:?}", verdict.wrong);
}

#[test]
fn a_lost_interval_is_found() {
    let verdict = after(|bookings| drop(bookings.drain(2..4)));
    assert_eq!((verdict.stored, verdict.confirmed, verdict.lost), (4, 3, 1));
    assert_eq!(
        verdict.losses,
        ["feeder-1: 1 of 4 intervals stored are not booked"]
    );
    assert_eq!(verdict.gaps.len(), 1, "{:?}", verdict.gaps);

    let verdict = after(|bookings| bookings.truncate(6));
    assert_eq!(verdict.lost, 1, "the last one counts too");

    let verdict = after(Vec::clear);
    assert_eq!((verdict.confirmed, verdict.lost), (0, 4));
    assert!(verdict.heard.is_empty());
}

#[test]
fn an_interval_of_after_the_end_does_not_make_up_for_a_lost_one() {
    let verdict = after(|bookings| {
        bookings.extend(interval(
            "feeder-1",
            5,
            watt_hours(1050),
            watt_hours(10),
            "",
        ));
        bookings.drain(2..4);
    });
    assert_eq!((verdict.confirmed, verdict.lost), (3, 1));
}

#[test]
fn a_doubled_interval_is_found() {
    let verdict = after(|bookings| bookings.extend_from_within(4..6));
    assert_eq!(verdict.twice.len(), 2, "{:?}", verdict.twice);
    assert!(verdict.wrong.is_empty() && verdict.lost == 0);

    // The same time under two ends.
    let verdict = after(|bookings| {
        let mut shifted = interval("feeder-1", 4, watt_hours(1040), None, "missing");
        for booking in &mut shifted {
            booking.end = booking.end.before(Duration::from_secs(1));
            booking.start = booking.start.before(Duration::from_secs(1));
        }
        bookings.extend(shifted);
    });
    assert!(
        verdict.twice.iter().any(|words| words.contains("overlap")),
        "{verdict:?}"
    );
    assert!(
        verdict
            .twice
            .iter()
            .any(|words| words.contains("4 were made")),
        "{verdict:?}"
    );
}

#[test]
fn an_unexplained_hole_is_found() {
    let verdict = after(|bookings| bookings[7].value = None);
    assert_eq!(verdict.gaps.len(), 1, "{:?}", verdict.gaps);
    assert!(verdict.gaps[0].contains("no flag says why"));

    // The gateway counted three and never said a word of the one between.
    let (mut bookings, mut made) = good();
    bookings.drain(2..4);
    bookings[3].value = None;
    bookings[3].flags = "missing".to_owned();
    made[0].intervals = 3;
    let verdict = judge(&bookings, &made, &Even);
    assert_eq!((verdict.lost, verdict.gaps.len()), (0, 1), "{verdict:?}");
    assert!(verdict.gaps[0].contains("no interval from"));
}

#[test]
fn a_dead_meter_says_nothing() {
    let (mut bookings, mut made) = good();
    bookings.extend(interval("dead", 1, None, None, "missing"));
    made.push(Made {
        meter: "dead".to_owned(),
        intervals: 1,
        last: Some(mark(1)),
    });
    let verdict = judge(&bookings, &made, &Even);
    assert!(
        verdict.wrong.is_empty() && verdict.gaps.is_empty(),
        "{verdict:?}"
    );
    assert!(!verdict.heard.contains("dead"));

    let last = bookings.len() - 2;
    bookings[last].value = Some(watt_hours(1010));
    let verdict = judge(&bookings, &made, &Even);
    assert!(verdict.wrong[0].contains("never answered"), "{verdict:?}");
}

#[test]
fn a_meter_that_nobody_configured_is_found() {
    let verdict = after(|bookings| bookings.extend(interval("ghost", 1, None, None, "missing")));
    assert_eq!(verdict.wrong, ["ghost: the gateway knows no such meter"]);
}

#[test]
fn a_late_sample_needs_its_flag() {
    let late = |flags: &str| {
        after(|bookings| {
            for booking in &mut bookings[6..8] {
                booking.sampled = booking.end.after(Duration::from_millis(2400));
                booking.flags = flags.to_owned();
            }
        })
    };
    assert_eq!(late("").wrong.len(), 2);
    assert!(late("late-sample").wrong.is_empty());
}
