//! What sets a gateway's clock takes the agent's wish once, and nothing that is no time.
#![cfg(test)]

use std::fs;
use std::path::Path;
use std::process::Command;

/// What `clock-as-wished` tells the system's `date` to do; nothing is set here.
#[track_caller]
fn check(wish: &[u8], expected: Option<&str>) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("wish"), wish).unwrap();
    // The clock of this machine stays as it is: its programs are others here.
    for name in ["date", "hwclock"] {
        fs::write(at(name), format!("#!/bin/sh\necho \"{name}: $*\"\n")).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../systemd/clock-as-wished");
    let path = std::env::var("PATH").unwrap();
    let mut run = Command::new("bash");
    run.arg("-c")
        .arg("chmod +x \"$1/date\" \"$1/hwclock\" && exec bash \"$2\" \"$1/wish\"")
        .arg("-")
        .arg(folder.path())
        .arg(script)
        .env("PATH", format!("{}:{path}", folder.path().display()));
    let done = run.output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    let told = said
        .lines()
        .find_map(|line| line.strip_prefix("date: --utc "));
    assert_eq!(told, expected, "{wish:?}: {said}");
    assert_eq!(
        done.status.success(),
        expected.is_some(),
        "{wish:?}: {said}"
    );
    assert!(!at("wish").exists(), "it would be set for ever");
}

#[test]
fn a_time_is_set_once_and_nothing_else() {
    check(b"1795950000\n", Some("--set=@1795950000"));
    check(b"1577836800", Some("--set=@1577836800"));
    check(b"1577836799\n", None);
    check(b"4102444800\n", None);
    check(b"", None);
    check(b"-1795950000\n", None);
    check(b"1795950000\nx", None);
    check(b"$(reboot)\n", None);
    check(b"17959500001\n", None);
    check(&[0xff; 4096], None);
}
