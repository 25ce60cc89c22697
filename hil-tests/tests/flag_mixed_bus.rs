//! Modbus and FLAG meters share one line of 9600 baud, a long load profile is read over it, and the
//! Modbus readings come within their period all the same – also beside a FLAG meter that is dead, and
//! one that stops in the middle of a session.
#![cfg(test)]

use std::time::Duration;

use hil_tests::mixed_bus::{Ails, MixedReport, watch};
use hil_tests::skip::by_tier;

/// Of so many readings one may come too late.
const OF: u32 = 100;
/// So many may in any case: a short run has too few readings for a hundredth of them.
const SPARED: u32 = 2;

#[test]
fn modbus_readings_keep_their_pace_beside_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let ails = [Ails::None, Ails::Dead, Ails::Stops];
    let lasts = Duration::from_secs(by_tier(52, 900));
    let reports = watch(folder.path(), &ails, lasts);
    for report in &reports {
        println!("{report}");
    }
    let [healthy, dead, stops] = &reports[..] else {
        panic!("three lines");
    };
    for report in &reports {
        check(report);
    }
    assert!(healthy.days > 0, "no load profile came: {healthy}");
    assert!(dead.sessions.silent > 0, "the dead meter was called");
    assert!(stops.stops > 0, "it stopped in the middle of a session");
    assert_eq!(healthy.sessions.broken + healthy.sessions.silent, 0);
}

#[track_caller]
fn check(report: &MixedReport) {
    assert!(report.periods >= 32, "too few periods: {report}");
    let late = report.periods - report.in_time;
    assert!(late <= (report.periods / OF).max(SPARED), "{report}");
    // Where a meter stops again and again, there is time for little else.
    let octets = if report.ails == Ails::Stops {
        200
    } else {
        1000
    };
    assert!(
        report.sessions.octets > octets,
        "no load profile came: {report}"
    );
}
