//! Commands that move the clock of a DLMS meter: once, within their step, and only by a clock that is
//! right itself.

use super::commands::{Office, live_into_writing, live_until_final, offer, road, world_of};
use super::world::Meter;
use crate::bench::Bench;
use ::dlms::codec::{Attribute, LogicalName, Method};
use authority::{Action, AuthenticCommand, Command, CommandState};
use metering::{ClockQuality, MeterId};
use pmu_agent::tasks::command_desk::LocalOrder;
use simulator::dlms::{ClockSet, DlmsScenario};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a clock shows.
const SHOWN: Attribute = Attribute {
    class: 8,
    name: LogicalName::CLOCK,
    number: 2,
};
const SHIFT: Method = Method {
    class: 8,
    name: LogicalName::CLOCK,
    number: 6,
};

fn meter() -> MeterId {
    "dlms-1".parse().expect("a name")
}

fn set(step_max_s: u32) -> Action {
    Action::MeterTimeSet {
        meter: meter(),
        step_max_s,
    }
}

fn adjust(step_max_s: u32) -> Action {
    Action::TimeAdjust {
        meter: meter(),
        step_max_s,
    }
}

/// A gateway with a meter whose clock is so many seconds ahead.
async fn off_by(ahead: i64) -> (Bench, Meter, Office) {
    let scenario = DlmsScenario {
        days: 2,
        ..DlmsScenario::new(9, "00012345")
    };
    let at = scenario.starts_at - 3600;
    world_of(DlmsScenario {
        clock_sets: vec![ClockSet { at, ahead }],
        ..scenario
    })
    .await
}

/// Seconds that its clock is truly ahead.
fn ahead(bench: &Bench, meter: &Meter) -> i64 {
    let utc = meter.instrument.utc(bench.wire.now());
    meter.instrument.shown(utc) - utc
}

/// How often it was moved, in either way.
fn moves(meter: &Meter) -> u32 {
    meter.instrument.written(SHOWN) + meter.instrument.executed(SHIFT)
}

/// The words of its last receipt.
fn words(bench: &Bench, of: &Command) -> String {
    let mut receipts = bench.receipts().into_iter();
    let last = receipts.rfind(|one| one.id == of.id);
    last.and_then(|one| one.text).expect("a receipt with words")
}

#[tokio::test(start_paused = true)]
async fn a_clock_is_set_or_shifted_once_and_proven() {
    for (off, action, expected) in [
        (25, set(30), "was 24."),
        (-28, set(30), "behind, and is"),
        (40, adjust(60), "was 39."),
        (-200, adjust(300), "behind, and is"),
    ] {
        let (mut bench, meter, mut office) = off_by(off).await;
        let command = office.command(&bench, action);
        // A step of more than half a minute takes two people.
        let bytes = if command.action.step_max_s() > Some(30) {
            offer(&bench, office.signed(&command));
            bench.live(60).await;
            assert_eq!(moves(&meter), 0, "one person alone may not");
            let mut again = office.command(&bench, command.action.clone());
            again.number = command.number + 1;
            let bytes = office.approved(&again);
            (again, bytes)
        } else {
            let bytes = office.signed(&command);
            (command, bytes)
        };
        let (command, bytes) = bytes;
        offer(&bench, bytes);
        live_until_final(&bench, &command).await;
        assert!(
            ahead(&bench, &meter).abs() <= 1,
            "{}",
            ahead(&bench, &meter)
        );
        assert_eq!(moves(&meter), 1);
        // What was kept of it went with its end.
        assert_eq!(bench.kept("program/").await, Vec::<String>::new());
        bench.stop().await;
        let road = road(&bench.receipts(), &command);
        assert_eq!(road, ["accepted", "executing", "executing", "succeeded"]);
        let words = words(&bench, &command);
        assert!(words.contains(expected), "{words}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_right_or_too_far_off_is_left_alone() {
    for (off, action, end, expected) in [
        (0, set(30), "succeeded", "nothing was written"),
        (0, adjust(30), "succeeded", "nothing was written"),
        (7200, set(30), "failed step-too-long", "7199."),
        (
            -90,
            adjust(30),
            "failed step-too-long",
            "allows a step of 30 s",
        ),
    ] {
        let (mut bench, meter, mut office) = off_by(off).await;
        let command = office.command(&bench, action);
        offer(&bench, office.signed(&command));
        live_until_final(&bench, &command).await;
        assert_eq!(moves(&meter), 0);
        bench.stop().await;
        assert_eq!(
            road(&bench.receipts(), &command),
            ["accepted", "executing", end]
        );
        let words = words(&bench, &command);
        assert!(words.contains(expected), "{words}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_clock_is_written_by_one_that_is_wrong_itself() {
    let (mut bench, meter, _) = off_by(25).await;
    bench.trust_clock(ClockQuality::Unsynchronised);
    let mut ends = bench.desk().ended();
    let order = LocalOrder::new(set(30), Duration::from_mins(10), |command: &Command| {
        AuthenticCommand::by_configuration(command)
    });
    bench.desk().order(order).await.expect("an order");
    bench.live(60).await;
    let end = ends.try_recv().expect("an end");
    assert_eq!(end.state, CommandState::Failed);
    assert_eq!(end.code.as_deref(), Some("clock-unsynced"), "{end:?}");
    assert_eq!((moves(&meter), ahead(&bench, &meter)), (0, 25));
    bench.stop().await;
}

/// A shift that is done twice would be wrong by its whole length.
#[tokio::test(start_paused = true)]
async fn a_gateway_killed_while_it_moves_a_clock_never_moves_it_twice() {
    let mut ends = BTreeMap::new();
    for cut_ms in (0..6000).step_by(400) {
        let is_shift = cut_ms % 800 == 0;
        let (mut bench, meter, mut office) = off_by(25).await;
        let action = if is_shift { adjust(30) } else { set(30) };
        let command = office.command(&bench, action);
        offer(&bench, office.signed(&command));
        live_into_writing(&bench, &command, cut_ms).await;
        bench.kill().await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        bench.start();
        bench.live(10).await;
        offer(&bench, office.signed(&command));
        live_until_final(&bench, &command).await;
        bench.live(900).await;
        let known = bench.command(command.id.bytes()).await.expect("known");
        let state = known.progress.state;
        let found = ahead(&bench, &meter);
        assert!(moves(&meter) <= 1, "{cut_ms} ms: {} times", moves(&meter));
        match state {
            storage::CommandState::Succeeded => assert!(found.abs() <= 1, "{cut_ms}: {found}"),
            storage::CommandState::Failed => {
                assert!((24..=26).contains(&found), "{cut_ms}: {found}");
            }
            other => panic!("{cut_ms} ms: {other}"),
        }
        *ends.entry(state.word()).or_insert(0) += 1;
        bench.stop().await;
        assert!(!road(&bench.receipts(), &command).is_empty());
    }
    println!("killed at 15 moments: {ends:?}");
    assert!(ends.len() >= 2, "{ends:?}");
}

#[tokio::test(start_paused = true)]
async fn a_billing_period_that_no_model_can_end_is_refused_in_words() {
    let (mut bench, _meter, mut office) = off_by(0).await;
    let command = office.command(&bench, Action::BillingReset { meter: meter() });
    offer(&bench, office.signed(&command));
    live_until_final(&bench, &command).await;
    bench.stop().await;
    let road = road(&bench.receipts(), &command);
    assert_eq!(road, ["accepted", "executing", "failed does-not-fit"]);
}
