//! Data streams.

use std::ops::ControlFlow;
use std::time::Duration;

use super::super::{ParityBy, SessionFault, SessionRemedy, Terms};
use super::meter::{Meter, content};
use super::wire::{MS, Manner, Plays, Wire};
use super::{session, terms};
use crate::codec::Purpose;

fn manner(
    software_parity: bool,
    trouble: impl FnMut(usize, &[u8], Plays) -> Plays + Send + 'static,
) -> Manner {
    Manner {
        software_parity,
        trouble: Box::new(trouble),
        ..Manner::default()
    }
}

fn stream_terms(software_parity: bool) -> Terms {
    let parity = if software_parity {
        ParityBy::Software
    } else {
        ParityBy::Line
    };
    Terms {
        purpose: Purpose::Maker6,
        parity,
        ..terms()
    }
}

/// What packets of a stream hold from a packet of 64 octets on.
fn held(first: u16, packets: u16) -> Vec<u8> {
    (first..first + packets * 4)
        .flat_map(|packet| content(550, packet, 64))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_stream_brings_all_packets_for_one_request() {
    for software_parity in [false, true] {
        let manner = manner(software_parity, |_, _, plays| plays);
        let mut wire = Wire::new(Meter::new(), manner);
        let terms = stream_terms(software_parity);
        let mut session = session(&mut wire.guard, terms).await.unwrap();
        let mut data = Vec::new();
        let mut numbers = Vec::new();
        let mut take = |number, octets: &[u8]| {
            numbers.push(number);
            data.extend_from_slice(octets);
            ControlFlow::Continue(())
        };
        session.read_stream(550, 1, 40, &mut take).await.unwrap();
        assert_eq!(data, held(1, 40));
        assert_eq!(numbers, (1..=40).collect::<Vec<u16>>());
        // The session goes on, without a probe.
        let got = session.read_packet(507, 1, 64).await.unwrap();
        assert_eq!(got.data, content(507, 1, 64));
        session.close().await;
        assert_eq!(wire.log().len(), 6);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_ended_when_the_caller_has_enough() {
    let mut wire = Wire::new(
        Meter::new(),
        manner(false, |_, _, plays| plays.into_iter().take(9).collect()),
    );
    let mut session = session(&mut wire.guard, stream_terms(false)).await.unwrap();
    let mut count = 0;
    let mut take = |_, _: &[u8]| {
        count += 1;
        if count == 3 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    session.read_stream(550, 1, 40, &mut take).await.unwrap();
    assert_eq!(count, 3);
    let got = session.read_packet(507, 1, 64).await.unwrap();
    assert_eq!(got.data, content(507, 1, 64));
    session.close().await;
    let log = wire.log();
    assert!(
        log.iter().any(|words| words == "abort of a data stream"),
        "{log:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_is_ended_and_read_on_behind_what_was_taken() {
    for kind in 0..3 {
        let mut streams = 0;
        let manner = manner(true, move |_, request, mut plays| {
            if request.starts_with(b"\x01RD") {
                streams += 1;
                if streams == 1 {
                    match kind {
                        0 => plays.truncate(5),
                        1 => plays[5].1[40] ^= 0x10,
                        _ => drop(plays.remove(5)),
                    }
                }
            }
            plays
        });
        let mut wire = Wire::new(Meter::new(), manner);
        let mut session = session(&mut wire.guard, stream_terms(true)).await.unwrap();
        let mut data = Vec::new();
        let mut first = 1;
        loop {
            let mut take = |_, octets: &[u8]| {
                data.extend_from_slice(octets);
                ControlFlow::Continue(())
            };
            let blocks = 20 - (first - 1) / 4;
            match session.read_stream(550, first, blocks, &mut take).await {
                Ok(()) => break,
                Err(fault) => {
                    assert_eq!(fault.remedy(), SessionRemedy::Resume, "{kind}");
                    let SessionFault::StreamBroken { after, .. } = fault else {
                        panic!()
                    };
                    assert_eq!(after, 5);
                    first += after * 4;
                }
            }
        }
        assert_eq!(data, held(1, 20), "{kind}");
        session.close().await;
        let log = wire.log();
        // ESC, and then a probe.
        let place = log
            .iter()
            .position(|words| words == "abort of a data stream")
            .unwrap();
        assert!(log[place + 1].starts_with("read identity 798"), "{log:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_knows_no_streams_says_so() {
    for software_parity in [false, true] {
        let refusal = b"\x02(ERR1)\x03\x76".to_vec();
        let mut wire = Wire::new(
            Meter::new(),
            manner(software_parity, move |_, request, plays| {
                let refusal = if software_parity {
                    crate::codec::parity::send(&refusal)
                } else {
                    refusal.clone()
                };
                if request.starts_with(b"\x01RD") {
                    vec![(220 * MS, refusal)]
                } else {
                    plays
                }
            }),
        );
        let mut session = session(&mut wire.guard, stream_terms(software_parity))
            .await
            .unwrap();
        let mut take = |_, _: &[u8]| panic!("nothing to take");
        let fault = session
            .read_stream(550, 1, 40, &mut take)
            .await
            .unwrap_err();
        assert!(matches!(fault, SessionFault::Refused { .. }), "{fault:?}");
        assert!(session.read_packet(507, 1, 64).await.is_ok());
        assert!(session.read_stream(550, 1, 0, &mut take).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_dropped_is_made_to_stop_before_others_use_the_line() {
    let mut wire = Wire::new(Meter::new(), manner(false, |_, _, plays| plays));
    let mut open = session(&mut wire.guard, stream_terms(false)).await.unwrap();
    let mut take = |_, _: &[u8]| ControlFlow::Continue(());
    let stream = open.read_stream(550, 1, 10, &mut take);
    let dropped = tokio::time::timeout(Duration::from_secs(1), stream).await;
    assert!(dropped.is_err());
    drop(open);
    let mut open = session(&mut wire.guard, stream_terms(false)).await.unwrap();
    assert!(open.read_packet(507, 1, 64).await.is_ok());
    open.close().await;
    let log = wire.log();
    assert_eq!(
        log[4..7],
        [
            "abort of a data stream",
            "sign-off",
            "sign-on to address 001"
        ]
    );
}
