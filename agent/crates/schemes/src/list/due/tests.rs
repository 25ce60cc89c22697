use super::*;
use crate::list::{Begin, Hours};
use jiff::ToSpan as _;
use jiff::civil::DateTime;
use proptest::prelude::*;
use std::collections::BTreeSet;

const ZONES: [&str; 9] = [
    "Europe/London",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "America/St_Johns",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Pacific/Chatham",
    "UTC",
];

fn at(text: &str) -> Timestamp {
    super::super::calendar::from_jiff(text.parse().unwrap())
}

fn list(action: &str, schedule: &str) -> MeterList {
    let text = format!(
        "version = 1\nname = \"l\"\naction = \"{action}\"\nlife-minutes = 480\nno-write-last-minutes = 60\n[[pair]]\nscheme = \"s\"\nmeters = [\"a\"]\n[schedule]\n{schedule}\n"
    );
    MeterList::parse("l", &text).unwrap()
}

#[track_caller]
fn check(zone: &str, schedule: &str, after: &str, until: &str, expected: &[&str]) {
    let list = list("read", &format!("zone = \"{zone}\"\n{schedule}"));
    let found = due(&list, &TimeZone::get(zone).unwrap(), at(after), at(until));
    let starts: Vec<String> = found.iter().map(|due| due.starts.to_string()).collect();
    assert_eq!(starts, expected);
}

#[test]
fn local_times_are_kept_through_both_changes_of_the_clock() {
    let one = "times = [\"01:30\"]";
    // 01:30 does not exist on 29 March: it counts as half an hour after the last 00:59:59.
    check(
        "Europe/London",
        one,
        "2026-03-28T00:00:00Z",
        "2026-03-31T00:00:00Z",
        &[
            "2026-03-28T01:30:00Z",
            "2026-03-29T01:30:00Z",
            "2026-03-30T00:30:00Z",
        ],
    );
    // It comes twice on 25 October: the first is meant.
    check(
        "Europe/London",
        one,
        "2026-10-24T12:00:00Z",
        "2026-10-27T00:00:00Z",
        &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
    );
    // 01:30 and 02:30 of a day without 01:30 are one instant and one run.
    check(
        "Europe/London",
        "times = [\"01:30\", \"02:30\"]",
        "2026-03-29T00:00:00Z",
        "2026-03-29T12:00:00Z",
        &["2026-03-29T01:30:00Z"],
    );
    // Lord Howe changes by half an hour.
    check(
        "Australia/Lord_Howe",
        "times = [\"02:15\"]",
        "2026-10-03T00:00:00Z",
        "2026-10-04T23:00:00Z",
        &["2026-10-03T15:45:00Z", "2026-10-04T15:15:00Z"],
    );
    // Samoa left out 30 December 2011: its day is the one after.
    check(
        "Pacific/Apia",
        "times = [\"12:00\"]",
        "2011-12-29T00:00:00Z",
        "2012-01-01T00:00:00Z",
        &[
            "2011-12-29T22:00:00Z",
            "2011-12-30T22:00:00Z",
            "2011-12-31T22:00:00Z",
        ],
    );
}

#[test]
fn equal_spans_are_of_real_time() {
    check(
        "Europe/London",
        "every-minutes = 480\nstart = \"2026-03-28T00:00\"",
        "2026-03-28T12:00:00Z",
        "2026-03-29T17:00:00Z",
        &[
            "2026-03-28T16:00:00Z",
            "2026-03-29T00:00:00Z",
            "2026-03-29T08:00:00Z",
            "2026-03-29T16:00:00Z",
        ],
    );
    check(
        "Europe/London",
        "every-minutes = 480\nstart = \"2027-01-01T00:00\"",
        "2026-03-28T12:00:00Z",
        "2027-01-01T08:00:00Z",
        &["2027-01-01T00:00:00Z", "2027-01-01T08:00:00Z"],
    );
}

#[test]
fn an_occurrence_waits_for_its_window_and_several_are_one_run() {
    let schedule =
        "window = \"off-peak\"\ntimes = [\"02:00\", \"12:00\", \"14:00\"]\noffset-seconds = 90";
    check(
        "UTC",
        schedule,
        "2026-01-10T00:00:00Z",
        "2026-01-11T23:00:00Z",
        &[
            "2026-01-10T00:31:30Z",
            "2026-01-10T02:01:30Z",
            "2026-01-11T00:31:30Z",
            "2026-01-11T02:01:30Z",
        ],
    );
    let read = list("read", &format!("zone = \"UTC\"\n{schedule}"));
    let found = due(
        &read,
        &TimeZone::UTC,
        at("2026-01-10T12:00:00Z"),
        at("2026-01-11T01:00:00Z"),
    );
    assert_eq!(
        (found[0].occurrences, found[0].occurrence),
        (2, at("2026-01-10T14:00:00Z"))
    );
    assert_eq!(found[0].window_closes, Some(at("2026-01-11T07:30:00Z")));
    assert_eq!(found[0].no_write_from, Some(at("2026-01-11T06:30:00Z")));
    assert_eq!(found[0].gives_up, at("2026-01-11T08:31:30Z"));
    check(
        "UTC",
        "window = \"off-peak\"",
        "2026-01-10T00:00:00Z",
        "2026-01-12T00:00:00Z",
        &["2026-01-10T00:30:00Z", "2026-01-11T00:30:00Z"],
    );
}

#[test]
fn rules_of_icalendar_are_by_the_local_clock() {
    let rule =
        "rrule = \"FREQ=WEEKLY;BYDAY=SU;UNTIL=20261101T000000Z\"\nstart = \"2026-10-04T01:30\"";
    check(
        "Europe/London",
        rule,
        "2026-10-10T00:00:00Z",
        "2026-12-01T00:00:00Z",
        &[
            "2026-10-11T00:30:00Z",
            "2026-10-18T00:30:00Z",
            "2026-10-25T00:30:00Z",
        ],
    );
}

#[test]
fn what_is_owed_is_run_once_and_the_rest_is_missed() {
    let list = list("read", "zone = \"UTC\"\ntimes = [\"01:00\"]");
    let look = |handled: &str, now: &str| {
        let found = catch_up(&list, &TimeZone::UTC, at(handled), at(now));
        (
            found.run.map(|due| due.starts),
            found.missed.len(),
            found.handled,
        )
    };
    // Four nights were missed; the last is alive for eight hours.
    assert_eq!(
        look("2026-01-10T12:00:00Z", "2026-01-14T05:00:00Z"),
        (
            Some(at("2026-01-14T01:00:00Z")),
            3,
            at("2026-01-14T05:00:00Z")
        )
    );
    assert_eq!(
        look("2026-01-10T12:00:00Z", "2026-01-14T09:00:00Z"),
        (None, 4, at("2026-01-14T09:00:00Z"))
    );
    assert_eq!(
        look("2026-01-14T05:00:00Z", "2026-01-14T05:00:01Z"),
        (None, 0, at("2026-01-14T05:00:01Z"))
    );
    // The clock was set back over the run: it is not run again.
    assert_eq!(
        look("2026-01-14T05:00:00Z", "2026-01-14T00:00:00Z"),
        (None, 0, at("2026-01-14T05:00:00Z"))
    );
    assert_eq!(
        look("2026-01-14T05:00:00Z", "2026-01-15T01:00:00Z"),
        (
            Some(at("2026-01-15T01:00:00Z")),
            0,
            at("2026-01-15T01:00:00Z")
        )
    );
}

/// Instants of a local time of every day, found by walking through real time minute by minute: it
/// is due when the clock shows it for the first time, or would if it had not just been put forward.
fn walk(
    zone: &TimeZone,
    minutes: &[u16],
    from: jiff::Timestamp,
    to: jiff::Timestamp,
) -> BTreeSet<i64> {
    let offset = |at: jiff::Timestamp| i64::from(zone.to_offset(at).seconds());
    let shows =
        |at: i64, offset: i64| DateTime::constant(1970, 1, 1, 0, 0, 0, 0) + (at + offset).seconds();
    let (mut due, mut shown) = (BTreeSet::new(), BTreeSet::new());
    // Begins a day early, so that what was shown before is known.
    let mut at = from.as_second() - 2 * 86_400;
    let mut before = offset(jiff::Timestamp::from_second(at).unwrap());
    let mut jump: Option<(i64, i64, i64)> = None;
    while at <= to.as_second() {
        let own = offset(jiff::Timestamp::from_second(at).unwrap());
        if own > before {
            jump = Some((at, own - before, before));
        }
        before = own;
        let mut shown_now = vec![shows(at, own)];
        if let Some((since, gap, old)) = jump
            && at < since + gap
        {
            shown_now.push(shows(at, old));
        }
        for local in shown_now {
            let minute =
                u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap();
            if minutes.contains(&minute) && shown.insert(local) && at > from.as_second() {
                due.insert(at);
            }
        }
        at += 60;
    }
    due
}

/// Changes of the clock in these zones, and plain days.
const DAYS: [&str; 12] = [
    "2026-03-28T00:00:00Z",
    "2026-10-24T00:00:00Z",
    "2026-03-07T00:00:00Z",
    "2026-10-31T00:00:00Z",
    "2026-04-04T00:00:00Z",
    "2026-10-03T00:00:00Z",
    "2026-02-14T00:00:00Z",
    "2026-03-21T00:00:00Z",
    "2026-09-26T00:00:00Z",
    "2026-07-01T00:00:00Z",
    "2026-12-31T00:00:00Z",
    "2024-02-28T00:00:00Z",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn times_of_day_are_those_of_an_independent_walk(zone in 0_usize..9, day in 0_usize..12, minutes in proptest::collection::btree_set(0_u16..300, 1..6)) {
        let zone = TimeZone::get(ZONES[zone]).unwrap();
        let from: jiff::Timestamp = DAYS[day].parse().unwrap();
        let to = from + 72.hours();
        let minutes: Vec<u16> = minutes.into_iter().collect();
        let times: Vec<String> = minutes.iter().map(|minute| format!("\"{:02}:{:02}\"", minute / 60, minute % 60)).collect();
        let list = list("read", &format!("zone = \"UTC\"\ntimes = [{}]", times.join(",")));
        let [after, until] = [from, to].map(super::super::calendar::from_jiff);
        let found = due(&list, &zone, after, until);
        let found: BTreeSet<i64> = found.iter().map(|due| i64::try_from(due.starts.seconds()).unwrap()).collect();
        prop_assert_eq!(found, walk(&zone, &minutes, from, to));
    }

    #[test]
    fn a_window_is_open_when_the_local_clock_says_so(zone in 0_usize..9, day in 0_usize..12, from in 0_u16..1440, length in 1_u16..1439, days in 1_u8..127) {
        let zone = TimeZone::get(ZONES[zone]).unwrap();
        let to = (from + length) % 1440;
        let words: Vec<String> = (0..7).filter(|bit| days & (1 << bit) != 0).map(|bit| format!("\"{}\"", super::super::window::DAYS[bit])).collect();
        let list = list("read", &format!("zone = \"UTC\"\nwindow = [{{ days = [{}], from = \"{:02}:{:02}\", to = \"{:02}:{:02}\" }}]", words.join(","), from / 60, from % 60, to / 60, to % 60));
        let start: jiff::Timestamp = DAYS[day].parse().unwrap();
        for step in 0..150 {
            let now = start + (step * 29).minutes();
            let local = zone.to_datetime(now);
            // An hour and a half around a change of the clock is the other test's matter.
            let steady = zone.to_offset(now - 90.minutes()) == zone.to_offset(now + 90.minutes()) && zone.to_offset(now - 26.hours()) == zone.to_offset(now);
            if !steady { continue }
            let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap();
            let today = local.weekday().to_monday_zero_offset();
            let yesterday = (today + 6) % 7;
            let on = |day: i8| days & (1 << day) != 0;
            let open = if to > from { on(today) && (from..to).contains(&minute) } else { (on(today) && minute >= from) || (on(yesterday) && minute < to) };
            let begin = Hours::new(&list, &zone).begin(super::super::calendar::from_jiff(now));
            prop_assert_eq!(begin == Begin::Now, open, "{} {}", now, local);
        }
    }

    #[test]
    fn a_span_in_parts_is_the_whole_and_restarts_neither_skip_nor_repeat(
        zone in 0_usize..9, day in 0_usize..12, window in 0_usize..4, when in 0_usize..5, offset in 0_u32..4000,
        cuts in proptest::collection::btree_set(1_u64..(12 * 1440), 0..12),
    ) {
        let zone = TimeZone::get(ZONES[zone]).unwrap();
        let window = ["always", "off-peak", "out-of-hours", "own"][window];
        let window = match window {
            "own" => "window = [{ days = [\"sun\"], from = \"01:00\", to = \"02:00\" }, { days = [\"wed\"], from = \"23:00\", to = \"03:30\" }]".to_owned(),
            word => format!("window = \"{word}\""),
        };
        let when = ["times = [\"00:30\", \"01:30\", \"02:10\", \"12:00\"]", "every-minutes = 45", "every-minutes = 1440", "rrule = \"FREQ=DAILY;INTERVAL=2;BYHOUR=1,2;BYMINUTE=0,30\"\nstart = \"2020-02-29T00:00\"", "rrule = \"FREQ=WEEKLY;BYDAY=SU,MO\"\nstart = \"2024-01-01T02:30\""][when];
        let list = list("program", &format!("zone = \"UTC\"\n{window}\n{when}\noffset-seconds = {offset}"));
        let from = super::super::calendar::from_jiff(DAYS[day].parse().unwrap());
        let minutes = |minutes: u64| from.after(Duration::from_mins(minutes));
        let until = minutes(12 * 1440);
        let whole = due(&list, &zone, from, until);
        let (mut parts, mut caught, mut handled) = (Vec::new(), Vec::new(), from);
        for cut in cuts.into_iter().map(minutes).chain([until]) {
            parts.extend(due(&list, &zone, handled, cut));
            let owed = catch_up(&list, &zone, handled, cut);
            caught.extend(owed.missed);
            caught.extend(owed.run);
            prop_assert_eq!(owed.handled, cut);
            handled = owed.handled;
        }
        // What several occurrences share may be counted in parts, but never be run twice.
        prop_assert_eq!(&parts, &whole);
        prop_assert_eq!(&caught, &whole);
        prop_assert!(whole.windows(2).all(|pair| pair[0].starts < pair[1].starts));
        for due in &whole {
            let closed = due.window_closes.is_some_and(|closes| due.starts >= closes);
            prop_assert!(!closed && due.occurrence <= due.starts);
        }
    }
}
