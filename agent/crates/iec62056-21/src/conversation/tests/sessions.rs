//! Sessions on a healthy line, and what a meter may say in them.

use std::time::Duration;

use line::Use;
use tokio::time::{Instant, timeout};

use super::super::{LogOn, ParityBy, PasswordRefusal, SessionFault, SessionRemedy, Standing, Step};
use super::meter::{Meter, PASSWORD, SEED, Wrong, content};
use super::wire::{MS, Manner, Wire};
use super::{Session, elster, session, terms};
use crate::codec::{Password, PasswordAnswer, Seed};

#[tokio::test(start_paused = true)]
async fn a_session_goes_from_the_sign_on_to_the_sign_off() {
    let mut wire = Wire::new(Meter::new(), Manner::default());
    let mut session = session(&mut wire.guard, terms()).await.unwrap();
    assert_eq!(session.identification().text(), "090100100400@000");
    assert_eq!(session.standing(), Standing::Proven);
    let serial = session.read_packet(798, 1, 16).await.unwrap();
    assert_eq!(serial.data, content(798, 1, 16));
    assert!(serial.arrived_at - serial.left_at >= 220 * MS);
    let totals = session.read_identity(507, 1, 80).await.unwrap();
    assert_eq!(
        totals.data,
        [content(507, 1, 64), content(507, 2, 16)].concat()
    );
    session.write_packet(551, 1, &[2, 0]).await.unwrap();
    assert!(session.held() > MS && session.left() > MS);
    let closed = session.close().await;
    assert!(closed.fault.is_none() && closed.held < Duration::from_secs(5));
    assert!(wire.meter.lock().unwrap().is_idle());
    assert_eq!(wire.meter.lock().unwrap().writes, [(551, vec![2, 0])]);
    assert_eq!(
        wire.log(),
        [
            "sign-on to address 001",
            "option select: programming, 9600 baud",
            "password answer (hidden)",
            "read identity 798 packet 1, 16 octets",
            "read identity 507 packet 1, 64 octets",
            "read identity 507 packet 2, 16 octets",
            "write identity 551 packet 1, 2 octets",
            "sign-off",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_session_also_speaks_with_the_parity_of_software_and_over_an_echo() {
    for echo in [false, true] {
        for (parity, software_parity) in [
            (ParityBy::Software, true),
            (ParityBy::Ignored, true),
            (ParityBy::Line, false),
        ] {
            let manner = Manner {
                echo,
                software_parity,
                ..Manner::default()
            };
            let mut wire = Wire::new(Meter::new(), manner);
            let terms = super::Terms { parity, ..terms() };
            let mut session = session(&mut wire.guard, terms).await.unwrap();
            let got = session.read_packet(507, 1, 64).await.unwrap();
            assert_eq!(got.data, content(507, 1, 64));
            session.write_packet(551, 1, &[2, 0]).await.unwrap();
            assert!(session.close().await.fault.is_none());
            assert_eq!(wire.guard.counters().echoes, Some(echo));
        }
    }
}

async fn check_wrong_password(wrong: Wrong, expected: PasswordRefusal) {
    let meter = Meter {
        wrong,
        ..Meter::new()
    };
    let mut wire = Wire::new(meter, Manner::default());
    let mut session = Session::open(&mut wire.guard, &terms()).await.unwrap();
    match session.log_on(&elster("WRONG000")).await {
        Err(fault @ SessionFault::PasswordRefused { .. }) => {
            assert_eq!(fault.remedy(), SessionRemedy::AskOperator);
            assert!(!fault.to_string().contains("WRONG000"));
            let SessionFault::PasswordRefused { how } = fault else {
                panic!()
            };
            assert_eq!(how, expected);
        }
        other => panic!("{other:?}"),
    }
    // Whatever the caller does, the meter sees one password.
    let again = session.log_on(&elster(PASSWORD)).await;
    assert!(
        matches!(again, Err(SessionFault::PasswordTried)),
        "{again:?}"
    );
    let plain = LogOn::Plain(Password::new(PASSWORD).unwrap());
    let again = session.log_on(&plain).await;
    assert!(
        matches!(again, Err(SessionFault::PasswordTried)),
        "{again:?}"
    );
    drop(session.read_packet(507, 1, 64).await);
    session.close().await;
    let log = wire.log();
    let passwords = log.iter().filter(|words| words.starts_with("password"));
    assert_eq!(passwords.count(), 1, "{log:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_tried_once_however_the_meter_takes_it() {
    check_wrong_password(Wrong::Nak, PasswordRefusal::NotAcknowledged).await;
    check_wrong_password(Wrong::SignOff, PasswordRefusal::SignedOff).await;
    check_wrong_password(Wrong::Silent, PasswordRefusal::Silent).await;
    let refusal = crate::codec::Refusal::new("ERR1").unwrap();
    check_wrong_password(Wrong::Refuse, PasswordRefusal::Refused(refusal)).await;
}

#[tokio::test(start_paused = true)]
async fn a_damaged_confirmation_of_a_password_is_no_reason_for_a_second_try() {
    let mut wire = Wire::new(
        Meter::new(),
        Manner {
            trouble: Box::new(|_, request, plays| match request {
                [1, b'P', ..] => vec![(220 * MS, b"?".to_vec())],
                _ => plays,
            }),
            ..Manner::default()
        },
    );
    let fault = session(&mut wire.guard, terms()).await.unwrap_err();
    let how = PasswordRefusal::Garbled;
    assert!(matches!(fault, SessionFault::PasswordRefused { how: found } if found == how));
    assert_eq!(wire.log().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_public_level_may_come_first_and_needs_no_password() {
    let mut wire = Wire::new(Meter::new(), Manner::default());
    let mut session = Session::open(&mut wire.guard, &terms()).await.unwrap();
    session.log_on(&LogOn::Public).await.unwrap();
    assert_eq!(session.standing(), Standing::Public);
    assert!(session.read_packet(798, 1, 16).await.is_ok());
    let log_on = LogOn::Elster {
        password: Password::new(PASSWORD).unwrap(),
        public_first: true,
    };
    session.log_on(&log_on).await.unwrap();
    assert_eq!(session.standing(), Standing::Proven);
    assert!(session.read_packet(507, 1, 64).await.is_ok());
    session.close().await;
    // A probe stands between the two confirmations.
    let expected = [
        "password answer (hidden)",
        "read identity 798 packet 1, 16 octets",
        "password answer (hidden)",
        "read identity 798 packet 1, 11 octets",
        "password answer (hidden)",
        "read identity 507 packet 1, 64 octets",
        "sign-off",
    ];
    assert_eq!(wire.log()[2..], expected);
}

#[tokio::test(start_paused = true)]
async fn a_password_that_cannot_be_an_elster_one_is_not_sent() {
    let mut wire = Wire::new(Meter::new(), Manner::default());
    let mut session = Session::open(&mut wire.guard, &terms()).await.unwrap();
    let fault = session.log_on(&elster("SHORT")).await;
    assert!(matches!(fault, Err(SessionFault::Invalid(_))), "{fault:?}");
    // It was not tried, so the right one may be.
    assert!(session.log_on(&elster(PASSWORD)).await.is_ok());
    assert!(session.log_on(&LogOn::None).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_the_meters_word_and_costs_one_exchange() {
    let meter = Meter {
        unknown: vec![600],
        ..Meter::new()
    };
    let mut wire = Wire::new(meter, Manner::default());
    let mut session = session(&mut wire.guard, terms()).await.unwrap();
    for count in 1..=2 {
        let fault = session.read_packet(600, 1, 1).await.unwrap_err();
        assert_eq!(fault.remedy(), SessionRemedy::Skip);
        let SessionFault::Refused { step, refusal } = fault else {
            panic!("{fault:?}")
        };
        assert_eq!((step, refusal.text()), (Step::Read, "ERR2"));
        assert!(session.read_packet(507, count, 64).await.is_ok());
    }
    let write = session.write_packet(600, 1, &[1]).await;
    assert!(
        matches!(write, Err(SessionFault::Refused { .. })),
        "{write:?}"
    );
    session.close().await;
    let refused = wire
        .log()
        .iter()
        .filter(|words| words.contains("identity 600"))
        .count();
    // The second refusal is the same as the first, and is asked for twice.
    assert_eq!(refused, 1 + 2 + 1);
}

#[tokio::test(start_paused = true)]
async fn the_password_is_renewed_before_it_lapses() {
    let mut wire = Wire::new(Meter::new(), Manner::default());
    let mut session = session(&mut wire.guard, terms()).await.unwrap();
    let end = Instant::now() + Duration::from_secs(580);
    let mut packet = 1;
    while Instant::now() < end {
        let got = session.read_packet(550, packet, 64).await.unwrap();
        assert_eq!(got.data, content(550, packet, 64));
        packet += 1;
    }
    session.close().await;
    let log = wire.log();
    let passwords = log.iter().filter(|words| words.starts_with("password"));
    assert_eq!(passwords.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_password_that_lapsed_is_given_again_once_and_the_request_repeated() {
    let meter = Meter {
        lapse: Duration::from_mins(1),
        ..Meter::new()
    };
    let mut wire = Wire::new(meter, Manner::default());
    let mut session = session(&mut wire.guard, terms()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(61)).await;
    let got = session.read_packet(507, 1, 64).await.unwrap();
    assert_eq!(got.data, content(507, 1, 64));
    tokio::time::sleep(Duration::from_secs(61)).await;
    session.write_packet(551, 1, &[1, 0]).await.unwrap();
    session.close().await;
    assert_eq!(wire.meter.lock().unwrap().writes, [(551, vec![1, 0])]);
    let log = wire.log();
    let passwords = log.iter().filter(|words| words.starts_with("password"));
    assert_eq!(passwords.count(), 3, "{log:?}");
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_is_locked_at_once_is_not_mistaken_for_a_lapse() {
    let mut wire = Wire::new(Meter::new(), Manner::default());
    let mut session = Session::open(&mut wire.guard, &terms()).await.unwrap();
    session.log_on(&LogOn::Public).await.unwrap();
    let fault = session.read_packet(507, 1, 64).await;
    assert!(
        matches!(fault, Err(SessionFault::Refused { .. })),
        "{fault:?}"
    );
    session.close().await;
    assert_eq!(wire.log().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_was_signed_off_by_the_meter_says_so() {
    let trouble = |number| Manner {
        trouble: Box::new(move |asked, _, plays| match asked {
            _ if asked == number => vec![(250 * MS, b"\x01B0\x03\x71".to_vec())],
            _ => plays,
        }),
        ..Manner::default()
    };
    // In the place of an answer, and behind one.
    let mut wire = Wire::new(Meter::new(), trouble(5));
    let mut open = session(&mut wire.guard, terms()).await.unwrap();
    assert!(open.read_packet(507, 1, 64).await.is_ok());
    let fault = open.read_packet(507, 2, 16).await.unwrap_err();
    assert!(matches!(fault, SessionFault::SignedOff), "{fault:?}");
    assert_eq!(fault.remedy(), SessionRemedy::Reopen);
    let fault = open.read_packet(507, 2, 16).await.unwrap_err();
    assert!(matches!(fault, SessionFault::SignedOff), "{fault:?}");
    open.close().await;
    let mut wire = Wire::new(
        Meter::new(),
        Manner {
            trouble: Box::new(|asked, _, mut plays| {
                if asked == 4 {
                    plays.push((900 * MS, b"\x01B0\x03\x71".to_vec()));
                }
                plays
            }),
            ..Manner::default()
        },
    );
    let mut open = session(&mut wire.guard, terms()).await.unwrap();
    assert!(open.read_packet(507, 1, 64).await.is_ok());
    tokio::time::sleep(Duration::from_secs(2)).await;
    let fault = open.read_packet(507, 2, 16).await.unwrap_err();
    assert!(matches!(fault, SessionFault::SignedOff), "{fault:?}");
    open.close().await;
    assert_eq!(wire.log().last().unwrap(), "sign-off");
}

#[tokio::test(start_paused = true)]
async fn a_session_gives_the_line_back_in_time() {
    let mut wire = Wire::new(Meter::new(), Manner::default());
    let terms = super::Terms {
        hold_max: Duration::from_secs(10),
        ..terms()
    };
    let mut session = session(&mut wire.guard, terms).await.unwrap();
    let mut packet = 0;
    let fault = loop {
        packet += 1;
        if let Err(fault) = session.read_packet(550, packet, 64).await {
            break fault;
        }
    };
    assert!(matches!(fault, SessionFault::TimeUp { .. }), "{fault:?}");
    assert!(packet > 10);
    assert!(session.close().await.held < Duration::from_secs(11));
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_stops_does_not_keep_the_line_beyond_the_sessions_time() {
    for stops_at in 5..20 {
        let manner = Manner {
            is_deaf: Box::new(move |asked| asked >= stops_at),
            ..Manner::default()
        };
        let mut wire = Wire::new(Meter::new(), manner);
        let terms = super::Terms {
            hold_max: Duration::from_secs(8),
            ..terms()
        };
        let mut session = session(&mut wire.guard, terms).await.unwrap();
        let mut packet = 0;
        let fault = loop {
            packet += 1;
            match session.read_packet(550, packet, 64).await {
                Err(fault) if fault.ends_session() => break fault,
                _ => {}
            }
        };
        assert!(matches!(fault, SessionFault::TimeUp { .. }), "{fault:?}");
        let held = session.close().await.held;
        assert!(held < 9000 * MS, "stopped at {stops_at}: {held:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_dropped_leaves_a_promise_that_the_next_user_keeps() {
    let mut wire = Wire::new(Meter::new(), Manner::default());
    let terms = super::Terms {
        restore: Some(super::wire::settings(9600)),
        ..terms()
    };
    let mut open = session(&mut wire.guard, terms.clone()).await.unwrap();
    let dropped = timeout(300 * MS, open.read_packet(507, 1, 64)).await;
    assert!(dropped.is_err());
    drop(open);
    assert!(wire.guard.is_promised());
    let mut open = session(&mut wire.guard, terms).await.unwrap();
    let got = open.read_packet(507, 1, 64).await.unwrap();
    assert_eq!(got.data, content(507, 1, 64));
    open.close().await;
    let log = wire.log();
    assert_eq!(log[4..6], ["sign-off", "sign-on to address 001"]);
    assert!(!wire.guard.is_promised());
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_in_the_trace_whatever_comes_back() {
    let password = Password::new(PASSWORD).unwrap();
    let answer = PasswordAnswer::elster(&password, Seed::parse(SEED).unwrap()).unwrap();
    for software_parity in [false, true] {
        for damage in 0..40 {
            let mut wire = Wire::new(
                Meter::new(),
                Manner {
                    echo: damage < 30,
                    software_parity,
                    // Copies of the password come late, cut and damaged.
                    trouble: Box::new(move |_, request, mut plays| {
                        if let [1, b'P', ..] = request {
                            let mut copy = request.to_vec();
                            let place = damage % copy.len();
                            copy[place] ^= 4;
                            plays.push((400 * MS, copy.clone()));
                            plays.push((900 * MS, copy[place..].to_vec()));
                            plays.push((2900 * MS, request[..place].to_vec()));
                        }
                        plays
                    }),
                    ..Manner::default()
                },
            );
            wire.guard.trace().switch(true);
            let parity = if software_parity {
                ParityBy::Software
            } else {
                ParityBy::Line
            };
            let terms = super::Terms { parity, ..terms() };
            if let Ok(mut session) = session(&mut wire.guard, terms).await {
                drop(session.read_packet(507, 1, 64).await);
                session.close().await;
            }
            let records = wire.guard.trace().since(0);
            assert!(records.iter().any(|record| record.used == Use::Request));
            for record in records {
                let seven: String = record
                    .octets
                    .iter()
                    .map(|octet| char::from(octet & 0x7f))
                    .collect();
                let parts = answer.reveal().as_bytes().windows(5);
                for part in parts.map(|part| std::str::from_utf8(part).unwrap()) {
                    assert!(!seven.contains(part), "{damage}: {record}");
                }
                assert!(!seven.contains(PASSWORD));
            }
        }
    }
}

/// The driver's task may move from one thread to another.
#[test]
fn sessions_can_be_sent_between_threads() {
    fn is_send(_: impl Send) {}
    is_send(async {
        let mut wire = Wire::new(Meter::new(), Manner::default());
        let mut session = session(&mut wire.guard, terms()).await.unwrap();
        let mut take = |_, _: &[u8]| std::ops::ControlFlow::Continue(());
        drop(session.read_stream(550, 1, 1, &mut take).await);
        drop(
            session
                .read_set(crate::codec::Form::National, "0.9.1", "")
                .await,
        );
        session.close().await;
    });
}
