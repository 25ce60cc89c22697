//! The page "add a DLMS meter with its keys" works as it is written: its commands are typed in their
//! order, what it says they print is what they print.
#![cfg(test)]

use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use dlms::security::{Key, Keys, Suite};
use hil_tests::agent::Agent;
use hil_tests::agent_file::AgentFile;
use hil_tests::binaries;
use hil_tests::bus::Bus;
use hil_tests::clock::wait_until;
use hil_tests::dlms::dlms_scenario;
use hil_tests::hands::check;
use hil_tests::hex::hex;
use hil_tests::process::{command, run};
use hil_tests::skip::has_programs;
use simulator::dlms::{DlmsAccess, DlmsInstrument, DlmsPlace};
use simulator::trouble::FlagTroubles;

const PAGE: &str = "docs/how-to/add-a-dlms-meter.md";
/// What the page's meter is called, and which client reads it.
const NAME: &str = "feeder-7";
const CLIENT: u16 = 2;
const SERIAL: &str = "12345678";
/// Keys of suite 0, as the utility's list has them.
const ENCRYPTION: [u8; 16] = [0x1f; 16];
const AUTHENTICATION: [u8; 16] = [0xa7; 16];
const MASTER: [u8; 16] = [0x3c; 16];
/// Where the page puts the sealed key of this machine, which must not be touched here.
const SEALED: &str = "/etc/credstore.encrypted";

/// A fenced part of the page.
#[derive(Debug)]
enum Part {
    /// To be typed.
    Commands(String),
    /// To be typed by a person, who is asked before anything is done: here nobody is.
    Asks(String),
    /// To be typed at another machine; `dlms_commands` does.
    Elsewhere,
    /// To be written into the configuration.
    Settings(String),
    /// To be added there for a meter that is not the page's own: such a configuration must be good.
    Variant(String),
    /// Printed by the commands before it.
    Printed(String),
}

/// The fenced parts of a page, in their order.
fn parts(page: &str) -> Vec<Part> {
    let fenced = page.split("\n```").skip(1).step_by(2);
    let part = |fenced: &str| {
        let (kind, text) = fenced.split_once('\n').expect("a fence and what is in it");
        let text = format!("{text}\n");
        match kind {
            "" => Part::Commands(text),
            "sh asks" => Part::Asks(text),
            "sh elsewhere" => Part::Elsewhere,
            "toml" => Part::Settings(text),
            "toml variant" => Part::Variant(text),
            "text" => Part::Printed(text),
            other => panic!("a fence of kind {other}"),
        }
    };
    fenced.map(part).collect()
}

/// The person who follows the page.
struct Reader {
    agent: Agent,
    /// Stands for the root of the machine where it must not be changed.
    root: PathBuf,
    /// What the last commands printed.
    printed: String,
}

impl Reader {
    fn follow(&mut self, part: &Part) {
        match part {
            Part::Settings(text) => {
                self.agent.file.more.push('\n');
                self.agent.file.more.push_str(text);
            }
            Part::Elsewhere => {}
            Part::Asks(text) => {
                for line in text.lines() {
                    let words = line.strip_prefix("pmuctl ").expect("a command of ours");
                    check(&self.agent, words, 1, &["nobody can be asked here"]);
                }
            }
            Part::Variant(text) => {
                let mut other = self.agent.file.clone();
                other.more.push_str(text);
                let file = self.root.join("variant.toml");
                std::fs::write(&file, other.text(self.agent.folder())).expect("a file");
                let mut check = command(binaries::agent());
                check.arg("check").arg("--config").arg(&file);
                println!("{}", run("pmu-agent check", &mut check));
            }
            Part::Printed(text) => {
                let (expected, printed) = (flat(text), flat(&self.printed));
                assert!(
                    printed.contains(&expected),
                    "{expected}\n is not in\n{printed}"
                );
            }
            Part::Commands(text) => {
                self.printed.clear();
                let mut script = String::new();
                for line in text.lines() {
                    match line {
                        "systemctl restart pmu-agent" => {
                            self.shell(&mut script);
                            self.agent.stop();
                            self.open_credential();
                            self.agent.start();
                        }
                        "systemctl reload pmu-agent" => {
                            self.shell(&mut script);
                            self.agent.reload();
                            wait_until("the meter is there", Duration::from_secs(20), || {
                                self.agent.meters().iter().any(|one| one.meter == NAME)
                            });
                        }
                        _ => writeln!(script, "{}", self.typed(line)).expect("text"),
                    }
                }
                self.shell(&mut script);
            }
        }
    }

    /// A line as it is typed here: pasting is writing, and the machine's own folder is another one.
    fn typed(&self, line: &str) -> String {
        assert!(!line.contains("systemctl"), "{line}: not known here");
        let line = line.replace(SEALED, &self.sealed().to_string_lossy());
        let Some(rest) = line.strip_prefix("cat > ") else {
            return line;
        };
        let file = rest.split_whitespace().next().expect("a file");
        let key = match file {
            "encryption.key" => ENCRYPTION,
            "authentication.key" => AUTHENTICATION,
            "master.key" => MASTER,
            other => panic!("{other}: nobody has such a key"),
        };
        format!("echo {} > {file}", hex(&key))
    }

    fn sealed(&self) -> PathBuf {
        self.root.join("credstore.encrypted")
    }

    /// Types what has been gathered; every command must end well.
    fn shell(&mut self, script: &mut String) {
        let tools = self.root.join("bin");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(tools).chain(std::env::split_paths(&path));
        let mut shell = command("bash");
        shell
            .args(["-euo", "pipefail", "-c", script])
            .current_dir(&self.root)
            .env("PATH", std::env::join_paths(path).expect("folders"))
            .env("PMU_SOCKET", self.agent.folder().join("run/desk.sock"));
        let printed = run(script, &mut shell);
        println!("{script}{printed}");
        self.printed.push_str(&printed);
        script.clear();
    }

    /// What systemd does before it starts the agent (`LoadCredentialEncrypted` of the unit).
    fn open_credential(&mut self) {
        let folder = self.root.join("credentials");
        std::fs::create_dir_all(&folder).expect("a folder");
        let key = folder.join("pmu-master-key");
        let mut open = Command::new("systemd-creds");
        open.args(["decrypt", "--name=pmu-master-key"]);
        open.arg(self.sealed().join("pmu-master-key")).arg(&key);
        run("systemd-creds", &mut open);
        std::fs::set_permissions(&key, PermissionsExt::from_mode(0o400)).expect("a mode");
        let variable = format!("CREDENTIALS_DIRECTORY={}", folder.display());
        self.agent.run_under(&["env", &variable]);
    }
}

/// The words, however a table is folded; what differs from gateway to gateway is one word.
fn flat(text: &str) -> String {
    let is_title = |word: &&str| word.len() == 16 && word.starts_with("504D55");
    let words = text.split_whitespace();
    let words = words.map(|word| if is_title(&word) { "TITLE" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// The meter of the page: alone on its line, with keys of suite 0 and a master key.
fn seat(bus: &Bus) -> DlmsInstrument {
    let keys = Keys::new(Suite::Zero, &ENCRYPTION, &AUTHENTICATION).expect("keys");
    let access = DlmsAccess {
        passwords: Vec::new(),
        keys: vec![(CLIENT, keys)],
    };
    let master = Key::new(Suite::Zero, &MASTER).expect("a key");
    let meter =
        DlmsInstrument::new(dlms_scenario(bus, 7, SERIAL), access).with_master(CLIENT, master);
    let on_wire = meter.on_hdlc(DlmsPlace::alone(17)).expect("an address");
    bus.wire.seat_dlms(on_wire, FlagTroubles::default());
    meter
}

/// `pmuctl` under its name, where a shell finds it.
fn install(root: &Path) {
    let tools = root.join("bin");
    std::fs::create_dir_all(&tools).expect("a folder");
    std::os::unix::fs::symlink(binaries::pmuctl(), tools.join("pmuctl")).expect("a link");
}

#[test]
fn the_page_works_as_it_is_written() {
    if !has_programs("the page on DLMS meters", &["systemd-creds", "shred"]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let bus = Bus::serial("main", folder.path(), 9600, 5);
    let meter = seat(&bus);
    let mut file = AgentFile::new("pmu-how-to");
    file.serial("main", &bus.device(), bus.baud());
    let root = folder.path().join("root");
    install(&root);
    let mut agent = Agent::install(file, folder.path());
    agent.start();
    let mut reader = Reader {
        agent,
        root,
        printed: String::new(),
    };
    let page = std::fs::read_to_string(binaries::root().join(PAGE)).expect("the page");
    let parts = parts(&page);
    for part in &parts {
        reader.follow(part);
    }
    let count = |is_it: fn(&&Part) -> bool| parts.iter().filter(is_it).count();
    assert!(
        count(|part| matches!(part, Part::Commands(_))) >= 8,
        "{parts:#?}"
    );
    assert!(
        count(|part| matches!(part, Part::Settings(_))) >= 1,
        "{parts:#?}"
    );
    assert!(
        count(|part| matches!(part, Part::Printed(_))) >= 3,
        "{parts:#?}"
    );

    assert_eq!(meter.transfers(), 2, "both keys were replaced");
    check(
        &reader.agent,
        "meter read feeder-7",
        0,
        &["1-0:1.8.0", "kWh"],
    );
    let left: Vec<PathBuf> = std::fs::read_dir(&reader.root)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "key"))
        .collect();
    assert_eq!(left, Vec::<PathBuf>::new(), "no key file is left");
    reader.agent.stop();
}
