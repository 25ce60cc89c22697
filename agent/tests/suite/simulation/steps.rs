//! Steps of the clock, one by one: each mark has one interval, and each gap says so.

use super::agenda::Happening;
use super::check_agenda;
use std::iter::once;

/// Seconds of the longest period in the world, and of its grid.
const PERIOD: i64 = 300;

/// The clock is set by so many seconds, ten minutes and a bit apart; the daemon is started anew
/// that many seconds after each step, if at all.
#[track_caller]
fn check(steps: &[i64], restart_after: Option<u64>) {
    let agenda = (1_u64..).zip(steps).flat_map(|(number, step)| {
        let at = number * 637;
        let restart = restart_after.map(|wait| (at + wait, Happening::Restart));
        once((at, Happening::ClockStep(step * 1000))).chain(restart)
    });
    check_agenda(agenda.collect());
}

#[track_caller]
fn check_all(steps: &[i64]) {
    for restart_after in [None, Some(0), Some(2), Some(200)] {
        eprintln!("{steps:?} s, started anew after {restart_after:?} s");
        check(steps, restart_after);
    }
}

#[test]
fn back_by_about_a_period() {
    check_all(&[-PERIOD]);
    check_all(&[-PERIOD * 3 / 2]);
    check_all(&[-2 * PERIOD]);
}

#[test]
fn back_to_before_the_first_interval() {
    check_all(&[-3600]);
    check_all(&[-637 - PERIOD, 3600]);
    check_all(&[-7200, -3600, 20_000]);
}

#[test]
fn forward_and_back() {
    check_all(&[7200, -3600, 1800, -4]);
    check_all(&[7200, -7200]);
    check_all(&[-5400, 2700, 2700]);
}
