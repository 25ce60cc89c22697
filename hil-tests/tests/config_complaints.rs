//! A fault in the configuration names file, line, key, problem and remedy, and ends with 78.
#![cfg(test)]

use std::path::Path;

use hil_tests::agent::check;
use hil_tests::agent_file::AgentFile;
use hil_tests::binaries::root;
use hil_tests::bus::Bus;

/// A configuration that is in order, with one word replaced.
fn with(folder: &Path, old: &str, new: &str) -> (std::path::PathBuf, usize) {
    let mut bus = Bus::stream("main", simulator::wire::WireSettings::serial(9600, 10), 1);
    bus.seat("abb-b23", 1);
    bus.seat("eastron-sdm630", 2);
    let mut file = AgentFile::new("pmu-check");
    file.serial("main", Path::new("/dev/serial/by-path/one"), 9600);
    file.meters = bus.lines(1800);
    let text = file.text(folder);
    assert!(
        old.is_empty() || text.contains(old),
        "`{old}` is not in\n{text}"
    );
    let text = if old.is_empty() {
        text
    } else {
        text.replacen(old, new, 1)
    };
    // Where the same words stand twice, the second is the fault.
    let stands = |(_, line): &(usize, &str)| !new.is_empty() && line.contains(new);
    let line = (1..)
        .zip(text.lines())
        .filter(stands)
        .last()
        .map_or(0, |(number, _)| number);
    let path = folder.join("agent.toml");
    std::fs::write(&path, &text).unwrap();
    (path, line)
}

#[test]
fn a_configuration_in_order_shows_its_plan() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = with(folder.path(), "", "");
    let (code, words) = check(&path);
    println!("{words}");
    assert_eq!(code, Some(0), "{words}");
    for word in ["main-1", "main-2", "abb-b23", "%"] {
        assert!(
            words.contains(word),
            "the plan does not speak of {word}:\n{words}"
        );
    }
}

#[test]
fn each_fault_names_its_line_and_a_remedy() {
    // What is replaced, by what, the key that is named, and a word of the remedy.
    let faults = [
        (
            "commit-every-seconds = 1",
            "commit-every-seconds = 0",
            "store.commit-every-seconds",
            "1 to 60",
        ),
        (
            "commit-every-seconds = 1",
            "commit-every = 1",
            "commit-every",
            "agent.toml",
        ),
        ("id = \"pmu-check\"", "id = \"PMU 1\"", "gateway.id", "name"),
        (
            "link = \"serial\"",
            "link = \"rs232\"",
            "link",
            "serial, optical, rtu-over-tcp, modbus-tcp, serial-server, modem or pad",
        ),
        ("baud = 9600", "baud = 9601", "baud", "9600"),
        ("baud = 9600", "parity = \"none\"", "baud", "9600"),
        (
            "model = \"abb-b23\"",
            "model = \"abb-b99\"",
            "model",
            "abb-b23",
        ),
        ("unit = 2", "unit = 1", "unit", "another"),
        ("unit = 2", "unit = 248", "unit", "1 to 247"),
        ("bus = \"main\"", "bus = \"hall\"", "bus", "main"),
        (
            "period-seconds = 1800",
            "period-seconds = 7",
            "period-seconds",
            "1800",
        ),
        ("id = \"main-2\"", "id = \"main-1\"", "meter.id", "own"),
    ];
    for (old, new, key, remedy) in faults {
        let folder = tempfile::tempdir().unwrap();
        let (path, line) = with(folder.path(), old, new);
        let (code, words) = check(&path);
        println!("{}", words.trim_end());
        assert_eq!(code, Some(78), "{new}: {words}");
        let place = format!("{}:", path.display());
        let complaint = words
            .lines()
            .find(|found| found.contains(&place) && found.contains(key));
        let complaint = complaint.unwrap_or_else(|| panic!("{new}: nobody names {key}:\n{words}"));
        assert!(
            complaint.contains(remedy),
            "{new}: the remedy lacks `{remedy}`: {complaint}"
        );
        // A missing key has no line of its own; every other fault stands where it was written.
        if !new.starts_with("parity") {
            let place = format!("{}:{line}:", path.display());
            assert!(
                complaint.starts_with(&place),
                "{new}: expected {place}: {complaint}"
            );
        }
    }
}

#[test]
fn a_bus_with_too_many_meters_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let mut bus = Bus::stream("main", simulator::wire::WireSettings::serial(1200, 10), 1);
    for unit in 1..=60 {
        bus.seat("eastron-sdm630", unit);
    }
    let mut file = AgentFile::new("pmu-check");
    file.serial("main", Path::new("/dev/serial/by-path/one"), 1200);
    file.meters = bus.lines(60);
    for meter in &mut file.meters {
        meter.instant_s = Some(10);
    }
    let path = folder.path().join("agent.toml");
    std::fs::write(&path, file.text(folder.path())).unwrap();
    let (code, words) = check(&path);
    println!("{words}");
    assert_eq!(code, Some(78), "{words}");
    assert!(words.contains('%') && words.contains("main"), "{words}");
}

#[test]
fn the_shipped_configuration_is_in_order() {
    let (code, words) = check(&root().join("config/agent.toml"));
    assert_eq!(code, Some(0), "{words}");
}

#[test]
fn a_file_that_is_not_there_is_a_fault_of_configuration_too() {
    let (code, words) = check(Path::new("/nonexistent/agent.toml"));
    assert_eq!(code, Some(78), "{words}");
    assert!(words.contains("/nonexistent/agent.toml"), "{words}");
}
