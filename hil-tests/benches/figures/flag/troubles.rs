//! Sessions with every kind of trouble.

use hil_tests::flag_sessions::{every_kind, hold_all};

use crate::Ground;
use crate::table::{Limit, Row, Spread};

pub(super) fn row(ground: &Ground) -> Row {
    let reports = hold_all(&every_kind(ground.by_pace(16, 100)));
    let sum = |count: fn(&hil_tests::flag_sessions::SessionReport) -> u32| -> u32 {
        reports.iter().map(count).sum()
    };
    let wrong: usize = reports.iter().map(|report| report.wrong.len()).sum();
    let (sessions, accepted) = (sum(|report| report.sessions), sum(|report| report.accepted));
    Row {
        figure: format!("wrong values, {sessions} FLAG sessions with every kind of trouble"),
        limit: Limit::NeverAbove(0.0),
        measured: Spread::one(f64::from(u32::try_from(wrong).unwrap())),
        unit: "",
        peer: format!("{accepted} answers taken"),
    }
}
