//! The key that signs receipts, replaced by command.

use super::commands::{Office, live_until_final, offer, put, road, world};
use crate::bench::Bench;
use authority::{Action, Command, ReceiptKeys, RotatedKey};
use std::collections::BTreeSet;
use std::fs;
use storage::CommandState;

const PRESENT: &str = "data/receipt-key.pem";
const NEXT: &str = "data/receipt-key.next.pem";
const PUBLIC: &str = "data/receipt-key.pub.pem";

fn rotate() -> Action {
    Action::KeyRotate {
        key: RotatedKey::Receipt,
        session: None,
    }
}

fn ordered(bench: &Bench, office: &mut Office) -> Command {
    let command = office.command(bench, rotate());
    offer(bench, office.approved(&command));
    command
}

async fn live_until_restart(bench: &Bench) {
    for _ in 0..100 {
        if bench.is_to_restart() {
            return;
        }
        bench.live(1).await;
    }
    panic!("it does not want to start again");
}

async fn state(bench: &Bench, command: &Command) -> CommandState {
    let known = bench.command(command.id.bytes()).await;
    known.expect("it is known").progress.state
}

fn text(bench: &Bench, name: &str) -> String {
    fs::read_to_string(bench.file(name)).expect("it is there")
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_announced_by_the_old_one_and_ends_the_command_itself() {
    let (mut bench, _meter, mut office) = world().await;
    let before = office.command(&bench, put());
    offer(&bench, office.signed(&before));
    live_until_final(&bench, &before).await;
    let (old, old_public) = (text(&bench, PRESENT), text(&bench, PUBLIC));
    let alone = office.command(&bench, rotate());
    offer(&bench, office.signed(&alone));
    live_until_final(&bench, &alone).await;
    assert_eq!(
        text(&bench, PRESENT),
        old,
        "one person alone replaces nothing"
    );
    let command = ordered(&bench, &mut office);
    live_until_restart(&bench).await;
    bench.stop().await;
    bench.start();
    live_until_final(&bench, &command).await;
    assert_eq!(state(&bench, &command).await, CommandState::Succeeded);
    assert_ne!(text(&bench, PRESENT), old);
    assert!(!bench.file(NEXT).exists());
    // What the old key sealed is believed as before: the scheme is there, and so is the journal.
    let again = office.command(&bench, Action::Nop);
    offer(&bench, office.signed(&again));
    live_until_final(&bench, &again).await;
    bench.stop().await;
    let receipts = bench.receipts();
    let expected = ["accepted", "executing", "executing", "succeeded"];
    assert_eq!(road(&receipts, &command), expected);
    assert_eq!(road(&receipts, &alone), ["rejected need-second-approval"]);

    let gateway = bench.settings().gateway;
    let keys = |text: &str| ReceiptKeys::parse(gateway.clone(), text).expect("keys");
    let signed = bench.signed_receipts();
    let signers: BTreeSet<_> = signed
        .iter()
        .map(|bytes| {
            keys(&text(&bench, PUBLIC))
                .open(bytes)
                .expect("ours")
                .signer()
        })
        .collect();
    assert_eq!(signers.len(), 2, "both keys lie on the box");
    // Who has the old one alone is led to the new one, and who does not follow is not.
    let only_old = keys(&old_public);
    let unproven = signed.iter().filter(|bytes| only_old.open(bytes).is_err());
    let expected = receipts.iter().filter(|one| one.id == again.id).count() + 1;
    assert_eq!(unproven.count(), expected);
}

/// The journal has the announcement, and the power failed before the key took its place.
#[tokio::test(start_paused = true)]
async fn a_key_that_was_announced_takes_its_place_after_a_power_cut() {
    let (mut bench, _meter, mut office) = world().await;
    let (old, old_public) = (text(&bench, PRESENT), text(&bench, PUBLIC));
    let command = ordered(&bench, &mut office);
    live_until_restart(&bench).await;
    bench.kill().await;
    // As it was between the commit and the new name.
    fs::rename(bench.file(PRESENT), bench.file(NEXT)).expect("a name");
    fs::write(bench.file(PRESENT), old).expect("a file");
    crate::bench::keep_private(&bench.file(PRESENT));
    fs::write(bench.file(PUBLIC), old_public).expect("a file");
    let announced = text(&bench, NEXT);
    bench.start();
    live_until_restart(&bench).await;
    assert_eq!(text(&bench, PRESENT), announced);
    bench.stop().await;
    bench.start();
    live_until_final(&bench, &command).await;
    assert_eq!(state(&bench, &command).await, CommandState::Succeeded);
    bench.stop().await;
    let expected = ["accepted", "executing", "executing", "succeeded"];
    assert_eq!(road(&bench.receipts(), &command), expected);
}

/// Somebody took it away before it was in its place: the gateway does not say that it signs with it.
#[tokio::test(start_paused = true)]
async fn an_announced_key_that_is_gone_is_said_to_be() {
    let (mut bench, _meter, mut office) = world().await;
    let old = text(&bench, PRESENT);
    let command = ordered(&bench, &mut office);
    live_until_restart(&bench).await;
    bench.kill().await;
    fs::write(bench.file(PRESENT), &old).expect("a file");
    crate::bench::keep_private(&bench.file(PRESENT));
    bench.start();
    live_until_final(&bench, &command).await;
    assert_eq!(state(&bench, &command).await, CommandState::Failed);
    assert_eq!(text(&bench, PRESENT), old);
    bench.stop().await;
    let expected = ["accepted", "executing", "executing", "failed not-kept"];
    assert_eq!(road(&bench.receipts(), &command), expected);
}
