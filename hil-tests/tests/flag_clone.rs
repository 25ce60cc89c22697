//! What an installer types to clone an Elster meter: a golden meter is read, looked at and compared,
//! through a gateway and through a port without one; no page is written by that.
#![cfg(test)]

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use hil_tests::agent::Agent;
use hil_tests::agent_file::AgentFile;
use hil_tests::binaries::{self, brisk_models};
use hil_tests::bus::Bus;
use hil_tests::flag::{password_file, scenario, with_few_sets};
use hil_tests::hands::{check, json};
use hil_tests::process::command;
use iec62056_21::meter::Opening;
use simulator::elster::{ElsterMeter, ElsterModel};
use simulator::trouble::Spread;
use simulator::wire::WireSettings;
use tempfile::TempDir;

const BAUD: u32 = 38_400;
/// Opens level 3.
const PASSWORD: &str = "FEDC0003";
/// Pages of the simulator's own, which no model knows.
const PAGES: &str = "--page 610:200=calendar --page 611:128=dates";

/// Two meters of one model on a line, with other names of their schemes.
struct Site {
    bus: Bus,
    meters: [ElsterMeter; 2],
    password: PathBuf,
    folder: TempDir,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut bus = Bus::behind_pty("main", folder.path(), WireSettings::plain(BAUD), 1);
        let meters =
            [("10000101", "GOLDEN27"), ("10000103", "OTHER002")].map(|(serial, scheme)| {
                let mut scenario = scenario(serial);
                scenario.days = 2;
                scheme.clone_into(&mut scenario.scheme);
                let meter =
                    bus.seat_flag_with(ElsterModel::A1700, scenario, |settings, troubles| {
                        settings.opening = Opening::Fixed(BAUD);
                        troubles.turnaround = Some(Spread::fixed(Duration::from_millis(5)));
                    });
                meter.take_programs();
                meter
            });
        Self {
            password: password_file(folder.path(), "password", PASSWORD),
            meters,
            bus,
            folder,
        }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Reading has written nothing.
    fn check_unwritten(&self) {
        for meter in &self.meters {
            assert_eq!(meter.programmed(), []);
        }
    }
}

#[test]
fn a_golden_meter_is_read_and_compared_and_nothing_is_written() {
    let site = Site::new();
    let mut file = AgentFile::new("pmu-clone");
    file.models = with_few_sets(brisk_models(site.folder.path()));
    file.serial("main", &site.bus.device(), site.bus.baud());
    file.flags = site.bus.flag_lines(&site.password);
    let names: Vec<String> = file.flags.iter().map(|meter| meter.id.clone()).collect();
    let [golden, other] = names.as_slice() else {
        panic!("{names:?}");
    };
    let mut agent = Agent::install(file, site.folder.path());
    agent.start();
    let image = site.path("golden.toml");
    let read = format!("clone read {golden} --out {image} {PAGES}");
    check(&agent, &read, 0, &[&format!("pages of {golden}"), &image]);
    check(&agent, &read, 1, &["this file exists"]);
    let text = fs::read_to_string(&image).unwrap();
    assert!(!text.contains(PASSWORD), "{text}");
    check(
        &agent,
        &format!("clone show {image}"),
        0,
        &["name golden", "elster-a1700", "calendar", "scheme-name"],
    );
    check(
        &agent,
        &format!("clone diff {image} --meter {golden}"),
        0,
        &["they hold the same"],
    );
    let diff = format!("clone diff {image} --meter {other}");
    check(&agent, &diff, 1, &["scheme-name (795) from octet 0"]);
    let second = site.path("other.toml");
    // A page that this meter does not know is told, and the rest is in the file.
    let more = format!("clone read {other} --out {second} {PAGES} --page 888:8=display");
    check(&agent, &more, 1, &["left out: display (888)", &second]);
    check(
        &agent,
        &format!("clone diff {image} {second}"),
        1,
        &["scheme-name (795) from octet 0"],
    );
    let value = json(&agent, &format!("clone show {image}"));
    assert_eq!(value["format"], "pmu-golden-image/1");
    // What the gateway's own trace holds of all that is no write.
    check(&agent, "bus trace main on", 0, &[]);
    check(&agent, &format!("meter ping {golden}"), 0, &[]);
    let trace = check(&agent, "bus trace main show", 0, &[">"]);
    let recording = site.path("trace.txt");
    fs::write(&recording, trace).unwrap();
    let set = site.path("set.toml");
    let import = format!("write-set import {recording} --out {set} --like {image}");
    check(&agent, &import, 1, &["no write of a setting is in it"]);
    agent.stop();
    site.check_unwritten();
}

#[test]
fn a_golden_meter_is_read_at_a_port_without_a_gateway() {
    let site = Site::new();
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let image = site.path("golden.toml");
    let mut typed = command(binaries::pmuctl());
    typed
        .arg("--direct")
        .arg(site.bus.device())
        .arg("--model-folder")
        .arg(with_few_sets(brisk_models(site.folder.path())))
        .args(["--baud", &BAUD.to_string(), "--framing", "8N1"])
        .args([
            "--model",
            "elster-a1700",
            "--address",
            &site.meters[0].address(),
        ])
        .arg("--password-file")
        .arg(&site.password)
        .args(["clone", "read", "direct", "--out", &image])
        .args(PAGES.split_whitespace())
        .env_remove("PMU_SOCKET")
        .env("PMU_AGENT", binaries::agent())
        .env("XDG_RUNTIME_DIR", memory.path())
        .stdin(Stdio::null());
    let done = typed.output().unwrap();
    let words = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(0), "{words}");
    let text = fs::read_to_string(&image).unwrap();
    assert!(text.contains("identity = 610"), "{text}");
    site.check_unwritten();
}
