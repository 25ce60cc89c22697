//! Commands of the head-end at the desk, as the bytes that a broker brings.

use super::world::{Meter, bench, import, key_octets, seat_secured};
use crate::bench::Bench;
use crate::site::Site;
use ::dlms::codec::{Attribute, Data, LogicalName};
use ::dlms::security::Suite;
use authority::{
    Action, AuthenticCommand, Bounds, Command, CommandId, CommandState, Document, KeyEntry,
    KeySetContent, ObjectState, OperatorKey, Receipt, Role, RotatedKey, approve_command,
    sign_command, sign_shared_command,
};
use metering::Timestamp;
use pmu_agent::tasks::command_desk::LocalOrder;
use simulator::dlms::DlmsScenario;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use storage::{Body, Stream};

pub(super) const NAME: &str = "dlms-1";
pub(super) const SCHEME: &str = include_str!("../../../../config/schemes/two-rate-all-year.toml");
/// The name of the calendar in force.
pub(super) const IN_FORCE: Attribute = Attribute {
    class: 20,
    name: LogicalName([0, 0, 13, 0, 0, 255]),
    number: 2,
};

/// Operators with their keys, and what they have numbered.
pub(crate) struct Office {
    root: OperatorKey,
    anna: OperatorKey,
    pub(super) ben: OperatorKey,
    numbers: BTreeMap<Vec<u8>, u64>,
    made: u8,
}

impl Office {
    pub(crate) fn new() -> Self {
        Self {
            root: OperatorKey::ed25519(&[9; 32]),
            anna: OperatorKey::ed25519(&[1; 32]),
            ben: OperatorKey::es256(&[3; 32]).expect("a scalar"),
            numbers: BTreeMap::new(),
            made: 0,
        }
    }

    /// The root's public half, where the gateway looks for it.
    pub(crate) fn provision(&self, bench: &Bench) {
        let pem = self.root.public().to_pem().expect("a public key");
        std::fs::write(bench.file("roots.pem"), pem).expect("a file");
    }

    pub(crate) fn key_set(&self, bench: &Bench, version: u64) -> Vec<u8> {
        let now = u64::try_from(bench.utc()).expect("a time of this century");
        let entry = |key: &OperatorKey, who: &str, roles: &[Role]| KeyEntry {
            key: key.public(),
            who: who.to_owned(),
            roles: roles.iter().copied().collect::<BTreeSet<Role>>(),
            not_before: Timestamp::from_seconds(now - 1000),
            expires: Timestamp::from_seconds(now + 10_000_000),
            is_revoked: false,
        };
        let content = KeySetContent {
            version,
            issued: Timestamp::from_seconds(now - 1000),
            expires: Timestamp::from_seconds(now + 9_000_000),
            keys: vec![
                entry(
                    &self.anna,
                    "Anna A.",
                    &[Role::Operator, Role::Administrator],
                ),
                entry(&self.ben, "Ben B.", &[Role::Approver]),
            ],
        };
        content.sign(&self.root).expect("a key set")
    }

    /// The next command of Anna.
    pub(crate) fn command(&mut self, bench: &Bench, action: Action) -> Command {
        let now = u64::try_from(bench.utc()).expect("a time of this century");
        let number = self.numbers.entry(bench.epoch().to_vec()).or_default();
        *number += 1;
        self.made += 1;
        let now = Timestamp::from_seconds(now);
        Command {
            id: CommandId::of_time(now, [self.made; 10]),
            gateway: "pmu-test".parse().expect("a name"),
            epoch: bench.epoch(),
            number: *number,
            issued: now,
            not_before: now,
            expires: now.after(Duration::from_hours(6)),
            action,
            precondition: None,
            bounds: Bounds::default(),
        }
    }

    pub(crate) fn signed(&self, command: &Command) -> Vec<u8> {
        sign_command(command, &self.anna).expect("a command")
    }

    pub(crate) fn approved(&self, command: &Command) -> Vec<u8> {
        let shared = sign_shared_command(command, &self.anna).expect("a command");
        approve_command(&shared, &self.ben).expect("an approval")
    }
}

pub(super) fn put() -> Action {
    let document = Document::Inline(SCHEME.to_owned());
    Action::SchemePut { document }
}

pub(super) fn tariff() -> Action {
    Action::TariffSet {
        scheme: "two-rate-all-year".parse().expect("a name"),
        meters: vec![NAME.parse().expect("a name")],
    }
}

pub(crate) fn offer(bench: &Bench, bytes: Vec<u8>) {
    assert!(bench.desk().offer_command(bytes, false), "there is room");
}

/// A gateway with one meter with keys, and the operators' key set.
pub(super) async fn world() -> (Bench, Meter, Office) {
    world_of(DlmsScenario {
        days: 2,
        ..DlmsScenario::new(9, "00012345")
    })
    .await
}

/// The same with such a meter.
pub(super) async fn world_of(scenario: DlmsScenario) -> (Bench, Meter, Office) {
    world_on(bench(), scenario).await
}

/// The same on such a bench.
pub(super) async fn world_on(mut bench: Bench, scenario: DlmsScenario) -> (Bench, Meter, Office) {
    let meter = seat_secured(&mut bench, (NAME, 17), Suite::Zero, scenario);
    let site = Site::begin(bench);
    import(&site.bench, NAME, Suite::Zero, key_octets(Suite::Zero)).await;
    let Site { bench, office } = site.read_once().await.with_keys().await;
    (bench, meter, office)
}

/// Its receipts by state and code, in the order in which they came; at most one is final.
#[track_caller]
pub(crate) fn road(receipts: &[Receipt], of: &Command) -> Vec<String> {
    let own: Vec<&Receipt> = receipts.iter().filter(|one| one.id == of.id).collect();
    let finals: BTreeSet<String> = own
        .iter()
        .filter(|one| one.state.is_final())
        .map(|one| format!("{} {:?}", one.state.word(), one.code))
        .collect();
    assert!(finals.len() <= 1, "{own:#?}");
    let words = own.iter().map(|one| match &one.code {
        Some(code) => format!("{} {code}", one.state.word()),
        None => one.state.word().to_owned(),
    });
    words.collect()
}

pub(super) fn in_force(meter: &Meter) -> Data {
    meter.instrument.programmed(IN_FORCE).expect("a calendar")
}

/// How often its waiting calendar was written to.
pub(super) fn writes(meter: &Meter) -> u32 {
    let waiting = (6..=9).map(|number| Attribute { number, ..IN_FORCE });
    waiting
        .map(|attribute| meter.instrument.written(attribute))
        .sum()
}

/// Its plug is in, or not.
pub(super) fn plug(bench: &Bench, meter: &Meter, is_in: bool) {
    bench
        .wire
        .change_flag(meter.place, |troubles| troubles.dead = !is_in);
}

pub(super) fn named(name: &str) -> Data {
    Data::OctetString(name.as_bytes().to_vec())
}

/// Lives until a command writes to its first meter, and so long more.
pub(crate) async fn live_into_writing(bench: &Bench, command: &Command, millis: u64) {
    for _ in 0..40_000 {
        bench.live_ms(50).await;
        let known = bench.command(command.id.bytes()).await;
        if known.is_some_and(|known| known.progress.step > 0) {
            return bench.live_ms(millis).await;
        }
    }
    let known = bench.command(command.id.bytes()).await;
    panic!("command {} does not begin: {known:?}", command.id);
}

/// Lives until the desk has nothing to do for a command any more.
pub(crate) async fn live_until_final(bench: &Bench, command: &Command) {
    for _ in 0..2000 {
        bench.live(2).await;
        let known = bench.command(command.id.bytes()).await;
        if known.is_some_and(|known| {
            let state = known.progress.state;
            state.is_final() || state == storage::CommandState::Partial
        }) {
            return;
        }
    }
    let known = bench.command(command.id.bytes()).await;
    let progress = known.map(|known| known.progress);
    panic!("command {} does not end: {progress:?}", command.id);
}

#[tokio::test(start_paused = true)]
async fn a_tariff_is_written_read_back_and_proven() {
    let (mut bench, meter, mut office) = world().await;
    let put = office.command(&bench, put());
    let set = office.command(&bench, tariff());
    // The second one comes first: it is held until its turn.
    offer(&bench, office.signed(&set));
    bench.live(1).await;
    assert_eq!(in_force(&meter), named("FLAT"));
    offer(&bench, office.signed(&put));
    live_until_final(&bench, &set).await;
    assert_eq!(in_force(&meter), named("DAYNIGHT"));
    // What was kept for resume and restore is not needed any more.
    assert_eq!(bench.kept("program/").await, Vec::<String>::new());
    // Once more, as a head-end does that has missed the receipt: nothing is done.
    let before = writes(&meter);
    offer(&bench, office.signed(&set));
    bench.live(600).await;
    assert_eq!(writes(&meter), before);
    bench.stop().await;
    let receipts = bench.receipts();
    assert_eq!(
        road(&receipts, &put),
        ["accepted", "executing", "succeeded"]
    );
    let expected = [
        "received seq-gap",
        "accepted",
        "executing",
        "executing",
        "succeeded",
        "succeeded",
    ];
    assert_eq!(road(&receipts, &set), expected);
    let last = receipts
        .iter()
        .rev()
        .find(|one| one.id == set.id)
        .expect("a receipt");
    let proof = last.proof.as_ref().expect("a proof");
    assert_eq!(proof.who, ["Anna A."]);
    let [one] = proof.meters.as_slice() else {
        panic!("{proof:#?}");
    };
    assert!(one.before.is_some() && one.before != one.after, "{one:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_signed_or_may_order_changes_nothing() {
    let (mut bench, meter, mut office) = world().await;
    let put = office.command(&bench, put());
    offer(&bench, office.signed(&put));
    bench.live(5).await;
    let before = writes(&meter);
    // A stranger's key, a changed octet, rubbish.
    let set = office.command(&bench, tariff());
    let stranger = OperatorKey::ed25519(&[66; 32]);
    offer(&bench, sign_command(&set, &stranger).expect("a command"));
    let mut tampered = office.signed(&set);
    let middle = tampered.len() / 2;
    tampered[middle] ^= 1;
    offer(&bench, tampered);
    offer(&bench, vec![0xd2; 900]);
    // Ben approves and does not order.
    let mut by_ben = set.clone();
    by_ben.number = 1;
    by_ben.id = CommandId::of_time(set.issued, [90; 10]);
    offer(
        &bench,
        sign_command(&by_ben, &office.ben).expect("a command"),
    );
    // For another store, and too late.
    let mut other = set.clone();
    other.epoch = [0; 8];
    other.id = CommandId::of_time(other.issued, [91; 10]);
    offer(&bench, office.signed(&other));
    bench.live(30).await;
    // An older key set, and one that no root has signed.
    assert!(bench.desk().offer_key_set(office.key_set(&bench, 1)));
    let mut thief = Office::new();
    thief.root = OperatorKey::ed25519(&[67; 32]);
    assert!(bench.desk().offer_key_set(thief.key_set(&bench, 2)));
    bench.live(30).await;
    assert_eq!(bench.desk().view().key_set, 1);
    assert_eq!(writes(&meter), before);
    // The number was not used up by any of them.
    offer(&bench, office.signed(&set));
    live_until_final(&bench, &set).await;
    assert_eq!(in_force(&meter), named("DAYNIGHT"));
    bench.stop().await;
    let receipts = bench.receipts();
    assert_eq!(road(&receipts, &other), ["rejected wrong-epoch"]);
    let refused = bench.events().into_iter();
    let refused = refused.filter(|event| event.code == metering::EventCode::CommandRefused);
    assert!(refused.count() >= 2);
}

#[tokio::test(start_paused = true)]
async fn an_expired_or_unfit_command_ends_without_a_write() {
    let (mut bench, meter, mut office) = world().await;
    let mut late = office.command(&bench, tariff());
    late.not_before = Timestamp::from_seconds(late.issued.seconds() - 9000);
    late.issued = late.not_before;
    late.expires = Timestamp::from_seconds(late.issued.seconds() + 100);
    let missing = office.command(&bench, tariff());
    let unsupported = office.command(
        &bench,
        Action::KeyRotate {
            key: RotatedKey::Master(NAME.parse().expect("a name")),
            session: None,
        },
    );
    let put = office.command(&bench, put());
    let mut elsewhere = office.command(&bench, tariff());
    elsewhere.precondition = Some(ObjectState {
        version: None,
        sha256: Some([1; 32]),
    });
    for command in [&late, &missing, &unsupported, &put, &elsewhere] {
        offer(&bench, office.signed(command));
    }
    live_until_final(&bench, &elsewhere).await;
    assert_eq!(in_force(&meter), named("FLAT"));
    assert_eq!(writes(&meter), 0);
    bench.stop().await;
    let receipts = bench.receipts();
    assert_eq!(road(&receipts, &late), ["expired"]);
    let expected = ["accepted", "executing", "failed no-such-scheme"];
    assert_eq!(road(&receipts, &missing), expected);
    assert_eq!(road(&receipts, &unsupported), ["rejected unsupported"]);
    let expected = ["accepted", "executing", "failed precondition"];
    assert_eq!(road(&receipts, &elsewhere), expected);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_killed_at_any_time_of_a_run_neither_forgets_nor_repeats() {
    let mut ends = BTreeMap::new();
    for cut_ms in (0..9000).step_by(600) {
        let (mut bench, meter, mut office) = world().await;
        let put = office.command(&bench, put());
        let set = office.command(&bench, tariff());
        offer(&bench, office.signed(&put));
        offer(&bench, office.signed(&set));
        live_into_writing(&bench, &set, cut_ms).await;
        bench.kill().await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        bench.start();
        bench.live(10).await;
        // The head-end offers again what it has no receipt of.
        offer(&bench, office.signed(&put));
        offer(&bench, office.signed(&set));
        live_until_final(&bench, &set).await;
        let state = bench
            .command(set.id.bytes())
            .await
            .expect("it is known")
            .progress
            .state;
        let found = in_force(&meter);
        match state {
            storage::CommandState::Succeeded => assert_eq!(found, named("DAYNIGHT"), "{cut_ms}"),
            storage::CommandState::Failed => assert_eq!(found, named("FLAT"), "{cut_ms}"),
            storage::CommandState::Partial => {
                // Two people look, and one of them sends it on.
                let resume = office.command(&bench, Action::SchemeResume { of: set.id });
                offer(&bench, office.approved(&resume));
                live_until_final(&bench, &resume).await;
                assert_eq!(in_force(&meter), named("DAYNIGHT"), "{cut_ms}");
                let of = bench.command(set.id.bytes()).await.expect("it is known");
                assert_eq!(of.progress.state, storage::CommandState::Succeeded);
            }
            other => panic!("{cut_ms} ms: {other}"),
        }
        *ends.entry(state.word()).or_insert(0) += 1;
        bench.stop().await;
        let receipts = bench.receipts();
        // Exactly one end of each.
        for command in [&put, &set] {
            assert!(!road(&receipts, command).is_empty(), "{cut_ms}");
        }
    }
    println!("killed at 15 moments of a run: {ends:?}");
    assert!(ends.len() >= 2, "{ends:?}");
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_is_cut_off_in_the_middle_is_gone_on_with_or_turned_back() {
    let mut partial = 0;
    for (cut_ms, is_restore) in (500..8000)
        .step_by(500)
        .zip([false, true].into_iter().cycle())
    {
        let (mut bench, meter, mut office) = world().await;
        let put = office.command(&bench, put());
        let mut set = office.command(&bench, tariff());
        set.bounds.attempts = Some(1);
        offer(&bench, office.signed(&put));
        offer(&bench, office.signed(&set));
        live_into_writing(&bench, &set, cut_ms).await;
        plug(&bench, &meter, false);
        bench.live(60).await;
        plug(&bench, &meter, true);
        live_until_final(&bench, &set).await;
        let state = bench
            .command(set.id.bytes())
            .await
            .expect("it is known")
            .progress
            .state;
        if state == storage::CommandState::Partial {
            partial += 1;
            let of = set.id;
            let (again, expected) = if is_restore {
                (Action::SchemeRestore { of }, "FLAT")
            } else {
                (Action::SchemeResume { of }, "DAYNIGHT")
            };
            let again = office.command(&bench, again);
            // One person alone may not.
            offer(&bench, office.signed(&again));
            bench.live(5).await;
            let mut again = office.command(&bench, again.action);
            again.bounds = Bounds::default();
            offer(&bench, office.approved(&again));
            live_until_final(&bench, &again).await;
            assert_eq!(in_force(&meter), named(expected), "{cut_ms} ms");
        }
        bench.stop().await;
        road(&bench.receipts(), &set);
    }
    assert!(partial > 0, "the line was cut where it hurts");
}

#[tokio::test(start_paused = true)]
async fn commands_of_a_store_that_was_lost_are_refused() {
    let (mut bench, meter, mut office) = world().await;
    let put = office.command(&bench, put());
    let set = office.command(&bench, tariff());
    offer(&bench, office.signed(&put));
    live_until_final(&bench, &put).await;
    bench.stop().await;
    bench.lose_store();
    bench.start();
    assert!(bench.desk().offer_key_set(office.key_set(&bench, 1)));
    bench.live(5).await;
    offer(&bench, office.signed(&put));
    offer(&bench, office.signed(&set));
    bench.live(600).await;
    assert_eq!(in_force(&meter), named("FLAT"));
    bench.stop().await;
    let receipts = bench.receipts();
    assert_eq!(road(&receipts, &put), ["rejected wrong-epoch"]);
    assert_eq!(road(&receipts, &set), ["rejected wrong-epoch"]);
}

#[tokio::test(start_paused = true)]
async fn an_old_command_that_a_broker_repeats_for_ever_fills_no_disk() {
    let (mut bench, _meter, mut office) = world().await;
    let put = office.command(&bench, put());
    let bytes = office.signed(&put);
    offer(&bench, bytes.clone());
    live_until_final(&bench, &put).await;
    for _ in 0..600 {
        for _ in 0..20 {
            offer(&bench, bytes.clone());
        }
        bench.live_ms(100).await;
    }
    bench.stop().await;
    let answered = bench.receipts().len();
    assert!(
        (20..80).contains(&answered),
        "12,000 in a minute are answered {answered} times"
    );
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_rubbish_costs_the_meters_nothing() {
    let (mut bench, meter, mut office) = world().await;
    let mut taken = 0;
    for _ in 0..200 {
        for _ in 0..50 {
            // As 10,000 a minute; what finds no room is lost, and may come again.
            taken += u32::from(bench.desk().offer_command(vec![0xd2; 1000], false));
        }
        bench.live_ms(300).await;
    }
    assert!(taken > 1000, "the desk judges {taken} of 10,000");
    bench.live(70).await;
    let put = office.command(&bench, put());
    offer(&bench, office.signed(&put));
    live_until_final(&bench, &put).await;
    let upto = bench.utc() - 1200;
    bench.live(1200).await;
    bench.stop().await;
    super::world::check_rows(&bench, NAME, &meter, upto);
    let told = bench.events().into_iter();
    let told = told.filter(|event| event.code == metering::EventCode::CommandRefused);
    assert!((1..=4).contains(&told.count()), "once a minute at most");
    let audit = bench.entries(Stream::Audit);
    assert!(
        audit
            .iter()
            .all(|entry| matches!(entry.body, Body::Audit(_)))
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_start_that_was_ordered_has_succeeded_once_it_is_there() {
    let (mut bench, _meter, mut office) = world().await;
    let again = office.command(&bench, Action::AgentRestart);
    offer(&bench, office.signed(&again));
    bench.live(5).await;
    assert!(bench.is_to_restart());
    bench.stop().await;
    bench.start();
    live_until_final(&bench, &again).await;
    bench.stop().await;
    let receipts = bench.receipts();
    let expected = ["accepted", "executing", "unknown", "succeeded"];
    assert_eq!(road(&receipts, &again), expected);
    assert!(CommandState::Succeeded.is_final());
}

/// By the configuration, which nobody signs: the same gates, the same journal, the same receipts.
#[tokio::test(start_paused = true)]
async fn what_the_gateway_orders_itself_passes_the_same_gates() {
    let (mut bench, _meter, mut office) = world().await;
    let by_configuration = |action: Action| {
        LocalOrder::new(action, Duration::from_mins(10), |command: &Command| {
            AuthenticCommand::by_configuration(command)
        })
    };
    let meter = || NAME.parse().expect("a name");
    let mut ends = bench.desk().ended();
    let ping = by_configuration(Action::MeterPing { meter: meter() });
    let asked = bench.desk().order(ping).await.expect("an order");
    bench.live(120).await;
    let ended = ends.try_recv().expect("an end");
    assert_eq!(ended.id, asked);
    assert_eq!(ended.state, CommandState::Succeeded, "{ended:?}");
    // It may not program, restart or store anything.
    let set = by_configuration(tariff());
    let refused = bench.desk().order(set).await.expect_err("it may not");
    assert!(refused.to_string().contains("configuration"), "{refused}");
    let before = bench.desk().view().accepted;
    assert!(before.is_empty(), "no signer's number was used: {before:?}");
    // People's numbers are their own.
    let put = office.command(&bench, put());
    offer(&bench, office.signed(&put));
    live_until_final(&bench, &put).await;
    bench.stop().await;
    let receipts = bench.receipts();
    let states = |id: CommandId| -> Vec<&str> {
        let own = receipts.iter().filter(|one| one.id == id);
        own.map(|one| one.state.word()).collect()
    };
    assert_eq!(states(asked), ["accepted", "executing", "succeeded"]);
    let rejected = receipts
        .iter()
        .filter(|one| one.state == CommandState::Rejected);
    assert_eq!(rejected.count(), 1);
}
