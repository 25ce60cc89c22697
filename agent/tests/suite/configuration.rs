//! What a person may write, and what is said of mistakes: file, line, key, problem, remedy.

use pmu_agent::check;
use pmu_agent::config::Settings;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A good configuration; each test spoils one line of it.
fn good() -> String {
    let models = root().join("config/meter-models");
    format!(
        r#"[gateway]
id = "pmu-001"
model-folder = "{}"
[store]
commit-every-seconds = 10
[uplink]
host = "broker.example.org"
ca-file = "ca.pem"
certificate-file = "gateway.pem"
key-file = "gateway.key"
ingest-keys-file = "keys.pem"
[[bus]]
id = "main"
link = "serial"
device = "/dev/serial/by-id/a"
baud = 9600
[[bus]]
id = "hall"
link = "modbus-tcp"
address = "10.0.0.7:502"
[[meter]]
id = "feeder-1"
bus = "main"
model = "eastron-sdm630"
unit = 1
profile = {{ period-seconds = 1800, totals = ["1-0:1.8.0"] }}
instant = {{ every-seconds = 60 }}
"#,
        models.display()
    )
}

/// Replaces one line and compares the first complaint, without its file.
#[track_caller]
fn check_line(old: &str, new: &str, expected: &str) {
    let text = good();
    assert!(text.contains(old), "{old} is not in the good configuration");
    let spoiled = text.replacen(old, new, 1);
    let complaints = Settings::parse("agent.toml", &spoiled).expect_err("a mistake is refused");
    let first = complaints
        .0
        .first()
        .expect("at least one complaint")
        .to_string();
    assert!(
        first.starts_with(expected),
        "\nfound    {first}\nexpected {expected}"
    );
    assert!(
        first.contains("; "),
        "a remedy follows the problem: {first}"
    );
}

#[test]
fn the_good_configuration_is_good() {
    let settings = Settings::parse("agent.toml", &good()).expect("no complaint");
    assert_eq!(settings.meters.len(), 1);
    assert!(check::refused(&settings).is_none());
    assert!(check::report(&settings).text.contains("forecast: "));
}

#[test]
fn every_shipped_file_loads() {
    let shipped = root().join("config/agent.toml");
    let settings = Settings::load(&shipped).unwrap_or_else(|complaints| panic!("{complaints}"));
    assert!(check::refused(&settings).is_none());
    let models = root().join("config/meter-models");
    let catalogue = meters::catalogue::Catalogue::load(&models).expect("every model loads");
    assert!(catalogue.models().count() >= 14);
}

#[test]
fn a_missing_file_is_named() {
    let complaints = Settings::load(Path::new("/nonexistent/agent.toml")).expect_err("no file");
    let words = complaints.to_string();
    assert!(
        words.starts_with("/nonexistent/agent.toml: cannot be read"),
        "{words}"
    );
    assert!(
        words.ends_with("name the configuration with --config"),
        "{words}"
    );
}

#[test]
fn names_and_numbers_say_what_would_be_right() {
    check_line(
        "\"pmu-001\"",
        "\"PMU 1\"",
        "agent.toml:2: gateway.id: `PMU 1` is not a name; use 4 to 40",
    );
    check_line(
        "seconds = 10",
        "seconds = 0",
        "agent.toml:5: store.commit-every-seconds: 0 is out of range; use 1 to 60",
    );
    check_line(
        "baud = 9600",
        "baud = 9601",
        "agent.toml:16: bus main.baud: 9601 is not a baud rate; use one of 300,",
    );
    check_line(
        "unit = 1",
        "unit = 248",
        "agent.toml:25: meter feeder-1.unit: 248 is out of range; use 1 to 247",
    );
    check_line(
        "seconds = 1800",
        "seconds = 1700",
        "agent.toml:26: meter feeder-1.profile.period-seconds: 1700 s is not a load-profile period",
    );
    check_line(
        "seconds = 1800",
        "seconds = 2",
        "agent.toml:26: meter feeder-1.profile.period-seconds: 2 s",
    );
}

#[test]
fn what_does_not_exist_is_answered_with_what_does() {
    check_line(
        "eastron-sdm630",
        "eastron-sdm63",
        "agent.toml:24: meter feeder-1.model: there is no model `eastron-sdm63`; use one of: abb-b23",
    );
    check_line(
        "bus = \"main\"",
        "bus = \"hall-9\"",
        "agent.toml:23: meter feeder-1.bus: there is no bus `hall-9`; name one of: main, hall",
    );
    check_line(
        "1-0:1.8.0",
        "1-0:1.8.7",
        "agent.toml:26: meter feeder-1.profile.totals: the model has no 1-0:1.8.7; use one of: 1-0:1.8.0",
    );
    check_line(
        "1-0:1.8.0",
        "1.8.0",
        "agent.toml:26: meter feeder-1.profile.totals: `1.8.0` is not an OBIS code",
    );
    check_line(
        "link = \"serial\"",
        "link = \"rs485\"",
        "agent.toml:14: bus main.link: `rs485` is not a kind of line; use serial,",
    );
    check_line(
        "10.0.0.7:502",
        "10.0.0.7",
        "agent.toml:20: bus hall.address: `10.0.0.7` has no port; write it as host:port",
    );
}

#[test]
fn what_is_missing_or_too_much_is_said() {
    check_line(
        "baud = 9600\n",
        "",
        "agent.toml:14: bus main.baud: is missing; write baud = 9600",
    );
    check_line(
        "address = \"10.0.0.7:502\"",
        "address = \"10.0.0.7:502\"\nbaud = 9600",
        "agent.toml:21: bus hall.baud: means nothing for modbus-tcp",
    );
    check_line(
        "unit = 1",
        "unit = 1\ncolour = 2",
        "agent.toml:26: unknown field `colour`",
    );
    check_line("[gateway]", "[gateway", "agent.toml:1: ");
    let twin =
        "unit = 1\n[[meter]]\nid = \"feeder-2\"\nbus = \"main\"\nmodel = \"abb-b23\"\nunit = 1";
    check_line(
        "unit = 1",
        twin,
        "agent.toml:30: meter feeder-2.unit: 1 is also the unit of feeder-1 on bus main",
    );
}

#[test]
fn a_bus_that_cannot_carry_its_meters_is_refused_in_words() {
    let mut text = good();
    text = text.replace("every-seconds = 60", "every-seconds = 1");
    for unit in 2..=20 {
        let meter = format!(
            "[[meter]]\nid = \"feeder-{unit}\"\nbus = \"main\"\nmodel = \"eastron-sdm630\"\nunit = {unit}\n\
             instant = {{ every-seconds = 1 }}\n"
        );
        text.push_str(&meter);
    }
    let settings = Settings::parse("agent.toml", &text).expect("well formed");
    let words = check::refused(&settings).expect("refused");
    assert!(words.contains("bus main would be "), "{words}");
    assert!(check::report(&settings).refused);
}
