//! The silence before each request, and how much of the line's time is used under it.

use std::time::Duration;

use hil_tests::polling::{Case, Guest, Report, run};
use simulator::trouble::MeterTroubles;

use crate::Ground;
use crate::bare::{self, Bare};
use crate::table::{Limit, Row, Spread, short};

/// Baud rate, registers a read, and the least share of the line's time in per cent.
const LINES: [(u32, u16, f64); 4] = [
    (9600, 10, 98.0),
    (9600, 40, 99.0),
    (19_200, 10, 97.0),
    (19_200, 40, 99.0),
];
const REPEATS: u32 = 3;
const TIMEOUT: Duration = Duration::from_millis(300);

pub(crate) fn rows(ground: &Ground) -> Vec<Row> {
    let lasts = Duration::from_secs(ground.by_pace(6, 20));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ground.by_pace(1, REPEATS) {
        // One line at a time, as the figure was stated; neighbours are other tests.
        for (baud, registers, _) in LINES {
            let folder = tempfile::tempdir().unwrap();
            let case = case(baud, registers, lasts);
            let bare = Bare {
                case: case.clone(),
                timeout: TIMEOUT,
            };
            let guarded = run(&[case], folder.path());
            guarded.iter().for_each(say);
            ours.extend(guarded);
            theirs.extend(bare::run(&[bare], folder.path()));
        }
    }
    let mut rows = vec![silence(&ours, &theirs)];
    for (line, (baud, registers, least)) in LINES.into_iter().enumerate() {
        let of = |reports: &[Report]| {
            let runs = reports.iter().skip(line).step_by(LINES.len());
            Spread::of(
                runs.map(|report| report.busy_per_mille as f64 / 10.0)
                    .collect(),
            )
        };
        let bare = of(&theirs);
        rows.push(Row {
            figure: format!("line time used, {baud} baud, {registers} registers"),
            limit: Limit::AtLeast(least),
            measured: of(&ours),
            unit: "%",
            peer: format!("bare tokio-modbus {} %, silence broken", short(bare.median)),
        });
    }
    rows
}

/// Half characters below the seven that must be kept are the first classes of the histogram.
fn say(report: &Report) {
    let silences = &report.silences;
    let short_ones: u64 = silences.classes.iter().take(7).sum();
    println!(
        "    {}: {} requests, {short_ones} after less than 3.5 characters, the shortest after {:.2}, \
         {:.1} % used",
        report.name,
        silences.count,
        report.shortest_silence() as f64 / 100.0,
        report.busy_per_mille as f64 / 10.0
    );
}

fn case(baud: u32, registers: u16, lasts: Duration) -> Case {
    let healthy = MeterTroubles::healthy(Duration::from_millis(5));
    let guest = |unit| Guest {
        unit,
        troubles: healthy.clone(),
    };
    let name = format!("{baud} baud, {registers} registers");
    Case {
        baud,
        guests: vec![guest(7), guest(8)],
        blocks: vec![(0, registers), (100, registers)],
        warm_up: Duration::from_secs(2),
        ..Case::new(&name, healthy.clone(), lasts)
    }
}

fn silence(ours: &[Report], theirs: &[Report]) -> Row {
    let of = |reports: &[Report]| {
        let shortest = reports
            .iter()
            .map(|report| report.shortest_silence() as f64 / 100.0);
        Spread::of(shortest.collect())
    };
    let requests: u64 = ours.iter().map(|report| report.silences.count).sum();
    let talked_over: u64 = ours.iter().map(|report| report.silences.talked_over).sum();
    println!("    silences seen by the wire: {requests}, requests into an answer: {talked_over}");
    Row {
        figure: "shortest silence before a request".to_owned(),
        limit: Limit::AlwaysAtLeast(3.5),
        measured: of(ours),
        unit: "characters",
        peer: format!("bare tokio-modbus {}", short(of(theirs).least)),
    }
}
