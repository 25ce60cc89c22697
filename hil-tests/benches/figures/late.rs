//! Answers booked as another value: each case that ruined other libraries, and ten kinds of
//! trouble at random.

use std::time::Duration;

use hil_tests::polling::{Case, Report, run};
use simulator::trouble::{Doubled, Late, MeterTroubles, OneIn, Spread as Between, WhileThinking};

use crate::Ground;
use crate::bare::{self, Bare};
use crate::table::{Limit, Row, Spread, short};

const MS: Duration = Duration::from_millis(1);

/// A meter's trouble, and the timeout with which the bare library meets it.
type Kind = (&'static str, MeterTroubles, u32);

pub(crate) fn rows(ground: &Ground) -> Vec<Row> {
    let lasts = Duration::from_secs(ground.by_pace(6, 30));
    let table = row(
        "late answers booked wrongly, every case of the table",
        &cases(),
        lasts,
    );
    let soak = row("the same, ten kinds of trouble at random", &soak(), lasts);
    vec![table, soak]
}

fn row(figure: &str, kinds: &[Kind], lasts: Duration) -> Row {
    let folder = tempfile::tempdir().unwrap();
    let case = |(seed, (name, troubles, _)): (u64, &Kind)| Case {
        seed,
        ..Case::new(name, troubles.clone(), lasts)
    };
    let cases: Vec<Case> = (1..).zip(kinds).map(case).collect();
    let bare = cases
        .iter()
        .zip(kinds)
        .map(|(case, (_, _, timeout_ms))| Bare {
            case: case.clone(),
            timeout: *timeout_ms * MS,
        });
    let ours = run(&cases, folder.path());
    let theirs = bare::run(&bare.collect::<Vec<_>>(), folder.path());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        println!(
            "    {ours}\n        bare tokio-modbus: {}",
            share(std::slice::from_ref(theirs))
        );
    }
    println!("    together {}", share(&ours));
    let wrong: usize = ours.iter().map(|report| report.all().wrong.len()).sum();
    Row {
        figure: figure.to_owned(),
        limit: Limit::NeverAbove(0.0),
        measured: Spread::one(wrong as f64),
        unit: "",
        peer: format!("bare tokio-modbus {}", share(&theirs)),
    }
}

fn share(reports: &[Report]) -> String {
    let of = |pick: fn(&Report) -> usize| -> usize { reports.iter().map(pick).sum() };
    let wrong = of(|report| report.all().wrong.len());
    let accepted = of(|report| report.all().accepted as usize);
    let seconds = reports
        .first()
        .map_or(1.0, |report| report.took.as_secs_f64());
    format!(
        "{wrong} of {accepted} ({} answers/s)",
        short(accepted as f64 / seconds)
    )
}

fn healthy(turnaround_ms: u32) -> MeterTroubles {
    MeterTroubles::healthy(turnaround_ms * MS)
}

fn deaf(turnaround_ms: u32) -> MeterTroubles {
    MeterTroubles::deaf(turnaround_ms * MS)
}

fn doubled(after_ms: u32) -> MeterTroubles {
    let doubled = Doubled {
        after: after_ms * MS,
        happens: OneIn::ALWAYS,
    };
    MeterTroubles {
        doubled: Some(doubled),
        ..healthy(20)
    }
}

/// A frame of the longest answer takes some 13 ms: a timeout of 60 ms or so leaves no answer of
/// a healthy meter out.
fn cases() -> Vec<Kind> {
    let late = Late {
        thinks: Between::fixed(400 * MS),
        happens: OneIn::times(10),
    };
    let one_in_ten = MeterTroubles {
        late: Some(late),
        ..healthy(20)
    };
    let junk = MeterTroubles {
        junk: Some(1..=40),
        ..healthy(20)
    };
    let foreign = MeterTroubles {
        foreign: OneIn::ALWAYS,
        ..healthy(20)
    };
    let flipped = MeterTroubles {
        flipped: OneIn::times(10),
        ..healthy(20)
    };
    vec![
        ("answers after 60 ms", healthy(60), 50),
        ("answers after 90 ms", healthy(90), 50),
        ("answers after 60 ms, deaf meanwhile", deaf(60), 50),
        ("answers after 400 ms", healthy(400), 300),
        ("answers after 400 ms, deaf meanwhile", deaf(400), 300),
        ("one answer in ten after 400 ms", one_in_ten, 300),
        ("each answer twice, at once", doubled(0), 300),
        ("each answer twice, 5 ms later", doubled(5), 300),
        ("each answer twice, 20 ms later", doubled(20), 300),
        ("each answer twice, 60 ms later", doubled(60), 300),
        ("1 to 40 octets of junk before each answer", junk, 300),
        ("another unit's answer before each", foreign, 300),
        ("one bit flipped in one answer of ten", flipped, 300),
    ]
}

fn random(from: u32, to: u32) -> MeterTroubles {
    MeterTroubles {
        turnaround: Between::between(from * MS, to * MS),
        ..MeterTroubles::default()
    }
}

fn soak() -> Vec<Kind> {
    let deaf = MeterTroubles {
        while_thinking: WhileThinking::Deaf,
        ..random(20, 600)
    };
    let unheard = MeterTroubles {
        lost_requests: OneIn::times(8),
        ..random(20, 200)
    };
    let unsaid = MeterTroubles {
        lost_answers: OneIn::times(8),
        ..random(20, 200)
    };
    let flipped = MeterTroubles {
        flipped: OneIn::times(4),
        ..random(20, 100)
    };
    let truncated = MeterTroubles {
        truncated: OneIn::times(4),
        ..random(20, 100)
    };
    let copies = |after_ms: u32, times, meter| {
        let doubled = Doubled {
            after: after_ms * MS,
            happens: OneIn::times(times),
        };
        MeterTroubles {
            doubled: Some(doubled),
            ..meter
        }
    };
    let all = MeterTroubles {
        junk: Some(0..=40),
        foreign: OneIn::times(2),
        flipped: OneIn::times(6),
        ..random(20, 200)
    };
    vec![
        ("answers after 20 to 600 ms", random(20, 600), 300),
        ("answers after 100 to 900 ms", random(100, 900), 300),
        ("answers after 20 to 600 ms, deaf meanwhile", deaf, 300),
        ("one request in eight lost", unheard, 300),
        ("one answer in eight lost", unsaid, 300),
        ("one answer in four flipped", flipped, 300),
        ("one answer in four truncated", truncated, 300),
        (
            "copies 60 ms later, one in two",
            copies(60, 2, random(20, 60)),
            300,
        ),
        (
            "copies 70 ms later, and late answers",
            copies(70, 3, random(20, 400)),
            300,
        ),
        ("junk, foreign answers and flipped bits", all, 300),
    ]
}
