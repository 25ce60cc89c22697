//! Where the text of production code may name clients, sockets and runtimes: rules D3, D4, D5.

use super::breach::{Breach, places};
use super::source::{SourceFile, has_word};

/// The only files that may name a client, and where they are.
struct Place {
    word: &'static str,
    /// Beginnings of paths.
    may: &'static [&'static str],
    remedy: &'static str,
}

const CLIENTS: [Place; 3] = [
    Place {
        word: "redb",
        may: &["agent/crates/storage/"],
        remedy: "ask the crate storage",
    },
    Place {
        word: "rumqttc",
        may: &[
            "agent/src/adapters/mqtt",
            "agent/crates/pmuctl/src/adapters/mqtt",
            "agent/crates/simulator/src/broker",
        ],
        remedy: "speak to the adapter mqtt.rs",
    },
    Place {
        word: "tokio_serial",
        may: &["agent/src/adapters/"],
        remedy: "take a line::Line; only adapters open ports",
    },
];

/// Types that are an open socket. Addresses are no sockets.
const SOCKETS: [&str; 8] = [
    "TcpStream",
    "TcpListener",
    "TcpSocket",
    "UdpSocket",
    "UnixStream",
    "UnixListener",
    "UnixDatagram",
    "ToSocketAddrs",
];

const SOCKET_PLACES: [&str; 4] = [
    "agent/src/adapters/",
    "agent/crates/pmuctl/src/adapters/",
    "agent/crates/simulator/",
    "hil-tests/",
];

/// Modules that are pure although their crate is not.
const PURE_MODULES: [&str; 10] = [
    "agent/crates/meters/src/catalogue",
    "agent/crates/meters/src/clock_basis",
    "agent/crates/meters/src/collection",
    "agent/crates/meters/src/doctor",
    "agent/crates/meters/src/elster",
    "agent/crates/meters/src/forecast",
    "agent/crates/meters/src/meter_",
    "agent/crates/meters/src/planner",
    "agent/crates/meters/src/profile_maker",
    "agent/crates/meters/src/vdew",
];

fn production(files: &[SourceFile]) -> impl Iterator<Item = &SourceFile> {
    files.iter().filter(|file| file.is_production_rust())
}

fn lies_in(file: &SourceFile, beginnings: &[&str]) -> bool {
    beginnings
        .iter()
        .any(|beginning| file.path.starts_with(beginning))
}

/// Whether the line uses the crate, and does not merely spell its name (as a filter of logs does).
fn uses_crate(line: &str, name: &str) -> bool {
    let path = format!("{name}::");
    let import = line
        .trim_start()
        .strip_prefix("use ")
        .is_some_and(|rest| has_word(rest, name));
    import || has_word(line, name) && line.contains(&path)
}

/// First line of `file` that names `word`.
fn first(file: &SourceFile, word: &str) -> Option<usize> {
    file.code_before_tests()
        .find(|(_, line)| has_word(line, word))
        .map(|(number, _)| number)
}

fn breach(
    rule: &'static str,
    file: &SourceFile,
    line: usize,
    word: &str,
    remedy: &'static str,
) -> Breach {
    let place = format!("{}:{line}", file.path);
    Breach {
        rule,
        place,
        problem: format!("`{word}` does not belong here"),
        remedy,
    }
}

/// D4: clients of the world have one place each.
pub(super) fn clients_have_one_place(files: &[SourceFile]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for client in &CLIENTS {
        for file in production(files).filter(|file| !lies_in(file, client.may)) {
            let mut code = file.code_before_tests();
            if let Some((line, _)) = code.find(|(_, line)| uses_crate(line, client.word)) {
                breaches.push(breach("D4", file, line, client.word, client.remedy));
            }
        }
    }
    breaches
}

/// D4: sockets are opened in adapters, and by the simulator, which is the world.
pub(super) fn sockets_are_in_adapters(files: &[SourceFile]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in production(files).filter(|file| !lies_in(file, &SOCKET_PLACES)) {
        let words = SOCKETS
            .iter()
            .find_map(|word| Some((*word, first(file, word)?)));
        let module = file
            .code_before_tests()
            .find(|(_, line)| line.contains("tokio::net"));
        if let Some((word, line)) = words.or(module.map(|(line, _)| ("tokio::net", line))) {
            breaches.push(breach(
                "D4",
                file,
                line,
                word,
                "open it in agent/src/adapters",
            ));
        }
    }
    breaches
}

/// D4: codecs and the pure modules of `meters` know no runtime.
pub(super) fn pure_modules_know_no_runtime(files: &[SourceFile]) -> Vec<Breach> {
    production(files)
        .filter(|file| {
            let codec = file.path.contains("/src/codec/") || file.path.ends_with("/src/codec.rs");
            codec || lies_in(file, &PURE_MODULES)
        })
        .filter_map(|file| {
            let line = first(file, "tokio")?;
            Some(breach(
                "D4",
                file,
                line,
                "tokio",
                "pass time and bytes in as arguments",
            ))
        })
        .collect()
}

/// D3: no async in `metering`.
pub(super) fn metering_has_no_async(files: &[SourceFile]) -> Vec<Breach> {
    production(files)
        .filter(|file| file.path.starts_with("agent/crates/metering/"))
        .filter_map(|file| {
            let line = first(file, "async")?;
            Some(breach(
                "D3",
                file,
                line,
                "async",
                "wait in the crate that does the IO",
            ))
        })
        .collect()
}

/// D5: below floor 4 a unit test that used the simulator would meet a second copy of its own crate.
pub(super) fn simulator_is_used_from_tests(files: &[SourceFile]) -> Vec<Breach> {
    files
        .iter()
        .filter(|file| file.is("rs") && file.path.starts_with("agent/crates/meters/src/"))
        .filter_map(|file| {
            let uses = |line: &str| line.contains("simulator::") && !line.trim().starts_with("//");
            let line = file.text.lines().position(uses)?;
            let remedy = "move the test to agent/crates/meters/tests";
            Some(breach("D5", file, line + 1, "simulator", remedy))
        })
        .collect()
}

#[test]
fn a_client_outside_its_place_is_found() {
    let files = [
        SourceFile::example(
            "agent/src/tasks/uplink.rs",
            "//! rumqttc\nuse rumqttc::v5;\n",
        ),
        SourceFile::example("agent/src/adapters/mqtt.rs", "use rumqttc::v5;\n"),
        SourceFile::example(
            "agent/src/lib.rs",
            "//! Not rumqttc.\nquiet(\"rumqttc\");\n",
        ),
        SourceFile::example("agent/crates/meters/src/a.rs", "use redb::Database;\n"),
        SourceFile::example(
            "agent/crates/line/src/a.rs",
            "fn f() { tokio_serial::new() }\n",
        ),
        SourceFile::example(
            "agent/crates/head-end/src/a.rs",
            "#[cfg(test)]\nmod tests {\nredb\n",
        ),
    ];
    let expected = [
        "agent/crates/meters/src/a.rs:1",
        "agent/src/tasks/uplink.rs:2",
        "agent/crates/line/src/a.rs:1",
    ];
    assert_eq!(places(&clients_have_one_place(&files)), expected);
}

#[test]
fn a_socket_outside_the_adapters_is_found() {
    let files = [
        SourceFile::example(
            "agent/src/tasks/local_api.rs",
            "use std::os::unix::net::UnixListener;",
        ),
        SourceFile::example("agent/src/config/file.rs", "use std::net::IpAddr;"),
        SourceFile::example("agent/src/tasks/bus.rs", "use tokio::net as wire;"),
        SourceFile::example("agent/src/adapters/tcp.rs", "use tokio::net::TcpStream;"),
        SourceFile::example(
            "agent/crates/simulator/src/tcp.rs",
            "use tokio::net::TcpListener;",
        ),
    ];
    let expected = ["agent/src/tasks/local_api.rs:1", "agent/src/tasks/bus.rs:1"];
    assert_eq!(places(&sockets_are_in_adapters(&files)), expected);
}

#[test]
fn a_runtime_in_a_pure_place_is_found() {
    let files = [
        SourceFile::example(
            "agent/crates/meters/src/planner/share.rs",
            "use tokio::time;",
        ),
        SourceFile::example("agent/crates/dlms/src/codec/apdu.rs", "use tokio::io;"),
        SourceFile::example("agent/crates/meters/src/modbus.rs", "use tokio::io;"),
        SourceFile::example("agent/crates/metering/src/time.rs", "async fn wait() {}"),
    ];
    let expected = [
        "agent/crates/meters/src/planner/share.rs:1",
        "agent/crates/dlms/src/codec/apdu.rs:1",
    ];
    assert_eq!(places(&pure_modules_know_no_runtime(&files)), expected);
    assert_eq!(
        places(&metering_has_no_async(&files)),
        ["agent/crates/metering/src/time.rs:1"]
    );
}

#[test]
fn the_simulator_in_a_unit_test_of_meters_is_found() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    use simulator::Wire;\n}\n";
    let files = [
        SourceFile::example("agent/crates/meters/src/modbus.rs", text),
        SourceFile::example("agent/crates/meters/tests/wire.rs", text),
    ];
    let found = simulator_is_used_from_tests(&files);
    assert_eq!(places(&found), ["agent/crates/meters/src/modbus.rs:4"]);
}
