//! What an installer types at a line with DLMS meters: a meter is found beside others, added, backed
//! up and compared, with a gateway and without one.
#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dlms::security::{Keys, Secret, Suite};
use hil_tests::agent::Agent;
use hil_tests::agent_file::AgentFile;
use hil_tests::binaries;
use hil_tests::bus::Bus;
use hil_tests::clock::wait_until;
use hil_tests::dlms::{READER, seat};
use hil_tests::flag::password_file;
use hil_tests::hands::check;
use hil_tests::process::command;
use rustix::process::Signal;
use simulator::dlms::{DlmsAccess, DlmsInstrument};
use simulator::wire::WireSettings;
use tempfile::TempDir;

const BAUD: u32 = 38_400;
const PASSWORD: &str = "0001ABCD";
const WITHIN: Duration = Duration::from_mins(2);

/// A Modbus meter, and two DLMS meters: one with a password, one with keys of suite 2.
struct Line {
    bus: Bus,
    with_password: DlmsInstrument,
    password: PathBuf,
    folder: TempDir,
}

impl Line {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut bus = Bus::behind_pty("main", folder.path(), WireSettings::plain(BAUD), 1);
        bus.seat("abb-b23", 7);
        let low = DlmsAccess {
            passwords: vec![(READER, Secret::new(PASSWORD.as_bytes()).unwrap())],
            keys: Vec::new(),
        };
        let keys = Keys::new(Suite::Two, &[0x22; 32], &[0xdd; 32]).unwrap();
        let secured = DlmsAccess {
            passwords: Vec::new(),
            keys: vec![(READER, keys)],
        };
        let with_password = seat(&bus, 16, low);
        seat(&bus, 17, secured);
        Self {
            with_password,
            password: password_file(folder.path(), "password", PASSWORD),
            bus,
            folder,
        }
    }

    /// A gateway that knows the Modbus meter alone.
    fn gateway(&self, id: &str) -> Agent {
        let mut file = AgentFile::new(id);
        file.serial("main", &self.bus.device(), self.bus.baud());
        file.meters = self.bus.lines(60);
        let mut agent = Agent::install(file, self.folder.path());
        agent.start();
        agent
    }

    /// `pmuctl` at the port, without a gateway.
    #[track_caller]
    fn direct(&self, memory: &Path, words: &str, code: i32, expected: &[&str]) -> String {
        let mut typed = command(binaries::pmuctl());
        typed
            .arg("--direct")
            .arg(self.bus.device())
            .args(["--baud", &BAUD.to_string()])
            .arg("--model-folder")
            .arg(binaries::models())
            .args(words.split_whitespace())
            .env_remove("PMU_SOCKET")
            .env("PMU_AGENT", binaries::agent())
            .env("XDG_RUNTIME_DIR", memory)
            .current_dir(self.folder.path());
        let done = typed.output().unwrap();
        let text = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
        println!("$ pmuctl --direct … {words}\n{text}");
        assert_eq!(done.status.code(), Some(code), "{words}:\n{text}");
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in expected {
            assert!(flat.contains(part), "{words}: no `{part}` in\n{text}");
        }
        assert!(!text.contains(PASSWORD), "{text}");
        assert_eq!(fs::read_dir(memory).unwrap().count(), 0, "a file is left");
        text
    }
}

#[test]
fn meters_that_were_found_beside_others_are_added_and_compared() {
    let line = Line::new();
    let mut agent = line.gateway("pmu-dlms-found");
    let scan = format!("bus scan main --dlms --modbus --baud {BAUD} --for 40s");
    let found = check(
        &agent,
        &scan,
        0,
        &[
            "dlms 1/16 38400 8N1 0001677 -",
            "dlms 1/17 38400 8N1 0001777 -",
            "modbus 7 38400 8N1",
            "main-7",
            "PMU0000000001677",
            "what to type next",
        ],
    );
    let mut lines = found.lines().map(str::trim);
    let next = lines.find(|line| line.contains("--address 16")).unwrap();
    assert!(next.starts_with("pmuctl meter add meter-0001677"), "{next}");
    let password = line.password.display();
    let add = next.trim_start_matches("pmuctl ").replace(
        "--association public",
        &format!("--association reader --yes --password-file {password}"),
    );
    check(
        &agent,
        &add,
        0,
        &["systemctl reload pmu-agent", "lower-address = 16"],
    );
    check(&agent, &add, 1, &["meter-0001677"]);
    agent.process().signal(Signal::HUP);
    wait_until("the gateway knows it", WITHIN, || {
        let meters = agent.meters();
        meters.iter().any(|meter| meter.meter == "meter-0001677")
    });
    check(&agent, "meter ping meter-0001677", 0, &["reader"]);
    backups_are_compared(&line, &agent);
    let known = check(&agent, &scan, 0, &["0001677 meter-0001677"]);
    assert!(!known.contains("--address 16 "), "{known}");
    agent.stop();
}

fn backups_are_compared(line: &Line, agent: &Agent) {
    let [first, second] = ["first.json", "second.json"].map(|name| line.folder.path().join(name));
    let (one, two) = (first.display(), second.display());
    let take = format!("meter backup meter-0001677 --out {one}");
    check(
        agent,
        &take,
        0,
        &["identities of meter-0001677", "left out on purpose"],
    );
    check(agent, &take, 1, &["--force"]);
    let text = fs::read_to_string(&first).unwrap();
    assert!(text.contains("pmu-meter-backup-2") && text.contains("0001677"));
    assert!(!text.contains(PASSWORD), "nothing secret is in a backup");
    let same = format!("meter compare {one}");
    check(agent, &same, 0, &["none differs", "0-0:40.0.0 class 15"]);
    // Somebody sets another period of the load profile.
    let meter = &line.with_password;
    meter.change(|scenario| scenario.period_s = 1800);
    let differs = check(agent, &same, 1, &["settings differ"]);
    for part in ["1-0:99.1.0 class 7 attribute 4", "was 900", "is  1800"] {
        assert!(differs.contains(part), "no `{part}` in\n{differs}");
    }
    assert!(
        !differs.contains("1-0:99.1.0 class 7 attribute 3"),
        "{differs}"
    );
    let take = format!("meter backup meter-0001677 --out {two}");
    check(agent, &take, 0, &[]);
    check(
        agent,
        &format!("meter compare {one} {two}"),
        1,
        &["was 900"],
    );
    check(agent, &format!("meter compare {two}"), 0, &["none differs"]);
}

#[test]
fn a_dlms_meter_is_read_without_a_gateway() {
    let line = Line::new();
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let memory = memory.path();
    let next = format!("pmuctl --direct {}", line.bus.device().display());
    let expected = [
        "dlms 1/16",
        "dlms 1/17",
        &next,
        "--model dlms-generic --address 16 --association public meter ping direct",
    ];
    let scan = "bus scan direct --dlms --framing 8N1 --for 30s";
    line.direct(memory, scan, 0, &expected);
    let public = "--model dlms-generic --address 17";
    let words = format!("{public} meter ping direct");
    line.direct(memory, &words, 0, &["association well public", "0001777"]);
    let words = format!("{public} meter objects direct");
    line.direct(memory, &words, 0, &["Association LN"]);
    let password = line.password.display();
    let reader = format!("--model dlms-generic --address 16 --password-file {password}");
    let words = format!("{reader} meter read direct registers");
    line.direct(memory, &words, 0, &["1-0:1.8.0", "kWh"]);
    line.direct(
        memory,
        &format!("{reader} meter instant direct"),
        0,
        &["1-0:1.8.0"],
    );
    line.direct(
        memory,
        &format!("{reader} meter clock direct"),
        0,
        &["meter shows"],
    );
    let words = format!("{reader} meter profile direct");
    line.direct(memory, &words, 0, &["a full bar is"]);
    let words = format!("{reader} meter backup direct --out direct.json");
    line.direct(memory, &words, 0, &["identities of direct"]);
    let words = format!("{reader} meter compare direct.json");
    line.direct(memory, &words, 0, &["none differs"]);
    // Counters of keys belong to one program.
    let words = format!("{public} --association secured meter ping direct");
    line.direct(
        memory,
        &words,
        1,
        &["invocation counters", "Ask the gateway"],
    );
    let words = format!("{public} --client 77 meter ping direct");
    line.direct(memory, &words, 1, &["D02"]);
}
