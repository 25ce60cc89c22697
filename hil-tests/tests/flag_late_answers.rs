//! Whatever FLAG meters and lines do – answer late, twice, damaged or not at all, sign off, echo –,
//! no answer is taken for one to another request.
#![cfg(test)]

use hil_tests::flag_sessions::{SessionReport, every_kind, hold_all};
use hil_tests::skip::by_tier;

#[track_caller]
fn none_is_wrong(reports: &[SessionReport]) -> u32 {
    for report in reports {
        println!("{report}");
    }
    for report in reports {
        assert!(
            report.wrong.is_empty(),
            "{}: {:#?}",
            report.name,
            report.wrong
        );
        assert!(
            report.accepted > report.sessions,
            "{}: hardly anything was accepted, so hardly anything was tried",
            report.name
        );
    }
    reports.iter().map(|report| report.sessions).sum()
}

#[test]
fn a_thousand_sessions_with_every_kind_of_trouble_take_nothing_wrong() {
    let cases = every_kind(by_tier(16, 2000));
    let reports = hold_all(&cases);
    let sessions = none_is_wrong(&reports);
    let accepted: u32 = reports.iter().map(|report| report.accepted).sum();
    println!("{sessions} sessions, {accepted} answers, 0 wrong");
    assert!(sessions >= 1000);
}
