//! Modbus readings beside sessions on one line of 9600 baud, by the real daemon.

use std::time::Duration;

use hil_tests::mixed_bus::{Ails, MixedReport, watch};

use crate::Ground;
use crate::table::{Limit, Row, Spread};

/// Readings within their period, in per cent.
const IN_TIME: f64 = 99.0;

pub(super) fn rows(ground: &Ground) -> Vec<Row> {
    let folder = tempfile::tempdir().unwrap();
    let ails = [Ails::None, Ails::Dead, Ails::Stops];
    let lasts = Duration::from_secs(ground.by_pace(52, 600));
    let reports = watch(folder.path(), &ails, lasts);
    for report in &reports {
        println!("    {report}");
    }
    reports.iter().map(row).collect()
}

fn row(report: &MixedReport) -> Row {
    let beside = match report.ails {
        Ails::None => "a load profile read",
        Ails::Dead => "the same, one FLAG meter dead",
        Ails::Stops => "the same, one stopping in mid-session",
    };
    Row {
        figure: format!("Modbus readings within 10 s, 8 Modbus + 4 FLAG meters, {beside}"),
        limit: Limit::AtLeast(IN_TIME),
        measured: Spread::one(f64::from(report.in_time) * 100.0 / f64::from(report.periods)),
        unit: "%",
        peer: format!(
            "{} of {}; sessions had the line {} s",
            report.in_time,
            report.periods,
            report.sessions.ms / 1000
        ),
    }
}
