//! What systemd sees of the daemon: it says when it is ready, feeds the watchdog, says when it
//! stops, and never needs a system call or a kind of socket that its unit denies it.
#![cfg(test)]

use std::collections::BTreeSet;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hil_tests::binaries::root;
use hil_tests::bus::Bus;
use hil_tests::clock::{becomes, pause, wait_until};
use hil_tests::process::run;
use hil_tests::skip::has_programs;
use hil_tests::world::World;

const WITHIN: Duration = Duration::from_secs(40);

#[test]
fn the_service_manager_is_told() {
    let Some(mut world) = World::new("the service manager") else {
        return;
    };
    let mut bus = Bus::serial("main", world.folder(), 19_200, 1);
    bus.seat("abb-b23", 1);
    let mut agent = world.gateway("pmu-told", &[&bus], 2);
    world.head_end.start();
    let socket = world.folder().join("notify.sock");
    let told = UnixDatagram::bind(&socket).unwrap();
    told.set_nonblocking(true).unwrap();
    let mut heard = Vec::new();
    let notify = format!("NOTIFY_SOCKET={}", socket.display());
    agent.run_under(&["/usr/bin/env", &notify, "WATCHDOG_USEC=3000000"]);
    agent.start();
    hears(&told, &mut heard, "READY=1");
    heard.clear();
    pause(Duration::from_secs(6));
    hears(&told, &mut heard, "WATCHDOG=1");
    let fed = heard.iter().filter(|word| *word == "WATCHDOG=1").count();
    // Twice within the time that systemd allows, as its manual asks.
    assert!(fed >= 4, "fed {fed} times in 6 s where 3 s are the limit");
    agent.stop();
    hears(&told, &mut heard, "STOPPING=1");
}

fn hears(socket: &UnixDatagram, heard: &mut Vec<String>, word: &str) {
    let mut message = [0; 4096];
    let arrived = becomes(WITHIN, || {
        while let Ok(length) = socket.recv(&mut message) {
            let text = String::from_utf8_lossy(&message[..length]).into_owned();
            heard.extend(text.lines().map(str::to_owned));
        }
        heard.iter().any(|line| line == word)
    });
    assert!(arrived, "no {word}, only {heard:?}");
}

#[test]
fn nothing_is_needed_that_the_unit_denies() {
    let promise = "the sandbox of the unit";
    if !has_programs(promise, &["strace", "systemd-analyze"]) {
        return;
    }
    let Some(mut world) = World::new(promise) else {
        return;
    };
    let mut bus = Bus::serial("main", world.folder(), 19_200, 1);
    bus.seat("abb-b23", 1);
    bus.seat_with("eastron-sdm120", 2, |troubles| troubles.dead = true);
    let mut agent = world.gateway("pmu-traced", &[&bus], 2);
    world.head_end.start();
    let trace = world.folder().join("calls.txt");
    let trace_name = trace.display().to_string();
    agent.run_under(&["strace", "-f", "-qq", "-X", "raw", "-o", &trace_name]);
    agent.start();
    wait_until("the gateway is connected", WITHIN, || agent.is_connected());
    pause(Duration::from_secs(5));
    agent.reload();
    agent.metrics();
    bus.wire.unplug();
    pause(Duration::from_secs(2));
    bus.wire.replug();
    pause(Duration::from_secs(5));
    // The tracer is our child, the daemon is its.
    stop_child_of(agent.process().id());
    assert!(agent.process().wait(WITHIN).success());

    let calls = std::fs::read_to_string(&trace).unwrap();
    let used: BTreeSet<&str> = calls.lines().filter_map(call).collect();
    println!("{} kinds of system calls: {used:?}", used.len());
    assert!(used.contains("ioctl") && used.contains("fdatasync") | used.contains("fsync"));
    let allowed = allowed();
    let denied: Vec<&&str> = used
        .iter()
        .filter(|call| !allowed.contains(**call))
        .collect();
    assert!(denied.is_empty(), "the unit denies {denied:?}");

    // RestrictAddressFamilies. The resolver asks for a list of interfaces and does without.
    let families: BTreeSet<String> = calls
        .lines()
        .filter_map(|line| line.split_once(" socket("))
        .filter_map(|(_, rest)| rest.split_once(','))
        .map(|(family, _)| family.to_owned())
        .collect();
    println!("families of sockets: {families:?}");
    let unix_inet_inet6 = ["0x1", "0x2", "0xa"];
    let netlink = "0x10";
    assert!(
        families
            .iter()
            .all(|family| unix_inet_inet6.contains(&&**family) || family == netlink),
        "{families:?}"
    );
    // MemoryDenyWriteExecute: PROT_WRITE 2 together with PROT_EXEC 4.
    let both = calls
        .lines()
        .filter(|line| line.contains(" mmap(") || line.contains(" mprotect("))
        .filter(|line| {
            let protection = line.split(", ").nth(2).unwrap_or_default();
            let digits = protection.trim_start_matches("0x");
            let digits: String = digits.chars().take_while(char::is_ascii_hexdigit).collect();
            u32::from_str_radix(&digits, 16).is_ok_and(|bits| bits & 6 == 6)
        });
    assert_eq!(both.count(), 0, "memory that can be written and run");
}

/// The name of the call in a line of a trace; none for signals and ends.
fn call(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(' ')?;
    let rest = rest.trim_start();
    let rest = rest.strip_prefix("<... ").unwrap_or(rest);
    let end = rest.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))?;
    let name = &rest[..end];
    (!name.is_empty()
        && name.starts_with(|letter: char| letter.is_ascii_lowercase())
        && !rest.starts_with("exited"))
    .then_some(name)
}

/// What the unit's lines `SystemCallFilter` leave, taken from the unit itself.
fn allowed() -> BTreeSet<String> {
    let unit = std::fs::read_to_string(root().join("systemd/pmu-agent.service")).unwrap();
    let mut allowed = BTreeSet::new();
    let mut lines = 0;
    for line in unit.lines() {
        let Some(filter) = line.strip_prefix("SystemCallFilter=") else {
            continue;
        };
        lines += 1;
        let (takes, filter) = match filter.strip_prefix('~') {
            Some(rest) => (true, rest),
            None => (false, filter),
        };
        for word in filter.split_whitespace() {
            for call in members(word) {
                if takes {
                    allowed.remove(&call);
                } else {
                    allowed.insert(call);
                }
            }
        }
    }
    assert!(
        lines >= 2 && allowed.len() > 100,
        "a filter that was understood"
    );
    // systemd always allows these; the program is started by one of them.
    allowed.extend(members("@default"));
    allowed.extend(["execve".to_owned()]);
    allowed
}

/// The calls of a group, with those of the groups in it.
fn members(group: &str) -> Vec<String> {
    if !group.starts_with('@') {
        return vec![group.to_owned()];
    }
    let mut ask = Command::new("systemd-analyze");
    ask.args(["syscall-filter", "--no-pager", group]);
    let text = run("asking systemd for a group of system calls", &mut ask);
    let inner = text.lines().skip(1).map(str::trim);
    inner
        .filter(|word| !word.is_empty() && !word.starts_with('#'))
        .flat_map(members)
        .collect()
}

fn stop_child_of(tracer: u32) {
    let children = format!("/proc/{tracer}/task/{tracer}/children");
    let children = std::fs::read_to_string(Path::new(&children)).unwrap();
    let first = children.split_whitespace().next().expect("a traced daemon");
    let id = rustix::process::Pid::from_raw(first.parse().unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
}
