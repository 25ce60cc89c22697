//! Openings: speeds, and what may be wrong with a line or a meter.

use std::num::NonZeroU8;
use std::time::Duration;

use line::LineSettings;
use tokio::time::Instant;

use super::super::{Garble, Opening, Session, SessionFault, SessionRemedy, Step, identify};
use super::meter::{IDENT, Meter, content};
use super::wire::{MS, Manner, Plays, Wire, settings};
use super::{Terms, once, session, terms};
use crate::codec::Baud;

fn trouble(trouble: impl FnMut(usize, &[u8], Plays) -> Plays + Send + 'static) -> Manner {
    Manner {
        trouble: Box::new(trouble),
        ..Manner::default()
    }
}

#[tokio::test(start_paused = true)]
async fn the_speed_changes_when_the_option_select_has_left_and_is_restored() {
    for (baud_max, selected) in [(Baud::B19200, 9600), (Baud::B2400, 2400), (Baud::B300, 300)] {
        let meter = Meter {
            speed: 300,
            ..Meter::new()
        };
        let mut wire = Wire::new(meter, Manner::default());
        let terms = Terms {
            opening: Opening::Negotiated { baud_max },
            line: Some(settings(300)),
            restore: Some(settings(1200)),
            ..terms()
        };
        let mut session = session(&mut wire.guard, terms).await.unwrap();
        assert_eq!(
            session.read_packet(798, 1, 16).await.unwrap().data,
            content(798, 1, 16)
        );
        assert!(session.close().await.fault.is_none());
        assert_eq!(wire.meter.lock().unwrap().speed, selected);
        let set = &wire.guard.line_mut().set;
        let expected = [300, selected, 1200];
        match selected {
            300 => assert_eq!(set[..], [300, 1200]),
            _ => assert_eq!(set[..], expected),
        }
        assert!(wire.log()[1].contains(&format!("{selected} baud")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_break_may_come_first() {
    let mut wire = Wire::new(Meter::new(), Manner::default());
    let terms = Terms {
        break_first: true,
        ..terms()
    };
    session(&mut wire.guard, terms).await.unwrap().close().await;
    assert_eq!(wire.log()[0], "sign-off");
}

async fn check(manner: Manner, meter: Meter, terms: Terms) -> SessionFault {
    let restored: LineSettings = settings(meter.speed);
    let mut wire = Wire::new(meter, manner);
    let terms = Terms {
        restore: Some(restored),
        ..terms
    };
    let fault = Session::open(&mut wire.guard, &terms).await.unwrap_err();
    // The line is left as it was found.
    assert_eq!(wire.guard.line_mut().set.last(), Some(&restored.baud));
    assert!(!wire.guard.is_promised());
    assert!(fault.to_string().len() > 20);
    fault
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_is_not_there_is_told_from_one_that_is_misunderstood() {
    let fault = check(trouble(|_, _, _| vec![]), Meter::new(), terms()).await;
    let waited = match fault {
        SessionFault::Nothing {
            step: Step::SignOn,
            waited,
        } => waited,
        fault => panic!("{fault:?}"),
    };
    assert!((1500 * MS..1600 * MS).contains(&waited), "{waited:?}");
    let other = Meter {
        address: "002",
        ..Meter::new()
    };
    let fault = check(Manner::default(), other, terms()).await;
    assert_eq!(fault.remedy(), SessionRemedy::Later);

    let manner = Manner {
        echo: true,
        ..trouble(|_, _, _| vec![])
    };
    let fault = check(manner, Meter::new(), terms()).await;
    assert!(
        matches!(fault, SessionFault::EchoOnly { step: Step::SignOn }),
        "{fault:?}"
    );
    assert_eq!(fault.remedy(), SessionRemedy::AskInstaller);
}

#[tokio::test(start_paused = true)]
async fn garbled_octets_tell_what_may_be_set_wrong() {
    // The meter speaks 7E1, and the line is 8N1 without anybody's parity.
    let sent = crate::codec::parity::send(IDENT);
    let odd = sent.iter().filter(|octet| **octet >= 0x80).count();
    let fault = check(
        trouble(move |_, _, _| vec![(300 * MS, sent.clone())]),
        Meter::new(),
        once(terms()),
    )
    .await;
    let SessionFault::Garbled {
        step: Step::SignOn,
        garble,
    } = fault
    else {
        panic!("{fault:?}")
    };
    let Garble {
        octets,
        wrong_parity,
        even,
        ..
    } = garble;
    assert_eq!(
        (octets, wrong_parity, even),
        (IDENT.len(), odd, IDENT.len())
    );
    // Another speed.
    let fault = check(
        trouble(|_, _, _| vec![(300 * MS, vec![0, 0x80, 0xf8, 0, 0x86, 0x60])]),
        Meter::new(),
        once(terms()),
    )
    .await;
    let SessionFault::Garbled { garble, .. } = fault else {
        panic!("{fault:?}")
    };
    assert_eq!((garble.octets, garble.zeros), (6, 2));
}

#[tokio::test(start_paused = true)]
async fn two_meters_with_one_address_are_noticed() {
    let second = b"/GEC5090100140400@000\r\n".to_vec();
    let behind = |second: Vec<u8>| {
        trouble(move |_, request, mut plays| {
            if request.starts_with(b"/") {
                plays.push((20 * MS, second.clone()));
            }
            plays
        })
    };
    let fault = check(behind(second.clone()), Meter::new(), once(terms())).await;
    assert!(matches!(fault, SessionFault::TwoMeters), "{fault:?}");
    // Both at once.
    let mixed = [&IDENT[..9], &second[..]].concat();
    let manner = trouble(move |_, _, _| vec![(200 * MS, mixed.clone())]);
    let fault = check(manner, Meter::new(), once(terms())).await;
    assert!(matches!(fault, SessionFault::TwoMeters), "{fault:?}");
    let mut mixed = [&IDENT[..9], &second[..]].concat();
    mixed[12] |= 0x80;
    let manner = trouble(move |_, _, _| vec![(200 * MS, mixed.clone())]);
    let fault = check(manner, Meter::new(), once(terms())).await;
    assert!(matches!(fault, SessionFault::TwoMeters), "{fault:?}");
}

#[tokio::test(start_paused = true)]
async fn something_that_is_no_meter_is_named() {
    let manner = trouble(|_, _, _| vec![(200 * MS, b"/123 hello\r\n".to_vec())]);
    let fault = check(manner, Meter::new(), once(terms())).await;
    assert!(
        matches!(fault, SessionFault::NoIdentification { octets: 12 }),
        "{fault:?}"
    );
    let manner = trouble(|_, _, _| vec![(200 * MS, b"\x15".to_vec())]);
    let fault = check(manner, Meter::new(), once(terms())).await;
    let step = Step::SignOn;
    assert!(matches!(fault, SessionFault::NotAcknowledged { step: found } if found == step));
    let meter = Meter {
        ident: b"/ABC#X\r\n".to_vec(),
        ..Meter::new()
    };
    let fault = check(Manner::default(), meter, once(terms())).await;
    assert!(matches!(fault, SessionFault::WrongMode { .. }), "{fault:?}");
}

#[tokio::test(start_paused = true)]
async fn an_opening_that_fails_is_tried_again_behind_a_sign_off() {
    for lost in [1, 2] {
        let manner = trouble(move |number, _, plays| if number == lost { vec![] } else { plays });
        let mut wire = Wire::new(Meter::new(), manner);
        let open = session(&mut wire.guard, terms()).await.unwrap();
        open.close().await;
        let log = wire.log();
        assert_eq!(log[lost], "sign-off", "{log:?}");
        assert_eq!(log[lost + 1], "sign-on to address 001");
    }
}

#[tokio::test(start_paused = true)]
async fn an_opening_may_be_tried_less_often_than_a_request() {
    let manner = trouble(|number, _, plays| if number == 4 { vec![] } else { plays });
    let mut wire = Wire::new(Meter::new(), manner);
    let terms = Terms {
        opening_attempts: NonZeroU8::new(1),
        ..terms()
    };
    let mut open = session(&mut wire.guard, terms.clone()).await.unwrap();
    assert!(open.read_packet(507, 1, 64).await.is_ok());
    open.close().await;
    let mut silent = Wire::new(Meter::new(), trouble(|_, _, _| vec![]));
    assert!(Session::open(&mut silent.guard, &terms).await.is_err());
    assert_eq!(silent.log(), ["sign-on to address 001", "sign-off"]);
}

#[tokio::test(start_paused = true)]
async fn the_next_session_waits_until_a_meter_left_out_of_step_can_no_longer_answer() {
    let mut wire = Wire::new(Meter::new(), trouble(|_, _, _| vec![]));
    let begun = Instant::now();
    assert!(
        Session::open(&mut wire.guard, &once(terms()))
            .await
            .is_err()
    );
    let first = begun.elapsed();
    assert!(
        Session::open(&mut wire.guard, &once(terms()))
            .await
            .is_err()
    );
    let second = begun.elapsed().saturating_sub(first);
    assert!(
        second > first + Duration::from_secs(2),
        "{first:?} {second:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn terms_that_contradict_themselves_send_nothing() {
    let mut wire = Wire::new(Meter::new(), Manner::default());
    let baud_max = Baud::B9600;
    let twice = Terms {
        probes: [super::super::Probe::elster(), super::super::Probe::elster()].concat(),
        ..terms()
    };
    let negotiated = Terms {
        opening: Opening::Negotiated { baud_max },
        ..terms()
    };
    for terms in [twice, negotiated] {
        let fault = Session::open(&mut wire.guard, &terms).await.unwrap_err();
        assert!(matches!(fault, SessionFault::Terms { .. }), "{fault:?}");
    }
    assert!(wire.log().is_empty());
}

#[tokio::test(start_paused = true)]
async fn whoever_looks_for_meters_asks_who_is_there_and_signs_off() {
    let mut wire = Wire::new(Meter::new(), Manner::default());
    let found = identify(&mut wire.guard, &terms()).await.unwrap();
    assert_eq!(found.encode().octets(), IDENT);
    let other = Terms {
        address: None,
        ..once(terms())
    };
    assert!(identify(&mut wire.guard, &other).await.is_ok());
    assert_eq!(
        wire.log(),
        [
            "sign-on to address 001",
            "sign-off",
            "sign-on without an address",
            "sign-off"
        ]
    );
    let mut silent = Wire::new(Meter::new(), trouble(|_, _, _| vec![]));
    let fault = identify(&mut silent.guard, &once(terms())).await;
    assert!(
        matches!(fault, Err(SessionFault::Nothing { .. })),
        "{fault:?}"
    );
    assert!(!silent.guard.is_promised());
}
