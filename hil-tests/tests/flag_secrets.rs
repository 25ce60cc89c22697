//! Passwords of FLAG meters stay where an installer has written them: no log, trace, error, answer
//! or stored byte holds one, nor what was made of one for the line. And no wrong password
//! is tried so often that it locks a meter.
#![cfg(test)]

use std::path::Path;
use std::time::Duration;

use desk::{Outcome, Part, Work};
use hil_tests::agent::{self, Agent};
use hil_tests::agent_file::AgentFile;
use hil_tests::binaries::{self, brisk_models};
use hil_tests::bus::Bus;
use hil_tests::clock::{becomes, pause, wait_until};
use hil_tests::flag::{password_file, scenario};
use hil_tests::hands::{said, start};
use hil_tests::process::{Process, command};
use hil_tests::tap::TappedPort;
use iec62056_21::meter::{Lockout, Opening, Settings, WrongPassword};
use simulator::elster::ElsterModel;
use simulator::link::{Link, Probe};
use simulator::trouble::{OneIn, Spread};
use simulator::wire::WireSettings;

/// The password that opens the meters, and two that do not.
const RIGHT: &str = "ZQXJKVWY";
const WRONG: &str = "WYVKJXQZ";
const ALSO_WRONG: &str = "KJQWZYXV";
/// Faster than most lines, so that the promise takes less time.
const BAUD: u32 = 38_400;
const WITHIN: Duration = Duration::from_mins(1);

/// A line with one meter or several, and somebody who hears what comes to them.
struct Line {
    bus: Bus,
    port: TappedPort,
}

/// How a line is spoiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spoiled {
    Not,
    ByNoise,
    ByEcho,
}

fn line(
    name: &str,
    folder: &Path,
    serials: &[&str],
    spoiled: Spoiled,
    change: impl Fn(usize, &mut Settings),
) -> Line {
    let mut bus = Bus::stream(name, WireSettings::flag(BAUD), 1);
    for (place, serial) in serials.iter().enumerate() {
        let mut scenario = scenario(serial);
        scenario.days = 2;
        scenario.passwords = [RIGHT, "BBBBBBBB", "CCCCCCCC"].map(str::to_owned);
        bus.seat_flag_with(ElsterModel::A1140, scenario, |settings, troubles| {
            settings.opening = Opening::Fixed(BAUD);
            change(place, settings);
            troubles.turnaround = Some(Spread::fixed(Duration::from_millis(30)));
        });
    }
    if spoiled == Spoiled::ByNoise {
        bus.wire.change_wire(|wire| wire.noise = OneIn::times(500));
    }
    let port = TappedPort::open(&bus, folder, |tap| {
        if spoiled == Spoiled::ByEcho {
            Link::new(Probe::new(tap).echoes())
        } else {
            Link::new(tap)
        }
    });
    Line { bus, port }
}

fn gateway(id: &str, folder: &Path, lines: &[(&Line, &Path)]) -> Agent {
    let mut file = AgentFile::new(id);
    file.models = brisk_models(folder);
    for (line, password) in lines {
        file.serial_of_seven_bits(&line.bus.id, &line.port.device, BAUD);
        for mut meter in line.bus.flag_lines(password) {
            meter.more = "collect = { every-seconds = 240, days-max = 1 }\n".to_owned();
            file.flags.push(meter);
        }
    }
    Agent::install(file, folder)
}

/// What was found, and where.
type Place = (String, Vec<u8>);
type Places = Vec<Place>;

/// What no byte that leaves the gateway may hold: a secret in every form in which it could stand.
struct Needles(Places);

impl Needles {
    fn of(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut needles = Vec::new();
        for secret in secrets {
            let pairs = |form: fn(u8) -> String, between: &str| {
                let pairs: Vec<String> = secret.bytes().map(form).collect();
                pairs.join(between).into_bytes()
            };
            let forms: [fn(u8) -> String; 2] = [
                |octet| format!("{octet:02x}"),
                |octet| format!("{octet:02X}"),
            ];
            for form in forms {
                for between in ["", " "] {
                    needles.push((secret.clone(), pairs(form, between)));
                }
            }
            needles.push((secret.clone(), secret.to_lowercase().into_bytes()));
            needles.push((secret.clone(), secret.into_bytes()));
        }
        Self(needles)
    }

    fn found_in(&self, text: &[u8]) -> Option<String> {
        let is_in = |needle: &[u8]| text.windows(needle.len()).any(|part| part == needle);
        let found = self.0.iter().find(|(_, needle)| is_in(needle));
        found.map(|(secret, needle)| format!("{secret} as {}", String::from_utf8_lossy(needle)))
    }

    #[track_caller]
    fn must_not_stand_in(&self, places: &[Place]) {
        for (place, text) in places {
            println!("{place}: {} bytes", text.len());
        }
        let leaks: Vec<String> = places
            .iter()
            .filter_map(|(place, text)| Some(format!("{place} holds {}", self.found_in(text)?)))
            .collect();
        assert!(leaks.is_empty(), "{leaks:#?}");
    }
}

/// Every file below a folder.
fn files(folder: &Path, found: &mut Places) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.is_file() {
            let text = std::fs::read(&path).expect("a file");
            found.push((path.display().to_string(), text));
        }
    }
}

/// What the gateway answers to whoever asks it anything.
fn everything_said(agent: &Agent, lines: &[Line]) -> Places {
    let mut places = Vec::new();
    let mut ask = |words: &str| {
        let (_, text) = said(agent, words);
        places.push((format!("pmuctl {words}"), text.into_bytes()));
    };
    for line in lines {
        ask(&format!("bus trace {} show", line.bus.id));
        ask(&format!("bus trace {} show --json", line.bus.id));
    }
    for meter in ["well-102", "wrong-103"] {
        for work in ["ping", "read status", "clock"] {
            let (verb, part) = work.split_once(' ').unwrap_or((work, ""));
            ask(&format!("meter {verb} {meter} {part} --json"));
        }
    }
    ask("status");
    ask("status --json");
    ask("meter list --json");
    ask("jobs --json");
    let (_, checked) = agent::check(&agent.config());
    places.push(("pmu-agent check".to_owned(), checked.into_bytes()));
    places.push(("metrics".to_owned(), agent.metrics().into_bytes()));
    places
}

/// The passwords, and all that was made of them for the lines.
fn secrets_of(lines: &[Line]) -> Vec<String> {
    let mut secrets = vec![RIGHT.to_owned(), WRONG.to_owned(), ALSO_WRONG.to_owned()];
    for line in lines {
        let tries = line.port.heard.tries();
        println!("{}: {} passwords were tried", line.bus.id, tries.len());
        assert!(!tries.is_empty(), "{}: no password was tried", line.bus.id);
        secrets.extend(tries.into_iter().map(|tried| tried.operand));
    }
    secrets
}

#[test]
fn no_password_leaves_the_gateway_by_any_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let as_usual = |_: usize, _: &mut Settings| {};
    let lines = [
        line("well", folder, &["20000102"], Spoiled::Not, as_usual),
        line("wrong", folder, &["20000103"], Spoiled::Not, as_usual),
        line("noisy", folder, &["20000104"], Spoiled::ByNoise, as_usual),
        line("echo", folder, &["20000105"], Spoiled::ByEcho, as_usual),
    ];
    let [well, wrong, noisy, echo] = &lines;
    let right = password_file(folder, "right", RIGHT);
    let bad = password_file(folder, "bad", WRONG);
    let mut agent = gateway(
        "pmu-secrets",
        folder,
        &[
            (well, &right),
            (wrong, &bad),
            (noisy, &right),
            (echo, &right),
        ],
    );
    agent.log_everything();
    agent.start_with_lines();
    for line in &lines {
        said(&agent, &format!("bus trace {} on", line.bus.id));
    }
    wait_until("the wrong password was tried", WITHIN, || {
        wrong.port.heard.tries().len() == 1
    });
    wait_until("the refusal is known", WITHIN, || {
        let remarks = agent.meter("wrong-103").remarks;
        remarks.iter().any(|remark| remark.contains("password"))
    });
    pause(Duration::from_secs(3));
    // Another one: the trace is on by now.
    password_file(folder, "bad", ALSO_WRONG);
    agent.reload();
    wait_until("the other one was tried", WITHIN, || {
        said(&agent, "meter read wrong-103 registers");
        wrong.port.heard.tries().len() == 2
    });
    wait_until("every line has seen a password", WITHIN, || {
        if noisy.port.heard.tries().is_empty() {
            said(&agent, "meter ping noisy-104");
        }
        lines.iter().all(|line| !line.port.heard.tries().is_empty())
    });
    let mut places = everything_said(&agent, &lines);
    agent.stop();
    // Logs, traces, the store, the configuration.
    files(&folder.join("pmu-secrets"), &mut places);

    let needles = Needles::of(secrets_of(&lines));
    let found = needles.found_in(&well.port.heard.octets());
    assert!(
        found.is_some(),
        "what is looked for is on the line, and found there"
    );
    let traced = |name: &str| {
        let trace = format!("pmuctl bus trace {name} show");
        let found = places.iter().find(|(place, _)| *place == trace);
        String::from_utf8_lossy(&found.expect("a trace").1).into_owned()
    };
    for line in &lines {
        let trace = traced(&line.bus.id);
        assert!(
            trace.contains("password answer (hidden)") && trace.contains("2a 2a 2a 2a"),
            "{}: its trace masks something\n{trace}",
            line.bus.id
        );
    }
    needles.must_not_stand_in(&places);
}

/// What four meters do with a wrong password, and how soon they take none any more.
const ANSWERS: [(&str, &str, WrongPassword); 4] = [
    ("20000201", "201", WrongPassword::Nak),
    ("20000202", "202", WrongPassword::SignOff),
    ("20000203", "203", WrongPassword::Refusal),
    ("20000204", "204", WrongPassword::Silence),
];

/// How often each may be given a wrong one: silence may be the line's doing, and counts as a refusal
/// at the second time only.
const ONCE: [usize; 4] = [1, 1, 1, 2];

/// A session with each meter.
fn poll_each(agent: &Agent, line: &Line) {
    for (_, address, _) in ANSWERS {
        let before = line.port.heard.sign_ons();
        let meter = format!("main-{address}");
        let ended = start(agent, &Work::Poll { meter }).wait(agent, WITHIN, |_| {});
        println!("{address}: {ended:?}");
        assert!(line.port.heard.sign_ons() > before, "{address}: {ended:?}");
    }
}

#[test]
fn a_wrong_password_is_not_tried_again_and_locks_no_meter() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let serials = ANSWERS.map(|(serial, ..)| serial);
    let line = line("main", folder, &serials, Spoiled::Not, |place, settings| {
        settings.security.wrong = ANSWERS[place].2;
        let lasts = Duration::from_hours(1);
        settings.security.lockout = Some(Lockout { after: 3, lasts });
    });
    let password = password_file(folder, "password", WRONG);
    let mut agent = gateway("pmu-tries", folder, &[(&line, &password)]);
    agent.start_with_lines();
    let tries = || ANSWERS.map(|(_, address, _)| line.port.heard.tries_at(address));
    wait_until("each meter was given the password", WITHIN, || {
        tries().iter().all(|count| *count > 0)
    });
    for _ in 0..4 {
        poll_each(&agent, &line);
    }
    assert_eq!(tries(), ONCE, "no more, however many sessions follow");

    for (_, address, _) in ANSWERS {
        let (_, text) = said(&agent, &format!("meter ping main-{address}"));
        assert!(text.contains("password"), "{text}");
        said(&agent, &format!("meter read main-{address} registers"));
    }
    assert_eq!(tries(), ONCE, "a person who looks what is wrong locks none");

    // A restart is no reason to try again.
    agent.stop();
    agent.start_with_lines();
    poll_each(&agent, &line);
    assert_eq!(tries(), ONCE, "what was refused is remembered");
    for (_, address, _) in ANSWERS {
        let meter = agent.meter(&format!("main-{address}"));
        let remarks = meter.remarks.join("; ");
        assert!(remarks.contains("password"), "{address}: {remarks}");
    }

    // The right one is taken at once: no meter has locked itself.
    password_file(folder, "password", RIGHT);
    agent.reload();
    let is_given = || tries().iter().zip(ONCE).all(|(now, wrong)| *now > wrong);
    let given = becomes(WITHIN * 2, is_given);
    assert!(
        given,
        "not every meter was given the right one: {:?}",
        tries()
    );
    for (_, address, _) in ANSWERS {
        let meter = format!("main-{address}");
        let part = Part::Registers;
        let work = Work::Read { meter, part };
        let read = start(&agent, &work).result(&agent, WITHIN);
        assert!(
            matches!(&read, Outcome::Values(values) if !values.is_empty()),
            "{address}: {read:?}"
        );
    }
    agent.stop();
}

/// The command lines and environments of a process and its children.
fn shown_by_ps(of: u32, found: &mut Places) {
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let name = entry.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // A process may end while it is looked at.
        let read = |part: &str| std::fs::read(entry.path().join(part)).unwrap_or_default();
        let stat = String::from_utf8_lossy(&read("stat")).into_owned();
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| {
            rest.split_whitespace()
                .nth(1)
                .and_then(|word| word.parse::<u32>().ok())
        });
        if id == of || parent == Some(of) {
            for part in ["cmdline", "environ"] {
                found.push((format!("process {id}, {part}"), read(part)));
            }
        }
        if parent == Some(of) {
            shown_by_ps(id, found);
        }
    }
}

#[test]
fn a_private_gateway_shows_no_password_to_those_who_look_at_processes() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let line = line("direct", folder, &["20000301"], Spoiled::Not, |_, _| {});
    let password = password_file(folder, "password", RIGHT);
    let mut ping = command(binaries::pmuctl());
    ping.env("PMU_AGENT", binaries::agent())
        .arg("--direct")
        .arg(&line.port.device)
        .args([
            "--baud",
            "38400",
            "--model",
            "elster-a1140",
            "--address",
            "301",
            "--password-file",
        ])
        .arg(&password)
        .arg("--model-folder")
        .arg(brisk_models(folder))
        .args(["meter", "ping", "direct"]);
    let mut ping = Process::start("pmuctl", &mut ping, folder);
    let mut places = Vec::new();
    wait_until("the private gateway gives the password", WITHIN, || {
        shown_by_ps(ping.id(), &mut places);
        assert!(
            ping.is_running() || !line.port.heard.tries().is_empty(),
            "{}",
            ping.tail()
        );
        !line.port.heard.tries().is_empty()
    });
    shown_by_ps(ping.id(), &mut places);
    let is_agent = |(place, text): &&Place| {
        place.ends_with("cmdline") && String::from_utf8_lossy(text).contains("pmu-agent")
    };
    assert!(
        places.iter().any(|place| is_agent(&place)),
        "the private gateway was seen"
    );
    // What it writes for itself lies in memory while it runs.
    for base in [
        "/dev/shm".into(),
        std::env::var("XDG_RUNTIME_DIR").unwrap_or_default(),
    ] {
        let own = std::fs::read_dir(&base).into_iter().flatten().flatten();
        for entry in own.filter(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .starts_with("pmu-direct-")
        }) {
            let config = entry.path().join("agent.toml");
            if let Ok(text) = std::fs::read(&config) {
                places.push((config.display().to_string(), text));
            }
        }
    }
    let ended = ping.wait(WITHIN);
    places.push(("what pmuctl said".to_owned(), ping.said().into_bytes()));
    assert!(ended.success(), "{}", ping.tail());
    let operands = line
        .port
        .heard
        .tries()
        .into_iter()
        .map(|tried| tried.operand);
    Needles::of(operands.chain([RIGHT.to_owned()])).must_not_stand_in(&places);
}

#[test]
fn a_password_file_that_others_may_read_is_refused_without_its_words() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let line = line("main", folder, &["20000401"], Spoiled::Not, |_, _| {});
    let password = password_file(folder, "password", RIGHT);
    let agent = gateway("pmu-open", folder, &[(&line, &password)]);
    agent.write_config();
    let check = |expected: i32| {
        let (code, words) = agent::check(&agent.config());
        assert_eq!(code, Some(expected), "{words}");
        assert!(!words.contains(RIGHT), "{words}");
        words
    };
    check(0);
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&password, open).expect("a file of ours");
    let words = check(78);
    assert!(words.contains("password"), "{words}");
    // A password that cannot be one is refused without being shown.
    password_file(folder, "password", &format!("{RIGHT}TOOLONG"));
    check(78);
}
