use super::*;
use std::collections::BTreeSet;

fn settings(baud: u32, framing: Framing, dtr: Dtr, address: &str) -> TrialSettings {
    TrialSettings {
        baud,
        framing,
        dtr: Some(dtr),
        cancels_echo: false,
        address: address.to_owned(),
    }
}

fn usual() -> TrialSettings {
    settings(9600, Framing::SevenEven, Dtr::On, "001")
}

fn trial(settings: TrialSettings, saw: Saw) -> Trial {
    Trial { settings, saw }
}

fn ident() -> Saw {
    Saw::Identification("/GEC5090100140400@000".to_owned())
}

const GARBAGE: Saw = Saw::Garbage {
    octets: 25,
    wrong_parity: 11,
};

/// The message of sign-ons, as `code: happened | next`.
#[track_caller]
fn check(signs_on: &[Trial], expected: &str) {
    let trials = Trials {
        signs_on: signs_on.to_vec(),
        ..Trials::default()
    };
    let told = diagnose(&trials)
        .message()
        .map_or("healthy".to_owned(), |message| {
            format!("{}: {} | {}", message.code, message.happened, message.next)
        });
    assert_eq!(told, expected);
}

#[test]
fn a_clean_identification_is_healthy() {
    check(&[trial(usual(), ident())], "healthy");
    check(&[], "healthy");
}

#[test]
fn other_settings_that_work_are_named() {
    let eight = settings(9600, Framing::EightNone, Dtr::On, "001");
    check(
        &[trial(usual(), GARBAGE), trial(eight, ident())],
        "C02: with 9600 baud 7E1, DTR on, address 001 25 octets came that are no answer, 11 of them \
         with wrong parity; with 9600 baud 8N1, DTR on, address 001 the answer is clean | set 8N1 \
         for this line",
    );
    let slow = settings(1200, Framing::SevenEven, Dtr::On, "001");
    check(
        &[trial(usual(), Saw::Nothing), trial(slow, ident())],
        "C01: no answer with 9600 baud 7E1, DTR on, address 001, but with 1200 baud 7E1, DTR on, \
         address 001 the meter answers | set 1200 baud for it",
    );
    let off = settings(9600, Framing::SevenEven, Dtr::Off, "001");
    check(
        &[trial(usual(), Saw::Nothing), trial(off, ident())],
        "C01: no answer with 9600 baud 7E1, DTR on, address 001, but with 9600 baud 7E1, DTR off, \
         address 001 the meter answers | set DTR off for it",
    );
    let other = settings(9600, Framing::SevenEven, Dtr::On, "");
    check(
        &[trial(usual(), Saw::Nothing), trial(other, ident())],
        "C01: no answer with 9600 baud 7E1, DTR on, address 001, but with 9600 baud 7E1, DTR on, no \
         address the meter answers | set address `` for it",
    );
}

#[test]
fn what_no_setting_cures_is_told_by_what_was_heard() {
    let eight = || settings(9600, Framing::EightNone, Dtr::On, "001");
    let code = |first: Saw, second: Saw| {
        let signs_on = vec![trial(usual(), first), trial(eight(), second)];
        let trials = Trials {
            signs_on,
            ..Trials::default()
        };
        diagnose(&trials)
            .message()
            .map_or("healthy", |message| message.code)
    };
    assert_eq!(code(Saw::Nothing, Saw::Nothing), "C01");
    assert_eq!(code(Saw::Nothing, GARBAGE), "C02");
    assert_eq!(code(GARBAGE, GARBAGE), "C02");
    assert_eq!(code(Saw::Echo { octets: 8 }, Saw::Nothing), "C03");
    assert_eq!(code(Saw::Nothing, Saw::Echo { octets: 8 }), "C03");
    assert_eq!(code(Saw::Nak, Saw::Nothing), "C01");
    assert_eq!(
        code(Saw::TwoIdentifications(Vec::new()), Saw::Nothing),
        "C04"
    );
    assert_eq!(code(GARBAGE, Saw::TwoIdentifications(Vec::new())), "C04");
}

#[test]
fn an_echo_that_cancelling_cures_is_an_echo() {
    let cancelling = TrialSettings {
        cancels_echo: true,
        ..usual()
    };
    check(
        &[
            trial(usual(), Saw::Echo { octets: 8 }),
            trial(cancelling, ident()),
        ],
        "C03: only our own 8 octets came back, and no answer behind them | switch on echo cancelling \
         for this line; if it is on, check the meter's side: head seated, A and B not exchanged, power",
    );
    let off = settings(9600, Framing::SevenEven, Dtr::Off, "001");
    let trials = Trials {
        signs_on: vec![
            trial(usual(), Saw::Echo { octets: 8 }),
            trial(off.clone(), ident()),
        ],
        ..Trials::default()
    };
    let expected = Silence::Otherwise {
        configured: usual(),
        works: off,
    };
    assert_eq!(diagnose(&trials), Finding::NoAnswer(expected));
}

#[track_caller]
fn check_session(trouble: SessionTrouble, expected: &str) {
    let trials = Trials {
        signs_on: vec![trial(usual(), ident())],
        session: Some(trouble),
        ..Trials::default()
    };
    let message = diagnose(&trials).message().unwrap();
    assert_eq!(format!("{}: {}", message.code, message.happened), expected);
}

#[test]
fn troubles_behind_the_identification_have_their_own_messages() {
    check_session(
        SessionTrouble::OtherSerial {
            expected: "12345678".into(),
            found: "87654321".into(),
        },
        "C05: the meter says that it is `87654321`, `12345678` is configured",
    );
    check_session(
        SessionTrouble::Password {
            level: 1,
            how: PasswordRefusal::Nak,
        },
        "C06: the meter refused the password of level 1: it answered NAK",
    );
    check_session(
        SessionTrouble::Level {
            what: "setting the clock".into(),
            level: 1,
            needs: Some(3),
        },
        "C07: setting the clock needs level 3, level 1 is open",
    );
    check_session(
        SessionTrouble::Dropped {
            per_cent: 40,
            resume_from: None,
        },
        "C08: the link dropped at 40 %",
    );
    check_session(
        SessionTrouble::BlockChecks { failed: 3, of: 20 },
        "C11: 3 of 20 answers came with a wrong block check",
    );
}

#[test]
fn the_road_is_told_before_the_meter() {
    let code = |link: LinkState| {
        let trials = Trials {
            link,
            signs_on: vec![trial(usual(), Saw::Nothing)],
            session: None,
        };
        diagnose(&trials).message().unwrap().code
    };
    let trouble = ModemTrouble::NoDialTone;
    assert_eq!(
        code(LinkState::Modem {
            trouble,
            next_try: None
        }),
        "C09"
    );
    assert_eq!(
        code(LinkState::Pad {
            number: "1".into(),
            reason: "NP".into()
        }),
        "C10"
    );
    assert_eq!(code(LinkState::InUse { by: "job 7".into() }), "C12");
    assert_eq!(
        code(LinkState::NoPort {
            port: "x".into(),
            reason: "gone".into()
        }),
        "C01"
    );
    assert_eq!(code(LinkState::Open), "C01");
}

fn all() -> Vec<Finding> {
    let at = Timestamp::from_seconds(1_700_000_000);
    let troubles = [
        ModemTrouble::Busy,
        ModemTrouble::NoCarrier,
        ModemTrouble::NoDialTone,
        ModemTrouble::NoAnswer,
        ModemTrouble::NoModem,
    ];
    let modem = troubles.map(|trouble| Finding::Modem {
        trouble,
        next_try: Some(at),
    });
    let mut all = vec![
        Finding::NoAnswer(Silence::Whatever {
            tried: vec![usual().to_string()],
        }),
        Finding::Garbled {
            configured: usual(),
            works: None,
            octets: 3,
            wrong_parity: 0,
        },
        Finding::EchoOnly { octets: 8 },
        Finding::TwoMeters {
            address: "1".into(),
            heard: vec!["a".into(), "b".into()],
        },
        Finding::WrongMeter {
            expected: "1".into(),
            found: "2".into(),
        },
        Finding::PasswordRefused {
            level: 3,
            how: PasswordRefusal::Silence,
        },
        Finding::NotAllowed {
            what: "reading 507".into(),
            level: 0,
            needs: None,
        },
        Finding::LinkDropped {
            per_cent: 5,
            resume_from: Some(at),
        },
        Finding::PadUnreachable {
            number: "1".into(),
            reason: "OCC".into(),
        },
        Finding::BlockCheck { failed: 1, of: 2 },
        Finding::PortInUse { by: "job 7".into() },
    ];
    all.extend(modem);
    all.extend(of_data());
    all
}

fn of_data() -> Vec<Finding> {
    let at = Timestamp::from_seconds(1_700_000_000);
    vec![
        Finding::ClockOff {
            ahead_s: -42,
            advice: "it is adjusted".into(),
        },
        Finding::ClockInvalid,
        Finding::OwnClock,
        Finding::IntervalsMissing {
            count: 3,
            first: at,
            last: at,
            cause: "unknown".into(),
        },
        Finding::SumDiffers {
            what: "import".into(),
            by: "3 kWh".into(),
        },
        Finding::OtherCoding {
            what: "import".into(),
            as_model: "decimal digits".into(),
            as_other: "plain numbers".into(),
            by: "3 kWh".into(),
        },
        Finding::SetupChanged {
            what: "the scheme".into(),
            who: Some("JOHN".into()),
        },
        Finding::OverwriteIn { days: 5 },
        Finding::SchemeMisfit {
            misfits: vec!["12 rates of 8".into()],
        },
        Finding::VerifyMismatch {
            page: "display".into(),
        },
        Finding::DatePassed {
            date: "1 May".into(),
        },
        Finding::BackupFailed {
            reason: "no answer".into(),
        },
        Finding::ExportRefused { per_cent: 12 },
        Finding::ReceiverDown { waiting: 7 },
        Finding::SafeImage,
    ]
}

#[test]
fn every_code_has_a_message_in_plain_words() {
    let codes: BTreeSet<&str> = all()
        .iter()
        .map(|finding| finding.message().unwrap().code)
        .collect();
    let wanted = [
        "C01", "C02", "C03", "C04", "C05", "C06", "C07", "C08", "C09", "C10", "C11", "C12", "T01",
        "T02", "T03", "L01", "L02", "L03", "L04", "S01", "S02", "S03", "S04", "E01", "E02", "G01",
    ];
    assert_eq!(codes, wanted.into_iter().collect());
    for finding in all() {
        let message = finding.message().unwrap();
        for text in [&message.happened, &message.meaning, &message.next] {
            assert!(text.len() > 8, "{message}");
            assert!(!text.ends_with('.') && !text.contains("Error "), "{text}");
            let first = text.chars().next().unwrap();
            assert!(
                !first.is_ascii_uppercase() || text.starts_with("PAD"),
                "{text}"
            );
        }
        assert!(message.to_string().starts_with(message.code));
    }
    assert_eq!(Finding::Healthy.message(), None);
}
