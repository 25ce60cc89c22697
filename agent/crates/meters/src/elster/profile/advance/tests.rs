use super::*;
use crate::elster::profile::ProfileChannel;
use metering::{MeterTime, Period, Unit};
use proptest::prelude::*;

const T0: u64 = 1_767_225_600;
const PERIOD: u64 = 1800;
/// A register counts 10^-3 Wh, the profile 10^-3 W.
const UNIT: i128 = 3600;

fn obis(quantity: u8) -> Obis {
    Obis::new([1, 0, quantity, 8, 0, 255])
}

fn columns() -> ProfileColumns {
    let channel = |bit: u8| ProfileChannel {
        bit,
        measured: Some((obis(bit + 1), Unit::WattHour)),
        instrument: None,
        exponent: -3,
    };
    ProfileColumns {
        period: Period::HALF_HOUR,
        mask: 3,
        channels: vec![channel(0), channel(1)],
    }
}

/// Milliwatts of the interval that ends so many periods behind the beginning.
fn demands(number: u64) -> [i64; 2] {
    let number = i64::try_from(number).unwrap();
    [2_000_000 + number % 7 * 300_000, 40_000 + number % 5 * 1000]
}

fn row(number: u64, own: [Option<i64>; 2], others: [Option<i64>; 2]) -> ProfileRow {
    let end = T0 + number * PERIOD;
    ProfileRow {
        end: Timestamp::from_seconds(end),
        shown_end: MeterTime::from_seconds(end),
        position: 0,
        values: own.to_vec(),
        others: others.to_vec(),
        status: 0,
        flags: Flags::NONE,
        parts: 1,
        covered_s: 1800,
    }
}

/// A total so many seconds behind the beginning, as the register shows it.
fn total(channel: usize, at: u64) -> i64 {
    let whole = at / PERIOD;
    let sum: i64 = (1..=whole)
        .map(|number| demands(number)[channel] * 1800)
        .sum();
    let rest = demands(whole + 1)[channel] * i64::try_from(at % PERIOD).unwrap();
    (sum + rest) / 3600
}

fn look(at: u64) -> RegisterLook {
    RegisterLook {
        at: Timestamp::from_seconds(T0 + at),
        totals: (0..2)
            .map(|channel| (obis(u8::try_from(channel).unwrap() + 1), total(channel, at)))
            .collect(),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meter {
    AsModel,
    Other,
    /// Nobody knows its coding.
    Neither,
    /// Its channels stand in another order than its mask says.
    Transposed,
    /// One channel counts twice.
    Twice,
}

fn rows_of(meter: Meter, numbers: impl Iterator<Item = u64>) -> Vec<ProfileRow> {
    let row = |number| {
        let [first, second] = demands(number);
        let good = [Some(first), Some(second)];
        let junk = [None, Some(7)];
        match meter {
            Meter::AsModel => row(number, good, [Some(1), Some(2)]),
            Meter::Other => row(number, junk, good),
            Meter::Neither => row(number, junk, [Some(9), Some(3)]),
            Meter::Transposed => row(number, [Some(second), Some(first)], [None; 2]),
            Meter::Twice => row(number, [Some(first * 2), Some(second)], [None; 2]),
        }
    };
    numbers.map(row).collect()
}

fn take(check: &mut AdvanceCheck, rows: &[ProfileRow]) {
    for row in rows {
        check.row(&columns(), row);
    }
}

fn kind(found: Option<(AdvanceVerdict, bool)>) -> Option<(&'static str, bool)> {
    found.map(|(verdict, is_news)| match verdict.result {
        AdvanceResult::Agrees => ("agrees", is_news),
        AdvanceResult::Differs { .. } => ("differs", is_news),
        AdvanceResult::OtherCoding { .. } => ("other", is_news),
    })
}

/// Days of a meter that is read twice a day, at some second; what was said and was news.
#[track_caller]
fn check(meter: Meter, missing: std::ops::Range<u64>, expected: &[&str]) {
    let mut check = AdvanceCheck::default();
    let mut said = Vec::new();
    let (mut from, mut verdicts) = (1, 0);
    for session in 0..20 {
        let at = session * 43_200 + 777;
        check.look(look(at));
        let up_to = at / PERIOD;
        let numbers = (from..=up_to).filter(|number| !missing.contains(number));
        take(&mut check, &rows_of(meter, numbers));
        from = up_to + 1;
        check = AdvanceCheck::decode(&check.encode());
        let found = kind(check.verdict(UNIT, |_, _| true));
        verdicts += usize::from(found.is_some());
        said.extend(
            found
                .filter(|(_, is_news)| *is_news)
                .map(|(words, _)| words),
        );
    }
    assert!(verdicts >= 8, "{verdicts}");
    assert_eq!(said, expected, "{meter:?}");
}

#[test]
fn intervals_and_registers_agree_or_it_is_said_once() {
    check(Meter::AsModel, 0..0, &[]);
    check(Meter::Other, 0..0, &["other"]);
    check(Meter::Neither, 0..0, &["differs"]);
    check(Meter::Transposed, 0..0, &["differs"]);
    check(Meter::Twice, 0..0, &["differs"]);
    check(Meter::AsModel, 100..106, &["differs"]);
}

#[test]
fn rows_that_come_late_are_counted_and_rows_that_come_again_are_not() {
    let mut check = AdvanceCheck::default();
    check.look(look(777));
    take(&mut check, &rows_of(Meter::AsModel, 1..=10));
    take(&mut check, &rows_of(Meter::AsModel, 1..=10));
    check.look(look(86_400 + 777));
    take(&mut check, &rows_of(Meter::AsModel, 30..=60));
    let is_empty = |_, _| false;
    assert_eq!(check.verdict(UNIT, is_empty), None, "rows are missing");
    take(&mut check, &rows_of(Meter::AsModel, 15..=20));
    take(&mut check, &rows_of(Meter::AsModel, 5..=14));
    assert_eq!(check.verdict(UNIT, is_empty), None, "rows are missing");
    take(&mut check, &rows_of(Meter::AsModel, 21..=29));
    assert_eq!(kind(check.verdict(UNIT, is_empty)), Some(("agrees", false)));
    // It goes on from the first look: the longer, the finer.
    check.look(look(2 * 86_400 + 777));
    take(&mut check, &rows_of(Meter::AsModel, 61..=98));
    let (verdict, _) = check.verdict(UNIT, is_empty).unwrap();
    assert_eq!(verdict.result, AdvanceResult::Agrees);
    assert_eq!(verdict.from, look(777).at);
}

#[test]
fn what_a_row_may_not_mean_begins_anew() {
    let mut check = AdvanceCheck::default();
    check.look(look(777));
    take(&mut check, &rows_of(Meter::AsModel, 1..=10));
    let mut disturbed = rows_of(Meter::AsModel, 11..=11);
    disturbed[0].flags = Flags::NONE.with(Flag::TimeSet);
    take(&mut check, &disturbed);
    check.look(look(86_400 + 777));
    take(&mut check, &rows_of(Meter::Twice, 12..=60));
    assert_eq!(
        check.verdict(UNIT, |_, _| true),
        None,
        "there is one look only"
    );
}

#[test]
fn what_is_kept_fits_into_the_store() {
    let mut check = AdvanceCheck::default();
    let totals: Vec<(Obis, i64)> = (0..40).map(|quantity| (obis(quantity), i64::MAX)).collect();
    for day in 0..2 {
        check.look(RegisterLook {
            at: Timestamp::from_seconds(T0 + day * 86_400),
            totals: totals.clone(),
        });
    }
    let channels = std::iter::repeat_n(columns().channels[0].clone(), 40).collect();
    check.take_columns(&ProfileColumns {
        channels,
        ..columns()
    });
    check.missing = vec![(1, 2); ADVANCE_MISSING_MAX];
    check.told = Some(AdvanceVerdict {
        from: Timestamp::from_seconds(T0),
        to: Timestamp::from_seconds(T0),
        missing: 1,
        no_numbers: 1,
        advance: 1,
        at_least: 1,
        at_most: 1,
        result: AdvanceResult::Differs { total: obis(1) },
    });
    let stored = check.encode();
    assert!(stored.len() <= 4096, "{}", stored.len());
    assert_eq!(AdvanceCheck::decode(&stored).encode(), stored);
}

proptest! {
    #[test]
    fn nothing_stored_makes_it_panic(
        mut stored: Vec<u8>,
        numbers in proptest::collection::vec(0_u64..200, 0..60),
        at in 0_u64..400_000,
    ) {
        if let Some(first) = stored.first_mut() {
            *first = 1;
        }
        let mut check = AdvanceCheck::decode(&stored);
        prop_assert_eq!(AdvanceCheck::decode(&check.encode()), check.clone());
        check.look(look(at));
        take(&mut check, &rows_of(Meter::AsModel, numbers.into_iter()));
        check.look(look(at + 100_000));
        let _ = check.verdict(i128::MAX, |_, _| true);
    }

    /// Whenever two looks are, and in whatever order rows come, a good meter is never blamed.
    #[test]
    fn a_good_meter_is_never_blamed(
        first in 0_u64..100_000,
        span in 21_600_u64..600_000,
        turn in 0_usize..100,
    ) {
        let mut check = AdvanceCheck::default();
        check.look(look(first));
        check.look(look(first + span));
        let last = (first + span) / PERIOD + 2;
        let mut rows = rows_of(Meter::AsModel, 1..=last);
        let length = rows.len();
        rows.rotate_left(turn % length);
        take(&mut check, &rows);
        let found = check.verdict(UNIT, |_, _| false);
        if let Some((verdict, _)) = found {
            prop_assert_eq!(verdict.result, AdvanceResult::Agrees, "{:?}", verdict);
        }
        prop_assert!(found.is_some() || turn > 0);
    }
}
