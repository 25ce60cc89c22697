//! What an installer types at a gateway: each command answers in plain words, says what is wrong
//! with a cable or a meter, and lets nobody else in.
#![cfg(test)]

use std::process::{Command, Output};
use std::time::Duration;

use hil_tests::agent::Agent;
use hil_tests::agent_file::AgentFile;
use hil_tests::bench::Bench;
use hil_tests::binaries;
use hil_tests::bus::Bus;
use hil_tests::clock::{pause, wait_until};
use hil_tests::skip::skipped;

fn typed(agent: &Agent, words: &str) -> Output {
    Command::new(binaries::pmuctl())
        .args(words.split_whitespace())
        .env("PMU_SOCKET", agent.folder().join("run/desk.sock"))
        .output()
        .expect("pmuctl")
}

/// Exit code and all words of a command.
fn said(agent: &Agent, words: &str) -> (Option<i32>, String) {
    let done = typed(agent, words);
    let text = [done.stdout, done.stderr].concat();
    let text = String::from_utf8(text).expect("words");
    println!("$ pmuctl {words}\n{text}");
    (done.status.code(), text)
}

#[track_caller]
fn check(agent: &Agent, words: &str, code: i32, expected: &[&str]) -> String {
    let (ended, text) = said(agent, words);
    assert_eq!(ended, Some(code), "{words}: {text}");
    // A table folds its lines, so only the words count.
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in expected {
        assert!(flat.contains(part), "{words}: no `{part}` in\n{text}");
    }
    text
}

#[test]
fn every_command_answers_in_plain_words() {
    let folder = tempfile::tempdir().unwrap();
    let (mut agent, bus) = Agent::beside_a_dead_meter("pmu-hands", folder.path());

    check(
        &agent,
        "status",
        0,
        &[
            "gateway pmu-hands",
            "main open",
            "meter-silent main-2",
            "check its supply",
        ],
    );
    check(
        &agent,
        "meter list",
        0,
        &[
            "main-1 main 1 healthy",
            "main-2 main 2 silent",
            "identity right",
        ],
    );
    check(
        &agent,
        "meter read main-1",
        0,
        &["1-0:1.8.0 active energy, from the grid", "kWh"],
    );
    check(
        &agent,
        "meter read main-2",
        1,
        &["main-2 brought no value: it does not answer", "address"],
    );
    check(
        &agent,
        "meter read feeder",
        1,
        &["there is no meter `feeder`", "meter list"],
    );
    check(&agent, "store stats", 0, &["hot", "archive", "free of"]);
    check(&agent, "store verify", 0, &["all sound"]);

    bytes_are_recorded(&agent);

    bus.wire.unplug();
    wait_until("the line is gone", Duration::from_secs(5), || {
        agent.metric("pmu_bus_open") == 0
    });
    check(&agent, "status", 0, &["main gone"]);
    bus.wire.replug();
    agent.stop();
    check(&agent, "status", 1, &["the gateway does not run here"]);
}

/// The byte trace of the bus, switched on and off while the gateway runs.
fn bytes_are_recorded(agent: &Agent) {
    check(
        agent,
        "bus trace elsewhere on",
        1,
        &["there is no bus `elsewhere`", "main"],
    );
    check(agent, "bus trace main on", 0, &["trace of bus main is on"]);
    pause(Duration::from_secs(4));
    let shown = check(agent, "bus trace main show", 0, &[">", "<"]);
    let files: Vec<_> = std::fs::read_dir(agent.folder().join("run"))
        .unwrap()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|end| end != "sock"))
        .collect();
    let recorded: Vec<String> = files
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .collect();
    assert!(
        recorded
            .iter()
            .any(|text| text.contains("> 01 03") || text.contains("> 0103")),
        "the bytes are in a file as well: {files:?}\n{shown}"
    );
    check(
        agent,
        "bus trace main off",
        0,
        &["trace of bus main is off"],
    );
}

#[test]
fn every_meter_of_a_bench_is_read_by_hand() {
    let bench = Bench::open("meters read by hand");
    let folder = tempfile::tempdir().unwrap();
    let mut file = AgentFile::new("pmu-bench");
    bench.join(&mut file, 60);
    let mut agent = Agent::install(file, folder.path());
    agent.start();
    let answered = || agent.meters().iter().all(|meter| meter.answers > 0);
    wait_until(
        "every meter has answered",
        Duration::from_secs(30),
        answered,
    );
    for meter in bench.names() {
        check(
            &agent,
            &format!("meter read {meter}"),
            0,
            &["1-0:1.8.0", "kWh"],
        );
    }
    agent.stop();
}

#[test]
fn a_user_outside_the_group_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let may_change_user = rustix::process::getuid().is_root();
    if !may_change_user {
        skipped(
            "a stranger at the local socket",
            "this is not root and cannot become another user",
        );
        return;
    }
    let mut bus = Bus::serial("main", folder.path(), 9600, 1);
    bus.seat("abb-b23", 1);
    let mut file = AgentFile::new("pmu-door");
    file.serial("main", &bus.device(), bus.baud());
    file.meters = bus.lines(2);
    let mut agent = Agent::install(file, folder.path());
    agent.start();
    open_to_all(folder.path());
    open_to_all(agent.folder());
    open_to_all(&agent.folder().join("run"));
    let stranger = ["--reuid=65534", "--regid=65534", "--clear-groups", "--"];
    let copy = folder.path().join("pmuctl");
    std::fs::copy(binaries::pmuctl(), &copy).unwrap();
    let knock = |socket: &str| {
        let mut command = Command::new("setpriv");
        command.args(stranger).arg(&copy).arg("status");
        command.env("PMU_SOCKET", agent.folder().join("run").join(socket));
        command.output().unwrap()
    };
    for socket in ["desk.sock", "metrics.sock"] {
        let refused = knock(socket);
        let words = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{words}");
        assert!(words.contains("you are not in group pmu"), "{words}");
    }
    // The same command as ourselves shows that only the user made the difference.
    assert!(typed(&agent, "status").status.success());
    agent.stop();
}

fn open_to_all(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}
