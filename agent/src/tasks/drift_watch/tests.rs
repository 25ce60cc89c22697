use super::*;

fn zone() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
}

#[track_caller]
fn check(after: &str, expected: &str) {
    let time = |text: &str| {
        let time: jiff::Timestamp = text.parse().unwrap();
        Timestamp::from_millis(u64::try_from(time.as_millisecond()).unwrap())
    };
    let at = TimeOfDay::new(2, 30).unwrap();
    let found = next_due(time(after), at, &zone(), Duration::from_mins(1));
    assert_eq!(found, Some(time(expected)), "behind {after}");
}

#[test]
fn it_comes_once_a_night_also_where_the_clock_changes() {
    check("2026-01-10T12:00:00Z", "2026-01-11T01:31:00Z");
    check("2026-01-11T01:30:59Z", "2026-01-11T01:31:00Z");
    check("2026-01-11T01:31:00Z", "2026-01-12T01:31:00Z");
    // 02:30 is left out in spring, and comes twice in autumn.
    check("2026-03-28T12:00:00Z", "2026-03-29T01:31:00Z");
    check("2026-03-29T01:31:00Z", "2026-03-30T00:31:00Z");
    check("2026-10-24T12:00:00Z", "2026-10-25T00:31:00Z");
    check("2026-10-25T00:31:00Z", "2026-10-26T01:31:00Z");
}

#[test]
fn gateways_do_not_begin_all_at_once() {
    let begins = |name: &str| jitter(&name.parse().unwrap()).as_secs();
    assert_ne!(begins("pmu-1"), begins("pmu-2"));
    assert_eq!(begins("pmu-1"), begins("pmu-1"));
    assert!(begins("pmu-3") < u64::from(DRIFT_JITTER_S));
}

#[test]
fn a_long_list_is_cut_with_a_count() {
    assert_eq!(named(&["a", "b"]), "a, b");
    let all = ["x"; 11];
    assert!(named(&all).ends_with("x and 3 more"));
}
