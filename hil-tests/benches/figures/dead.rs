//! What dead meters cost the living.

use std::time::Duration;

use hil_tests::polling::{Case, Report, run};

use crate::Ground;
use crate::bare::{self, Bare};
use crate::table::{Limit, Row, Spread, short};

/// The timeout of a plain loop as most are configured.
const PLAIN_TIMEOUT: Duration = Duration::from_secs(1);
/// Pairs of lines, with and without dead meters, side by side.
const REPEATS: u64 = 3;

struct Line {
    meters: u8,
    dead: u8,
    blocks: &'static [(u16, u16)],
    at_least: f64,
}

pub(crate) fn rows(ground: &Ground) -> Vec<Row> {
    let lines = [
        Line {
            meters: 4,
            dead: 1,
            blocks: &[(0, 10), (100, 12)],
            at_least: 95.0,
        },
        Line {
            meters: 6,
            dead: 3,
            blocks: &[(0, 10)],
            at_least: 98.0,
        },
    ];
    lines
        .iter()
        .map(|line| row(line, Duration::from_secs(ground.by_pace(15, 60))))
        .collect()
}

fn row(line: &Line, lasts: Duration) -> Row {
    let cases: Vec<Case> = (1..=REPEATS)
        .flat_map(|seed| {
            [
                case(line, 0, lasts, seed),
                case(line, line.dead, lasts, seed),
            ]
        })
        .collect();
    let bare = cases.iter().map(|case| Bare {
        case: case.clone(),
        timeout: PLAIN_TIMEOUT,
    });
    let folder = tempfile::tempdir().unwrap();
    let ours = run(&cases, folder.path());
    let theirs = bare::run(&bare.collect::<Vec<_>>(), folder.path());
    for report in ours.iter().take(2) {
        println!("    {report}");
    }
    let plain = shares(&theirs, line.dead);
    Row {
        figure: format!(
            "living meters' rate, {} of {} dead, 9600 baud",
            line.dead, line.meters
        ),
        limit: Limit::AtLeast(line.at_least),
        measured: shares(&ours, line.dead),
        unit: "%",
        peer: format!("plain loop, timeout 1 s: {} %", short(plain.median)),
    }
}

fn case(line: &Line, dead: u8, lasts: Duration, seed: u64) -> Case {
    let name = format!("{} meters, {dead} dead", line.meters);
    Case {
        seed,
        ..Case::with_dead(&name, (line.meters, dead), line.blocks, lasts)
    }
}

/// Accepted answers of those that live in both lines of a pair, in per cent.
fn shares(reports: &[Report], dead: u8) -> Spread {
    let living = |report: &Report| -> f64 {
        let living = report.meters.iter().filter(|meter| meter.unit > dead);
        f64::from(living.map(|meter| meter.accepted).sum::<u32>()) / report.took.as_secs_f64()
    };
    let pairs = reports.as_chunks::<2>().0.iter();
    Spread::of(
        pairs
            .map(|[whole, with_dead]| living(with_dead) * 100.0 / living(whole))
            .collect(),
    )
}
