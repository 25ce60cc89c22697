//! Simulated links, spoken to as a person at a terminal would.

#![cfg(test)]

use std::time::Duration;

use proptest::prelude::*;
use simulator::link::{
    Answer, Answering, Circuit, Link, LinkLine, Modem, ModemTroubles, Pad, PadAnswer, PadTroubles,
    Peer,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

fn mirror() -> Answering {
    Answering::new(Duration::from_millis(10), <[u8]>::to_vec)
}

/// Types something and reads until nothing more comes for a while.
async fn type_in(line: &mut LinkLine, text: &[u8]) -> String {
    line.write_all(text).await.unwrap();
    let mut heard = Vec::new();
    let mut octets = [0; 64];
    while let Ok(count) = timeout(Duration::from_secs(5), line.read(&mut octets)).await {
        heard.extend(&octets[..count.unwrap()]);
    }
    String::from_utf8_lossy(&heard).into_owned()
}

fn modem() -> (Modem, LinkLine) {
    let modem = Modem::new(ModemTroubles::default());
    modem.seat("123", Answer::connects(), mirror());
    let line = Link::new(modem.clone()).line();
    (modem, line)
}

#[tokio::test(start_paused = true)]
async fn a_modem_is_dialled_escaped_from_and_hung_up() {
    let (modem, mut line) = modem();
    assert_eq!(type_in(&mut line, b"ATE0\r").await, "ATE0\r\r\nOK\r\n");
    assert_eq!(
        type_in(&mut line, b"ATDT123\r").await,
        "\r\nCONNECT 9600\r\n"
    );
    assert_eq!(
        type_in(&mut line, b"ATH\r").await,
        "ATH\r",
        "the meter hears it"
    );
    assert_eq!(type_in(&mut line, b"+++").await, "+++\r\nOK\r\n");
    assert!(modem.is_in_call());
    assert_eq!(type_in(&mut line, b"ATO\r").await, "\r\nCONNECT 9600\r\n");
    assert_eq!(type_in(&mut line, b"+++").await, "+++\r\nOK\r\n");
    assert_eq!(type_in(&mut line, b"ATH0\r").await, "\r\nOK\r\n");
    assert!(!modem.is_in_call());
}

#[tokio::test(start_paused = true)]
async fn a_modem_hears_no_escape_without_silence_around_it() {
    let (modem, mut line) = modem();
    type_in(&mut line, b"ATE0DT123\r").await;
    for (before, text, after) in [
        (Duration::ZERO, &b"x+++"[..], Duration::from_secs(2)),
        (Duration::from_secs(2), b"+++", Duration::from_millis(900)),
        (Duration::from_secs(2), b"++", Duration::from_secs(2)),
        (Duration::from_secs(2), b"++++", Duration::from_secs(2)),
    ] {
        sleep(before).await;
        line.write_all(text).await.unwrap();
        sleep(after).await;
        let echoed = type_in(&mut line, b"y").await;
        assert!(
            echoed.ends_with('y') && !echoed.contains("OK"),
            "{echoed:?}"
        );
    }
    assert!(modem.is_in_call());
}

#[tokio::test(start_paused = true)]
async fn a_modem_gives_up_dialling_at_any_key_and_obeys_dtr() {
    let (modem, mut line) = modem();
    line.write_all(b"ATE0DT123\r").await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let given_up = "ATE0DT123\r\r\nNO CARRIER\r\n";
    assert_eq!(type_in(&mut line, b"x").await, given_up);
    assert_eq!(type_in(&mut line, b"ATV0\r").await, "0\r");
    assert_eq!(type_in(&mut line, b"ATS7=2DT999\r").await, "3\r");
    assert_eq!(
        type_in(&mut line, b"ATV1S7=50DT123\r").await,
        "\r\nCONNECT 9600\r\n"
    );
    assert!(line.link().carrier());
    line.link().turn(Circuit::Dtr(false));
    assert!(!modem.is_in_call() && !line.link().carrier());
    assert_eq!(type_in(&mut line, b"").await, "\r\nNO CARRIER\r\n");
}

#[tokio::test(start_paused = true)]
async fn a_pad_takes_some_octets_for_itself_until_it_is_told_not_to() {
    let pad = Pad::new(PadTroubles::default());
    pad.seat("2342", PadAnswer::connects(), mirror());
    let mut line = Link::new(pad.clone()).line();
    assert_eq!(type_in(&mut line, b"2342\r").await, "2342\r\r\nCOM\r\n");
    let heard = type_in(&mut line, b"a\x11b").await;
    assert_eq!(heard, "abab", "echoed, and without the XON");
    assert_eq!(type_in(&mut line, b"\x10").await, "");
    let heard = type_in(&mut line, b"SET 2:0,6:5,12:0\r").await;
    assert_eq!(heard, "SET 2:0,6:5,12:0\r\r\n\r\n*");
    assert_eq!(pad.parameter(6), 5);
    assert_eq!(type_in(&mut line, b"STAT\r").await, "\r\nENGAGED\r\n\r\n*");
    assert_eq!(
        type_in(&mut line, b"\x10a\x11\x10\x10b").await,
        "\x10a\x11\x10b"
    );
    assert_eq!(type_in(&mut line, b"\x10").await, "\r\n*");
    assert_eq!(type_in(&mut line, b"CLR\r").await, "\r\nCLR CONF\r\n\r\n*");
    assert_eq!(type_in(&mut line, b"CLR\r").await, "\r\nERR\r\n\r\n*");
    assert_eq!(
        type_in(&mut line, b"999\r").await,
        "\r\nCLR NP C:1 D:0\r\n\r\n*"
    );
}

proptest! {
    #[test]
    fn nothing_typed_breaks_a_modem_or_a_pad(
        pieces in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..40),
                prop_oneof!["AT[A-Z&+0-9=]{0,12}\r", "SET [0-9:,]{0,12}\r", "\\+\\+\\+", "ATDT123\r", "CLR\r"]
                    .prop_map(String::into_bytes),
            ],
            0..20,
        ),
        waits_ms in proptest::collection::vec(0_u64..3000, 20),
    ) {
        let modem = Modem::new(ModemTroubles::default());
        modem.seat("123", Answer::connects(), mirror());
        let pad = Pad::new(PadTroubles::default());
        pad.seat("123", PadAnswer::connects(), mirror());
        let mut peers: [Box<dyn Peer>; 2] = [Box::new(modem), Box::new(pad)];
        let mut now = Instant::now();
        for (piece, wait) in pieces.iter().zip(&waits_ms) {
            now += Duration::from_millis(*wait);
            for peer in &mut peers {
                let mut said = Vec::new();
                peer.hear(now, piece);
                peer.say(now, &mut said);
                prop_assert!(peer.due().is_none_or(|due| due > now));
            }
        }
    }
}
