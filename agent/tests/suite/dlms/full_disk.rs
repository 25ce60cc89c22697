//! Commands whose next step the journal cannot take: what is not written down is not done.

use super::commands::{
    NAME, Office, in_force, live_until_final, named, offer, put, road, tariff, world_on, writes,
};
use super::world::{Meter, bench};
use crate::bench::Bench;
use crate::disk::Disk;
use authority::{Action, Command, RotatedKey};
use metering::Timestamp;
use simulator::dlms::DlmsScenario;
use std::time::Duration;
use storage::CommandState;

/// A gateway whose disk can fill up, with a scheme in its library, and an order to write its calendar.
async fn ordered() -> (Bench, Disk, Meter, Office, Command) {
    let mut bench = bench();
    let disk = bench.on_filling_disk();
    let scenario = DlmsScenario {
        days: 2,
        ..DlmsScenario::new(9, "00012345")
    };
    let (bench, meter, mut office) = world_on(bench, scenario).await;
    let put = office.command(&bench, put());
    let mut set = office.command(&bench, tariff());
    set.expires = Timestamp::from_seconds(set.issued.seconds() + 1200);
    offer(&bench, office.signed(&put));
    live_until_final(&bench, &put).await;
    offer(&bench, office.signed(&set));
    (bench, disk, meter, office, set)
}

/// Lives until the journal has a command executing at a step.
async fn live_until_step(bench: &Bench, command: &Command, step: u32) {
    for _ in 0..60_000 {
        let known = bench.command(command.id.bytes()).await;
        if known.is_some_and(|known| {
            known.progress.state == CommandState::Executing && known.progress.step == step
        }) {
            return;
        }
        bench.live_ms(10).await;
    }
    panic!("step {step} never begins");
}

async fn state(bench: &Bench, command: &Command) -> CommandState {
    let known = bench.command(command.id.bytes()).await;
    known.expect("it is known").progress.state
}

/// There is room again, and the gateway has noticed.
async fn has_room(bench: &Bench, disk: &Disk) {
    disk.fills_up(false);
    bench.live(30).await;
}

async fn start_again(bench: &mut Bench) {
    bench.kill().await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    bench.start();
}

#[tokio::test(start_paused = true)]
async fn a_step_that_is_not_written_down_waits_and_is_done_once_there_is_room() {
    let (mut bench, disk, meter, _office, set) = ordered().await;
    live_until_step(&bench, &set, 0).await;
    disk.fills_up(true);
    bench.live(900).await;
    assert_eq!(writes(&meter), 0, "the journal has no such step");
    has_room(&bench, &disk).await;
    live_until_final(&bench, &set).await;
    assert_eq!(in_force(&meter), named("DAYNIGHT"));
    bench.stop().await;
    let expected = ["accepted", "executing", "executing", "succeeded"];
    assert_eq!(road(&bench.receipts(), &set), expected);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_stops_before_there_is_room_has_written_nothing_and_says_so() {
    let (mut bench, disk, meter, _office, set) = ordered().await;
    live_until_step(&bench, &set, 0).await;
    disk.fills_up(true);
    bench.live(600).await;
    disk.fills_up(false);
    start_again(&mut bench).await;
    live_until_final(&bench, &set).await;
    assert_eq!(writes(&meter), 0);
    assert_eq!(in_force(&meter), named("FLAT"));
    bench.stop().await;
    let expected = ["accepted", "executing", "unknown", "failed not-begun"];
    assert_eq!(road(&bench.receipts(), &set), expected);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_expires_before_there_is_room_is_not_carried_out() {
    let (mut bench, disk, meter, _office, set) = ordered().await;
    live_until_step(&bench, &set, 0).await;
    disk.fills_up(true);
    bench.live(1500).await;
    has_room(&bench, &disk).await;
    live_until_final(&bench, &set).await;
    bench.live(600).await;
    assert_eq!(writes(&meter), 0, "its time is over");
    assert_eq!(in_force(&meter), named("FLAT"));
    bench.stop().await;
    let expected = ["accepted", "executing", "executing", "failed expired"];
    assert_eq!(road(&bench.receipts(), &set), expected);
}

/// The same for what has one step, and waits for it as it does for its meter.
#[tokio::test(start_paused = true)]
async fn a_key_whose_order_expires_before_there_is_room_is_not_replaced() {
    let (mut bench, disk, meter, mut office, set) = ordered().await;
    let key = RotatedKey::Encryption(NAME.parse().expect("a name"));
    let action = Action::KeyRotate { key, session: None };
    let mut rotate = office.command(&bench, action);
    rotate.expires = Timestamp::from_seconds(rotate.issued.seconds() + 900);
    offer(&bench, office.approved(&rotate));
    live_until_step(&bench, &set, 0).await;
    // It is accepted, and waits for the meter.
    bench.live(1).await;
    assert_eq!(state(&bench, &rotate).await, CommandState::Accepted);
    disk.fills_up(true);
    bench.live(1200).await;
    has_room(&bench, &disk).await;
    live_until_final(&bench, &rotate).await;
    assert_eq!(meter.instrument.transfers(), 0);
    bench.stop().await;
    let receipts = bench.receipts();
    assert_eq!(road(&receipts, &rotate), ["accepted", "expired"]);
    let expected = ["accepted", "executing", "executing", "succeeded"];
    assert_eq!(road(&receipts, &set), expected);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_finds_no_room_is_kept_later_and_nothing_is_written_twice() {
    for is_stopped in [false, true] {
        let (mut bench, disk, meter, _office, set) = ordered().await;
        live_until_step(&bench, &set, 1).await;
        disk.fills_up(true);
        bench.live(600).await;
        assert_eq!(in_force(&meter), named("DAYNIGHT"), "its step was written");
        let before = writes(&meter);
        if is_stopped {
            disk.fills_up(false);
            start_again(&mut bench).await;
        } else {
            has_room(&bench, &disk).await;
        }
        live_until_final(&bench, &set).await;
        assert_eq!(writes(&meter), before);
        bench.stop().await;
        let road = road(&bench.receipts(), &set);
        assert_eq!(
            road.last().map(String::as_str),
            Some("succeeded"),
            "{road:?}"
        );
    }
}
