//! The gateway's clock is set forward and back: no value lands in another interval, no interval is
//! booked twice, and what a step cost is flagged.
#![cfg(test)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hil_tests::agent::Agent;
use hil_tests::binaries;
use hil_tests::bus::Bus;
use hil_tests::clock::{Steady, pause, wait_between_marks};
use hil_tests::judge::judge;
use hil_tests::process::run;
use hil_tests::skip::skipped;
use hil_tests::world::World;
use metering::Flag;
use storage::ledger::BookedRow;

const GATEWAY: &str = "pmu-clock";

/// The library that turns a program's clock, wherever Debian put it.
fn library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?;
    let found =
        folders.filter_map(|folder| Some(folder.ok()?.path().join("faketime/libfaketime.so.1")));
    found.into_iter().find(|path| path.is_file())
}

/// Sets the daemon's clock so many seconds off.
fn set_clock(file: &Path, seconds: u32) {
    let aside = file.with_extension("new");
    std::fs::write(&aside, format!("+{seconds}\n")).unwrap();
    std::fs::rename(&aside, file).unwrap();
}

/// From the next start on, the daemon's clock is off by what stands in the file, looked at again so
/// often; its zone is one with summer time, which must not matter.
///
/// It must not be looked at for every reading (`FAKETIME_NO_CACHE`): the library then reads the offset
/// into a place that all threads share, and one reading in some two thousand is without it.
fn turn_clock_of(agent: &mut Agent, library: &Path, offset: &Path, look_every: Duration) {
    let preload = format!("LD_PRELOAD={}", library.display());
    let file = format!("FAKETIME_TIMESTAMP_FILE={}", offset.display());
    let look_every = format!("FAKETIME_CACHE_DURATION={}", look_every.as_secs());
    agent.run_under(&[
        "env",
        &preload,
        &file,
        &look_every,
        "FAKETIME_DONT_FAKE_MONOTONIC=1",
        "TZ=Europe/Berlin",
    ]);
}

/// Rows that were made while the clock was so many seconds ahead, put back into true time.
fn made_ahead(rows: &[BookedRow], seconds: u64, from: u64, to: u64) -> Vec<BookedRow> {
    let ahead = Duration::from_secs(seconds);
    let shifted = rows.iter().map(|row| BookedRow {
        end: row.end.before(ahead),
        ..row.clone()
    });
    shifted
        .filter(|row| (from..=to).contains(&row.end.seconds()))
        .filter(|row| row.values.iter().any(|value| value.value.is_some()))
        .collect()
}

#[test]
fn steps_of_the_clock_put_no_value_into_another_interval() {
    let promise = "clock steps";
    let Some(library) = library() else {
        return skipped(
            promise,
            "libfaketime is not installed (hil-tests/setup.sh installs it as root)",
        );
    };
    let Some(mut world) = World::new(promise) else {
        return;
    };
    let mut bus = Bus::serial("main", world.folder(), 9600, 1);
    bus.seat("abb-b23", 1);
    bus.seat("eastron-sdm630", 2);
    let mut agent = world.gateway(GATEWAY, &[&bus], 2);
    let offset = world.folder().join("clock-offset");
    turn_clock_of(&mut agent, &library, &offset, Duration::from_secs(1));
    world.head_end.start();

    // An hour back, half an hour forward, then four seconds back: marks that come again.
    let mut phases = Vec::new();
    for (number, ahead) in [7200_u32, 3600, 5400, 5396].into_iter().enumerate() {
        // All of them are whole periods. A mark that a step comes in upon has no row yet, and gets
        // one when it comes again: of neither clock could be said that it must be its own.
        wait_between_marks();
        set_clock(&offset, ahead);
        // Marks that come again keep the rows of their first time: judged after them.
        let again = if number == 3 { 8 } else { 0 };
        let from = hil_tests::clock::utc().seconds() + again;
        if number == 0 {
            agent.start();
        }
        pause(Duration::from_secs(13 + again));
        wait_between_marks();
        phases.push((u64::from(ahead), from, hil_tests::clock::utc().seconds()));
    }
    let jumps = agent.said().matches("clock-jumped:").count();
    hil_tests::world::wait_for_delivery(&agent, Duration::from_mins(1));
    agent.stop();
    let summary = world.head_end.stop();
    // A mark that comes again would come with another value under another number.
    world.must_agree(&summary);
    println!("{jumps} jumps seen; {summary}");
    assert_eq!(jumps, 3, "each step is told");

    let rows = world.head_end.rows(GATEWAY);
    for row in &rows {
        let is_whole = row.values.iter().all(|value| value.value.is_some());
        assert!(
            is_whole || !row.flags.is_good(),
            "a value is missing without a flag: {row:?}"
        );
    }
    let mut compared = 0;
    for (ahead, from, to) in phases {
        let made = made_ahead(&rows, ahead, from, to);
        // Neighbours across a step belong to other clocks; only values count here.
        let verdict = judge(&made, &[&bus]);
        println!("{ahead} s ahead: {verdict}");
        let (wrong, some) = (verdict.wrong, verdict.compared);
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(some >= 8, "{ahead} s ahead: only {some} totals");
        compared += some;
    }
    let told = rows
        .iter()
        .filter(|row| row.flags.has(Flag::TimeSet))
        .count();
    println!("{compared} totals compared, {told} intervals say that the clock was set");
    assert!(told > 0, "the intervals of a step say so");
}

/// The zone's change of summer time means nothing to the gateway, which counts in UTC; the export
/// in local time shows the hour that is missing or comes twice, with its offset.
#[test]
fn summer_time_begins_and_ends_without_a_hole() {
    let promise = "summer time";
    let Some(library) = library() else {
        return skipped(
            promise,
            "libfaketime is not installed (hil-tests/setup.sh installs it as root)",
        );
    };
    // 01:00 UTC of 28 March and of 31 October 2027, and the local hours on both sides.
    let changes = [
        (1_806_195_600_u64, "01:59:58+01:00", "03:00:02+02:00"),
        (1_824_944_400, "02:59:58+02:00", "02:00:02+01:00"),
    ];
    if World::new(promise).is_none() {
        return;
    }
    // Built before the time is taken.
    binaries::agent();
    for (change, before, after) in changes {
        // A machine whose own clock is set in between says nothing about the change of the hour.
        let tries = (0..3).find_map(|_| night_of_the_change(&library, change));
        let Some(world) = tries else {
            panic!("the clock of this machine was set in each of three tries");
        };

        let mut export = Command::new(binaries::pmuctl());
        export.args(["head-end", "export", "--local", "Europe/Berlin", "--ledger"]);
        export.arg(world.folder().join("head-end/ledger"));
        let csv = run("exporting in local time", &mut export);
        assert!(csv.contains(before) && csv.contains(after), "{csv}");
    }
}

/// Runs a gateway over the change of the hour; none where the machine's own clock was set.
fn night_of_the_change(library: &Path, change: u64) -> Option<World> {
    let mut world = World::new("summer time")?;
    let mut bus = Bus::serial("main", world.folder(), 9600, 1);
    bus.seat("abb-b23", 1);
    let mut agent = world.gateway(GATEWAY, &[&bus], 2);
    let steady = Steady::begin();
    let now = hil_tests::clock::utc().seconds();
    let ahead = change - 9 - now;
    let offset = world.folder().join("clock-offset");
    set_clock(&offset, u32::try_from(ahead).unwrap());
    // It stays as it is.
    turn_clock_of(&mut agent, library, &offset, Duration::from_hours(1));
    world.head_end.start();
    agent.start();
    pause(Duration::from_secs(20));
    hil_tests::world::wait_for_delivery(&agent, Duration::from_mins(1));
    let said = agent.said();
    agent.stop();
    let summary = world.head_end.stop();
    if let Some(moved) = steady.moved() {
        println!("the clock of this machine was set by {moved} ms; again");
        return None;
    }
    world.must_agree(&summary);
    let rows = world.head_end.rows(GATEWAY);
    let ends: Vec<u64> = rows.iter().map(|row| row.end.seconds()).collect();
    assert!(ends.is_sorted_by(|a, b| b - a == 2), "{ends:?}");
    assert!(ends.contains(&(change - 2)) && ends.contains(&(change + 2)));
    let steady = rows.iter().skip(1).all(|row| !row.flags.has(Flag::TimeSet));
    let jumps: Vec<&str> = said.lines().filter(|line| line.contains("clock")).collect();
    assert!(steady, "nothing was set: {jumps:#?} {rows:#?}");
    let made = made_ahead(&rows, ahead, now, now + 60);
    let verdict = judge(&made, &[&bus]);
    println!("around {change}: {verdict}");
    verdict.must_be_clean();
    Some(world)
}
