use super::*;
use metering::{Obis, Unit};
use proptest::prelude::*;

const PERIOD: u64 = 900;
const IMPORT: Obis = Obis::new([1, 0, 1, 8, 0, 255]);
const GOOD: ClockQuality = ClockQuality::Synchronised;

fn at(number: u64) -> Timestamp {
    Timestamp::from_seconds(number * PERIOD)
}

fn total() -> TotalChannel {
    TotalChannel {
        obis: IMPORT,
        exponent: 1,
        unit: Unit::WattHour,
        modulus: Some(1_000_000),
        max_per_interval: Some(500),
    }
}

fn maker(channel: TotalChannel, last: Option<&Row>) -> ProfileMaker {
    let settings = ProfileSettings {
        late_after: Duration::from_secs(2),
    };
    let period = Period::from_seconds(900).unwrap();
    ProfileMaker::new(vec![channel], period, settings, last)
}

fn read(digits: i64) -> [Option<SampledTotal>; 1] {
    [Some(SampledTotal {
        digits,
        exponent: 1,
        is_coarse: false,
    })]
}

fn row(made: Made) -> Row {
    match made {
        Made::Row(row) => row,
        other => panic!("no row: {other:?}"),
    }
}

/// Reads these registers at consecutive marks, each twice if asked to: increment and flags of the
/// last row.
#[track_caller]
fn check(channel: TotalChannel, registers: &[i64], expected: (Option<i64>, &str)) {
    let mut maker = maker(channel, None);
    let mut last = None;
    for (number, &register) in (1..).zip(registers) {
        let mut made = maker.sample(at(number), 0, &read(register), GOOD);
        if made == Made::ReadAgain {
            made = maker.sample(at(number), 0, &read(register), GOOD);
        }
        last = Some(row(made));
    }
    let last = last.unwrap();
    assert_eq!(last.values[0], registers.last().copied());
    assert_eq!((last.values[1], last.flags.to_string().as_str()), expected);
}

#[test]
fn increments_are_differences_of_consecutive_registers() {
    check(total(), &[100], (None, "missing"));
    check(total(), &[100, 103], (Some(3), ""));
    check(total(), &[100, 100], (Some(0), ""));
    check(total(), &[0, 500], (Some(500), ""));
}

#[test]
fn a_register_that_goes_back_rolled_over_or_was_reset() {
    check(total(), &[999_990, 5], (Some(15), "rollover"));
    check(total(), &[999_000, 5], (None, "meter-reset"));
    check(total(), &[500, 0], (None, "meter-reset"));
    let unknown = TotalChannel {
        modulus: None,
        ..total()
    };
    check(unknown, &[999_990, 5], (None, "meter-reset"));
    let unlimited = TotalChannel {
        max_per_interval: None,
        ..total()
    };
    check(
        unlimited.clone(),
        &[950_000, 40_000],
        (Some(90_000), "rollover"),
    );
    check(unlimited, &[850_000, 40_000], (None, "meter-reset"));
    check(total(), &[999_990, 5, 10], (Some(5), ""));
}

#[test]
fn a_jump_confirmed_has_a_register_and_no_increment() {
    check(total(), &[100, 601], (None, "implausible"));
    check(total(), &[100, 5_000, 5_010], (Some(10), ""));
}

#[test]
fn a_jump_that_is_not_confirmed_is_no_value() {
    let mut maker = maker(total(), None);
    row(maker.sample(at(1), 0, &read(100), GOOD));
    assert_eq!(maker.sample(at(2), 0, &read(70_000), GOOD), Made::ReadAgain);
    let good = row(maker.sample(at(2), 0, &read(110), GOOD));
    assert_eq!(
        (good.values, good.flags),
        (vec![Some(110), Some(10)], Flags::NONE)
    );
    assert_eq!(maker.sample(at(3), 0, &read(70_000), GOOD), Made::ReadAgain);
    let unclear = row(maker.sample(at(3), 0, &read(90_000), GOOD));
    assert_eq!(unclear.values, [None, None]);
    assert_eq!(unclear.flags.to_string(), "missing+implausible");
    assert_eq!(maker.sample(at(4), 0, &read(3), GOOD), Made::ReadAgain);
    let missed = maker.missed(at(4), Flags::NONE).unwrap();
    assert_eq!(missed.flags.to_string(), "missing+implausible");
    let later = row(maker.sample(at(5), 0, &read(140), GOOD));
    assert_eq!(later.values, [Some(140), None]);
    assert_eq!(later.flags.to_string(), "missing");
}

#[test]
fn limits_grow_with_the_gap() {
    let mut maker = maker(total(), None);
    row(maker.sample(at(1), 0, &read(0), GOOD));
    maker.missed(at(2), Flags::NONE).unwrap();
    let after = row(maker.sample(at(3), 0, &read(1_000), GOOD));
    assert_eq!(after.values, [Some(1_000), None]);
    assert_eq!(
        after.flags.to_string(),
        "missing",
        "twice the most of one interval"
    );
    assert_eq!(maker.sample(at(4), 0, &read(1_501), GOOD), Made::ReadAgain);
}

#[test]
fn rows_say_how_they_were_taken() {
    let mut maker = maker(total(), None);
    maker.restarted();
    let first = row(maker.sample(at(1), -2_000, &read(1), GOOD));
    assert_eq!(first.flags.to_string(), "missing+gateway-restart");
    assert_eq!(first.offset_ms, -2_000);
    maker.clock_stepped();
    let late = row(maker.sample(at(2), 2_001, &read(1), ClockQuality::Unsynchronised));
    assert_eq!(
        late.flags.to_string(),
        "time-set+late-sample+clock-unsynchronised"
    );
    let coarse = [Some(SampledTotal {
        digits: 10,
        exponent: 0,
        is_coarse: true,
    })];
    let plain = row(maker.sample(at(3), 0, &coarse, ClockQuality::Holdover));
    assert_eq!(
        (plain.values, plain.flags.to_string()),
        (vec![Some(1), Some(0)], "coarse".into())
    );
    let too_fine = [Some(SampledTotal {
        digits: 11,
        exponent: 0,
        is_coarse: false,
    })];
    let lossy = row(maker.sample(at(4), 0, &too_fine, GOOD));
    assert_eq!(
        (lossy.values, lossy.flags.to_string()),
        (vec![None; 2], "missing+not-valid".into())
    );
}

#[test]
fn a_restart_leaves_a_row_for_each_mark_it_cost() {
    let mut before = maker(total(), None);
    let last = row(before.sample(at(10), 0, &read(700), GOOD));
    let mut after = maker(total(), Some(&last));
    after.restarted();
    let gap = after.fill_gap(at(13), Flag::GatewayRestart.into());
    assert_eq!(gap.cut, None);
    let flags: Vec<String> = gap.rows.iter().map(|row| row.flags.to_string()).collect();
    assert_eq!(flags, vec!["missing+gateway-restart"; 3]);
    let next = row(after.sample(at(14), 0, &read(720), GOOD));
    assert_eq!(next.values, [Some(720), None]);
    assert_eq!(next.flags.to_string(), "missing+gateway-restart");
    assert_eq!(after.fill_gap(at(14), Flags::NONE).rows, []);

    let mut quick = maker(total(), Some(&last));
    quick.restarted();
    let next = row(quick.sample(at(11), 0, &read(720), GOOD));
    assert_eq!(next.values, [Some(720), Some(20)], "no mark was lost");
    assert_eq!(next.flags.to_string(), "gateway-restart");
}

#[test]
fn a_long_gap_is_cut_and_says_so() {
    let mut maker = maker(total(), None);
    assert_eq!(
        maker.fill_gap(at(9), Flags::NONE).rows,
        [],
        "nothing to go on from"
    );
    row(maker.sample(at(10), 0, &read(0), GOOD));
    let gap = maker.fill_gap(at(10_000), Flags::NONE);
    assert_eq!(u64::try_from(gap.rows.len()).unwrap(), GAP_ROWS_MAX);
    assert_eq!(gap.rows.last().unwrap().end, at(10_000));
    assert_eq!(gap.cut, Some((at(11), at(10_000 - GAP_ROWS_MAX))));
}

#[test]
fn a_mark_is_made_once_and_only_on_the_grid() {
    let mut maker = maker(total(), None);
    row(maker.sample(at(10), 0, &read(0), GOOD));
    assert_eq!(maker.sample(at(10), 0, &read(9), GOOD), Made::Nothing);
    assert_eq!(maker.sample(at(9), 0, &read(9), GOOD), Made::Nothing);
    assert_eq!(maker.missed(at(10), Flags::NONE), None);
    let beside = at(11).after(Duration::from_secs(1));
    assert_eq!(maker.sample(beside, 0, &read(9), GOOD), Made::Nothing);
}

/// A maker with rows on marks 10 to 12, and the clock set back; later marks that have rows.
fn set_back(after: u64, ahead: &[u64]) -> ProfileMaker {
    let mut maker = maker(total(), None);
    for number in 10..=12 {
        row(maker.sample(at(number), 0, &read(100), GOOD));
    }
    maker.clock_stepped();
    let ahead: Vec<Timestamp> = ahead.iter().map(|number| at(*number)).collect();
    maker.continue_after(at(after), &ahead);
    maker
}

#[test]
fn a_clock_set_back_a_little_repeats_no_mark() {
    for after in [9, 10, 11] {
        let rows: Vec<u64> = (after + 1..=12).collect();
        let mut maker = set_back(after, &rows);
        assert!(!maker.is_behind());
        for number in 9..=12 {
            let again = maker.sample(at(number), 0, &read(105), GOOD);
            assert_eq!(again, Made::Nothing, "{after}: {number}");
        }
        let next = row(maker.sample(at(13), 0, &read(130), GOOD));
        assert_eq!(next.values, [Some(130), Some(30)], "{after}");
        assert_eq!(next.flags.to_string(), "time-set");
    }
}

#[test]
fn a_clock_set_back_to_where_nothing_was_makes_every_mark_once() {
    let mut maker = set_back(6, &[10, 11, 12]);
    assert!(maker.is_behind());
    assert_eq!(
        maker.sample(at(7), 0, &read(110), GOOD),
        Made::ReadAgain,
        "nobody knows how long it took"
    );
    let first = row(maker.sample(at(7), 0, &read(110), GOOD));
    assert_eq!(first.values, [Some(110), None], "not of one interval");
    assert_eq!(first.flags.to_string(), "missing+time-set");
    let next = row(maker.sample(at(8), 0, &read(115), GOOD));
    assert_eq!((next.values[1], next.flags), (Some(5), Flags::NONE));
    assert_eq!(maker.sample(at(11), 0, &read(116), GOOD), Made::Nothing);

    // Set forward again: what was not lived through is missing, what has rows keeps them.
    maker.clock_stepped();
    let gap = maker.fill_gap(at(14), Flag::TimeSet.into());
    let ends: Vec<Timestamp> = gap.rows.iter().map(|row| row.end).collect();
    assert_eq!(ends, [9, 13, 14].map(at));
    assert!(!maker.is_behind());
    let after = row(maker.sample(at(15), 0, &read(120), GOOD));
    assert_eq!(after.values, [Some(120), None]);
    assert_eq!(after.flags.to_string(), "missing+time-set");
}

#[test]
fn a_row_of_a_mark_that_lies_ahead_hides_none_before_it() {
    let mut maker = set_back(6, &[10, 11, 12]);
    // Its second look was still open when the clock was set back.
    let late = maker.missed(at(13), Flag::TimeSet.into()).unwrap();
    assert_eq!(late.flags.to_string(), "missing+time-set");
    maker.missed(at(7), Flags::NONE).unwrap();
    assert_eq!(maker.missed(at(7), Flags::NONE), None);
    maker.missed(at(8), Flags::NONE).unwrap();
    maker.missed(at(9), Flags::NONE).unwrap();
    assert!(!maker.is_behind());
    assert_eq!(maker.missed(at(13), Flags::NONE), None);
    maker.missed(at(14), Flags::NONE).unwrap();
}

#[test]
fn an_hour_of_a_clock_that_was_set_is_believed_when_it_was_read_twice() {
    let mut maker = set_back(9, &[10, 11, 12]);
    let hour = 4_000;
    assert_eq!(maker.sample(at(13), 0, &read(hour), GOOD), Made::ReadAgain);
    let believed = row(maker.sample(at(13), 0, &read(hour), GOOD));
    assert_eq!(believed.values, [Some(hour), Some(hour - 100)]);
    assert_eq!(believed.flags.to_string(), "time-set");
    assert_eq!(maker.sample(at(14), 0, &read(9_000), GOOD), Made::ReadAgain);
    let jumped = row(maker.sample(at(14), 0, &read(9_000), GOOD));
    assert_eq!(jumped.flags.to_string(), "implausible");
}

#[test]
fn marks_of_another_grid_are_no_marks_of_this_one() {
    let mut maker = maker(total(), None);
    let beside = at(5).after(Duration::from_mins(1));
    maker.continue_after(at(4), &[beside]);
    assert!(!maker.is_behind());
    row(maker.sample(at(5), 0, &read(1), GOOD));
    row(maker.sample(at(6), 0, &read(1), GOOD));
}

#[test]
fn the_shape_pairs_registers_with_increments() {
    let shape = maker(total(), None).shape();
    let columns: Vec<(String, ChannelKind, i8)> = shape
        .channels
        .iter()
        .map(|channel| (channel.obis.to_string(), channel.kind, channel.exponent))
        .collect();
    let register = ("1-0:1.8.0".to_owned(), ChannelKind::Register, 1);
    let increment = ("1-0:1.29.0".to_owned(), ChannelKind::Increment, 1);
    assert_eq!(columns, [register, increment]);
}

/// What happens to a meter and its gateway, mark by mark.
#[derive(Debug, Clone)]
enum Fate {
    /// Counts on; the digits are read wrongly this many times before they are read right.
    Counts(i64, u8),
    /// Set to this.
    Set(i64),
    NotAvailable(i64),
    Missed(i64),
    /// Nobody was there for some marks.
    Away(u64, i64),
    Restart,
    Again,
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate = prop_oneof![
        6 => (0_i64..500, 0_u8..4).prop_map(|(step, wrong)| Fate::Counts(step, wrong / 2)),
        1 => (0_i64..1_000_000).prop_map(Fate::Set),
        1 => (0_i64..500).prop_map(Fate::NotAvailable),
        1 => (0_i64..500).prop_map(Fate::Missed),
        1 => (1_u64..5, 0_i64..500).prop_map(|(marks, step)| Fate::Away(marks, step)),
        1 => Just(Fate::Restart),
        1 => Just(Fate::Again),
    ];
    prop::collection::vec(fate, 1..80)
}

proptest! {
    #[test]
    fn no_energy_is_lost_or_invented(start in 0_i64..1_000_000, fates in fates()) {
        let modulus = 1_000_000;
        let mut meter = start;
        let mut maker = maker(total(), None);
        let mut rows: Vec<Row> = Vec::new();
        let mut number = 100;
        for fate in fates {
            number += 1;
            match fate {
                Fate::Counts(step, wrong) => {
                    meter = (meter + step) % modulus;
                    let misread = (meter + 5_000) % modulus;
                    let looks = (0..wrong).map(|_| misread).chain([meter, meter]);
                    for look in looks {
                        match maker.sample(at(number), 0, &read(look), GOOD) {
                            Made::Row(row) => { rows.push(row); break; }
                            Made::ReadAgain => {}
                            Made::Nothing => prop_assert!(false, "the mark is new"),
                        }
                    }
                }
                Fate::Set(to) => { meter = to; number -= 1; }
                Fate::NotAvailable(step) => {
                    meter = (meter + step) % modulus;
                    rows.push(row(maker.sample(at(number), 0, &[None], GOOD)));
                }
                Fate::Missed(step) => {
                    meter = (meter + step) % modulus;
                    rows.extend(maker.missed(at(number), Flags::NONE));
                }
                Fate::Away(marks, step) => {
                    meter = (meter + step) % modulus;
                    number += marks - 1;
                    rows.extend(maker.fill_gap(at(number), Flags::NONE).rows);
                }
                Fate::Restart => {
                    maker = super::tests::maker(total(), rows.last());
                    maker.restarted();
                    number -= 1;
                }
                Fate::Again => {
                    if rows.is_empty() {
                        continue;
                    }
                    number -= 1;
                    let end = rows.last().map(|row| row.end).unwrap();
                    prop_assert_eq!(maker.sample(end, 0, &read(meter), GOOD), Made::Nothing);
                    prop_assert_eq!(maker.missed(end, Flags::NONE), None);
                }
            }
        }
        check_rows(&rows, modulus)?;
    }
}

fn check_rows(rows: &[Row], modulus: i64) -> Result<(), TestCaseError> {
    let mut increments = 0;
    let mut jumps = 0;
    let mut first = None;
    let mut last: Option<i64> = None;
    for pair in rows.windows(2) {
        prop_assert!(pair[0].end < pair[1].end, "a row twice");
    }
    for row in rows {
        let [register, increment] = row.values[..] else {
            panic!("two columns");
        };
        let explained = |flags: &[Flag]| flags.iter().any(|flag| row.flags.has(*flag));
        prop_assert!(register.is_some() || explained(&[Flag::Missing]));
        let why_no_increment = [Flag::Missing, Flag::MeterReset, Flag::Implausible];
        prop_assert!(
            increment.is_some() || explained(&why_no_increment),
            "{row:?}"
        );
        let Some(register) = register else { continue };
        if let Some(increment) = increment {
            prop_assert!((0..=500).contains(&increment), "{row:?}");
            increments += increment;
            jumps -= if row.flags.has(Flag::Rollover) {
                modulus
            } else {
                0
            };
        } else {
            jumps += last.map_or(0, |last| register - last);
        }
        first = first.or(Some(register));
        last = Some(register);
    }
    if let (Some(first), Some(last)) = (first, last) {
        prop_assert_eq!(increments + jumps, last - first);
    }
    Ok(())
}
