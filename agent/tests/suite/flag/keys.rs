//! Keys of meters come in over the local socket, and none comes out.

use crate::bench::Bench;
use desk::{Answer, KeyStanding, KeyText, KeysStatus, KeysWish, Refusal, Request, encode};
use simulator::elster::{ElsterModel, Scenario};

const ONE: &str = "a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7";
const TWO: &str = "b8b8b8b8b8b8b8b8b8b8b8b8b8b8b8b8";

fn bench() -> Bench {
    let scenario = Scenario {
        days: 1,
        ..Scenario::new(51, "90123456")
    };
    let mut bench = Bench::new(&scenario);
    bench.seat("feeder-7", ElsterModel::A1140, scenario, "");
    bench.start();
    bench
}

fn import(meter: &str, suite: u8, keys: [&str; 2], replace: bool) -> Request {
    let text = |digits: &str| KeyText::new(digits.to_owned().into());
    Request::Keys {
        wish: KeysWish::Import {
            meter: meter.to_owned(),
            suite,
            encryption: Some(text(keys[0])),
            authentication: Some(text(keys[1])),
            key_encryption: None,
            replace,
        },
    }
}

async fn status(bench: &Bench) -> KeysStatus {
    let wish = KeysWish::Status { meter: None };
    match bench.ask(Request::Keys { wish }).await {
        Ok(Answer::Keys(status)) => *status,
        other => panic!("{other:?}"),
    }
}

/// Neither as digits nor as octets.
#[track_caller]
fn check_hidden(octets: &[u8]) {
    for secret in [b"a7a7".as_slice(), b"b8b8", &[0xa7; 4], &[0xb8; 4]] {
        assert!(!octets.windows(4).any(|part| part == secret));
    }
}

#[tokio::test(start_paused = true)]
async fn keys_that_were_brought_are_told_of_by_their_age_and_never_by_an_octet() {
    let mut bench = bench();
    let file = bench.store_folder().join("keys.redb");
    assert_eq!(status(&bench).await.keys, []);
    assert!(!file.exists(), "nobody has brought a key");
    let done = bench.ask(import("feeder-7", 0, [ONE, TWO], false)).await;
    check_hidden(&encode(&done).unwrap());
    let Ok(Answer::Done(words)) = done else {
        panic!("{done:?}");
    };
    assert!(!words.contains("no meter of this name"), "{words}");
    bench.live(86_400).await;
    let seen = status(&bench).await;
    assert_eq!(seen.master_key_fault, None);
    assert_eq!(seen.keys.len(), 2);
    for key in &seen.keys {
        assert_eq!((key.age_days, key.standing), (1, KeyStanding::Current));
        assert_eq!(key.counter_used_ppm, None);
    }
    check_hidden(&encode(&seen).unwrap());
    bench.stop().await;
    check_hidden(&std::fs::read(file).unwrap());
    // The audit chain says it. Its records are read as they lie on the disk.
    let log = std::fs::read(bench.store_folder().join("hot.redb")).unwrap();
    let said = b"meter keys imported";
    assert!(log.windows(said.len()).any(|part| part == said));
    check_hidden(&log);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_key_is_refused_as_a_whole_and_not_repeated() {
    let bench = bench();
    let long = "a7".repeat(100);
    for (meter, suite, keys) in [
        ("feeder-7", 0, [ONE, ""]),
        ("feeder-7", 0, [ONE, "b8b8"]),
        ("feeder-7", 0, [ONE, "b8b8b8b8b8b8b8b8b8b8b8b8b8b8b8bz"]),
        ("feeder-7", 0, [ONE, &long]),
        ("feeder-7", 2, [ONE, TWO]),
        ("feeder-7", 3, [ONE, TWO]),
        ("../feeder-7", 0, [ONE, TWO]),
        ("", 0, [ONE, TWO]),
    ] {
        let refused: Refusal = bench
            .ask(import(meter, suite, keys, true))
            .await
            .unwrap_err();
        check_hidden(refused.to_string().as_bytes());
    }
    assert_eq!(status(&bench).await.keys, []);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_takes_the_right_one_away_only_where_a_person_says_so() {
    let bench = bench();
    let ask = async |keys, replace| bench.ask(import("feeder-7", 0, keys, replace)).await;
    ask([ONE, ONE], false).await.unwrap();
    ask([TWO, ONE], false).await.unwrap();
    let standings = async || {
        let keys = status(&bench).await.keys;
        keys.iter().map(|key| key.standing).collect::<Vec<_>>()
    };
    let doubtful = [
        KeyStanding::DoubtfulOld,
        KeyStanding::DoubtfulNew,
        KeyStanding::Current,
    ];
    assert_eq!(standings().await, doubtful);
    let third = "c9".repeat(16);
    let refused = ask([&third, ONE], false).await.unwrap_err();
    assert!(refused.remedy.contains("--replace"), "{refused}");
    assert_eq!(standings().await, doubtful);
    ask([&third, ONE], true).await.unwrap();
    assert_eq!(standings().await, [KeyStanding::Current; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_master_key_may_come_alone_and_half_a_pair_may_not() {
    let bench = bench();
    let text = |digits: &str| Some(KeyText::new(digits.to_owned().into()));
    let wish = |encryption, key_encryption| Request::Keys {
        wish: KeysWish::Import {
            meter: "feeder-7".to_owned(),
            suite: 0,
            encryption,
            authentication: None,
            key_encryption,
            replace: false,
        },
    };
    for wish in [wish(None, None), wish(text(ONE), text(TWO))] {
        let refused: Refusal = bench.ask(wish).await.unwrap_err();
        assert!(refused.remedy.contains("bring"), "{refused:?}");
        assert_eq!(status(&bench).await.keys, []);
    }
    let done = bench.ask(wish(None, text(TWO))).await;
    let Ok(Answer::Done(words)) = done else {
        panic!("{done:?}");
    };
    assert!(words.contains("key encryption key taken in"), "{words}");
}
