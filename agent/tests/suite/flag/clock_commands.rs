//! Commands that move the clock of an Elster meter, or end its billing period.

use super::world::{NAME, PROGRAMS, bench};
use crate::bench::{Bench, Seat};
use crate::dlms::commands::{Office, live_into_writing, live_until_final, offer, road};
use crate::site::Site;
use authority::{Action, Command, MeterProof};
use metering::{EventCode, MeterId};
use simulator::elster::What;
use std::collections::BTreeMap;
use std::time::Duration;

fn meter() -> MeterId {
    NAME.parse().expect("a name")
}

fn set(step_max_s: u32) -> Action {
    Action::MeterTimeSet {
        meter: meter(),
        step_max_s,
    }
}

/// A gateway with a meter whose clock was set so many seconds ahead, and the operators' key set.
async fn off_by(seconds: i64, password: &str, may_adjust: bool) -> (Bench, Seat, Office) {
    let (mut bench, seat) = bench(password);
    if may_adjust {
        let allowed = "clock = { adjust = true, adjust-unproven = true, basis";
        bench.reword("clock = { basis", allowed);
    }
    if seconds != 0 {
        let what = What::ClockSet { seconds };
        assert!(seat.meter.happen(bench.wire.now(), what));
    }
    let Site { bench, office } = Site::open(bench, true).await;
    (bench, seat, office)
}

fn ahead(bench: &Bench, seat: &Seat) -> i64 {
    seat.meter.clock_error(seat.meter.utc(bench.wire.now()))
}

fn resets(bench: &Bench, seat: &Seat) -> usize {
    let utc = seat.meter.utc(bench.wire.now());
    seat.meter.billing_resets(utc).len()
}

/// The words and the meter's proof of its last receipt.
fn proof(bench: &Bench, of: &Command) -> (String, Option<MeterProof>) {
    let mut receipts = bench.receipts().into_iter();
    let last = receipts.rfind(|one| one.id == of.id);
    let last = last.expect("a receipt");
    let meters = last.proof.map(|proof| proof.meters).unwrap_or_default();
    (last.text.unwrap_or_default(), meters.into_iter().next())
}

#[tokio::test(start_paused = true)]
async fn a_clock_is_set_once_with_the_meters_own_counter_as_witness() {
    let (mut bench, seat, mut office) = off_by(25, PROGRAMS, false).await;
    let command = office.command(&bench, set(30));
    offer(&bench, office.signed(&command));
    live_until_final(&bench, &command).await;
    assert!(ahead(&bench, &seat).abs() <= 1, "{}", ahead(&bench, &seat));
    bench.stop().await;
    let road = road(&bench.receipts(), &command);
    assert_eq!(road, ["accepted", "executing", "executing", "succeeded"]);
    let (words, proof) = proof(&bench, &command);
    assert!(words.contains("the clock was 2"), "{words}");
    let programmed = proof.and_then(|proof| proof.programmed);
    assert!(
        programmed.is_some_and(|(before, after)| after == before + 1),
        "{programmed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_step_too_long_and_a_password_too_low_write_nothing() {
    for (off, password, end, expected) in [
        (
            400,
            PROGRAMS,
            "failed step-too-long",
            "allows a step of 30 s",
        ),
        (25, "0001ABCD\n", "failed does-not-fit", "gives level 1"),
    ] {
        let (mut bench, seat, mut office) = off_by(off, password, false).await;
        let command = office.command(&bench, set(30));
        offer(&bench, office.signed(&command));
        live_until_final(&bench, &command).await;
        assert!((ahead(&bench, &seat) - off).abs() <= 1);
        bench.stop().await;
        let road = road(&bench.receipts(), &command);
        assert_eq!(road, ["accepted", "executing", end]);
        let (words, _) = proof(&bench, &command);
        assert!(words.contains(expected), "{words}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_killed_while_it_sets_a_clock_looks_before_it_says_how_it_ended() {
    let mut ends = BTreeMap::new();
    for cut_ms in (0..6000).step_by(600) {
        let (mut bench, seat, mut office) = off_by(25, PROGRAMS, false).await;
        let command = office.command(&bench, set(30));
        offer(&bench, office.signed(&command));
        live_into_writing(&bench, &command, cut_ms).await;
        bench.kill().await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        bench.start();
        bench.live(10).await;
        live_until_final(&bench, &command).await;
        let known = bench.command(command.id.bytes()).await.expect("known");
        let (state, found) = (known.progress.state, ahead(&bench, &seat));
        match state {
            storage::CommandState::Succeeded => assert!(found.abs() <= 1, "{cut_ms}: {found}"),
            storage::CommandState::Failed => assert!(found > 20, "{cut_ms}: {found}"),
            other => panic!("{cut_ms} ms: {other}"),
        }
        *ends.entry(state.word()).or_insert(0) += 1;
        bench.stop().await;
    }
    println!("killed at 10 moments: {ends:?}");
    assert!(ends.len() >= 2, "{ends:?}");
}

/// Nothing but a counter tells that a period was ended, and an end too many cannot be taken back.
#[tokio::test(start_paused = true)]
async fn a_billing_period_is_ended_once_whenever_the_gateway_is_killed() {
    let mut ends = BTreeMap::new();
    for cut_ms in (0..9000).step_by(900) {
        let (mut bench, seat, mut office) = off_by(0, PROGRAMS, false).await;
        let before = resets(&bench, &seat);
        let command = office.command(&bench, Action::BillingReset { meter: meter() });
        offer(&bench, office.signed(&command));
        if cut_ms > 0 {
            live_into_writing(&bench, &command, cut_ms).await;
            bench.kill().await;
            tokio::time::sleep(Duration::from_secs(20)).await;
            bench.start();
            bench.live(10).await;
            offer(&bench, office.signed(&command));
        }
        live_until_final(&bench, &command).await;
        bench.live(600).await;
        let known = bench.command(command.id.bytes()).await.expect("known");
        let state = known.progress.state;
        let done = resets(&bench, &seat) - before;
        match state {
            storage::CommandState::Succeeded => assert_eq!(done, 1, "{cut_ms} ms"),
            storage::CommandState::Failed => assert_eq!(done, 0, "{cut_ms} ms"),
            other => panic!("{cut_ms} ms: {other}"),
        }
        *ends.entry(state.word()).or_insert(0) += 1;
        bench.stop().await;
    }
    println!("killed at 9 moments: {ends:?}");
    assert!(ends.contains_key("succeeded"), "{ends:?}");
}

/// The configuration's own adjustment: an order of the desk, once a day, with a receipt.
#[tokio::test(start_paused = true)]
async fn what_the_configuration_allows_to_adjust_is_a_command() {
    let (mut bench, _seat, _) = off_by(40, "0001ABCD\n", true).await;
    bench.live(20 * 3600).await;
    bench.kill().await;
    bench.start();
    bench.live(3600).await;
    bench.stop().await;
    let receipts = bench.receipts();
    let states: Vec<&str> = receipts.iter().map(|one| one.state.word()).collect();
    assert_eq!(states, ["accepted", "executing", "executing", "succeeded"]);
    let proof = receipts.last().and_then(|one| one.proof.clone());
    let proof = proof.expect("a proof");
    assert_eq!(proof.who, ["configuration"]);
    assert_eq!(proof.door, authority::Door::Configuration);
    let adjusted = bench.events().into_iter();
    let adjusted = adjusted.filter(|event| event.code == EventCode::MeterClockAdjusted);
    assert_eq!(adjusted.count(), 1);
}

/// Nobody has published how these meters take a new password: the order says so, and sends nothing.
#[tokio::test(start_paused = true)]
async fn a_password_that_nobody_knows_how_to_change_is_refused_in_plain_words() {
    let (mut bench, seat, mut office) = off_by(0, PROGRAMS, false).await;
    let meter = meter();
    let place = authority::PasswordPlace {
        gateway: &"pmu-test".parse().expect("a name"),
        meter: &meter,
        level: 3,
    };
    let key = authority::SealingKey::from_seed(&crate::bench::SEALING_SEED).public();
    let new = authority::SecretOctets::new(b"WXYZ0003").expect("a password");
    let action = Action::PasswordChange {
        meter: meter.clone(),
        level: 3,
        sealed: key.seal(&new, place, [3; 32]).expect("it fits"),
    };
    let command = office.command(&bench, action);
    offer(&bench, office.approved(&command));
    live_until_final(&bench, &command).await;
    drop(seat);
    bench.stop().await;
    let receipts = bench.receipts();
    let expected = ["accepted", "executing", "executing", "failed does-not-fit"];
    assert_eq!(road(&receipts, &command), expected);
    let texts = receipts.iter().filter_map(|one| one.text.as_deref());
    let refusals = texts.filter(|text| text.contains("unsupported by this model"));
    assert_eq!(refusals.count(), 1);
}
