//! The store's own figures, taken from its benchmark, and the reopening of a full store.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use hil_tests::binaries;
use hil_tests::process::{Process, command};
use metering::Obis;
use serde_json::Value;
use storage::{Store, StoreOptions};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::Ground;
use crate::table::{Limit, Row, Spread};

const REOPENS: u32 = 5;
/// Filling 900 days takes minutes on a slow disk.
const FILL_WITHIN: Duration = Duration::from_mins(20);

/// A store of 250 meters as its process left it when it was killed.
pub(crate) struct Filled {
    folder: TempDir,
    pub(crate) days: u32,
}

impl Filled {
    /// Fills it with the store's own benchmark, and kills that.
    pub(crate) fn new(days: u32) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("pmu-filled-")
            .tempdir()
            .unwrap();
        let begun = Instant::now();
        let mut fill = command(program());
        let said = folder.path().join("said");
        std::fs::create_dir_all(&said).unwrap();
        fill.arg("--fill")
            .arg(folder.path().join("data"))
            .arg(days.to_string());
        std::fs::create_dir_all(folder.path().join("data")).unwrap();
        let mut process = Process::start("fill", &mut fill, &said);
        hil_tests::clock::wait_until("the store is full", FILL_WITHIN, || {
            assert!(process.is_running(), "{}", process.tail());
            process.said().contains("filled")
        });
        process.kill();
        println!(
            "    a store of {days} days was filled in {:.0?}",
            begun.elapsed()
        );
        Self { folder, days }
    }

    /// A copy of it, to be opened as after the kill.
    pub(crate) fn copy_to(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        for entry in std::fs::read_dir(self.folder.path().join("data")).unwrap() {
            let from = entry.unwrap();
            std::fs::copy(from.path(), folder.join(from.file_name())).unwrap();
        }
    }

    /// Bytes of its files.
    pub(crate) fn bytes(&self) -> u64 {
        let entries = std::fs::read_dir(self.folder.path().join("data")).unwrap();
        entries
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum()
    }
}

pub(crate) fn rows(ground: &Ground) -> Vec<Row> {
    let mut rows = own_figures();
    rows.push(reopen(ground.filled()));
    rows
}

/// The program of the store's benchmark, built in the same profile.
fn program() -> PathBuf {
    let target = binaries::agent();
    let target = target
        .parent()
        .and_then(Path::parent)
        .expect("the target folder");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(binaries::root())
        .env("CARGO_TARGET_DIR", target);
    cargo.args([
        "bench", "-p", "storage", "--bench", "figures", "--no-run", "--quiet",
    ]);
    cargo.arg("--message-format=json");
    let built = hil_tests::process::run("building the benchmark of the store", &mut cargo);
    let mut programs = built.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message.get("executable")?.as_str()?))
    });
    programs.next_back().expect("a program")
}

/// Its lines: a name, what was measured, the limit and the ratio, each number with its unit.
fn own_figures() -> Vec<Row> {
    let mut run = command(program());
    let mut child = run.arg("--quick").stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let rows = lines.filter_map(|line| {
        let line = line.unwrap();
        println!("    {line}");
        let (name, units) = WANTED.iter().find(|(name, _)| line.starts_with(name))?;
        let numbers = line.get(name.len()..)?.split_whitespace();
        let numbers: Vec<f64> = numbers.filter_map(|word| word.parse().ok()).collect();
        let [measured, limit, _] = numbers[..] else {
            panic!("not a figure: {line}")
        };
        Some(Row {
            figure: (*name).to_owned(),
            limit: Limit::AtMost(limit),
            measured: Spread::one(measured),
            unit: units,
            peer: "-".to_owned(),
        })
    });
    let rows: Vec<Row> = rows.collect();
    assert!(
        child.wait().unwrap().success(),
        "the benchmark of the store failed"
    );
    assert_eq!(
        rows.len(),
        WANTED.len(),
        "the benchmark of the store names its figures otherwise"
    );
    rows
}

/// The figures that are promised, as the store's benchmark names them, and their units.
const WANTED: [(&str, &str); 3] = [
    ("written a day, 25 readings/s, 10 s window", "GB"),
    ("live archive bytes a value, as in the reference", "B"),
    ("live archive bytes a value, gateway-made", "B"),
];

fn reopen(filled: &Filled) -> Row {
    let times = (0..REOPENS).map(|_| {
        let folder = tempfile::tempdir().unwrap();
        filled.copy_to(folder.path());
        let begun = Instant::now();
        let (store, report) = Store::open(folder.path(), &StoreOptions::new([2; 8])).unwrap();
        let last = store
            .last_row(&"feeder-007".parse().unwrap(), PROFILE)
            .unwrap();
        let took = begun.elapsed().as_secs_f64();
        assert!(
            report.unclean_stop && last.is_some(),
            "the store is what was filled"
        );
        drop(store);
        took
    });
    let times = Spread::of(times.collect());
    Row {
        figure: format!(
            "reopen after a kill, {} days x 250 meters, {} MB",
            filled.days,
            filled.bytes() / 1_000_000
        ),
        limit: Limit::AtMost(1.0),
        measured: times,
        unit: "s",
        peer: "-".to_owned(),
    }
}

/// Load profile 1.
const PROFILE: Obis = Obis::new([1, 0, 99, 1, 0, 255]);
