//! Every verb takes `--json`, and whatever it says then is JSON: a table over the whole tree of words, so
//! that no verb can be forgotten.
#![cfg(test)]

use clap::CommandFactory;
use desk::{
    Answer, AuditPiece, CommandStanding, Job, JobState, KeyText, KeysStatus, Outcome, PeopleWish,
    Refusal, Request, ScanResult, SessionOpened, Status, StoreStats, UpdateOutcome, UpdateStatus,
    VerifyResult, Work,
};
use pmuctl::Ending;
use pmuctl::arguments::Arguments;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

/// What a call comes to here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comes {
    /// An answer on standard output, well or not.
    Answer,
    /// It cannot be done here (no broker, no such file), or is not for programs: a complaint on
    /// standard error.
    Complaint,
}
use Comes::{Answer as Says, Complaint as Complains};

const BROKER: &str =
    "--host localhost --port 1 --ca none.pem --certificate none.pem --tls-key none.key";
const SIGN: &str = "--key anna.pem --gateway pmu-001 --epoch 0011223344556677 --number 3";

/// What is asked of a gateway; a simple one answers.
const AT_A_GATEWAY: [(&str, &str, Comes); 43] = [
    ("status", "", Says),
    // The page is for people.
    ("console", "--once", Complains),
    ("meter list", "", Says),
    (
        "meter add",
        "feeder-9 --bus main --model abb-b23 --yes --config none.toml",
        Complains,
    ),
    ("meter ping", "feeder-1", Says),
    ("meter poll", "feeder-1", Says),
    ("meter read", "feeder-1", Says),
    ("meter instant", "feeder-1", Says),
    ("meter clock", "feeder-1", Says),
    ("meter dry-run", "feeder-1 scheme.toml", Says),
    ("meter objects", "feeder-1", Says),
    ("meter collect", "feeder-1", Says),
    ("meter accept", "feeder-1", Says),
    ("meter keys status", "", Says),
    (
        "meter keys import",
        "feeder-1 --suite 1 --encryption-key-file digits --authentication-key-file digits",
        Says,
    ),
    ("meter keys rotate", "feeder-1", Says),
    ("meter profile", "feeder-1", Says),
    ("meter backup", "feeder-1 --out backup.json", Complains),
    ("meter compare", "none.json", Complains),
    ("store stats", "", Says),
    ("store verify", "", Says),
    ("store set-aside", "", Says),
    ("store release", "lp 5", Says),
    ("bus scan", "main", Says),
    ("bus trace", "main on", Says),
    ("bus listen", "main", Says),
    ("update status", "", Says),
    ("update install", "scheme.toml", Says),
    ("update fetch", FETCH, Says),
    ("update cancel", "", Says),
    ("update commit", "", Says),
    ("update rollback", "", Says),
    ("people list", "", Says),
    ("people code", "", Says),
    (
        "people claim",
        "ada --code-file digits --secret-file digits",
        Says,
    ),
    (
        "people add",
        "olga --role operator --secret-file digits",
        Says,
    ),
    ("people remove", "olga", Says),
    ("people password", "--secret-file digits", Says),
    ("orders", "", Says),
    ("jobs", "", Says),
    ("job show", "7", Says),
    ("job cancel", "7", Says),
    ("clone read", "feeder-1 --out golden.toml", Complains),
];
const FETCH: &str = "0000000000000000000000000000000000000000000000000000000000000000 9 --leave";

/// What needs no gateway; in this order, since some make what others take.
const AT_A_DESK: [(&str, &str, Comes); 37] = [
    ("key new", "--out anna.pem --who Anna", Says),
    ("key show", "anna.pem", Says),
    (
        "keyset sign",
        "--root root.pem --from keyset.toml --out keyset.cbor",
        Says,
    ),
    ("keyset show", "keyset.cbor --root root.pub", Says),
    (
        "policy sign",
        "--root root.pem --from policy.toml --out policy.cbor",
        Says,
    ),
    ("policy show", "policy.cbor --root root.pub", Says),
    ("scheme new", "scheme.toml", Says),
    ("scheme validate", "scheme.toml --limits LIMITS", Says),
    ("scheme show", "scheme.toml", Says),
    ("scheme diff", "scheme.toml scheme.toml", Says),
    ("scheme rate-at", "scheme.toml 2027-01-05 17:00", Says),
    ("scheme year", "scheme.toml 2027 --zone Europe/London", Says),
    (
        "scheme simulate",
        "scheme.toml --profile none.csv",
        Complains,
    ),
    ("list new", "list.toml", Says),
    ("list validate", "list.toml", Says),
    ("list show", "list.toml", Says),
    ("list schedule", "list.toml", Says),
    ("meters import", "MAP --out map.csv", Says),
    ("meters tree", "map.csv", Says),
    (
        "scheme where-used",
        "two-rate-all-year --map map.csv --list list.toml",
        Says,
    ),
    (
        "key rotate",
        "ben.pem --from keyset.toml --out ben-2.pem",
        Says,
    ),
    ("import", "MAP", Says),
    ("head-end receipts", "--ledger books", Says),
    (
        "key seal",
        "--gateway pmu-001 --meter feeder-1 --key root.pub --from digits --out sealed",
        Complains,
    ),
    ("head-end keygen", "--out ingest.key", Says),
    ("head-end holes", "--ledger books", Says),
    // A table for spreadsheets.
    ("head-end export", "--ledger books", Complains),
    ("head-end receive", RECEIVE, Complains),
    ("provision", "--status --root .", Says),
    ("clone show", "none.toml", Complains),
    ("clone diff", "none.toml none.toml", Complains),
    (
        "write-set import",
        "none.txt --out set.toml --like none.toml",
        Complains,
    ),
    ("write-set show", "none.toml", Complains),
    ("write-set diff", "none.toml none.toml", Complains),
    (
        "receipt verify",
        "--gateway pmu-001 --key root.pub keyset.toml",
        Says,
    ),
    ("audit verify", "keyset.toml", Says),
    ("audit export", "--out audit.jsonl --seal audit.seal", Says),
];
const RECEIVE: &str = "--host localhost --port 1 --ca none --certificate none --key none --ledger books --no-ack --for 1s";
/// What takes an order that was signed.
const WITH_SIGNED_ORDERS: [(&str, &str, Comes); 2] = [
    (
        "command approve",
        "nop.cbor --key ben.pem --out whole.cbor --yes",
        Says,
    ),
    (
        "command show",
        "whole.cbor --key-set keyset.cbor --root root.pub",
        Says,
    ),
];

/// What takes a broker, which is not there.
const AT_A_BROKER: [(&str, &str); 7] = [
    ("keyset publish", "keyset.cbor --root root.pub"),
    ("policy publish", "policy.cbor --root root.pub"),
    ("command send", "whole.cbor"),
    ("command watch", ""),
    ("command status", "01936f2a-7c00-7abc-8def-0123456789ab"),
    ("rollout sign", "--key anna.pem --gateways names.txt nop"),
    ("rollout run", "none --state state.json --keys none"),
];

/// `command sign`, by its order.
const ORDERS: [(&str, &str); 26] = [
    ("nop", ""),
    ("scheme.put", "scheme.toml"),
    ("scheme.remove", "summer"),
    ("scheme.read", "--scheme summer --meter feeder-1"),
    ("scheme.program", "--scheme summer --meter feeder-1"),
    ("scheme.resume", "01936f2a-7c00-7abc-8def-0123456789ab"),
    ("scheme.restore", "01936f2a-7c00-7abc-8def-0123456789ab"),
    ("tariff.set", "--scheme summer --meter feeder-1"),
    ("list.put", "list.toml"),
    ("list.remove", "evening"),
    ("list.run", "evening"),
    ("list.stop", "evening"),
    ("meter.put", "map.csv"),
    ("meter.remove", "feeder-1"),
    ("time.set", "feeder-1 --step-max 60"),
    ("time.adjust", "feeder-1 --step-max 60"),
    ("billing.reset", "feeder-1"),
    (
        "profile.backfill",
        "feeder-1 --from 2026-11-01 --to 2026-11-02",
    ),
    ("meter.read", "feeder-1"),
    ("meter.instant", "feeder-1"),
    ("meter.ping", "feeder-1"),
    (
        "password.change",
        "feeder-1 --access-level 2 --sealed names.txt",
    ),
    ("key.rotate", "receipt"),
    ("cfg.set", "scheme.toml"),
    ("agent.restart", ""),
    ("ota.install", "scheme.toml"),
];

/// All verbs that a person may type.
fn verbs() -> BTreeSet<String> {
    fn walk(command: &clap::Command, path: &str, found: &mut BTreeSet<String>) {
        let mut is_verb = true;
        for part in command
            .get_subcommands()
            .filter(|part| part.get_name() != "help")
        {
            is_verb = false;
            let name = part.get_name();
            let path = if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path} {name}")
            };
            walk(part, &path, found);
        }
        if is_verb {
            // A roll-out signs the same orders as `command sign`, and needs a broker for each.
            let path = if path.starts_with("rollout sign") {
                "rollout sign"
            } else {
                path
            };
            found.insert(path.to_owned());
        }
    }
    let mut found = BTreeSet::new();
    walk(&Arguments::command(), "", &mut found);
    found
}

/// One call: its verb, and all that is typed.
struct Call {
    verb: String,
    typed: String,
    comes: Comes,
}

/// All calls, in the order in which they are made.
fn calls() -> Vec<Call> {
    let call = |(verb, more, comes): &(&str, &str, Comes)| Call {
        verb: (*verb).to_owned(),
        typed: format!("{verb} {more}"),
        comes: *comes,
    };
    let order = |(order, more): &(&str, &str)| Call {
        verb: format!("command sign {order}"),
        typed: format!("command sign {SIGN} --shared --out {order}.cbor {order} {more}"),
        comes: Says,
    };
    let at_the_box = |(order, more): &(&str, &str)| Call {
        verb: format!("order {order}"),
        typed: format!("order --yes {order} {more}"),
        // An image is larger than an order may be.
        comes: if *order == "ota.install" {
            Complains
        } else {
            Says
        },
    };
    let session = |(verb, more): (&str, &str)| call(&(verb, more, Says));
    let broker = |(verb, more): &(&str, &str)| Call {
        verb: (*verb).to_owned(),
        typed: format!("{verb} {BROKER} {more}"),
        comes: Complains,
    };
    let mut all: Vec<Call> = AT_A_DESK.iter().map(call).collect();
    all.extend(ORDERS.iter().map(order));
    all.extend(WITH_SIGNED_ORDERS.iter().map(call));
    all.extend(AT_A_BROKER.iter().map(broker));
    all.extend(AT_A_GATEWAY.iter().map(call));
    all.push(session(("sign-in", "ada --secret-file digits")));
    all.extend(ORDERS.iter().map(at_the_box));
    all.push(session(("list run", "evening --yes")));
    all.push(session(("sign-out", "")));
    all
}

/// A gateway that does all that it is asked.
fn gateway(socket: &Path) {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut line = Vec::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            reader.read_until(b'\n', &mut line).unwrap();
            let answer: Result<Answer, Refusal> = Ok(answer(&desk::decode(&line).unwrap()));
            stream.write_all(&desk::encode(&answer).unwrap()).unwrap();
        }
    });
}

fn secret(text: &str) -> KeyText {
    KeyText::new(text.to_owned().into())
}

fn answer(request: &Request) -> Answer {
    match request {
        Request::As(asked) => answer(&asked.request),
        Request::People { wish } => match wish {
            PeopleWish::List => Answer::People(Vec::new()),
            PeopleWish::Code { .. } => Answer::ClaimCode(secret("ABCDE")),
            PeopleWish::SignIn { .. } => Answer::Session(SessionOpened {
                name: "ada".to_owned(),
                role: "administrator".to_owned(),
                session: secret("00"),
            }),
            _ => Answer::Done("done".to_owned()),
        },
        Request::Order { .. } => Answer::Ordered("an id".to_owned()),
        Request::Command { .. } => Answer::Command(Box::new(CommandStanding {
            id: "an id".to_owned(),
            operation: "nop".to_owned(),
            who: "ada".to_owned(),
            door: "socket".to_owned(),
            accepted: String::new(),
            state: "succeeded".to_owned(),
            is_final: true,
            since: String::new(),
            step: 1,
            steps: 1,
            note: String::new(),
            receipt: String::new(),
        })),
        Request::Commands => Answer::Commands(Vec::new()),
        Request::Status => Answer::Status(Box::new(status())),
        Request::Meters => Answer::Meters(Vec::new()),
        Request::ReadMeter { .. } => Answer::Values(Vec::new()),
        Request::Profile { .. } => Answer::Profile {
            channels: Vec::new(),
            rows: Vec::new(),
        },
        Request::StoreStats => Answer::Store(Box::new(StoreStats {
            epoch: "0011223344556677".to_owned(),
            files: Vec::new(),
            disk_free_bytes: 1,
            disk_total_bytes: 2,
            audit_records: 3,
        })),
        Request::StoreVerify => Answer::Verified(VerifyResult {
            checked: 9,
            faults: Vec::new(),
        }),
        Request::Audit { .. } => Answer::Audit(Box::new(AuditPiece {
            first: 1,
            last: 2,
            lines: "lines\n".to_owned(),
            seal: Some("00ff".to_owned()),
        })),
        Request::SetAside => Answer::SetAside(Vec::new()),
        Request::Trace { .. } => Answer::Trace(Vec::new()),
        Request::Jobs => Answer::Jobs(Vec::new()),
        Request::Start { what } => Answer::Job(Box::new(job(what))),
        Request::Job { .. } | Request::Cancel { .. } => {
            let meter = "feeder-1".to_owned();
            Answer::Job(Box::new(job(&Work::Poll { meter })))
        }
        Request::Update { .. } => Answer::Update(Box::new(updates())),
        Request::Keys { .. } => Answer::Keys(Box::new(KeysStatus {
            master_key_fault: None,
            system_title: None,
            keys: Vec::new(),
        })),
        _ => Answer::Done("it is done".to_owned()),
    }
}

fn job(what: &Work) -> Job {
    let outcome = match what {
        Work::Scan { .. } => Outcome::Scan(ScanResult {
            found: Vec::new(),
            doubts: Vec::new(),
            tried: Vec::new(),
            left_out: Vec::new(),
        }),
        Work::Listen { .. } => Outcome::Heard(Vec::new()),
        Work::Objects { .. } => Outcome::Objects(Vec::new()),
        _ => Outcome::Values(Vec::new()),
    };
    Job {
        number: 7,
        words: "work".to_owned(),
        state: JobState::Done(Box::new(outcome)),
    }
}

fn status() -> Status {
    Status {
        gateway: "pmu-001".to_owned(),
        version: "1".to_owned(),
        up_s: 5,
        utc: "2026-11-29T10:00:00Z".to_owned(),
        clock: "synchronised".to_owned(),
        rss_bytes: 1,
        buses: Vec::new(),
        uplink: None,
        outbox: Vec::new(),
        alarms: Vec::new(),
    }
}

fn updates() -> UpdateStatus {
    UpdateStatus {
        running: "a".to_owned(),
        version: "1.0.0".to_owned(),
        counter: 1,
        floor: 1,
        anchored: "no".to_owned(),
        reason: None,
        refused: Vec::new(),
        trial: None,
        slots: Vec::new(),
        order: None,
        is_busy: false,
        last: Some(UpdateOutcome {
            words: "1.0.0 is kept".to_owned(),
            is_well: true,
        }),
    }
}

/// Keys, and the files that people write.
fn furnish(folder: &Path) {
    let key = |name: &str| {
        let file = format!("key new --out {name}.pem");
        let made = pmuctl(folder, &file);
        assert_eq!(made.code, 0, "{made:?}");
        let value: Value = serde_json::from_str(&made.out).unwrap();
        value["public"].as_str().unwrap().to_owned()
    };
    let (root, ben) = (key("root"), key("ben"));
    fs::write(folder.join("root.pub"), root).unwrap();
    let head = "version = 1\nexpires = \"2999-01-01\"\n";
    let entry = format!(
        "[[key]]\nwho = \"Ben\"\nroles = [\"approver\"]\nfrom = \"2020-01-01\"\n\
         until = \"2999-01-01\"\npublic = \"{ben}\"\n"
    );
    fs::write(folder.join("keyset.toml"), format!("{head}{entry}")).unwrap();
    let rule = "[[rule]]\noperation = \"nop\"\nneed = [\"operator\"]\n";
    fs::write(folder.join("names.txt"), "pmu-001\n").unwrap();
    fs::write(folder.join("policy.toml"), format!("{head}{rule}")).unwrap();
    let digits = folder.join("digits");
    fs::write(&digits, "0123456789abcdef".repeat(2)).unwrap();
    fs::set_permissions(&digits, fs::Permissions::from_mode(0o600)).unwrap();
    fs::create_dir(folder.join("books")).unwrap();
    storage::ledger::Ledger::open(&folder.join("books"))
        .unwrap()
        .close()
        .unwrap();
}

/// What a call said.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    errors: String,
}

fn pmuctl(folder: &Path, typed: &str) -> Said {
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../config");
    let typed = typed
        .replace(
            "LIMITS",
            &format!("{config}/capabilities/elster-a1700.toml"),
        )
        .replace("MAP", &format!("{config}/network-map.csv"));
    let done = Command::new(env!("CARGO_BIN_EXE_pmuctl"))
        .current_dir(folder)
        .env("PMU_SOCKET", folder.join("desk.sock"))
        .env("PMU_SESSION_FILE", folder.join("session"))
        .args(typed.split_whitespace())
        .arg("--json")
        .output()
        .unwrap();
    Said {
        code: done.status.code().unwrap(),
        out: String::from_utf8(done.stdout).unwrap(),
        errors: String::from_utf8(done.stderr).unwrap(),
    }
}

/// Each line of a text as JSON; nothing if one is none.
fn values(text: &str) -> Option<Vec<Value>> {
    let values = text.lines().map(serde_json::from_str);
    values.collect::<Result<_, _>>().ok()
}

/// Whether a call came to what it should, and said it as it should.
fn is_right(call: &Call, done: &Said) -> bool {
    let codes = Ending::ALL.map(|ending| i32::from(ending.code()));
    let misused = i32::from(Ending::Misused.code());
    let (Some(out), Some(errors)) = (values(&done.out), values(&done.errors)) else {
        return false;
    };
    let says_so = match (call.comes, errors.as_slice()) {
        (Says, []) => !out.is_empty(),
        (Complains, [complaint]) => {
            complaint["exit"] == done.code && complaint["error"].is_string()
        }
        _ => false,
    };
    says_so && codes.contains(&done.code) && done.code != misused
}

#[test]
fn every_verb_is_in_the_table() {
    let called: Vec<String> = calls().into_iter().map(|call| call.verb).collect();
    let each: BTreeSet<String> = called.iter().cloned().collect();
    assert_eq!(called.len(), each.len(), "a verb stands there twice");
    assert_eq!(each, verbs());
}

#[test]
fn every_verb_answers_and_complains_in_json() {
    let folder = tempfile::tempdir().unwrap();
    furnish(folder.path());
    gateway(&folder.path().join("desk.sock"));
    let mut wrong = Vec::new();
    for call in calls() {
        let done = pmuctl(folder.path(), &call.typed);
        if !is_right(&call, &done) {
            wrong.push(format!("{}: {:?}, {done:?}", call.typed, call.comes));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
