//! A port without a gateway: `pmuctl --direct` reads a meter through a private gateway and leaves
//! nothing behind, no process and no file, also after Ctrl-C.
#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use hil_tests::binaries::{self, brisk_models};
use hil_tests::bus::Bus;
use hil_tests::clock::{becomes, pause, wait_until};
use hil_tests::flag::{PASSWORD, password_file, scenario, with_few_sets};
use hil_tests::process::command;
use iec62056_21::meter::Opening;
use rustix::process::{Pid, Signal, kill_process};
use simulator::elster::ElsterModel;
use simulator::trouble::Spread;
use simulator::wire::WireSettings;
use tempfile::TempDir;

const BAUD: u32 = 38_400;
const WITHIN: Duration = Duration::from_mins(2);

/// A laptop with a meter at its port.
struct Laptop {
    bus: Bus,
    password: PathBuf,
    models: PathBuf,
    folder: TempDir,
    /// Memory that is used as a disk: where a private gateway may live.
    memory: TempDir,
}

impl Laptop {
    /// A meter with this many days of history, on a line that is faster than most.
    fn new(days: i64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut bus = Bus::behind_pty("main", folder.path(), WireSettings::flag(BAUD), 1);
        let mut scenario = scenario("20000102");
        scenario.days = days;
        bus.seat_flag_with(ElsterModel::A1140, scenario, |settings, troubles| {
            settings.opening = Opening::Fixed(BAUD);
            troubles.turnaround = Some(Spread::fixed(Duration::from_millis(5)));
        });
        Self {
            password: password_file(folder.path(), "password", PASSWORD),
            models: with_few_sets(brisk_models(folder.path())),
            bus,
            memory: tempfile::tempdir_in("/dev/shm").unwrap(),
            folder,
        }
    }

    /// `pmuctl` at the port, told which meter is there.
    fn start(&self, words: &str) -> Child {
        let mut typed = self.typed();
        typed
            .args(["--model", "elster-a1140", "--address", "102"])
            .arg("--password-file")
            .arg(&self.password)
            .args(words.split_whitespace());
        typed.spawn().unwrap()
    }

    fn typed(&self) -> Command {
        let mut typed = command(binaries::pmuctl());
        typed
            .arg("--direct")
            .arg(self.bus.device())
            .arg("--model-folder")
            .arg(&self.models)
            .args(["--baud", &BAUD.to_string()])
            .env_remove("PMU_SOCKET")
            .env("PMU_AGENT", binaries::agent())
            .env("XDG_RUNTIME_DIR", self.memory.path())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        typed
    }

    /// What lies in the folders that a private gateway could write to.
    fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for folder in [self.memory.path(), self.folder.path()] {
            let entries = fs::read_dir(folder).unwrap();
            files.extend(entries.map(|entry| entry.unwrap().path()));
        }
        files.sort();
        files
    }

    #[track_caller]
    fn check(&self, words: &str, code: i32, expected: &[&str]) -> String {
        let before = self.files();
        let text = words_of(self.start(words).wait_with_output().unwrap(), words, code);
        for part in expected {
            assert!(text.contains(part), "{words}: no `{part}` in\n{text}");
        }
        self.check_nothing_is_left(&before);
        text
    }

    #[track_caller]
    fn check_nothing_is_left(&self, before: &[PathBuf]) {
        assert_eq!(self.files(), before, "a file is left");
        let alive = gateways_in(self.memory.path());
        assert!(alive.is_empty(), "a process is left: {alive:?}");
    }
}

#[track_caller]
fn words_of(done: Output, words: &str, code: i32) -> String {
    let text = [done.stdout, done.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    println!("$ pmuctl --direct … {words}\n{text}");
    assert_eq!(done.status.code(), Some(code), "{words}:\n{text}");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Processes whose command line names the folder.
fn gateways_in(folder: &Path) -> Vec<String> {
    let folder = folder.display().to_string();
    let lines = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let line = fs::read(entry.ok()?.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        line.contains(&folder).then_some(line)
    });
    lines.collect()
}

#[test]
fn a_meter_is_read_without_a_gateway() {
    let laptop = Laptop::new(3);
    laptop.check("meter ping direct", 0, &["password well"]);
    let read = laptop.check("meter read direct registers", 0, &["1-0:1.8.0", "kWh"]);
    assert!(!read.contains(PASSWORD), "{read}");
    let profile = laptop.check("meter profile direct", 0, &["a full bar is"]);
    assert!(profile.contains("1-0:1.5.0 average W"), "{profile}");
    laptop.check("meter read feeder registers", 1, &["named `direct`"]);
}

#[test]
fn a_scan_without_a_gateway_says_how_the_meter_is_read() {
    let laptop = Laptop::new(3);
    let before = laptop.files();
    let words = "bus scan direct --flag --for 20s";
    let mut typed = laptop.typed();
    let done = typed.args(words.split_whitespace()).output().unwrap();
    let text = words_of(done, words, 0);
    assert!(text.contains("/GEC5120510010401@000"), "{text}");
    let next = format!("pmuctl --direct {}", laptop.bus.device().display());
    assert!(
        text.contains(&next) && text.contains("--model elster-a1140"),
        "{text}"
    );
    laptop.check_nothing_is_left(&before);
}

#[test]
fn only_the_file_that_was_asked_for_stays() {
    let laptop = Laptop::new(3);
    let mut before = laptop.files();
    let backup = laptop.folder.path().join("backup.json");
    let words = "meter backup direct --out backup.json";
    words_of(laptop.start(words).wait_with_output().unwrap(), words, 0);
    before.push(backup.clone());
    before.sort();
    laptop.check_nothing_is_left(&before);
    let text = fs::read_to_string(backup).unwrap();
    assert!(
        text.contains("20000102") && !text.contains(PASSWORD),
        "{text}"
    );
}

/// A collection in the middle of its work, ended by a signal.
fn interrupted(laptop: &Laptop, signal: Signal) -> Output {
    let child = laptop.start("meter collect direct --all");
    wait_until("a private gateway runs", WITHIN, || {
        !gateways_in(laptop.memory.path()).is_empty()
    });
    let heard = || laptop.bus.wire.counters().octets_heard > 200;
    assert!(becomes(WITHIN, heard), "it reads the meter");
    pause(Duration::from_secs(1));
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    kill_process(id.unwrap(), signal).unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(!done.status.success());
    println!("{}", String::from_utf8_lossy(&done.stderr));
    done
}

#[test]
fn nothing_is_left_after_ctrl_c() {
    let laptop = Laptop::new(40);
    let before = laptop.files();
    interrupted(&laptop, Signal::INT);
    laptop.check_nothing_is_left(&before);
}

/// A folder in memory stays until the next command; the port is free at once.
#[test]
fn a_pmuctl_that_is_killed_takes_its_gateway_along() {
    let laptop = Laptop::new(40);
    let before = laptop.files();
    interrupted(&laptop, Signal::KILL);
    wait_until("the private gateway ends by itself", WITHIN, || {
        gateways_in(laptop.memory.path()).is_empty()
    });
    let words = "meter ping direct";
    words_of(laptop.start(words).wait_with_output().unwrap(), words, 0);
    laptop.check_nothing_is_left(&before);
}
