//! People at the local socket: who has an account, who may what, and that an order of theirs passes the
//! gates of every other command.

use crate::bench::Bench;
use authority::{Action, Bounds, Command, CommandId, Document, RotatedKey};
use desk::{Answer, CommandStanding, KeyText, PeopleWish, Refusal, Request, SignedIn, TraceSwitch};
use pmu_agent::hex::hex;
use simulator::elster::{ElsterModel, Scenario};
use std::time::Duration;

/// Group `pmu`, as the kernel shows it under the unit.
const STRANGER: u32 = 65_534;
const PASSWORD: &str = "correct horse 1";
const METER: &str = "elster-1";
const BAUD: &str = "";

fn secret(text: &str) -> KeyText {
    KeyText::new(text.to_owned().into())
}

async fn people(bench: &Bench, uid: u32, wish: PeopleWish) -> Result<Answer, Refusal> {
    bench.ask_as(uid, Request::People { wish }).await
}

/// What somebody asks who has signed in, from a user that only looks.
async fn ask(bench: &Bench, session: &KeyText, request: Request) -> Result<Answer, Refusal> {
    let asked = SignedIn {
        session: session.clone(),
        second: None,
        request: Box::new(request),
    };
    bench.ask_as(STRANGER, Request::As(asked)).await
}

async fn code(bench: &Bench, anew: bool) -> Result<KeyText, Refusal> {
    match people(bench, 0, PeopleWish::Code { anew }).await? {
        Answer::ClaimCode(code) => Ok(code),
        other => panic!("{other:?}"),
    }
}

async fn claim(bench: &Bench, code: &KeyText, name: &str) -> Result<Answer, Refusal> {
    let wish = PeopleWish::Claim {
        code: code.clone(),
        name: name.to_owned(),
        password: secret(PASSWORD),
    };
    people(bench, STRANGER, wish).await
}

async fn sign_in(bench: &Bench, name: &str, password: &str) -> Result<KeyText, Refusal> {
    let wish = PeopleWish::SignIn {
        name: name.to_owned(),
        password: secret(password),
    };
    match people(bench, STRANGER, wish).await? {
        Answer::Session(opened) => Ok(opened.session),
        other => panic!("{other:?}"),
    }
}

fn add(name: &str, role: &str) -> Request {
    let wish = PeopleWish::Add {
        name: name.to_owned(),
        role: role.to_owned(),
        password: secret(PASSWORD),
    };
    Request::People { wish }
}

/// A gateway with a meter, and these people: the first one claims it.
async fn world(others: &[(&str, &str)]) -> (Bench, KeyText) {
    let mut bench = Bench::new(&Scenario::new(5, ""));
    bench.seat(
        METER,
        ElsterModel::A1140,
        Scenario::new(5, "12345678"),
        BAUD,
    );
    bench.start();
    let code = code(&bench, false).await.expect("a code");
    claim(&bench, &code, "ada").await.expect("claimed");
    let ada = sign_in(&bench, "ada", PASSWORD).await.expect("a session");
    for (name, role) in others {
        ask(&bench, &ada, add(name, role))
            .await
            .expect("an account");
    }
    (bench, ada)
}

#[track_caller]
fn refused<T: std::fmt::Debug>(found: Result<T, Refusal>, part: &str) {
    let refusal = found.expect_err("a refusal");
    assert!(refusal.to_string().contains(part), "{refusal}");
}

/// What the audit log says.
async fn audit(bench: &Bench) -> String {
    let request = Request::Audit {
        from: 1,
        count: 1000,
    };
    match bench.ask(request).await {
        Ok(Answer::Audit(piece)) => piece.lines,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_is_claimed_once_with_the_code_of_root() {
    let mut bench = Bench::new(&Scenario::new(5, ""));
    bench.start();
    refused(sign_in(&bench, "ada", PASSWORD).await, "wrong");
    let guess = secret("AAAAA-AAAAA-AAAAA-AAAAA");
    refused(claim(&bench, &guess, "eve").await, "no claim code");
    let wish = PeopleWish::Code { anew: false };
    refused(people(&bench, STRANGER, wish).await, "root alone");
    let old = code(&bench, false).await.expect("a code");
    let new = code(&bench, false).await.expect("another code");
    refused(
        claim(&bench, &old, "eve").await,
        "not the gateway's claim code",
    );
    refused(
        claim(&bench, &guess, "eve").await,
        "not the gateway's claim code",
    );
    claim(&bench, &new, "ada").await.expect("claimed");
    // An answer is a promise: the account is there after the power went.
    bench.kill().await;
    bench.start();
    let ada = sign_in(&bench, "ada", PASSWORD).await.expect("a session");
    refused(claim(&bench, &new, "eve").await, "");
    refused(code(&bench, false).await, "have an account here already");
    bench.stop().await;
    bench.start();
    refused(ask(&bench, &ada, Request::Jobs).await, "session is over");
    // Root has lost the administrator's password.
    let anew = code(&bench, true).await.expect("a code");
    refused(sign_in(&bench, "ada", PASSWORD).await, "wrong");
    claim(&bench, &anew, "ida").await.expect("claimed");
    let told = audit(&bench).await;
    for part in [
        "new claim code",
        "refused: claim",
        "first administrator ada",
        "all accounts",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(
        !told.contains(PASSWORD) && !told.contains(anew.reveal()),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn guesses_are_slowed_down_counted_and_told() {
    let (bench, ada) = world(&[("olga", "operator")]).await;
    for _ in 0..3 {
        refused(sign_in(&bench, "olga", "a wrong password").await, "wrong");
        refused(sign_in(&bench, "nobody", "a wrong password").await, "wrong");
    }
    refused(sign_in(&bench, "olga", "a wrong password").await, "wrong");
    // The right one waits as well: nothing tells that it is.
    refused(sign_in(&bench, "olga", PASSWORD).await, "try again in");
    // Others are not kept out by that.
    sign_in(&bench, "ada", PASSWORD).await.expect("a session");
    bench.live(5).await;
    sign_in(&bench, "olga", PASSWORD).await.expect("a session");
    for _ in 0..12 {
        drop(sign_in(&bench, "olga", "a wrong password").await);
        bench.live(70).await;
    }
    refused(sign_in(&bench, "olga", PASSWORD).await, "locked for");
    let told = audit(&bench).await;
    assert!(told.matches("refused: sign-in").count() >= 10, "{told}");
    // What was guessed is not told.
    assert!(!told.contains("a wrong password"), "{told}");
    drop(ada);
}

#[tokio::test(start_paused = true)]
async fn a_role_does_what_it_may_and_nothing_more() {
    let (bench, ada) = world(&[("vera", "viewer"), ("olga", "operator")]).await;
    let vera = sign_in(&bench, "vera", PASSWORD).await.expect("a session");
    let olga = sign_in(&bench, "olga", PASSWORD).await.expect("a session");
    let trace = || Request::Trace {
        bus: "main".to_owned(),
        switch: TraceSwitch::On,
    };
    ask(&bench, &vera, Request::Meters).await.expect("a look");
    refused(
        ask(&bench, &vera, trace()).await,
        "takes the right `control`",
    );
    ask(&bench, &olga, trace()).await.expect("control");
    refused(ask(&bench, &olga, add("eve", "viewer")).await, "`people`");
    refused(ask(&bench, &vera, add("eve", "viewer")).await, "`people`");
    let password = |name: Option<&str>| {
        let name = name.map(str::to_owned);
        let password = secret("another horse 2");
        Request::People {
            wish: PeopleWish::Password { name, password },
        }
    };
    refused(ask(&bench, &olga, password(Some("ada"))).await, "`people`");
    ask(&bench, &olga, password(None)).await.expect("her own");
    refused(ask(&bench, &olga, trace()).await, "session is over");
    refused(sign_in(&bench, "olga", PASSWORD).await, "wrong");
    let olga = sign_in(&bench, "olga", "another horse 2")
        .await
        .expect("the new one");
    // Root without a session has no name to sign a change of people with.
    refused(bench.ask(add("eve", "viewer")).await, "signed in");
    let remove = |name: &str| Request::People {
        wish: PeopleWish::Remove {
            name: name.to_owned(),
        },
    };
    refused(ask(&bench, &ada, remove("ada")).await, "last administrator");
    ask(&bench, &ada, remove("olga")).await.expect("removed");
    refused(ask(&bench, &olga, Request::Jobs).await, "session is over");
    let sign_out = Request::People {
        wish: PeopleWish::SignOut,
    };
    ask(&bench, &ada, sign_out).await.expect("signed out");
    refused(ask(&bench, &ada, Request::Jobs).await, "session is over");
    for forged in ["", "00", &"00".repeat(32), &"zz".repeat(32)] {
        refused(
            ask(&bench, &secret(forged), Request::Jobs).await,
            "session is over",
        );
    }
    let told = audit(&bench).await;
    assert!(told.contains("refused at the socket"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn who_does_nothing_is_signed_out() {
    let (bench, ada) = world(&[]).await;
    for _ in 0..5 {
        bench.live(14 * 60).await;
        ask(&bench, &ada, Request::Jobs).await.expect("at work");
    }
    bench.live(15 * 60).await;
    refused(ask(&bench, &ada, Request::Jobs).await, "session is over");
}

fn ordered(bench: &Bench, id: u8, action: Action) -> Command {
    let now = metering::Timestamp::from_seconds(u64::try_from(bench.utc()).expect("a time"));
    Command {
        id: CommandId::new([id; 16]),
        gateway: bench.settings().gateway,
        epoch: [0; 8],
        number: 1,
        issued: now,
        not_before: now,
        expires: now.after(Duration::from_mins(10)),
        action,
        precondition: None,
        bounds: Bounds::default(),
    }
}

async fn order(
    bench: &Bench,
    (first, second): (&KeyText, Option<&KeyText>),
    command: &Command,
) -> Result<String, Refusal> {
    let command = hex(&command.encode().expect("a command"));
    let asked = SignedIn {
        session: first.clone(),
        second: second.cloned(),
        request: Box::new(Request::Order { command }),
    };
    match bench.ask_as(STRANGER, Request::As(asked)).await? {
        Answer::Ordered(id) => Ok(id),
        other => panic!("{other:?}"),
    }
}

async fn end_of(bench: &Bench, id: &str) -> CommandStanding {
    for _ in 0..600 {
        let id = id.to_owned();
        match bench.ask_as(STRANGER, Request::Command { id }).await {
            Ok(Answer::Command(standing)) if standing.is_final => return *standing,
            Ok(Answer::Command(_)) => bench.live(1).await,
            other => panic!("{other:?}"),
        }
    }
    panic!("{id} does not end");
}

fn ping() -> Action {
    Action::MeterPing {
        meter: METER.parse().expect("a name"),
    }
}

fn scheme() -> Action {
    let text = include_str!("../../../config/schemes/two-rate-all-year.toml").to_owned();
    Action::SchemePut {
        document: Document::Inline(text),
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_at_the_box_ends_in_one_signed_receipt() {
    let (mut bench, ada) = world(&[("olga", "operator")]).await;
    bench.live(60).await;
    let olga = sign_in(&bench, "olga", PASSWORD).await.expect("a session");
    let command = ordered(&bench, 1, ping());
    let id = order(&bench, (&olga, None), &command)
        .await
        .expect("ordered");
    let ended = end_of(&bench, &id).await;
    assert_eq!(ended.state, "succeeded", "{ended:?}");
    assert_eq!(
        (ended.who.as_str(), ended.door.as_str()),
        ("olga", "socket")
    );
    assert!(!ended.receipt.is_empty());
    // The same order again is the same order.
    let again = order(&bench, (&olga, None), &command).await.expect("known");
    assert_eq!(again, id);
    bench.live(30).await;
    match ask(&bench, &ada, Request::Commands).await {
        Ok(Answer::Commands(all)) => assert_eq!(all.len(), 1, "{all:?}"),
        other => panic!("{other:?}"),
    }
    bench.stop().await;
    let finals = bench.receipts().into_iter();
    let finals = finals.filter(|one| one.id == command.id && one.state.is_final());
    assert_eq!(finals.count(), 1);
}

/// Refused with that code, or taken.
#[track_caller]
fn check_order(found: Result<String, Refusal>, code: Option<&str>, words: &str) {
    match (found, code) {
        (Ok(_), None) => {}
        (Err(refusal), Some(code)) if refusal.problem.contains(code) => {}
        (found, code) => panic!("{words}: {found:?} instead of {code:?}"),
    }
}

/// What is ordered alone as viewer, operator, administrator; and together with another administrator.
type Row = (Action, [Option<&'static str>; 3], [Option<&'static str>; 3]);

#[tokio::test(start_paused = true)]
async fn each_role_orders_what_its_table_says() {
    let others = [
        ("vera", "viewer"),
        ("olga", "operator"),
        ("ida", "administrator"),
    ];
    let (bench, ada) = world(&others).await;
    bench.live(60).await;
    let mut sessions = Vec::new();
    for name in ["vera", "olga", "ida"] {
        sessions.push((
            name,
            sign_in(&bench, name, PASSWORD).await.expect("a session"),
        ));
    }
    let no = Some("key-not-authorised");
    let two = Some("need-second-approval");
    let rotate = || Action::KeyRotate {
        key: RotatedKey::Encryption(METER.parse().expect("a name")),
        session: None,
    };
    let configure = || Action::CfgSet {
        document: Document::Inline("nonsense".to_owned()),
    };
    let rows: Vec<Row> = vec![
        (Action::Nop, [None; 3], [None; 3]),
        (ping(), [no, None, None], [None; 3]),
        (scheme(), [no, None, None], [None; 3]),
        (rotate(), [no, no, two], [two, two, None]),
        (configure(), [no, no, two], [two, two, None]),
    ];
    let mut id = 10;
    for (action, alone, together) in rows {
        let words = action.operation().word();
        for (at, (name, session)) in sessions.iter().enumerate() {
            for (second, code) in [(None, alone[at]), (Some(&ada), together[at])] {
                id += 1;
                let command = ordered(&bench, id, action.clone());
                let found = order(&bench, (session, second), &command).await;
                let words = format!("{words} by {name}, second {}", second.is_some());
                check_order(found, code, &words);
            }
        }
    }
    // One person is one person, with however many sessions.
    let again = sign_in(&bench, "ida", PASSWORD).await.expect("a session");
    let command = ordered(&bench, 90, configure());
    let found = order(&bench, (&sessions[2].1, Some(&again)), &command).await;
    check_order(found, two, "twice the same person");
}

#[tokio::test(start_paused = true)]
async fn nobody_orders_without_a_session_or_for_another_gateway() {
    let (bench, ada) = world(&[]).await;
    let mut command = ordered(&bench, 1, ping());
    let bare = |command: &Command| Request::Order {
        command: hex(&command.encode().expect("a command")),
    };
    for uid in [0, STRANGER] {
        refused(bench.ask_as(uid, bare(&command)).await, "signed in");
    }
    let forged = secret(&"ab".repeat(32));
    refused(
        order(&bench, (&forged, None), &command).await,
        "session is over",
    );
    refused(
        order(&bench, (&ada, Some(&forged)), &command).await,
        "session is over",
    );
    // A session in a session would be whoever the inner one says.
    let inner = SignedIn {
        session: ada.clone(),
        second: None,
        request: Box::new(bare(&command)),
    };
    refused(ask(&bench, &ada, Request::As(inner)).await, "root alone");
    command.gateway = "pmu-999".parse().expect("a name");
    refused(order(&bench, (&ada, None), &command).await, "not-for-me");
    for text in ["", "00", "a0", "zz", &"00".repeat(20_000)] {
        let request = Request::Order {
            command: text.to_owned(),
        };
        assert!(ask(&bench, &ada, request).await.is_err(), "{text}");
    }
    // What has expired is not begun.
    let command = ordered(&bench, 2, ping());
    bench.live(11 * 60).await;
    let ada = sign_in(&bench, "ada", PASSWORD).await.expect("a session");
    refused(order(&bench, (&ada, None), &command).await, "expired");
    match bench.ask(Request::Commands).await {
        Ok(Answer::Commands(all)) => assert_eq!(all, Vec::new()),
        other => panic!("{other:?}"),
    }
}
