use super::*;
use crate::catalogue::Catalogue;
use crate::catalogue::flag::FlagModel;
use crate::clock_basis::ClockBasis;
use crate::elster::{ProfileSize, ProfileWindow};
use crate::limits::COLLECT_DAYS_MAX;
use metering::{Flag, Flags, MeterTime, Period, Row};
use proptest::prelude::*;
use std::sync::LazyLock;
use std::time::Duration;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../config/meter-models");
    Catalogue::load(std::path::Path::new(folder)).unwrap()
});

fn model(id: &str) -> &'static FlagModel {
    CATALOGUE.flag_model(id).unwrap()
}

fn half_hour() -> Period {
    Period::from_seconds(1800).unwrap()
}

/// `06-01 12:30`, in UTC of 2025.
fn at(text: &str) -> Timestamp {
    let part = |from: usize| text[from..from + 2].parse::<u8>().unwrap();
    let date = [2025, u16::from(part(0)), u16::from(part(3))];
    let shown = MeterTime::from_civil(date, [part(6), part(9), 0]).unwrap();
    Timestamp::from_seconds(shown.seconds())
}

fn marks(first: &str, last: &str) -> Marks {
    Marks {
        first: at(first),
        last: at(last),
    }
}

#[track_caller]
fn check_plan(id: &str, basis: &str, wanted: &Wanted, expected: &[&str]) {
    let basis: ClockBasis = basis.parse().unwrap();
    let ground = CollectGround {
        profile: model(id).profile.as_ref().unwrap(),
        shown_now: basis.shown_at(at("06-10 12:00")),
        basis: &basis,
        channels: 1,
        period: half_hour(),
    };
    let told: Vec<String> = plan(wanted, &ground)
        .iter()
        .map(|plan| {
            let until = plan
                .until
                .map_or(String::new(), |until| format!(" until {until}"));
            let window = match plan.window {
                ProfileWindow::Days(days) => format!("{days} days"),
                ProfileWindow::All => "all".to_owned(),
                ProfileWindow::Between(from, to) => format!("{from} to {to}"),
            };
            format!("{} {window}{until}", plan.identity)
        })
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn by_default_it_is_read_since_the_last_row_with_a_day_of_overlap() {
    let since = Wanted::Since(Some(at("06-10 11:30")));
    check_plan("elster-a1700", "utc", &since, &["551 2 days"]);
    let since = Wanted::Since(Some(at("06-08 23:30")));
    check_plan("elster-a1700", "utc", &since, &["551 4 days"]);
    // In the meter's own calendar that is the day after.
    check_plan("elster-a1700", "+01:00", &since, &["551 3 days"]);
    check_plan("elster-a1140", "utc", &since, &["551 4 days"]);
    check_plan("elster-a1700", "utc", &Wanted::Since(None), &["551 all"]);
    check_plan("elster-a1700", "utc", &Wanted::All, &["551 all"]);
}

#[test]
fn what_no_meter_holds_any_more_is_not_asked_for() {
    let since = Wanted::Since(Some(Timestamp::from_seconds(1_500_000_000)));
    check_plan("elster-a1700", "utc", &since, &["551 982 days"]);
    let only = Wanted::Only(vec![Marks {
        first: Timestamp::from_seconds(1_500_000_000),
        last: Timestamp::from_seconds(1_500_001_800),
    }]);
    check_plan("elster-a1700", "utc", &only, &[]);
}

#[test]
fn a_window_has_no_more_packets_than_have_numbers() {
    let now = at("06-07 12:15");
    let basis = ClockBasis::utc();
    let ground = CollectGround {
        profile: model("elster-a1140").profile.as_ref().unwrap(),
        shown_now: basis.shown_at(now),
        basis: &basis,
        channels: 10,
        period: half_hour(),
    };
    let wanted = Wanted::Only(vec![Marks {
        first: now.before(Duration::from_hours(900 * 24)),
        last: now,
    }]);
    let plans = plan(&wanted, &ground);
    assert_eq!(plans.iter().map(|plan| plan.days).sum::<u64>(), 901);
    assert!(plans.iter().all(|plan| plan.octets < 0xfff * 64));
    assert_eq!(plans.len(), 7);
}

#[test]
fn only_the_missing_days_are_read() {
    let only = Wanted::Only(vec![
        marks("06-07 00:30", "06-07 10:00"),
        marks("06-03 23:30", "06-04 00:00"),
        marks("06-04 12:00", "06-04 12:30"),
    ]);
    // Days are counted back from today: one window, and it ends where enough was read.
    let expected = ["551 8 days until 2025-06-07T10:00:00Z"];
    check_plan("elster-a1700", "utc", &only, &expected);
    check_plan(
        "elster-a1140",
        "utc",
        &only,
        &[
            "554 2025-06-03 00:00:00 to 2025-06-05 00:00:00 until 2025-06-04T12:30:00Z",
            "554 2025-06-07 00:00:00 to 2025-06-08 00:00:00 until 2025-06-07T10:00:00Z",
        ],
    );
    check_plan("elster-a1700", "utc", &Wanted::Only(Vec::new()), &[]);
}

#[test]
fn days_that_fit_follow_from_channels_and_period() {
    let profile = model("elster-a1700").profile.as_ref().unwrap();
    let days = |channels, minutes: u32| {
        let period = Period::from_seconds(minutes * 60).unwrap();
        Storage::of(profile, channels, period).days.unwrap()
    };
    assert_eq!(days(1, 30), 450);
    assert_eq!(days(4, 30), 142);
    assert_eq!(days(1, 15), 229);
    let most = Storage::of(profile, 1, half_hour()).days_at_most;
    assert_eq!(most, Some(900), "storage is an option");
    let profile = model("elster-as230").profile.as_ref().unwrap();
    assert_eq!(Storage::of(profile, 1, half_hour()).days, None);
}

#[test]
fn an_overwrite_is_seen_coming() {
    let now = at("06-10 12:00");
    assert_eq!(days_until_overwrite(450, at("06-10 11:00"), now), 449);
    assert_eq!(days_until_overwrite(450, at("06-01 12:00"), now), 441);
    assert_eq!(days_until_overwrite(5, at("06-01 12:00"), now), 0);
}

#[track_caller]
fn check_missing(stored: &[&str], empty: &[Marks], expected: &[(&str, &str)]) {
    let stored = stored.iter().map(|mark| at(mark));
    let within = marks("06-01 00:30", "06-01 04:00");
    let found = missing_marks(stored, empty, within, half_hour());
    let expected: Vec<Marks> = expected
        .iter()
        .map(|(first, last)| marks(first, last))
        .collect();
    assert_eq!(found.stretches, expected);
    let count = |stretch: &Marks| (stretch.last.seconds() - stretch.first.seconds()) / 1800 + 1;
    assert_eq!(found.marks, expected.iter().map(count).sum::<u64>());
}

#[test]
fn marks_without_rows_are_found() {
    check_missing(&[], &[], &[("06-01 00:30", "06-01 04:00")]);
    let some = ["06-01 00:30", "06-01 02:00", "06-01 02:30"];
    check_missing(
        &some,
        &[],
        &[
            ("06-01 01:00", "06-01 01:30"),
            ("06-01 03:00", "06-01 04:00"),
        ],
    );
    let outage = [
        marks("06-01 03:30", "06-01 05:00"),
        marks("06-01 01:00", "06-01 01:30"),
    ];
    check_missing(&some, &outage, &[("06-01 03:00", "06-01 03:00")]);
    check_missing(
        &["05-31 23:00", "06-01 05:00"],
        &[],
        &[("06-01 00:30", "06-01 04:00")],
    );
}

fn row(end: &str, value: Option<i64>, flags: &[Flag]) -> Row {
    Row {
        end: at(end),
        values: vec![value],
        flags: flags
            .iter()
            .fold(Flags::NONE, |flags, flag| flags.with(*flag)),
        offset_ms: 0,
    }
}

#[test]
fn rows_read_again_are_new_equal_completed_or_in_conflict() {
    let stored = [
        row("06-01 00:30", Some(1), &[]),
        row("06-01 01:00", Some(2), &[]),
        row("06-01 01:30", Some(3), &[Flag::Short, Flag::PowerDown]),
        row("06-01 02:00", Some(4), &[]),
    ];
    let read = vec![
        row("06-01 00:30", Some(1), &[]),
        row("06-01 01:00", Some(20), &[]),
        row("06-01 01:30", Some(5), &[Flag::PowerDown, Flag::PowerUp]),
        row("06-01 02:00", Some(4), &[Flag::TimeSet]),
        row("06-01 02:30", Some(6), &[]),
    ];
    let merged = merge(&stored, read.clone());
    assert_eq!(merged.same, 1);
    assert_eq!(merged.new, [read[4].clone()]);
    assert_eq!(merged.completed, [read[2].clone(), read[3].clone()]);
    let conflict = Conflict {
        stored: stored[1].clone(),
        read: read[1].clone(),
    };
    assert_eq!(merged.conflicts, [conflict]);
    // A part that shrinks, or a remark that goes, contradicts.
    let less = merge(
        &stored,
        vec![row("06-01 01:30", Some(2), &[Flag::PowerDown])],
    );
    assert_eq!(less.conflicts.len(), 1);
    let bare = merge(
        &[row("06-01 02:00", Some(4), &[Flag::TimeSet])],
        vec![row("06-01 02:00", Some(4), &[])],
    );
    assert_eq!(bare.conflicts.len(), 1);
}

#[test]
fn a_collection_knows_where_it_is() {
    let basis = ClockBasis::utc();
    let ground = CollectGround {
        profile: model("elster-a1700").profile.as_ref().unwrap(),
        shown_now: basis.shown_at(at("06-10 12:00")),
        basis: &basis,
        channels: 1,
        period: half_hour(),
    };
    let wanted = Wanted::Only(vec![marks("06-07 00:30", "06-07 10:00")]);
    let plan = &plan(&wanted, &ground)[0];
    let from = ground.instant(plan.from.unwrap());
    let mut state = CollectState::new(plan, Some(from));
    assert_eq!(state.next_packet(), None);
    assert_eq!(state.resume_from(), Some(at("06-07 00:00")));
    state.sized(
        ProfileSize {
            packets: 3,
            blocks: 1,
        },
        1,
    );
    assert_eq!(state.next_packet(), Some(1));
    assert_eq!(state.blocks(), 1);
    state.took(Some(at("06-07 06:00")), None);
    state.took(Some(at("06-07 09:00")), Some(at("06-07 05:00")));
    assert_eq!(state.progress().per_mille(), 500);
    assert_eq!(state.resume_from(), Some(at("06-07 05:00")));
    let kept = toml::to_string(&state).unwrap();
    assert_eq!(toml::from_str::<CollectState>(&kept).unwrap(), state);
    assert!(!state.is_over());
    state.took(Some(at("06-07 10:30")), Some(at("06-07 05:00")));
    assert!(state.is_over());
    assert_eq!(state.next_packet(), None);
    state.sized(
        ProfileSize {
            packets: 0,
            blocks: 0,
        },
        1,
    );
    assert!(state.is_over());
}

proptest! {
    #[test]
    fn every_mark_is_stored_empty_or_missing(
        stored in prop::collection::btree_set(0_u64..100, 0..60),
        empty in prop::collection::vec((0_u64..100, 0_u64..10), 0..5),
    ) {
        let mark = |number: u64| Timestamp::from_seconds(1_000_800 + number * 1800);
        let empty: Vec<Marks> = empty
            .iter()
            .map(|(first, length)| Marks { first: mark(*first), last: mark(first + length) })
            .collect();
        let within = Marks { first: mark(0), last: mark(99) };
        let found = missing_marks(stored.iter().map(|number| mark(*number)), &empty, within, half_hour());
        let covers = |stretches: &[Marks], at: Timestamp| {
            stretches.iter().any(|stretch| (stretch.first..=stretch.last).contains(&at))
        };
        for number in 0..100 {
            let at = mark(number);
            let is_missing = !stored.contains(&number) && !covers(&empty, at);
            prop_assert_eq!(covers(&found.stretches, at), is_missing, "{}", number);
        }
    }

    #[test]
    fn any_window_is_within_what_meters_hold_at_most(days in 0_u64..2000, minutes in prop::sample::select(vec![1_u32, 5, 15, 30, 60])) {
        let basis = ClockBasis::utc();
        let now = Timestamp::from_seconds(1_750_000_000);
        let ground = CollectGround {
            profile: model("elster-a1700").profile.as_ref().unwrap(),
            shown_now: basis.shown_at(now),
            basis: &basis,
            channels: 3,
            period: Period::from_seconds(minutes * 60).unwrap(),
        };
        let last = now.before(Duration::from_secs(days * 86_400));
        let plans = plan(&Wanted::Since(Some(last)), &ground);
        for plan in plans {
            prop_assert!(plan.days <= COLLECT_DAYS_MAX);
        }
    }
}
