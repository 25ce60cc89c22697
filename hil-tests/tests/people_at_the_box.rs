//! People with an account at a gateway's socket: one of them claims it with root's code, others are given
//! an account, and each does what his role may and nothing more; two together order what takes two.
#![cfg(test)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use hil_tests::agent::Agent;
use hil_tests::agent_file::AgentFile;
use hil_tests::binaries;
use hil_tests::bus::Bus;
use hil_tests::clock::wait_until;
use hil_tests::limits::START_WITHIN;
use hil_tests::skip::skipped;
use serde_json::Value;

/// Somebody who is in the group of the socket and nothing else.
const USER: u32 = 51_234;
const LIST: &str = r#"version = 1
name = "north"
action = "read"

[[pair]]
scheme = "de/day-and-night"
meters = ["main-1"]
"#;

/// A person at the box, with a folder of his own.
struct Person<'a> {
    agent: &'a Agent,
    program: PathBuf,
    folder: PathBuf,
}

impl<'a> Person<'a> {
    fn new(agent: &'a Agent, folder: &Path) -> Self {
        let own = folder.join("own");
        fs::create_dir(&own).unwrap();
        chown(&own, Some(USER), Some(USER)).unwrap();
        let program = folder.join("pmuctl");
        fs::copy(binaries::pmuctl(), &program).unwrap();
        for open in [folder, agent.folder(), &agent.folder().join("run")] {
            fs::set_permissions(open, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self {
            agent,
            program,
            folder: own,
        }
    }

    /// The unit gives the socket to the group; here nobody is in it yet.
    fn join(&self) {
        let socket = self.agent.folder().join("run/desk.sock");
        chown(socket, None, Some(USER)).unwrap();
    }

    /// A file that only this person can read.
    fn secret(&self, name: &str, text: &str) -> String {
        let file = self.folder.join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        chown(&file, Some(USER), Some(USER)).unwrap();
        file.display().to_string()
    }

    fn typed(&self, words: &str) -> (Option<i32>, String) {
        let user = format!("--reuid={USER}");
        let group = format!("--regid={USER}");
        let done = Command::new("setpriv")
            .args([&user, &group, "--clear-groups", "--"])
            .arg(&self.program)
            .args(words.split_whitespace())
            .env("PMU_SOCKET", self.agent.folder().join("run/desk.sock"))
            .env("PMU_SESSION_FILE", self.folder.join("session"))
            .current_dir(&self.folder)
            .output()
            .unwrap();
        let text = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
        println!("$ pmuctl {words}\n{text}");
        (done.status.code(), text)
    }

    #[track_caller]
    fn check(&self, words: &str, code: i32, expected: &str) -> String {
        let (ended, text) = self.typed(words);
        assert_eq!(ended, Some(code), "{words}: {text}");
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            flat.contains(expected),
            "{words}: no `{expected}` in {text}"
        );
        text
    }

    /// The passwords of ada and of the others, in files of this person.
    fn passwords(&self) -> [String; 2] {
        [
            self.secret("ada", "a long walk home\n"),
            self.secret("olga", "seven green bottles\n"),
        ]
    }

    fn sign_in(&self, name: &str, password: &str) {
        let words = format!("sign-in {name} --secret-file {password}");
        self.check(&words, 0, &format!("signed in as {name}"));
    }
}

/// The code that root makes.
fn code(agent: &Agent) -> String {
    let done = hil_tests::hands::json(agent, "people code");
    let found = done["is"].as_str().map(str::to_owned);
    found.unwrap_or_else(|| panic!("{done}"))
}

/// Whoever is in the group looks, and no more.
fn looks_without_a_session(person: &Person) {
    person.check("meter list", 0, "main-1");
    person.check("people list", 0, "nobody has an account yet");
    person.check("people code", 1, "for root alone");
    person.check("bus trace main on", 1, "sign in");
    person.check("order --yes meter.ping main-1", 1, "nobody is signed in");
}

fn claims_once(person: &Person, ada: &str) {
    let wrong = person.secret("wrong", "AAAAA-AAAAA-AAAAA-AAAAA\n");
    let made = person.secret("code", &code(person.agent));
    let claim = |code: &str| format!("people claim ada --code-file {code} --secret-file {ada}");
    person.check(&claim(&wrong), 1, "not the gateway's claim code");
    person.check(&claim(&made), 0, "ada is its administrator");
    person.check(&claim(&made), 1, "claimed already");
}

fn gives_accounts(person: &Person, [ada, others]: &[String; 2]) {
    let short = person.secret("short", "secret\n");
    let add = |name: &str, role: &str, password: &str| {
        format!("people add {name} --role {role} --secret-file {password}")
    };
    person.sign_in("ada", ada);
    person.check(&add("olga", "operator", &short), 1, "fewer than 12");
    person.check(
        &add("olga", "operator", others),
        0,
        "olga, operator, has an account",
    );
    person.check(
        &add("vera", "viewer", others),
        0,
        "vera, viewer, has an account",
    );
    person.check("people list", 0, "olga operator vera viewer");
    person.check("bus trace main on", 0, "is on");
    person.check("sign-out", 0, "ada is signed out");
    person.check("bus trace main off", 1, "sign in");
}

fn each_does_what_the_role_may(person: &Person, others: &str) {
    person.sign_in("vera", others);
    person.check("meter list", 0, "main-1");
    person.check("order --yes meter.ping main-1", 1, "key-not-authorised");
    person.sign_in("olga", others);
    person.check("people remove vera", 1, "the right `people`");
    let receipt = person.folder.join("ping.receipt");
    let receipt = receipt.display();
    let order = format!("order --yes --receipt {receipt} meter.ping main-1");
    person.check(&order, 0, "state succeeded");
    let key = person.agent.folder().join("data/receipt-key.pub.pem");
    let key = key.display();
    let proof = format!("receipt verify {receipt} --gateway pmu-people --key {key}");
    hil_tests::hands::check(person.agent, &proof, 0, &["succeeded"]);
}

/// What takes two people takes two, whoever is signed in twice.
fn two_order_together(person: &Person, [ada, others]: &[String; 2]) {
    let list = person.secret("north.toml", LIST);
    let wrong = person.secret("wrong", "AAAAA-AAAAA-AAAAA-AAAAA\n");
    let second = |name: &str, password: &str| {
        format!("order --yes --second {name} --second-secret-file {password} list.put {list}")
    };
    let alone = format!("order --yes list.put {list}");
    person.check(&alone, 1, "need-second-approval");
    person.check(&second("ada", &wrong), 1, "name or password is wrong");
    person.check(&second("olga", others), 1, "need-second-approval");
    person.check(&second("vera", others), 1, "need-second-approval");
    let (_, done) = person.typed(&second("ada", ada));
    assert!(done.contains("olga") && done.contains("ada"), "{done}");
    let (_, orders) = person.typed("orders --json");
    let orders: Value = serde_json::from_str(orders.lines().last().unwrap()).unwrap();
    let orders = orders["is"].as_array().unwrap();
    let words = orders.iter().filter_map(|one| one["operation"].as_str());
    let words: Vec<_> = words.collect();
    assert!(
        words.contains(&"meter.ping") && words.contains(&"list.put"),
        "{words:?}"
    );
}

#[test]
fn people_claim_sign_in_and_order_what_their_roles_may() {
    let folder = tempfile::tempdir().unwrap();
    if !rustix::process::getuid().is_root() {
        skipped(
            "people at the local socket",
            "this is not root and cannot become another user",
        );
        return;
    }
    let mut bus = Bus::serial("main", folder.path(), 9600, 1);
    bus.seat("abb-b23", 1);
    let mut file = AgentFile::new("pmu-people");
    file.serial("main", &bus.device(), bus.baud());
    file.meters = bus.lines(2);
    let mut agent = Agent::install(file, folder.path());
    agent.start();
    let person = Person::new(&agent, folder.path());
    person.join();
    let passwords = person.passwords();
    looks_without_a_session(&person);
    claims_once(&person, &passwords[0]);
    gives_accounts(&person, &passwords);
    each_does_what_the_role_may(&person, &passwords[1]);
    two_order_together(&person, &passwords);

    // Accounts outlive a power cut, and sessions do not.
    let (program, own) = (person.program, person.folder);
    agent.kill();
    agent.start();
    wait_until("it answers", START_WITHIN, || {
        hil_tests::hands::said(&agent, "status").0 == Some(0)
    });
    let person = Person {
        agent: &agent,
        program,
        folder: own,
    };
    person.join();
    person.check("bus trace main off", 1, "session is over");
    person.sign_in("olga", &passwords[1]);
    person.check("bus trace main off", 0, "is off");
    hil_tests::hands::check(&agent, "store verify", 0, &[]);
    agent.stop();
}
