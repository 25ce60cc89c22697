use super::*;
use crate::list::{MeterList, catch_up};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use std::time::Duration;

fn list(action: &str) -> MeterList {
    let text = format!(
        "version = 1\nname = \"l\"\naction = \"{action}\"\nlife-minutes = 2880\nno-write-last-minutes = 60\n\
         [[pair]]\nscheme = \"s\"\nmeters = [\"a\", \"b\", \"c\"]\n[schedule]\nzone = \"UTC\"\nwindow = \"off-peak\"\n"
    );
    MeterList::parse("l", &text).unwrap()
}

/// Hours and minutes of 10 January 2026 and after.
fn at(minutes: u64) -> Timestamp {
    Timestamp::from_seconds(1_768_003_200).after(Duration::from_mins(minutes))
}

fn tasks() -> Vec<ListTask> {
    let task = |(meter, line): (&str, &str)| ListTask {
        meter: meter.parse().unwrap(),
        scheme: "s".parse().unwrap(),
        line: line.parse().unwrap(),
    };
    [("a", "one"), ("b", "one"), ("c", "two")]
        .map(task)
        .to_vec()
}

fn failed(again: bool) -> Outcome {
    Outcome::Failed {
        reason: "no answer".to_owned(),
        again,
    }
}

fn words(run: &Run) -> Vec<String> {
    run.tasks()
        .iter()
        .map(|task| task.state.to_string())
        .collect()
}

#[test]
fn one_conversation_on_a_line_and_the_rest_in_turn() {
    let (list, zone) = (list("read"), TimeZone::UTC);
    let hours = Hours::new(&list, &zone);
    let due = catch_up(&list, &zone, at(0), at(31)).run.unwrap();
    let mut run = Run::of_due(hours, &due, tasks());
    let none = BTreeSet::new();
    assert_eq!(run.next(hours, at(29), &none), None, "the window is closed");
    let first = run.next(hours, at(31), &none).unwrap();
    let second = run.next(hours, at(31), &none).unwrap();
    assert_eq!((first.meter.as_str(), second.meter.as_str()), ("a", "c"));
    assert_eq!(
        run.next(hours, at(31), &none),
        None,
        "both lines are spoken on"
    );
    assert_eq!(run.wake_at(hours, at(31)), Some(due.gives_up));
    assert!(run.finish(first.task, Outcome::Done, hours, at(32)));
    assert!(
        !run.finish(first.task, Outcome::Done, hours, at(32)),
        "it is done once"
    );
    let busy = BTreeSet::from(["one".parse().unwrap()]);
    assert_eq!(run.next(hours, at(32), &busy), None, "others use the line");
    assert_eq!(run.next(hours, at(32), &none).unwrap().meter.as_str(), "b");
    assert!(
        run.finish(1, failed(false), hours, at(33)) && run.finish(2, Outcome::Done, hours, at(33))
    );
    assert_eq!(
        words(&run),
        [
            "done at 2026-01-10T00:32:00Z",
            "given up: another try would not help",
            "done at 2026-01-10T00:33:00Z"
        ]
    );
    assert!(run.is_over());
}

#[test]
fn a_meter_is_tried_again_and_then_waits_for_the_next_window() {
    let (list, zone) = (list("read"), TimeZone::UTC);
    let hours = Hours::new(&list, &zone);
    let mut run = Run::at_once(hours, at(60), tasks().split_off(2));
    let none = BTreeSet::new();
    let (mut now, mut tries) = (at(60), Vec::new());
    while now < at(450) {
        let given = run.next(hours, now, &none).unwrap();
        run.finish(given.task, failed(true), hours, now);
        let next = run.wake_at(hours, now).unwrap();
        tries.push(next.millis_since(now) / 1000);
        now = next;
    }
    assert_eq!(tries[..9], [10, 10, 10, 60, 120, 240, 480, 960, 1800]);
    assert_eq!(run.next(hours, at(451), &none), None);
    assert_eq!(words(&run), ["waits for its window"]);
    assert_eq!(run.wake_at(hours, at(451)), Some(at(1440 + 30)));
    let given = run.next(hours, at(1440 + 30), &none).unwrap();
    run.finish(given.task, failed(true), hours, at(1440 + 30));
    assert_eq!(
        run.wake_at(hours, at(1440 + 30)),
        Some(at(1440 + 30).after(Duration::from_secs(10)))
    );
    assert_eq!(run.next(hours, at(60 + 2880), &none), None);
    assert_eq!(words(&run), ["given up: the life of the run is over"]);
    assert_eq!(run.tasks()[0].reason, "no answer");
}

#[test]
fn no_write_begins_in_the_last_part_of_a_window() {
    let zone = TimeZone::UTC;
    let none = BTreeSet::new();
    for (action, minute, begins) in [
        ("program", 389, true),
        ("program", 390, false),
        ("tariff", 449, false),
        ("read", 449, true),
        ("read", 450, false),
    ] {
        let list = list(action);
        let hours = Hours::new(&list, &zone);
        let mut run = Run::at_once(hours, at(60), tasks());
        assert_eq!(
            run.next(hours, at(minute), &none).is_some(),
            begins,
            "{action} {minute}"
        );
        if !begins {
            assert_eq!(run.wake_at(hours, at(minute)), Some(at(1440 + 30)));
        }
    }
}

#[test]
fn a_restart_repeats_reads_and_leaves_writes_to_the_journal() {
    let zone = TimeZone::UTC;
    let none = BTreeSet::new();
    let after = |action: &str, told: Option<Outcome>| {
        let list = list(action);
        let hours = Hours::new(&list, &zone);
        let mut run = Run::at_once(hours, at(60), tasks());
        run.next(hours, at(60), &none).unwrap();
        let mut run = Run::from_bytes(&run.to_bytes()).unwrap();
        run.after_restart(hours, at(61), |_| told.clone());
        words(&run)[0].clone()
    };
    assert_eq!(after("read", None), "queued");
    assert_eq!(
        after("program", None),
        "given up: the gateway stopped while it wrote; read the meter back"
    );
    assert_eq!(
        after("program", Some(Outcome::Done)),
        "done at 2026-01-10T01:01:00Z"
    );
    assert_eq!(
        after("tariff", Some(failed(true))),
        "failed, next try 2026-01-10T01:01:10Z"
    );
}

#[test]
fn a_stopped_run_ends_what_it_has_begun_and_begins_nothing() {
    let (list, zone) = (list("read"), TimeZone::UTC);
    let hours = Hours::new(&list, &zone);
    let mut run = Run::at_once(hours, at(60), tasks());
    let none = BTreeSet::new();
    run.next(hours, at(60), &none).unwrap();
    run.end(EndCause::Stopped, at(61));
    assert_eq!(
        run.counts(),
        RunCounts {
            running: 1,
            given_up: 2,
            ..RunCounts::default()
        }
    );
    assert_eq!(run.next(hours, at(61), &none), None);
    run.finish(0, failed(true), hours, at(62));
    assert_eq!(words(&run), ["given up: stopped by a person"; 3]);
}

#[test]
fn a_run_of_another_version_is_refused() {
    let (list, zone) = (list("read"), TimeZone::UTC);
    let mut bytes = Run::at_once(Hours::new(&list, &zone), at(60), tasks()).to_bytes();
    assert!(Run::from_bytes(&bytes).is_ok());
    assert_eq!(
        Run::from_bytes(&bytes[..bytes.len() - 1])
            .unwrap_err()
            .to_string(),
        "the octets are no run: too short; the list has to be started anew"
    );
    bytes.push(0);
    assert!(Run::from_bytes(&bytes).is_err());
    bytes[0] = 2;
    assert_eq!(
        Run::from_bytes(&bytes).unwrap_err().to_string(),
        "a run of version 2 is not known; the version that wrote it must finish it"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A run through failures, restarts, busy lines, windows and steps of the clock.
    #[test]
    fn whatever_happens_each_meter_is_done_once_and_by_the_rules(
        writes in any::<bool>(),
        steps in proptest::collection::vec((0_u8..9, 0_u64..200, any::<bool>()), 1..120),
    ) {
        let (list, zone) = (list(if writes { "program" } else { "read" }), TimeZone::UTC);
        let hours = Hours::new(&list, &zone);
        let many = (0..12).flat_map(|round| tasks().into_iter().map(move |mut task| {
            task.meter = format!("{}-{round}", task.meter).parse().unwrap();
            task
        }));
        let mut run = Run::at_once(hours, at(60), many.collect());
        let mut plain = run.clone();
        let (mut now, mut running, mut done) = (60_u64, Vec::<Assignment>::new(), BTreeSet::new());
        for (kind, minutes, flag) in steps {
            match kind {
                0..=3 => {
                    let busy: BTreeSet<BusId> = if flag && kind == 0 { BTreeSet::from(["two".parse().unwrap()]) } else { BTreeSet::new() };
                    let given = run.next(hours, at(now), &busy);
                    prop_assert_eq!(&given, &plain.next(hours, at(now), &busy));
                    if let Some(given) = given {
                        prop_assert!(!busy.contains(&given.line));
                        prop_assert!(running.iter().all(|other| other.line != given.line), "one conversation on a line");
                        prop_assert!(!done.contains(&given.task), "never again what is done");
                        let of_day = now % 1440;
                        prop_assert!((30..if writes { 390 } else { 450 }).contains(&of_day), "in its window: {}", of_day);
                        prop_assert!(now < 60 + 2880);
                        running.push(given);
                    }
                }
                4..=5 if !running.is_empty() => {
                    let given = running.remove(usize::try_from(minutes).unwrap() % running.len());
                    let outcome = if flag { Outcome::Done } else { failed(minutes % 7 != 0) };
                    if flag { done.insert(given.task); }
                    prop_assert!(run.finish(given.task, outcome.clone(), hours, at(now)));
                    prop_assert!(plain.finish(given.task, outcome, hours, at(now)));
                }
                6 => {
                    run.after_restart(hours, at(now), |_| None);
                    plain.after_restart(hours, at(now), |_| None);
                    running.clear();
                }
                7 if flag => now = now.saturating_sub(minutes / 4),
                _ => now += minutes,
            }
            // The other one never stops: written down and read back, nothing is different.
            run = Run::from_bytes(&run.to_bytes()).unwrap();
            prop_assert_eq!(&run, &plain);
            prop_assert_eq!(run.counts().running, running.len());
            if let Some(wake) = run.wake_at(hours, at(now)) {
                let gives_up = at(60 + 2880);
                prop_assert!(wake <= gives_up);
            }
        }
        // Left alone, a run comes to its end.
        for given in running {
            run.finish(given.task, Outcome::Done, hours, at(now));
        }
        drop(run.next(hours, at(60 + 2880 + now), &BTreeSet::new()));
        prop_assert!(run.is_over());
    }

    #[test]
    fn no_octets_break_the_codec(at in 0_usize..400, octet in any::<u8>(), cut in 0_usize..400) {
        let (list, zone) = (list("program"), TimeZone::UTC);
        let mut bytes = Run::at_once(Hours::new(&list, &zone), self::at(60), tasks()).to_bytes();
        let at = at % bytes.len();
        bytes[at] = octet;
        crate::list::fuzz_run(&bytes);
        bytes.truncate(cut);
        crate::list::fuzz_run(&bytes);
    }
}
