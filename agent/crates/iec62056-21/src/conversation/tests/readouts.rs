//! Readouts of modes A to D, the mode E offer, listening only.

use std::fmt::Write;
use std::ops::ControlFlow;
use std::time::Duration;

use line::{DataBits, Run};
use tokio::time::Instant;

use super::super::{
    Opening, SessionFault, Step, Terms, hand_over_hdlc, hear_push, overhear, read_out,
};
use super::meter::Meter;
use super::wire::{MS, Manner, Plays, Wire, settings};
use super::{once, terms};
use crate::codec::Baud;

const TEXT: &str = "0.0.0(12345678)\r\n1.8.0(001234.5*kWh)\r\n!\r\n";

fn troubled(trouble: impl FnMut(usize, &[u8], Plays) -> Plays + Send + 'static) -> Manner {
    Manner {
        trouble: Box::new(trouble),
        ..Manner::default()
    }
}

fn negotiated() -> Terms {
    Terms {
        opening: Opening::Negotiated {
            baud_max: Baud::B9600,
        },
        line: Some(settings(300)),
        restore: Some(settings(9600)),
        ..terms()
    }
}

fn meter(ident: &[u8]) -> Meter {
    Meter {
        ident: ident.to_vec(),
        speed: 300,
        ..Meter::new()
    }
}

#[tokio::test(start_paused = true)]
async fn modes_a_and_c_read_out_at_their_speed() {
    for (ident, set) in [
        (&b"/ABC#old\r\n"[..], vec![300, 9600]),
        (b"/ABC5new\r\n", vec![300, 9600, 9600]),
        (b"/ABC0slow\r\n", vec![300, 9600]),
    ] {
        let mut wire = Wire::new(meter(ident), Manner::default());
        let readout = read_out(&mut wire.guard, &negotiated()).await.unwrap();
        assert_eq!(readout.text, TEXT);
        assert_eq!(readout.lines().unwrap().sets().count(), 2);
        assert_eq!(readout.identification.encode().octets(), ident);
        assert!(readout.arrived_at > readout.left_at);
        assert_eq!(wire.guard.line_mut().set, set);
        assert!(!wire.guard.is_promised());
    }
}

#[tokio::test(start_paused = true)]
async fn mode_b_changes_the_speed_behind_the_identification() {
    // The readout comes at 2400: what is heard at 300 of it is garbage.
    let ident = b"/ABcCmodeB\r\n";
    let mut wire = Wire::new(
        Meter {
            readout: TEXT.to_owned(),
            ..meter(ident)
        },
        Manner {
            speed_of_second: Some(2400),
            ..Manner::default()
        },
    );
    let readout = read_out(&mut wire.guard, &negotiated()).await.unwrap();
    assert_eq!(readout.text, TEXT);
    assert_eq!(wire.guard.line_mut().set, [300, 2400, 9600]);
}

#[tokio::test(start_paused = true)]
async fn a_long_readout_is_read_whole_and_a_damaged_one_again() {
    let mut text = String::new();
    for number in 0..200 {
        write!(text, "1.8.{number}(001234.5*kWh)\r\n").unwrap();
    }
    text.push_str("!\r\n");
    assert!(text.len() > 4_000);
    let manner = troubled(|number, _, mut plays| {
        if number == 2 {
            // An end character in the midst of it, and by chance a right block check.
            let octets = &mut plays[0].1;
            octets[2000] = 3;
            let check = crate::codec::block_check(&octets[1..2001]);
            octets[2001] = check;
        }
        plays
    });
    let meter = Meter {
        readout: text.clone(),
        ..Meter::new()
    };
    let mut wire = Wire::new(meter, manner);
    let readout = read_out(&mut wire.guard, &terms()).await.unwrap();
    assert_eq!(readout.text, text);
    let log = wire.log();
    assert_eq!(
        log.iter()
            .filter(|words| words.starts_with("sign-on"))
            .count(),
        2,
        "{log:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_meter_of_mode_d_is_listened_to() {
    let push = |octets: &'static [u8]| troubled(move |_, _, _| vec![(500 * MS, octets.to_vec())]);
    let good = b"/ABC3X\r\n0.0.0(12345678)\r\n1.8.0(001234.5*kWh)\r\n!\r\n";
    for (octets, is_good) in [
        (&good[..], true),
        (b"/ABC3X\r\n1.8.0(1)\r\n!\r\n/ABC3X\r\n", false),
        (b"/ABC3X\r\n1.8.0(\xb1)\r\n!\r\n", false),
        (b"/ABC3X\r\n1.8.0(1\r\n!\r\n", false),
        (b"/ABC3X\r\n1.8.0(1)\r\n", false),
    ] {
        let mut wire = Wire::new(Meter::new(), push(octets));
        // The scripted wire answers; so something has to be asked.
        drop(
            super::Session::open(
                &mut wire.guard,
                &Terms {
                    reaction_max: 400 * MS,
                    ..once(terms())
                },
            )
            .await,
        );
        wire.guard
            .send_only(MS, b"/?001!\r\n", Duration::ZERO)
            .await
            .unwrap();
        let terms = Terms {
            restore: Some(settings(9600)),
            ..terms()
        };
        let heard = hear_push(&mut wire.guard, &terms, Duration::from_mins(1)).await;
        assert_eq!(heard.is_ok(), is_good, "{heard:?}");
        if let Ok(heard) = heard {
            assert_eq!(heard.text, TEXT);
            assert!(heard.identification.fits_mode_d());
        }
    }
    let mut wire = Wire::new(Meter::new(), Manner::default());
    let heard = hear_push(&mut wire.guard, &terms(), Duration::from_mins(1)).await;
    let Err(SessionFault::Nothing {
        step: Step::Readout,
        waited,
    }) = heard
    else {
        panic!("{heard:?}")
    };
    assert!(waited >= Duration::from_mins(1));
    assert!(wire.log().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_meter_of_mode_e_is_handed_over_to_hdlc() {
    let mut wire = Wire::new(meter(b"/ABC5\\2X\r\n"), Manner::default());
    let over = hand_over_hdlc(&mut wire.guard, &negotiated())
        .await
        .unwrap();
    let set = over.settings.unwrap();
    assert_eq!((set.baud, set.data_bits), (9600, DataBits::Eight));
    assert_eq!(wire.log()[1], "option select: binary mode, 9600 baud, HDLC");
    assert_eq!(wire.guard.line_mut().set, [300, 9600]);
    wire.guard.part().await.unwrap();
    assert_eq!(wire.guard.line_mut().set, [300, 9600, 9600]);
    // At a speed that stays the same HDLC has eight bits, too.
    let mut wire = Wire::new(meter(b"/ABC0\\2X\r\n"), Manner::default());
    let over = hand_over_hdlc(&mut wire.guard, &negotiated())
        .await
        .unwrap();
    let set = over.settings.unwrap();
    assert_eq!((set.baud, set.data_bits), (300, DataBits::Eight));
    let mut wire = Wire::new(meter(b"/ABC5X\r\n"), Manner::default());
    let fault = hand_over_hdlc(&mut wire.guard, &once(negotiated())).await;
    assert!(
        matches!(fault, Err(SessionFault::WrongMode { .. })),
        "{fault:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_foreign_password_is_overheard_and_hidden() {
    let foreign = b"\x01P2\x02(SECRETSECRETSECR)\x03\x11".to_vec();
    let manner =
        troubled(move |_, _, _| vec![(500 * MS, foreign.clone()), (900 * MS, b"\x06".to_vec())]);
    let mut wire = Wire::new(Meter::new(), manner);
    wire.guard
        .send_only(MS, b"/?001!\r\n", Duration::ZERO)
        .await
        .unwrap();
    let mut runs = Vec::new();
    let mut take = |run: Run| {
        runs.push(run.octets);
        ControlFlow::Continue(())
    };
    let until = Instant::now() + Duration::from_secs(3);
    overhear(&mut wire.guard, until, 50 * MS, &mut take)
        .await
        .unwrap();
    assert_eq!(runs.len(), 2);
    assert_eq!(runs[0], b"\x01P2\x02******************\x03*");
    assert_eq!(runs[1], b"\x06");
}
