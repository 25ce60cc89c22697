//! Conversations with a simulated PAD, under paused time.

use super::*;
use crate::adapters::dialled::tests::{
    check_lost, lead, mirror, pad_settings as settings, reflect,
};
use crate::adapters::dialled::{CallRemedy, Dialled};
use crate::adapters::lead::Lead;
use crate::config::{CommandLine, LinkSettings};
use simulator::link::{Answering, Link, Pad, PadAnswer, PadEvent, PadTroubles};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

const NUMBER: &str = "23531990100122";

fn line(text: &str) -> CommandLine {
    CommandLine::new(text.to_owned())
}

fn number() -> Number {
    LinkSettings::Pad(settings()).number(NUMBER).unwrap()
}

struct Bench {
    pad: Pad,
    meter: Answering,
    port: Dialled<Lead>,
}

fn bench_with(troubles: PadTroubles, settings: PadSettings) -> Bench {
    let (pad, meter) = (Pad::new(troubles), mirror());
    pad.seat(NUMBER, PadAnswer::connects(), meter.clone());
    let port = Dialled::pad(lead(&Link::new(pad.clone())), settings);
    Bench { pad, meter, port }
}

fn bench() -> Bench {
    bench_with(PadTroubles::default(), settings())
}

fn once() -> PadSettings {
    let mut settings = settings();
    settings.calls.retries = 0;
    settings
}

#[tokio::test(start_paused = true)]
async fn a_conversation_reaches_the_meter_octet_for_octet() {
    for recall in [Recall::Dle, Recall::Break] {
        let mut wanted = settings();
        wanted.recall = recall;
        if recall == Recall::Break {
            wanted.setup = vec![line("SET 1:0,2:0,3:0,4:1,5:0,6:5,7:8,12:0,13:0")];
        }
        let mut bench = bench_with(PadTroubles::default(), wanted);
        bench.port.connect(&number()).await.unwrap();
        let octets: Vec<u8> = (0..=255).chain([DLE, DLE, DLE]).collect();
        assert_eq!(reflect(&mut bench.port, &octets).await.unwrap(), octets);
        assert_eq!(bench.meter.heard(), octets);
        bench.port.hang_up().await.unwrap();
        assert!(
            bench.pad.life().ends_with(&[PadEvent::Cleared]),
            "{:?}",
            bench.pad.life()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn every_cause_is_told_apart() {
    for (cause, words, remedy) in [
        ("OCC", "engaged in another call", CallRemedy::Redial),
        ("NC", "congested", CallRemedy::Redial),
        ("DTE", "the meter's end cleared it", CallRemedy::Redial),
        ("DER", "out of order", CallRemedy::AskInstaller),
        ("NP", "there is no such number", CallRemedy::AskInstaller),
        ("NA", "no access", CallRemedy::AskInstaller),
        ("ROO", "cause ROO", CallRemedy::AskInstaller),
    ] {
        let mut bench = bench_with(PadTroubles::default(), once());
        bench.pad.answer(NUMBER, PadAnswer::cleared(cause));
        let fault = bench.port.connect(&number()).await.unwrap_err();
        assert!(fault.to_string().contains(words), "{fault}");
        assert_eq!((fault.remedy(), fault.code()), (remedy, "C10"), "{fault}");
        bench.pad.answer(NUMBER, PadAnswer::connects());
        bench.port.connect(&number()).await.unwrap();
        assert_eq!(reflect(&mut bench.port, b"abc").await.unwrap(), b"abc");
    }
}

#[tokio::test(start_paused = true)]
async fn a_congested_network_is_tried_again() {
    let mut bench = bench();
    bench.pad.answer(NUMBER, PadAnswer::cleared("NC"));
    let pad = bench.pad.clone();
    let number = number();
    let (connected, ()) = tokio::join!(bench.port.connect(&number), async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        pad.answer(NUMBER, PadAnswer::connects());
    });
    assert_eq!(connected.unwrap().tries, 2);
}

#[tokio::test(start_paused = true)]
async fn a_pad_without_a_word_and_one_that_refuses_are_told_apart() {
    let dead = PadTroubles {
        dead: true,
        ..PadTroubles::default()
    };
    let fault = bench_with(dead, once()).port.connect(&number()).await;
    assert!(matches!(fault, Err(CallFault::PadSilent)), "{fault:?}");
    let mut bench = bench_with(PadTroubles::default(), once());
    bench.pad.answer(NUMBER, PadAnswer::Silent);
    let fault = bench.port.connect(&number()).await.unwrap_err();
    assert!(matches!(fault, CallFault::NoResult { .. }), "{fault}");
    let mut wanted = once();
    wanted.setup.push(line("SET X"));
    let fault = bench_with(PadTroubles::default(), wanted)
        .port
        .connect(&number())
        .await;
    assert!(
        matches!(fault, Err(CallFault::SetupRefused { number: 2 })),
        "{fault:?}"
    );
    let mut wanted = once();
    wanted.call = line("DIAL {number}");
    let fault = bench_with(PadTroubles::default(), wanted)
        .port
        .connect(&number())
        .await;
    assert!(matches!(fault, Err(CallFault::PadRefuses)), "{fault:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pad_of_its_own_words_is_spoken_to_in_them() {
    let troubles = PadTroubles {
        call_prefix: "A".to_owned(),
        prompt: "PAD>".to_owned(),
        connected: "CALL CONNECTED".to_owned(),
        ..PadTroubles::default()
    };
    let mut wanted = settings();
    wanted.call = line("A{number}");
    wanted.prompt = "PAD>".to_owned();
    wanted.connected = "CALL CONNECTED".to_owned();
    let mut bench = bench_with(troubles, wanted);
    bench.port.connect(&number()).await.unwrap();
    assert_eq!(reflect(&mut bench.port, b"abc").await.unwrap(), b"abc");
    bench.port.hang_up().await.unwrap();
    assert!(!bench.pad.is_in_call());
}

#[tokio::test(start_paused = true)]
async fn a_pad_that_cannot_be_recalled_is_left_by_dtr() {
    let deaf = PadTroubles {
        ignores_recall: true,
        ..PadTroubles::default()
    };
    let mut bench = bench_with(deaf.clone(), settings());
    bench.port.connect(&number()).await.unwrap();
    bench.port.hang_up().await.unwrap();
    assert!(bench.pad.life().contains(&PadEvent::ClearedElsewhere));
    let stubborn = PadTroubles {
        ignores_dtr: true,
        ..deaf
    };
    let mut bench = bench_with(stubborn, settings());
    bench.port.connect(&number()).await.unwrap();
    let fault = bench.port.hang_up().await.unwrap_err();
    assert!(
        matches!(fault, CallFault::NotHungUp | CallFault::PadSilent),
        "{fault}"
    );
    bench.pad.change(|troubles| troubles.ignores_recall = false);
    bench.port.connect(&number()).await.unwrap();
    assert!(bench.pad.life().contains(&PadEvent::Cleared));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_the_network_clears_is_noticed() {
    let mut bench = bench();
    bench.port.connect(&number()).await.unwrap();
    bench.port.write_all(b"abc").await.unwrap();
    bench.pad.drop_call();
    let mut heard = Vec::new();
    let lost = bench.port.read_to_end(&mut heard).await.unwrap_err();
    assert_eq!(lost.to_string(), "the call was dropped");
    check_lost(
        reflect(&mut bench.port, b"a").await,
        "no call stands; call first",
    );
    bench.port.connect(&number()).await.unwrap();
    assert_eq!(reflect(&mut bench.port, b"abc").await.unwrap(), b"abc");
}

#[tokio::test(start_paused = true)]
async fn a_call_given_up_at_any_moment_is_ended_by_the_next_use() {
    for tenths in 0..120 {
        let mut bench = bench();
        let patience = Duration::from_millis(tenths * 100);
        let connected = timeout(patience, bench.port.connect(&number())).await;
        if connected.is_ok() {
            drop(timeout(Duration::from_millis(5), reflect(&mut bench.port, b"abc")).await);
        }
        bench.port.hang_up().await.unwrap();
        assert!(!bench.pad.is_in_call(), "given up after {patience:?}");
        bench.port.connect(&number()).await.unwrap();
        assert_eq!(reflect(&mut bench.port, b"new").await.unwrap(), b"new");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hanging_up_given_up_at_any_moment_is_begun_again() {
    for hundredths in 0..60 {
        let mut bench = bench();
        bench.port.connect(&number()).await.unwrap();
        let patience = Duration::from_millis(hundredths * 10);
        drop(timeout(patience, bench.port.hang_up()).await);
        bench.port.hang_up().await.unwrap();
        assert!(!bench.pad.is_in_call(), "given up after {patience:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_port_that_is_dropped_in_a_call_lets_dtr_fall() {
    let mut bench = bench();
    bench.port.connect(&number()).await.unwrap();
    let Bench { pad, port, .. } = bench;
    drop(port);
    assert!(!pad.is_in_call());
}
