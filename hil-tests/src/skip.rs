//! What cannot be tried here is said, never passed over.

use std::io::Write;
use std::process::Command;

/// Says why a promise is not tried here.
pub fn skipped(promise: &str, why: &str) {
    let line = format!("\nskipped: {promise}, because {why}\n");
    // Not by `println`, or the test runner would keep it to itself: this test seems to pass.
    std::io::stdout()
        .write_all(line.as_bytes())
        .expect("a place to say it");
}

/// Runs a script of ours; one that ends with 77 says why its work cannot be done here, and that is
/// said.
#[track_caller]
pub fn is_done(promise: &str, script: &mut Command) -> bool {
    let done = script.output().expect("a script of ours");
    let words = String::from_utf8_lossy(&done.stdout).into_owned();
    if done.status.code() == Some(77) {
        let why = words.lines().find_map(|line| line.split_once("because "));
        skipped(promise, why.map_or(words.trim(), |(_, why)| why));
        return false;
    }
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{script:?}: {words}{errors}");
    true
}

/// Whether the long form of the promises is wanted (`hil-tests/run --soak`).
pub fn is_soak() -> bool {
    std::env::var("PMU_SOAK").is_ok_and(|word| word == "yes")
}

/// `short` in CI, `long` in a soak.
pub fn by_tier<T>(short: T, long: T) -> T {
    if is_soak() { long } else { short }
}

/// Whether a program is installed.
pub fn has_program(name: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let everywhere = std::env::split_paths(&folders);
    everywhere
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|folder| folder.join(name).is_file())
}

/// Whether every one of these programs is installed; says which are not.
pub fn has_programs(promise: &str, names: &[&str]) -> bool {
    let missing: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| !has_program(name))
        .collect();
    if missing.is_empty() {
        return true;
    }
    let list = missing.join(", ");
    skipped(
        promise,
        &format!("{list} is not installed (hil-tests/setup.sh installs it as root)"),
    );
    false
}
