//! Set-ups in which something is wrong, each named by the real `pmuctl` with the code of the
//! message that an installer finds in the how-to pages.
#![cfg(test)]

use std::path::Path;

use hil_tests::agent::Agent;
use hil_tests::agent_file::AgentFile;
use hil_tests::flag::{FlagLines, password_file};
use hil_tests::hands::said;
use line::{DataBits, LineSettings, Parity};
use simulator::broken::{Broken, SetUp};
use simulator::wire::PtyWire;
use tempfile::TempDir;

/// What decides, now and then, what goes wrong on a line.
const SEED: u64 = 5;

/// A gateway with lines on each of which something is wrong.
struct Ward {
    agent: Agent,
    _lines: Vec<(PtyWire, SetUp)>,
    _folder: TempDir,
}

/// What `pmuctl meter ping` should say of a set-up.
struct Expected {
    broken: Broken,
    code: &'static str,
    /// Words of the message.
    words: &'static [&'static str],
}

const fn named(broken: Broken, code: &'static str, words: &'static [&'static str]) -> Expected {
    Expected {
        broken,
        code,
        words,
    }
}

/// The section of a line that is set like this.
fn bus(id: &str, device: &Path, line: &LineSettings) -> String {
    let is_seven = line.data_bits == DataBits::Seven;
    let is_even = line.parity == Parity::Even;
    format!(
        "id = \"{id}\"\nlink = \"serial\"\ndevice = \"{}\"\nbaud = {}\ndata-bits = {}\n\
         parity = \"{}\"\n",
        device.display(),
        line.baud,
        if is_seven { 7 } else { 8 },
        if is_even { "even" } else { "none" },
    )
}

impl Ward {
    fn open(id: &str, patients: impl IntoIterator<Item = Broken>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut file = AgentFile::new(id);
        let mut lines = Vec::new();
        for broken in patients {
            let set_up = broken.set_up(SEED).unwrap();
            let configured = &set_up.configured;
            let device = folder.path().join(format!("tty-{}", broken.name()));
            let pty = PtyWire::open(&set_up.wire, &device).unwrap();
            file.buses
                .push(bus(broken.name(), &device, &configured.line));
            let password = password_file(folder.path(), broken.name(), &configured.password);
            file.flags.push(FlagLines {
                id: broken.name().to_owned(),
                bus: broken.name().to_owned(),
                model: "elster-a1140".to_owned(),
                address: Some(configured.address.clone()),
                password_file: Some(password),
                more: format!("serial = \"{}\"\n", configured.serial),
            });
            lines.push((pty, set_up));
        }
        let mut agent = Agent::install(file, folder.path());
        agent.start();
        Self {
            agent,
            _lines: lines,
            _folder: folder,
        }
    }
}

/// Pings all of them at once, as people at several lines would.
#[track_caller]
fn check(id: &str, expected: &[Expected]) {
    let mut ward = Ward::open(id, expected.iter().map(|one| one.broken));
    let agent = &ward.agent;
    let heard: Vec<(Option<i32>, String)> = std::thread::scope(|scope| {
        let ping = |one: &Expected| {
            let words = format!("meter ping {}", one.broken.name());
            scope.spawn(move || said(agent, &words))
        };
        let pings: Vec<_> = expected.iter().map(ping).collect();
        pings.into_iter().map(|ping| ping.join().unwrap()).collect()
    });
    let mut complaints = Vec::new();
    for (one, (ended, text)) in expected.iter().zip(&heard) {
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let code = format!("{}:", one.code);
        let words = one.words.iter().copied().chain([code.as_str()]);
        for words in words.filter(|words| !flat.contains(words)) {
            complaints.push(format!("{}: no `{words}` in\n{text}", one.broken.name()));
        }
        if *ended != Some(1) {
            complaints.push(format!("{}: ended with {ended:?}", one.broken.name()));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    ward.agent.stop();
}

#[test]
fn what_is_wrong_with_a_line_is_found_by_trying() {
    check(
        "pmu-lines",
        &[
            named(Broken::WrongBaud, "C01", &["4800 baud"]),
            named(Broken::WrongFraming, "C01", &["7E1"]),
            named(Broken::NoParity, "C02", &["8N1"]),
            named(Broken::OpensSlowly, "C01", &["300 baud"]),
            named(Broken::EchoOnly, "C03", &["echo"]),
            named(Broken::Silent, "C01", &["tried"]),
            named(Broken::WrongAddress, "C01", &["address"]),
            named(Broken::TwoOnOneAddress, "C04", &["345"]),
        ],
    );
}

#[test]
fn what_is_wrong_behind_the_sign_on_is_told() {
    check(
        "pmu-doors",
        &[
            named(Broken::WrongSerial, "C05", &["99345", "12345"]),
            named(Broken::WrongPassword, "C06", &["password"]),
            named(Broken::LockedOut, "C06", &["password"]),
            named(Broken::LevelTooLow, "C07", &["level"]),
            named(Broken::Noise, "C11", &["cable"]),
            named(Broken::WrongCheck, "C11", &["block check"]),
            named(Broken::LinkDrops, "C08", &["link"]),
            named(Broken::Late, "C01", &["no answer"]),
        ],
    );
}
