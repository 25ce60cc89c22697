//! Every way into a meter, and every way that is shut.

use dlms::codec::acse::Diagnostic;
use dlms::codec::{Data, ServiceError};
use dlms::conversation::{Access, Beginning, Ciphering, Remedy, Session, SessionFault, Terms};
use dlms::security::{Form, Keys, Secret, SecurityFault, Suite, SystemTitle};

use crate::keeper::Keeper;
use crate::meter::{
    AUTH, ENERGY, KEY, LOW, METER_TITLE, NAME, PROOF_ONLY, PUBLIC, SUITE_ONE, SUITE_TWO, SUITE_ZERO,
};
use crate::terms;
use crate::wire::{Far, Plays, Wire, settings};
use line::{LineSettings, Parting};
use std::time::Duration;

const ALL: [u16; 6] = [PUBLIC, LOW, SUITE_ZERO, SUITE_ONE, SUITE_TWO, PROOF_ONLY];

async fn reads(wire: &mut Wire, keeper: &mut Keeper, terms: &Terms) {
    let mut session = Session::open(&mut wire.guard, keeper, terms).await.unwrap();
    let energy = session.get(ENERGY).await.unwrap();
    assert_eq!(energy, Ok(Data::DoubleLongUnsigned(12_345_678)));
    if terms.ciphering.is_some() {
        assert_eq!(session.meter_title(), Some(METER_TITLE));
    }
    let closed = session.close().await;
    assert!(closed.fault.is_none(), "{:?}", closed.fault);
    assert!(!wire.guard.is_promised());
}

#[tokio::test(start_paused = true)]
async fn every_level_opens_over_both_roads() {
    for client in ALL {
        let mut keeper = Keeper::default();
        let mut wire = Wire::new(Far::wrapper(1024));
        reads(&mut wire, &mut keeper, &terms::wrapper(client)).await;
        let mut keeper = Keeper::default();
        let mut wire = Wire::new(Far::hdlc(1024));
        reads(&mut wire, &mut keeper, &terms::hdlc(client, 3)).await;
        reads(&mut wire, &mut keeper, &terms::hdlc(client, 1)).await;
    }
}

/// Who handed the line over promised something else, which is not sent: the meter would not know it.
#[tokio::test(start_paused = true)]
async fn a_line_that_was_handed_over_is_set_back_however_the_session_ends() {
    let sign_off = b"\x01B0\x03q".to_vec();
    let promise = Parting {
        interruption: None,
        min_gap: Duration::ZERO,
        octets: sign_off.clone(),
        delay: Duration::ZERO,
        restore: None,
        late: Duration::ZERO,
    };
    let restore = Some(LineSettings {
        baud: 19_200,
        ..settings()
    });
    let terms = Terms {
        beginning: Beginning::HandedOver { restore },
        ..terms::hdlc(PUBLIC, 1)
    };
    let mut keeper = Keeper::default();
    let mut wire = Wire::new(Far::hdlc(1024));
    wire.guard.promise(Some(promise.clone()));
    reads(&mut wire, &mut keeper, &terms).await;
    assert_eq!(wire.guard.line_mut().set, [19_200]);
    let session = Session::open(&mut wire.guard, &mut keeper, &terms).await;
    drop(session.unwrap());
    assert!(wire.guard.is_promised());
    wire.guard.part().await.unwrap();
    assert_eq!(wire.guard.line_mut().set, [19_200, 19_200]);
    let asked = wire.asked.lock().unwrap().clone();
    assert!(!asked.contains(&sign_off), "{asked:?}");
    let is_disc = |frame: &Vec<u8>| frame.get(6) == Some(&0x53);
    assert_eq!(
        asked.iter().filter(|frame| is_disc(frame)).count(),
        2,
        "{asked:?}"
    );
    // A meter that does not come to HDLC.
    let mut wire = Wire::with(
        Far::hdlc(1024),
        Box::new(|_, plays| plays),
        Box::new(|_| true),
    );
    wire.guard.promise(Some(promise));
    let fault = Session::open(&mut wire.guard, &mut keeper, &terms).await;
    assert!(matches!(fault, Err(SessionFault::Line { .. })), "{fault:?}");
    assert_eq!(wire.guard.line_mut().set, [19_200]);
    assert!(!wire.guard.is_promised());
}

#[tokio::test(start_paused = true)]
async fn both_forms_and_a_dedicated_key_open_in_every_suite() {
    for client in [SUITE_ZERO, SUITE_ONE, SUITE_TWO] {
        for form in [Form::Service, Form::General] {
            for has_dedicated_key in [false, true] {
                let mut terms = terms::hdlc(client, 2);
                let ciphering = terms.ciphering.as_mut().unwrap();
                ciphering.form = form;
                ciphering.has_dedicated_key = has_dedicated_key;
                let mut wire = Wire::new(Far::hdlc(1024));
                reads(&mut wire, &mut Keeper::default(), &terms).await;
                let asked = wire.asked.lock().unwrap().clone();
                let wanted = match (form, has_dedicated_key) {
                    (Form::Service, false) => 0xc8,
                    (Form::Service, true) => 0xd0,
                    (Form::General, false) => 0xdb,
                    (Form::General, true) => 0xdc,
                };
                // Flag, format, addresses, control, check, LLC.
                assert!(asked.iter().any(|frame| frame.get(12) == Some(&wanted)));
            }
        }
    }
}

/// How an opening ends, and how many requests it takes.
async fn fails(wire: &mut Wire, keeper: &mut Keeper, terms: &Terms) -> (SessionFault, usize) {
    let before = wire.asked.lock().unwrap().len();
    let fault = Session::open(&mut wire.guard, keeper, terms)
        .await
        .map(drop)
        .unwrap_err();
    let asked = wire.asked.lock().unwrap().len() - before;
    assert!(!wire.guard.is_promised());
    (fault, asked)
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_one_clear_refusal() {
    let mut wire = Wire::new(Far::wrapper(1024));
    let terms = Terms {
        access: Access::Low(Secret::new(b"87654321").unwrap()),
        ..terms::wrapper(LOW)
    };
    let (fault, asked) = fails(&mut wire, &mut Keeper::default(), &terms).await;
    let diagnostic = Diagnostic::Authentication;
    assert!(matches!(fault, SessionFault::Refused { diagnostic: found } if found == diagnostic));
    assert_eq!((fault.remedy(), asked), (Remedy::AskOperator, 1));
    assert!(!format!("{fault:?} {fault}").contains("8765"));
}

#[tokio::test(start_paused = true)]
async fn a_trace_does_not_show_the_password() {
    let mut wire = Wire::new(Far::hdlc(1024));
    wire.guard.trace().switch(true);
    reads(&mut wire, &mut Keeper::default(), &terms::hdlc(LOW, 1)).await;
    let mut pulled = Vec::new();
    for record in wire.guard.trace().since(0) {
        pulled.extend_from_slice(&record.octets);
    }
    let shows = |part: &[u8]| pulled.windows(part.len()).any(|window| window == part);
    assert!(shows(&[0x80, 8, b'*', b'*']), "{pulled:02x?}");
    assert!(!shows(b"12345678"));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_is_one_clear_refusal() {
    for (key, auth) in [([9; 16], AUTH), (KEY, [9; 16])] {
        let mut wire = Wire::new(Far::wrapper(1024));
        let mut terms = terms::wrapper(SUITE_ZERO);
        let keys = Keys::new(Suite::Zero, &key, &auth).unwrap();
        terms.ciphering = Some(Ciphering::new(keys, terms::OWN_TITLE));
        let (fault, asked) = fails(&mut wire, &mut Keeper::default(), &terms).await;
        let SessionFault::Exception { exception, .. } = &fault else {
            panic!("{fault:?}");
        };
        assert_eq!(exception.error, ServiceError::Deciphering);
        assert_eq!((fault.remedy(), asked), (Remedy::AskOperator, 1));
        // Nothing of it counts: the meter believes no counter that it could not prove.
        let mut far = wire.far.lock().unwrap();
        assert_eq!(far.device().heard_from(SUITE_ZERO), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_proof_is_one_clear_refusal() {
    let mut wire = Wire::new(Far::wrapper(1024));
    let mut terms = terms::wrapper(PROOF_ONLY);
    let keys = Keys::new(Suite::Zero, &[9; 16], &AUTH).unwrap();
    terms.ciphering.as_mut().unwrap().keys = keys;
    let (fault, _) = fails(&mut wire, &mut Keeper::default(), &terms).await;
    assert!(matches!(fault, SessionFault::ProofRefused), "{fault:?}");
    assert_eq!(fault.remedy(), Remedy::AskOperator);
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_does_not_have_the_key_is_not_believed() {
    // It waves everything through, and proves itself with what it cannot know.
    let forged = |octets: &[u8]| -> Vec<u8> {
        let ports = [0, 1, 0, 1, 0, 5];
        let apdu: Vec<u8> = match octets[8] {
            0x60 => {
                let aare = "6161A109060760857405080101A203020100A305A10302010EA40A04084D4D4D0000BC614E\
                    8802078089076085740508020 5AA12801000112233445566778899AABBCCDDEEFFBE10040E0800065F1F0400181F1D01F40007";
                let mut apdu = hex(aare);
                apdu[1] = u8::try_from(apdu.len() - 2).unwrap();
                apdu
            }
            0xc3 => {
                let mut apdu = vec![0xc7, 1, octets[10], 0, 1, 0, 9, 17, 0x10];
                apdu.extend([0; 16]);
                apdu
            }
            _ => vec![0x63, 3, 0x80, 1, 0],
        };
        let length = u16::try_from(apdu.len()).unwrap().to_be_bytes();
        [&ports[..], &length, &apdu].concat()
    };
    let mut wire = Wire::new(Far::Other(Box::new(forged)));
    let terms = terms::wrapper(PROOF_ONLY);
    let (fault, _) = fails(&mut wire, &mut Keeper::default(), &terms).await;
    let is_tag = matches!(
        fault,
        SessionFault::Security {
            fault: SecurityFault::Tag,
            ..
        }
    );
    assert!(is_tag, "{fault:?}");
}

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    let pairs = (0..digits.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn other_terms_than_the_meters_are_refused() {
    let refused = [
        (terms::wrapper(PUBLIC), LOW, Diagnostic::MechanismWanted),
        (terms::wrapper(LOW), PUBLIC, Diagnostic::MechanismUnknown),
        (terms::wrapper(LOW), SUITE_ZERO, Diagnostic::Context),
        (terms::wrapper(SUITE_ZERO), PROOF_ONLY, Diagnostic::Context),
    ];
    for (terms, client, wanted) in refused {
        let road = terms::wrapper(client).road;
        let terms = Terms { road, ..terms };
        let mut wire = Wire::new(Far::wrapper(1024));
        let (fault, _) = fails(&mut wire, &mut Keeper::default(), &terms).await;
        let SessionFault::Refused { diagnostic } = fault else {
            panic!("{fault:?}");
        };
        assert_eq!(diagnostic, wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_agrees_to_less_is_not_believed() {
    let named = [0x60, 0x85, 0x74, 5, 8];
    // The context without ciphering; the level with a password alone.
    for (branch, leaf, less) in [(1, 3, 1), (2, 5, 1)] {
        let trouble = Box::new(move |number, mut plays: Plays| {
            let octets = &mut plays[0].1;
            let wanted = [&named[..], &[branch, leaf]].concat();
            let place = octets.windows(7).position(|part| part == wanted);
            if number == 1 {
                octets[place.unwrap() + 6] = less;
            }
            plays
        });
        let mut wire = Wire::with(Far::wrapper(1024), trouble, Box::new(|_| false));
        let terms = terms::wrapper(SUITE_ZERO);
        let (fault, asked) = fails(&mut wire, &mut Keeper::default(), &terms).await;
        assert!(matches!(fault, SessionFault::OtherTerms), "{fault:?}");
        assert_eq!(asked, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_client_has_no_link() {
    let mut wire = Wire::new(Far::hdlc(1024));
    let (fault, asked) = fails(&mut wire, &mut Keeper::default(), &terms::hdlc(99, 1)).await;
    assert!(matches!(fault, SessionFault::NoLink { .. }), "{fault:?}");
    assert_eq!((fault.remedy(), asked), (Remedy::AskOperator, 1));
}

#[tokio::test(start_paused = true)]
async fn high_level_security_wants_keys() {
    let mut wire = Wire::new(Far::wrapper(1024));
    let terms = Terms {
        ciphering: None,
        ..terms::wrapper(SUITE_ZERO)
    };
    let (fault, asked) = fails(&mut wire, &mut Keeper::default(), &terms).await;
    assert!(matches!(fault, SessionFault::NoKeys));
    assert_eq!(asked, 0);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_dropped_is_parted_from_before_the_next() {
    let mut wire = Wire::new(Far::hdlc(1024));
    let mut keeper = Keeper::default();
    let terms = terms::hdlc(LOW, 1);
    let session = Session::open(&mut wire.guard, &mut keeper, &terms).await;
    drop(session.unwrap());
    assert!(wire.guard.is_promised());
    let before = wire.asked.lock().unwrap().len();
    reads(&mut wire, &mut keeper, &terms).await;
    let disc = wire.asked.lock().unwrap()[before][6];
    assert_eq!(disc, 0x53);
}

#[tokio::test(start_paused = true)]
async fn a_title_of_another_meter_is_seen() {
    let mut wire = Wire::new(Far::wrapper(1024));
    let mut keeper = Keeper::default();
    let terms = terms::wrapper(SUITE_TWO);
    let mut session = Session::open(&mut wire.guard, &mut keeper, &terms)
        .await
        .unwrap();
    assert_ne!(session.meter_title(), Some(SystemTitle([0; 8])));
    let name = session.get(NAME).await.unwrap().unwrap();
    assert_eq!(name.octets(), Some(&b"PMUTEST000000001"[..]));
}
