//! The gateway's own clock, set by command: by the unit outside and nobody else, within the step, never
//! behind a time that was trusted, and with a receipt that says what the clock did.

use super::commands::{Office, live_until_final, offer, world};
use super::world::Meter;
use crate::bench::Bench;
use authority::{Action, Command, CommandState, Receipt};
use metering::{ClockQuality, Timestamp};

const WISH: &str = "clock-wanted";

fn to(bench: &Bench, ahead_s: i64) -> Timestamp {
    let now = bench.utc().saturating_add(ahead_s);
    Timestamp::from_seconds(u64::try_from(now).expect("a time"))
}

/// A gateway whose clock nobody has synchronised.
async fn unsynchronised() -> (Bench, Meter, Office) {
    let (bench, meter, office) = world().await;
    bench.trust_clock(ClockQuality::Unsynchronised);
    (bench, meter, office)
}

fn order(bench: &Bench, office: &mut Office, (to, step_max_s): (Timestamp, u32)) -> Command {
    let action = Action::GatewayTimeSet { to, step_max_s };
    let command = office.command(bench, action);
    offer(bench, office.approved(&command));
    command
}

/// What the unit outside does, if it is there: takes the wish.
async fn wish(bench: &Bench) -> Option<u64> {
    for _ in 0..40 {
        let file = bench.file(WISH);
        if let Ok(text) = std::fs::read_to_string(&file) {
            std::fs::remove_file(&file).expect("the wish");
            return text.trim().parse().ok();
        }
        bench.live_ms(100).await;
    }
    None
}

async fn end_of(bench: &mut Bench, command: &Command) -> Receipt {
    live_until_final(bench, command).await;
    bench.stop().await;
    let mut receipts = bench.receipts().into_iter();
    let last = receipts.rfind(|one| one.id == command.id);
    last.expect("a receipt")
}

#[tokio::test(start_paused = true)]
async fn the_clock_is_set_by_the_unit_outside_and_believed_from_then_on() {
    let (mut bench, _meter, mut office) = unsynchronised().await;
    let wanted = to(&bench, 3600);
    let command = order(&bench, &mut office, (wanted, 7200));
    assert_eq!(wish(&bench).await, Some(wanted.seconds()));
    bench.set_clock(wanted);
    bench.live(2).await;
    // Other commands are judged by this clock again.
    let meter = "dlms-1".parse().expect("a name");
    let ping = office.command(&bench, Action::MeterPing { meter });
    offer(&bench, office.signed(&ping));
    live_until_final(&bench, &ping).await;
    let known = bench.command(ping.id.bytes()).await.expect("a row");
    assert_eq!(known.progress.state, storage::CommandState::Succeeded);
    let receipt = end_of(&mut bench, &command).await;
    assert_eq!(receipt.state, CommandState::Succeeded, "{receipt:?}");
    let words = receipt.text.expect("words");
    assert!(
        words.contains("set by 3600 s") || words.contains("set by 3599 s"),
        "{words}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_wish_that_nobody_takes_is_taken_back() {
    let (mut bench, _meter, mut office) = unsynchronised().await;
    let wanted = to(&bench, 600);
    let command = order(&bench, &mut office, (wanted, 7200));
    let receipt = end_of(&mut bench, &command).await;
    assert_eq!(receipt.code.as_deref(), Some("not-set"), "{receipt:?}");
    assert!(receipt.text.expect("words").contains("pmu-clock-set.path"));
    assert!(
        !bench.file(WISH).exists(),
        "it would be fulfilled much later"
    );
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_takes_the_wish_and_does_nothing_is_not_believed() {
    let (mut bench, _meter, mut office) = unsynchronised().await;
    let wanted = to(&bench, 20);
    let command = order(&bench, &mut office, (wanted, 7200));
    assert!(wish(&bench).await.is_some());
    let receipt = end_of(&mut bench, &command).await;
    assert_eq!(receipt.code.as_deref(), Some("not-set"), "{receipt:?}");
}

/// Refused with that code, and no wish was left.
async fn refused(quality: ClockQuality, (ahead_s, step_max_s): (i64, u32), code: &str) {
    let (mut bench, _meter, mut office) = unsynchronised().await;
    bench.trust_clock(quality);
    let wanted = to(&bench, ahead_s);
    let command = order(&bench, &mut office, (wanted, step_max_s));
    assert_eq!(wish(&bench).await, None, "{code}");
    let receipt = end_of(&mut bench, &command).await;
    assert_eq!(receipt.state, CommandState::Failed, "{receipt:?}");
    assert_eq!(receipt.code.as_deref(), Some(code), "{receipt:?}");
}

#[tokio::test(start_paused = true)]
async fn a_clock_is_not_set_too_far_nor_where_something_synchronises_it() {
    use ClockQuality::{Synchronised, Unsynchronised};
    refused(Unsynchronised, (3600, 60), "step-too-long").await;
    refused(Unsynchronised, (-3600, 7200), "before-trusted").await;
    refused(Synchronised, (3600, 7200), "clock-synced").await;
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_is_killed_meanwhile_claims_nothing() {
    for takes in [false, true] {
        let (mut bench, _meter, mut office) = unsynchronised().await;
        let wanted = to(&bench, 3600);
        let command = order(&bench, &mut office, (wanted, 7200));
        for _ in 0..40 {
            if bench.file(WISH).exists() {
                break;
            }
            bench.live_ms(100).await;
        }
        bench.kill().await;
        if takes {
            std::fs::remove_file(bench.file(WISH)).expect("the wish");
        }
        bench.start();
        bench.trust_clock(ClockQuality::Unsynchronised);
        let receipt = end_of(&mut bench, &command).await;
        let code = if takes { "not-proven" } else { "interrupted" };
        assert_eq!(receipt.code.as_deref(), Some(code), "{receipt:?}");
        assert!(!bench.file(WISH).exists());
    }
}
