//! A late, doubled, foreign or damaged answer is never booked as another value.
//!
//! Each row of the table that ruined other libraries, and a soak of ten kinds of trouble: planner,
//! guard and Modbus driver on a real pty at 19 200 baud. The meters' registers name their unit,
//! their place and the time of reading, so that nothing that is booked wrongly can look right.
#![cfg(test)]

use std::time::Duration;

use hil_tests::polling::{Case, Guest, Report, run};
use hil_tests::skip::by_tier;
use simulator::trouble::{Doubled, Late, MeterTroubles, OneIn, Spread, WhileThinking};

const MS: Duration = Duration::from_millis(1);

fn healthy(turnaround_ms: u32) -> MeterTroubles {
    MeterTroubles::healthy(turnaround_ms * MS)
}

fn deaf(turnaround_ms: u32) -> MeterTroubles {
    MeterTroubles::deaf(turnaround_ms * MS)
}

fn one_in_ten_after(ms: u32) -> MeterTroubles {
    let late = Late {
        thinks: Spread::fixed(ms * MS),
        happens: OneIn::times(10),
    };
    MeterTroubles {
        late: Some(late),
        ..healthy(20)
    }
}

fn copies(after_ms: u32, happens: OneIn) -> Doubled {
    let after = after_ms * MS;
    Doubled { after, happens }
}

fn doubled(after_ms: u32) -> MeterTroubles {
    MeterTroubles {
        doubled: Some(copies(after_ms, OneIn::ALWAYS)),
        ..healthy(20)
    }
}

#[track_caller]
fn none_is_wrong(reports: &[Report]) {
    for report in reports {
        println!("{report}");
    }
    for report in reports {
        let all = report.all();
        assert!(all.wrong.is_empty(), "{}: {:#?}", report.name, all.wrong);
        assert!(
            all.accepted > 0,
            "{}: nothing was accepted, so nothing was tried",
            report.name
        );
    }
}

/// What a case must bring in so many seconds, and may lose.
struct Expected {
    answers_a_second: u32,
    silent: u32,
}

/// The table that ruined other libraries, for a test of so many seconds.
fn table(seconds: u32) -> Vec<(&'static str, MeterTroubles, Expected)> {
    let expect = |answers_a_second, silent| Expected {
        answers_a_second,
        silent,
    };
    let few = seconds / 10 + 1;
    vec![
        ("answers after 60 ms", healthy(60), expect(9, 0)),
        ("answers after 90 ms", healthy(90), expect(7, 0)),
        (
            "answers after 60 ms, deaf meanwhile",
            deaf(60),
            expect(9, 0),
        ),
        (
            "answers after 400 ms, later than the first deadline",
            healthy(400),
            expect(2, 2),
        ),
        (
            "answers after 400 ms, deaf meanwhile",
            deaf(400),
            expect(2, 3),
        ),
        (
            "one answer in ten after 400 ms",
            one_in_ten_after(400),
            expect(8, 2 + few),
        ),
        ("each answer twice, at once", doubled(0), expect(12, few)),
        ("each answer twice, 5 ms later", doubled(5), expect(12, few)),
        (
            "each answer twice, 20 ms later",
            doubled(20),
            expect(10, few),
        ),
        (
            "each answer twice, 60 ms later, into the next request",
            doubled(60),
            expect(8, few),
        ),
        (
            "1 to 40 octets of junk before each answer",
            MeterTroubles {
                junk: Some(1..=40),
                ..healthy(20)
            },
            expect(11, 0),
        ),
        (
            "another unit's answer before each",
            MeterTroubles {
                foreign: OneIn::ALWAYS,
                ..healthy(20)
            },
            expect(10, 0),
        ),
        (
            "one bit flipped in one answer of ten",
            MeterTroubles {
                flipped: OneIn::times(10),
                ..healthy(20)
            },
            expect(9, seconds * 2),
        ),
    ]
}

/// Ten kinds of trouble, none of which keeps a rhythm.
fn kinds() -> [(&'static str, MeterTroubles); 10] {
    let random = |from: u32, to: u32| MeterTroubles {
        turnaround: Spread::between(from * MS, to * MS),
        ..MeterTroubles::default()
    };
    [
        ("answers after 20 to 600 ms", random(20, 600)),
        ("answers after 100 to 900 ms", random(100, 900)),
        (
            "answers after 20 to 600 ms, deaf meanwhile",
            MeterTroubles {
                while_thinking: WhileThinking::Deaf,
                ..random(20, 600)
            },
        ),
        (
            "one request in eight lost",
            MeterTroubles {
                lost_requests: OneIn::times(8),
                ..random(20, 200)
            },
        ),
        (
            "one answer in eight lost",
            MeterTroubles {
                lost_answers: OneIn::times(8),
                ..random(20, 200)
            },
        ),
        (
            "one answer in four flipped",
            MeterTroubles {
                flipped: OneIn::times(4),
                ..random(20, 100)
            },
        ),
        (
            "one answer in four truncated",
            MeterTroubles {
                truncated: OneIn::times(4),
                ..random(20, 100)
            },
        ),
        (
            "copies 60 ms later, one in two",
            MeterTroubles {
                doubled: Some(copies(60, OneIn::times(2))),
                ..random(20, 60)
            },
        ),
        (
            "copies 70 ms later, one in three, and late answers",
            MeterTroubles {
                doubled: Some(copies(70, OneIn::times(3))),
                ..random(20, 400)
            },
        ),
        (
            "junk, foreign answers and flipped bits together",
            MeterTroubles {
                junk: Some(0..=40),
                foreign: OneIn::times(2),
                flipped: OneIn::times(6),
                ..random(20, 200)
            },
        ),
    ]
}

#[test]
fn each_case_of_the_table_books_nothing_wrong() {
    let lasts = Duration::from_secs(by_tier(10, 120));
    let seconds = u32::try_from(lasts.as_secs()).unwrap();
    let table = table(seconds);
    let folder = tempfile::tempdir().unwrap();
    let case = |(name, troubles, _): &(&str, MeterTroubles, Expected)| {
        Case::new(name, troubles.clone(), lasts)
    };
    let cases: Vec<Case> = table.iter().map(case).collect();
    let reports = run(&cases, folder.path());
    none_is_wrong(&reports);
    for (report, (name, _, expected)) in reports.iter().zip(&table) {
        let all = report.all();
        // The exact rate is a matter for the figures: here the machine may have other work.
        let least = expected.answers_a_second * seconds * 3 / 4;
        assert!(
            all.accepted >= least,
            "{name}: {} answers, expected {least}",
            all.accepted
        );
        assert!(all.silent <= expected.silent, "{name}: {} lost", all.silent);
    }
}

#[test]
fn a_soak_of_ten_kinds_of_trouble_books_nothing_wrong() {
    let lasts = Duration::from_secs(by_tier(20, 1800));
    let folder = tempfile::tempdir().unwrap();
    // Four meters a line: while one is left alone, the others are asked.
    let case = |(seed, (name, troubles)): (u64, &(&str, MeterTroubles))| Case {
        seed,
        guests: (1..=4)
            .map(|unit| Guest {
                unit,
                troubles: troubles.clone(),
            })
            .collect(),
        ..Case::new(name, troubles.clone(), lasts)
    };
    let cases: Vec<Case> = (1..).zip(&kinds()).map(case).collect();
    let reports = run(&cases, folder.path());
    none_is_wrong(&reports);
    let accepted: u32 = reports.iter().map(|report| report.all().accepted).sum();
    println!("soak: 0 wrong of {accepted}");
}
