//! A meter's password, changed by command, with the line, the power or an attacker in between.

use super::commands::{NAME, Office, live_until_final, offer, road};
use super::world::{Meter, bench, check_rows, plug, seat_low};
use crate::bench::{Bench, SEALING_SEED, keep_private};
use ::dlms::codec::{Attribute, LogicalName};
use ::dlms::security::Secret;
use authority::{Action, Command, PasswordPlace, SealingKey, SecretOctets};
use metering::EventCode;
use simulator::dlms::DlmsScenario;
use simulator::trouble::FlagTroubles;
use std::time::Duration;
use storage::CommandState;

const READER: u16 = 1;
const OLD: &[u8] = b"0001ABCD";
const NEW: &[u8] = b"7391WXYZ";
const SECRET: Attribute = Attribute {
    class: 15,
    name: LogicalName::ASSOCIATION,
    number: 7,
};

/// The file was written so many seconds after the world began.
fn written(bench: &Bench, after_s: i64) {
    let mut options = std::fs::File::options();
    let file = options.append(true).open(bench.file("password"));
    let at = u64::try_from(scenario().starts_at + after_s).expect("a time of this century");
    let at = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(at);
    file.and_then(|file| file.set_modified(at))
        .expect("it is ours");
}

async fn world_of(scenario: DlmsScenario) -> (Bench, Meter, Office) {
    let mut bench = bench();
    written(&bench, -1000);
    let meter = seat_low(&mut bench, NAME, 17, scenario, FlagTroubles::default());
    let office = Office::new();
    office.provision(&bench);
    bench.start();
    bench
        .live_until(2400, |meter| meter.last_collected.is_some())
        .await;
    assert!(bench.desk().offer_key_set(office.key_set(&bench, 1)));
    bench.live(5).await;
    (bench, meter, office)
}

fn scenario() -> DlmsScenario {
    DlmsScenario {
        days: 2,
        ..DlmsScenario::new(9, "00012345")
    }
}

async fn world() -> (Bench, Meter, Office) {
    world_of(scenario()).await
}

/// Sealed for a gateway and a meter.
fn sealed(gateway: &str, meter: &str, password: &[u8]) -> Vec<u8> {
    let place = PasswordPlace {
        gateway: &gateway.parse().expect("a name"),
        meter: &meter.parse().expect("a name"),
        level: 1,
    };
    let password = SecretOctets::new(password).expect("a password");
    let key = SealingKey::from_seed(&SEALING_SEED).public();
    key.seal(&password, place, [3; 32]).expect("it fits")
}

fn change(sealed: Vec<u8>) -> Action {
    Action::PasswordChange {
        meter: NAME.parse().expect("a name"),
        level: 1,
        sealed,
    }
}

fn ordered(bench: &Bench, office: &mut Office, password: &[u8]) -> Command {
    let command = office.command(bench, change(sealed("pmu-test", NAME, password)));
    offer(bench, office.approved(&command));
    command
}

fn told(meter: &Meter) -> u32 {
    meter.instrument.written(SECRET)
}

/// How often it was shown a wrong one.
fn refused(meter: &Meter) -> u32 {
    meter.instrument.wrong_passwords()
}

async fn state(bench: &Bench, command: &Command) -> CommandState {
    let known = bench.command(command.id.bytes()).await;
    known.expect("it is known").progress.state
}

/// It is read as before, and no row is lost.
async fn goes_on(mut bench: Bench, meter: &Meter) {
    bench.live(2000).await;
    let upto = bench.utc() - 1000;
    bench.stop().await;
    check_rows(&bench, NAME, meter, upto);
    let events = bench.events();
    let refusals = events
        .iter()
        .filter(|event| event.code == EventCode::MeterPasswordRefused);
    assert_eq!(refusals.count(), 0, "{events:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_password_is_kept_written_and_proven_and_its_file_is_not_needed_any_more() {
    let (mut bench, meter, mut office) = world().await;
    let first = ordered(&bench, &mut office, NEW);
    live_until_final(&bench, &first).await;
    assert!(meter.instrument.has_password(READER, NEW));
    assert_eq!(told(&meter), 1);
    // The same order once more, and another one for the same password: nothing is written.
    offer(&bench, office.approved(&first));
    let again = ordered(&bench, &mut office, NEW);
    live_until_final(&bench, &again).await;
    assert_eq!((told(&meter), refused(&meter)), (1, 0));
    bench.stop().await;
    let receipts = bench.receipts();
    let expected = [
        "accepted",
        "executing",
        "executing",
        "succeeded",
        "succeeded",
    ];
    assert_eq!(road(&receipts, &first), expected);
    assert_eq!(road(&receipts, &again)[3], "succeeded");
    let texts: String = receipts.iter().filter_map(|one| one.text.clone()).collect();
    assert!(
        !texts.contains("WXYZ") && !texts.contains("ABCD"),
        "{texts}"
    );
    // Its file holds the old one, and a new start goes on with the new one all the same.
    bench.start();
    goes_on(bench, &meter).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_sealed_for_others_or_ordered_by_one_alone_reaches_no_meter() {
    let (mut bench, meter, mut office) = world().await;
    let mut commands = Vec::new();
    let mut own = sealed("pmu-test", NAME, NEW);
    own[40] ^= 1;
    for sealed in [
        sealed("pmu-other", NAME, NEW),
        sealed("pmu-test", "dlms-2", NEW),
        own,
        vec![0; 56],
        vec![1],
    ] {
        let command = office.command(&bench, change(sealed));
        offer(&bench, office.approved(&command));
        commands.push(command);
    }
    let alone = office.command(&bench, change(sealed("pmu-test", NAME, NEW)));
    offer(&bench, office.signed(&alone));
    live_until_final(&bench, &alone).await;
    for command in &commands {
        live_until_final(&bench, command).await;
    }
    assert_eq!(told(&meter), 0);
    assert!(meter.instrument.has_password(READER, OLD));
    bench.stop().await;
    let receipts = bench.receipts();
    for command in &commands {
        let expected = ["accepted", "executing", "failed bad-seal"];
        assert_eq!(road(&receipts, command), expected);
    }
    let expected = ["rejected need-second-approval"];
    assert_eq!(road(&receipts, &alone), expected);
}

/// The meter has the new one, and the gateway never heard it say so.
#[tokio::test(start_paused = true)]
async fn a_line_cut_before_the_answer_is_settled_by_the_next_sessions() {
    let (bench, mut meter, mut office) = world().await;
    let command = ordered(&bench, &mut office, NEW);
    live_until_told(&bench, &meter).await;
    bench.wire.unseat_flag(meter.place);
    bench.live(120).await;
    assert_eq!(state(&bench, &command).await, CommandState::Executing);
    meter.place = plug(&bench, &meter.instrument, 17, FlagTroubles::default());
    live_until_final(&bench, &command).await;
    assert_eq!(state(&bench, &command).await, CommandState::Succeeded);
    assert_eq!((told(&meter), refused(&meter)), (1, 0));
    goes_on(bench, &meter).await;
}

/// A meter that says yes and does nothing: a word decides nothing, the next session does.
#[tokio::test(start_paused = true)]
async fn a_meter_that_confirms_and_forgets_goes_on_with_its_old_password() {
    let (bench, meter, mut office) = world_of(DlmsScenario {
        forgets: Some(SECRET),
        ..scenario()
    })
    .await;
    let command = ordered(&bench, &mut office, NEW);
    live_until_final(&bench, &command).await;
    assert_eq!(state(&bench, &command).await, CommandState::Failed);
    assert!(meter.instrument.has_password(READER, OLD));
    assert_eq!(refused(&meter), 1, "the new one is tried once");
    goes_on(bench, &meter).await;
}

/// Cut at every moment of a change: the meter has one of the two, the gateway knows which, and writes
/// it once at most.
#[tokio::test(start_paused = true)]
async fn a_gateway_killed_at_any_moment_finds_out_which_password_the_meter_has() {
    let mut ends = std::collections::BTreeMap::new();
    for cut_ms in (0..2400).step_by(200) {
        let (mut bench, meter, mut office) = world().await;
        let command = ordered(&bench, &mut office, NEW);
        bench.live_ms(cut_ms).await;
        bench.kill().await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        bench.start();
        bench.live(10).await;
        offer(&bench, office.approved(&command));
        live_until_final(&bench, &command).await;
        let end = state(&bench, &command).await;
        let has_new = meter.instrument.has_password(READER, NEW);
        assert_eq!(end == CommandState::Succeeded, has_new, "{cut_ms}: {end}");
        assert!(told(&meter) <= 1, "{cut_ms}");
        assert!(refused(&meter) <= 1, "{cut_ms}: each is tried once");
        *ends.entry(end.word()).or_insert(0) += 1;
        bench.live(1200).await;
        bench.stop().await;
        assert!(!road(&bench.receipts(), &command).is_empty());
    }
    println!("killed at 12 moments of a change: {ends:?}");
    assert!(ends.len() >= 2, "{ends:?}");
}

/// Somebody gave the meter another one at its optical port, and wrote that into the file.
#[tokio::test(start_paused = true)]
async fn a_person_who_writes_another_password_into_the_file_is_heard() {
    let (mut bench, meter, mut office) = world().await;
    let command = ordered(&bench, &mut office, NEW);
    live_until_final(&bench, &command).await;
    bench.stop().await;
    let now = bench.utc();
    bench.password("9999QQQQ");
    keep_private(&bench.file("password"));
    written(&bench, now - scenario().starts_at);
    let theirs = Secret::new(b"9999QQQQ").expect("a password");
    meter.instrument.set_password(READER, theirs);
    bench.start();
    bench
        .live_until(3600, |meter| meter.last_collected.is_some())
        .await;
    bench.live(1200).await;
    assert_eq!(refused(&meter), 0, "what a person wrote is tried first");
}

/// Lives until the meter has taken a password, and not a moment longer: its answer is still to come.
async fn live_until_told(bench: &Bench, meter: &Meter) {
    for _ in 0..600_000 {
        if told(meter) > 0 {
            return;
        }
        bench.live_ms(2).await;
    }
    panic!("no password came");
}
