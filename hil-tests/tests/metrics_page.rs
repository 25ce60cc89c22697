//! The page of metrics is read by a parser that we did not write, and holds the figures that an
//! operator needs.
#![cfg(test)]

use std::io::Write;
use std::process::Stdio;

use hil_tests::agent::Agent;
use hil_tests::python::{peer, with_modules};
use serde_json::Value;

#[test]
fn another_parser_reads_every_figure() {
    let promise = "metrics read by a foreign parser";
    let Some(python) = with_modules(promise, &["prometheus_client"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (mut agent, _bus) = Agent::beside_a_dead_meter("pmu-figures", folder.path());
    let page = agent.metrics();
    let (_, body) = page.split_once("\r\n\r\n").expect("head and body");
    let mut parser = peer(&python, "check_metrics.py");
    let mut parser = parser
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    parser
        .stdin
        .take()
        .unwrap()
        .write_all(body.as_bytes())
        .unwrap();
    let done = parser.wait_with_output().unwrap();
    assert!(
        done.status.success(),
        "the parser refuses the page:\n{body}"
    );
    let families: Value = serde_json::from_slice(&done.stdout).unwrap();

    let sample = |family: &str, labels: &[(&str, &str)]| -> f64 {
        let samples = families[family]["samples"]
            .as_array()
            .unwrap_or_else(|| panic!("no {family} in\n{body}"));
        let fits = |sample: &&Value| labels.iter().all(|(key, value)| sample[1][key] == *value);
        let found = samples.iter().find(fits);
        let found = found.unwrap_or_else(|| panic!("no {family} with {labels:?} in\n{body}"));
        found[2].as_f64().unwrap()
    };
    let (living, dead) = ([("meter", "main-1")], [("meter", "main-2")]);
    assert!(sample("pmu_meter_requests", &living) > 1.0);
    assert!(sample("pmu_meter_timeouts", &dead) > 0.0);
    for family in ["pmu_meter_crc_errors", "pmu_meter_late_answers"] {
        assert!(sample(family, &living) < 0.5, "{family}");
    }
    assert!(
        sample(
            "pmu_meter_round_trip_seconds",
            &[("meter", "main-1"), ("le", "+Inf")]
        ) > 0.0
    );
    assert!(sample("pmu_bus_busy_per_mille", &[("bus", "main")]) < 1000.0);
    assert!(sample("pmu_store_bytes", &[]) > 10_000.0);
    assert!(sample("pmu_outbox_entries", &[("stream", "lp")]) > 0.0);
    assert!(sample("pmu_outbox_oldest_seconds", &[("stream", "lp")]) < 60.0);
    assert!(sample("pmu_rss_bytes", &[]) > 1e6);
    let kinds = |family: &str| families[family]["type"].as_str().unwrap().to_owned();
    assert_eq!(kinds("pmu_meter_requests"), "counter");
    assert_eq!(kinds("pmu_meter_round_trip_seconds"), "histogram");
    assert_eq!(kinds("pmu_meter_exceptions"), "counter");
    agent.stop();
}
