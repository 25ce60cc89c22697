use super::*;
use crate::gates::tests::testing::{command, gateway, key, meters};
use crate::{Action, SigningKey, sign_command};
use proptest::prelude::*;

fn own() -> SigningKey {
    SigningKey::from_seed(&[5; 32])
}

fn keys() -> ReceiptKeys {
    ReceiptKeys::parse(gateway(), &own().public_pem().unwrap()).unwrap()
}

fn receipt(count: usize) -> Receipt {
    let at = Timestamp::from_millis(1_795_392_000_417);
    let meters = meters(count).into_iter().map(|meter| MeterProof {
        meter,
        state: CommandState::Succeeded,
        steps: 12,
        before: Some([1; 32]),
        after: Some([2; 32]),
        programmed: Some((40, 41)),
    });
    Receipt {
        id: CommandId::new([7; 16]),
        number: 12,
        state: CommandState::Succeeded,
        at,
        step: 12,
        steps: 12,
        code: None,
        text: None,
        now: Some(ObjectState {
            version: Some(3),
            sha256: Some([2; 32]),
        }),
        evidence: Some([3; 32]),
        proof: Some(Proof {
            who: vec!["Anna A.".to_owned(), "Ben B.".to_owned()],
            door: Door::HeadEnd,
            begun: at,
            ended: at,
            meters: meters.collect(),
        }),
        next_key: None,
    }
}

#[test]
fn a_receipt_is_verified_offline_and_only_of_its_gateway() {
    let bytes = sign_receipt(&own(), &gateway(), &receipt(2)).unwrap();
    let found = keys().open(&bytes).unwrap();
    assert_eq!(found.receipt(), &receipt(2));
    assert_eq!(found.signer(), own().id());
    assert_eq!(SignedReceipt::parse(&bytes).unwrap().claimed(), &receipt(2));
    let other = "pmu-002".parse().unwrap();
    let same_key = ReceiptKeys::of_gateway(other, vec![own().public_key()]);
    assert!(same_key.open(&bytes).is_err());
    let foreign = sign_receipt(&SigningKey::from_seed(&[6; 32]), &gateway(), &receipt(2)).unwrap();
    assert!(keys().open(&foreign).is_err());
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 4;
        assert!(keys().open(&changed).is_err(), "{at}");
        assert!(keys().open(&bytes[..at]).is_err(), "cut at {at}");
    }
    // What an operator signed is no receipt.
    let by_anna = sign_command(&command(Action::Nop), &key("anna")).unwrap();
    assert!(SignedReceipt::parse(&by_anna).is_err());
}

#[test]
fn success_without_proof_is_not_signed() {
    let mut bare = receipt(0);
    bare.proof = None;
    let refused = sign_receipt(&own(), &gateway(), &bare);
    assert_eq!(refused, Err(ReceiptFault::Content { key: "proof" }));
    bare.state = CommandState::Rejected;
    bare.code = Some("bad-args".to_owned());
    assert!(sign_receipt(&own(), &gateway(), &bare).is_ok());
    bare.step = 13;
    assert!(sign_receipt(&own(), &gateway(), &bare).is_err());
}

#[test]
fn the_largest_receipt_fits_its_limit() {
    let bytes = sign_receipt(&own(), &gateway(), &receipt(512)).unwrap();
    assert!(bytes.len() < RECEIPT_BYTES_MAX, "{}", bytes.len());
    assert!(sign_receipt(&own(), &gateway(), &receipt(513)).is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        crate::fuzz_receipt(&gateway(), &bytes);
        let around = RECEIPT.seal(&own(), "pmu-001", &bytes).unwrap();
        crate::fuzz_receipt(&gateway(), &around);
    }
}

/// Signed by one key, announcing another one.
fn announcement(by: u8, next: u8) -> Vec<u8> {
    let receipt = Receipt {
        state: CommandState::Executing,
        next_key: Some(SigningKey::from_seed(&[next; 32]).public_key()),
        ..receipt(1)
    };
    let gateway = "pmu-001".parse().unwrap();
    sign_receipt(&SigningKey::from_seed(&[by; 32]), &gateway, &receipt).unwrap()
}

#[test]
fn a_key_leads_to_the_one_that_it_announced_and_to_no_other() {
    let first = SigningKey::from_seed(&[1; 32]).public_key();
    let mut keys = ReceiptKeys::of_gateway("pmu-001".parse().unwrap(), vec![first]);
    assert!(keys.open(&announcement(2, 3)).is_err(), "not followed yet");
    let one = keys.open(&announcement(1, 2)).unwrap();
    assert!(keys.follow(&one));
    assert!(!keys.follow(&one), "once is enough");
    let two = keys.open(&announcement(2, 3)).unwrap();
    assert!(keys.follow(&two));
    // Whoever has found the first key, years later.
    let forged = keys.open(&announcement(1, 9)).unwrap();
    assert!(!keys.follow(&forged));
    assert!(keys.open(&announcement(9, 8)).is_err());
}
