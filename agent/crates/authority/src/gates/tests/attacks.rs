//! What somebody may try who is not an operator, or not enough of one.

use super::testing::{EPOCH, NOON, at, command, content, gateway, key, key_set, now, root, tariff};
use crate::people::RoleRights;
use crate::{
    Action, AuthenticCommand, Command, Now, Policy, RejectedCommand, RotatedKey, SigningKey,
    approve_command, authorise, sign_command, sign_shared_command, sign_watermark,
};
use coset::cbor::Value;
use coset::{
    CborSerializable, CoseSign, CoseSign1, Header, HeaderBuilder, RegisteredLabelWithPrivate,
    TaggedCborSerializable, iana,
};
use metering::{ClockQuality, Timestamp};
use proptest::prelude::*;

/// How far bytes come: the code of their rejection, or `authorised`.
fn judge(bytes: &[u8], is_retained: bool, last: u64, now: &Now) -> String {
    let code = |rejected: RejectedCommand| rejected.reason.code().unwrap_or("expired").to_owned();
    let known = key_set().open_command(&gateway(), bytes, is_retained, now);
    let authentic: AuthenticCommand = match known {
        Ok(authentic) => authentic,
        Err(rejected) => return code(rejected),
    };
    let order = authentic.command().judge_order(&EPOCH, last);
    let time = authentic.command().judge_time(now, 41);
    if let Err(reason) = order.and(time) {
        return reason.code().unwrap_or("expired").to_owned();
    }
    match authorise(authentic, &Policy::built_in(), &RoleRights::shipped(), now) {
        Ok(_) => "authorised".to_owned(),
        Err(rejected) => code(rejected),
    }
}

#[track_caller]
fn check(bytes: &[u8], expected: &str) {
    assert_eq!(judge(bytes, false, 0, &now()), expected);
}

fn two(action: Action, first: &str, second: &str) -> Vec<u8> {
    let shared = sign_shared_command(&command(action), &key(first)).unwrap();
    approve_command(&shared, &key(second)).unwrap()
}

fn read() -> Action {
    let meter = "feeder-0".parse().unwrap();
    Action::MeterRead { meter }
}

#[test]
fn who_may_and_who_may_not() {
    let one = |action, who| sign_command(&command(action), &key(who)).unwrap();
    check(&one(read(), "anna"), "authorised");
    check(&one(read(), "cora"), "authorised");
    check(&one(read(), "nobody"), "unknown-key");
    check(&one(read(), "vera"), "key-not-authorised");
    check(&one(read(), "ben"), "key-not-authorised");
    check(&one(read(), "revoked"), "key-not-authorised");
    check(&one(read(), "expired"), "key-not-authorised");
    check(&one(read(), "early"), "key-not-authorised");
    check(&one(Action::Nop, "vera"), "authorised");
    check(&one(tariff(1), "anna"), "authorised");
    check(&one(tariff(2), "anna"), "need-second-approval");
    check(&one(tariff(2), "cora"), "need-second-approval");
    check(&one(Action::AgentRestart, "anna"), "key-not-authorised");
    check(&one(Action::AgentRestart, "cora"), "authorised");
}

#[test]
fn two_are_two_people_with_two_roles() {
    check(&two(tariff(2), "anna", "ben"), "authorised");
    check(&two(tariff(2), "ben", "anna"), "authorised");
    check(&two(tariff(2), "anna", "cora"), "authorised");
    // Two keys of one person are one person.
    check(&two(tariff(2), "anna", "anna-2"), "need-second-approval");
    // Two people of one role are not enough.
    check(&two(tariff(2), "ben", "bea"), "key-not-authorised");
    check(&two(tariff(2), "anna", "vera"), "need-second-approval");
    check(&two(tariff(2), "anna", "revoked"), "key-not-authorised");
    check(&two(tariff(2), "anna", "nobody"), "unknown-key");
    check(
        &two(
            Action::CfgSet {
                document: crate::Document::Inline("a".to_owned()),
            },
            "anna",
            "ben",
        ),
        "key-not-authorised",
    );
    // One signature, taken twice.
    let shared = sign_shared_command(&command(tariff(2)), &key("anna")).unwrap();
    assert!(approve_command(&shared, &key("anna")).is_err());
    let mut envelope = CoseSign::from_tagged_slice(&shared).unwrap();
    envelope.signatures.push(envelope.signatures[0].clone());
    check(&envelope.to_tagged_vec().unwrap(), "bad-sig");
}

#[test]
fn the_broker_can_neither_take_away_nor_turn_round() {
    let bytes = two(tariff(2), "anna", "ben");
    let mut envelope = CoseSign::from_tagged_slice(&bytes).unwrap();
    // Turned round, the same person still numbers.
    envelope.signatures.reverse();
    let turned = envelope.clone().to_tagged_vec().unwrap();
    let open = |bytes: &[u8]| {
        key_set()
            .open_command(&gateway(), bytes, false, &now())
            .unwrap()
    };
    assert_eq!(open(&turned).numbered_by(), key("anna").public().id());
    assert_eq!(
        open(&turned).payload_digest(),
        open(&bytes).payload_digest()
    );
    // Without the one that numbers it is nothing, without the other one it lacks an approval.
    let mut alone = envelope.clone();
    alone.signatures.remove(1);
    check(&alone.to_tagged_vec().unwrap(), "bad-sig");
    let mut alone = envelope.clone();
    alone.signatures.remove(0);
    check(&alone.to_tagged_vec().unwrap(), "need-second-approval");
    // A signature of COSE_Sign is none of COSE_Sign1, whatever headers stand around it.
    for which in 0..2 {
        let one = &envelope.signatures[which];
        for protected in [envelope.protected.clone(), one.protected.clone()] {
            let bare = CoseSign1 {
                protected,
                payload: envelope.payload.clone(),
                signature: one.signature.clone(),
                ..CoseSign1::default()
            };
            check(&bare.to_tagged_vec().unwrap(), "bad-sig");
        }
    }
    // And the reverse.
    let single = sign_command(&command(read()), &key("anna")).unwrap();
    let single = CoseSign1::from_tagged_slice(&single).unwrap();
    let many = CoseSign {
        protected: single.protected.clone(),
        payload: single.payload.clone(),
        signatures: vec![coset::CoseSignature {
            protected: single.protected.clone(),
            signature: single.signature.clone(),
            ..coset::CoseSignature::default()
        }],
        ..CoseSign::default()
    };
    check(&many.to_tagged_vec().unwrap(), "bad-sig");
    assert!(approve_command(&single.to_tagged_vec().unwrap(), &key("ben")).is_err());
}

#[test]
fn every_prefix_and_every_flipped_bit_is_refused() {
    for bytes in [
        sign_command(&command(read()), &key("anna")).unwrap(),
        sign_command(&command(read()), &key("anna-2")).unwrap(),
        two(tariff(2), "anna", "ben"),
    ] {
        let set = key_set();
        let is_believed = |bytes: &[u8]| set.open_command(&gateway(), bytes, false, &now()).is_ok();
        assert!(is_believed(&bytes));
        for length in 0..bytes.len() {
            assert!(!is_believed(&bytes[..length]), "cut at {length}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(!is_believed(&changed), "bit of byte {at}");
        }
        assert!(
            !is_believed(&[bytes.as_slice(), b"\x00"].concat()),
            "one byte more"
        );
    }
}

#[test]
fn a_command_for_another_gateway_epoch_or_number_is_not_for_us() {
    let signed = |change: &dyn Fn(&mut Command)| {
        let mut command = command(read());
        change(&mut command);
        sign_command(&command, &key("anna")).unwrap()
    };
    check(
        &signed(&|c| c.gateway = "pmu-002".parse().unwrap()),
        "bad-sig",
    );
    check(&signed(&|c| c.epoch = [0; 8]), "wrong-epoch");
    check(&signed(&|c| c.number = 2), "seq-gap");
    let first = signed(&|_| {});
    assert_eq!(judge(&first, false, 1, &now()), "replay");
    assert_eq!(judge(&first, true, 0, &now()), "replay", "retained");
    // Signed for us, and another name inside.
    let mut inner = command(read());
    inner.gateway = "pmu-002".parse().unwrap();
    check(&around(&inner.encode().unwrap()), "not-for-me");
}

#[test]
fn numbers_are_judged_at_their_ends() {
    use crate::NumberVerdict::{Gap, Next, Replay};
    for (last, number, expected) in [
        (0, 1, Next),
        (0, 0, Replay),
        (0, 2, Gap),
        (7, 7, Replay),
        (7, 8, Next),
        (u64::MAX, 1, Replay),
        (u64::MAX - 1, u64::MAX, Next),
    ] {
        assert_eq!(
            crate::judge_number(last, number),
            expected,
            "{last} {number}"
        );
    }
}

#[track_caller]
fn check_time(action: &Action, now: Now, expected: &str) {
    let bytes = sign_command(&command(action.clone()), &key("cora")).unwrap();
    assert_eq!(judge(&bytes, false, 0, &now), expected, "{now:?}");
}

#[test]
fn time_counts_as_far_as_the_clock_is_known() {
    use ClockQuality::{Holdover, Synchronised, Unsynchronised};
    // Valid from 10 s before noon to 600 s after.
    check_time(&read(), at(NOON - 131, Synchronised), "not-yet-valid");
    check_time(&read(), at(NOON - 130, Synchronised), "authorised");
    check_time(&read(), at(NOON + 720, Synchronised), "authorised");
    check_time(&read(), at(NOON + 721, Synchronised), "expired");
    check_time(&read(), at(NOON + 720, Holdover), "authorised");
    // A clock of 1970 that calls itself synchronised is later than what was trusted.
    check_time(&read(), at(0, Synchronised), "not-yet-valid");
    // A clock of 1970 that does not: no key set and no command is too old, and none is fresh.
    check_time(&read(), at(0, Unsynchronised), "clock-unsynced");
    check_time(&Action::Nop, at(0, Unsynchronised), "authorised");
    let own_clock = Action::GatewayTimeSet {
        to: Timestamp::from_seconds(NOON),
        step_max_s: 30,
    };
    check_time(&own_clock, at(0, Unsynchronised), "authorised");
    let meters_clock = Action::MeterTimeSet {
        meter: "feeder-0".parse().unwrap(),
        step_max_s: 30,
    };
    check_time(&meters_clock, at(0, Unsynchronised), "clock-unsynced");
    let rotate = |session| Action::KeyRotate {
        key: RotatedKey::Receipt,
        session,
    };
    check_time(
        &rotate(Some(41)),
        at(0, Unsynchronised),
        "need-second-approval",
    );
    check_time(&rotate(Some(40)), at(0, Unsynchronised), "clock-unsynced");
    check_time(&rotate(None), at(0, Unsynchronised), "clock-unsynced");
    // What has surely expired has, clock or no clock.
    let mut late = at(0, Unsynchronised);
    late.trusted = Timestamp::from_seconds(NOON + 721);
    check_time(&Action::Nop, late, "expired");
    late.trusted = Timestamp::from_seconds(NOON + 100_001);
    check_time(&Action::Nop, late, "key-not-authorised");
}

#[test]
fn a_step_beyond_thirty_seconds_takes_two() {
    let step = |step_max_s| Action::MeterTimeSet {
        meter: "feeder-0".parse().unwrap(),
        step_max_s,
    };
    check(
        &sign_command(&command(step(30)), &key("anna")).unwrap(),
        "authorised",
    );
    check(
        &sign_command(&command(step(31)), &key("anna")).unwrap(),
        "need-second-approval",
    );
    check(&two(step(31), "anna", "ben"), "authorised");
}

/// A valid signature of `anna` for this gateway around any payload.
fn around(payload: &[u8]) -> Vec<u8> {
    signed(
        payload,
        header(iana::Algorithm::EdDSA, "anna"),
        "anna",
        b"gw-cmd/1pmu-001",
    )
}

fn header(algorithm: iana::Algorithm, who: &str) -> Header {
    HeaderBuilder::new()
        .algorithm(algorithm)
        .content_type(crate::COMMAND_CONTENT_TYPE.to_owned())
        .key_id(key(who).public().id().bytes().to_vec())
        .build()
}

fn signed(payload: &[u8], protected: Header, who: &str, external: &[u8]) -> Vec<u8> {
    let envelope = coset::CoseSign1Builder::new()
        .protected(protected)
        .payload(payload.to_vec())
        .create_signature(external, |data| key(who).sign(data))
        .build();
    envelope.to_tagged_vec().unwrap()
}

#[test]
fn algorithm_and_key_belong_together() {
    use iana::Algorithm::{ES256, EdDSA};
    let payload = command(read()).encode().unwrap();
    let case = |algorithm, who, expected| {
        let bytes = signed(&payload, header(algorithm, who), who, b"gw-cmd/1pmu-001");
        check(&bytes, expected);
    };
    case(EdDSA, "anna", "authorised");
    case(ES256, "anna", "bad-sig");
    case(ES256, "ben", "key-not-authorised");
    case(EdDSA, "ben", "bad-sig");
    case(iana::Algorithm::ES384, "anna", "bad-sig");
    case(iana::Algorithm::HMAC_256_256, "anna", "bad-sig");
    let mut none = header(EdDSA, "anna");
    none.alg = None;
    check(
        &signed(&payload, none, "anna", b"gw-cmd/1pmu-001"),
        "bad-sig",
    );
    // Somebody else's id over one's own signature.
    let bytes = signed(&payload, header(EdDSA, "cora"), "anna", b"gw-cmd/1pmu-001");
    check(&bytes, "bad-sig");
}

#[test]
fn headers_are_held_to_the_contract() {
    let payload = command(read()).encode().unwrap();
    let case = |change: &dyn Fn(&mut Header), expected| {
        let mut protected = header(iana::Algorithm::EdDSA, "anna");
        change(&mut protected);
        check(
            &signed(&payload, protected, "anna", b"gw-cmd/1pmu-001"),
            expected,
        );
    };
    let critical = |label| vec![RegisteredLabelWithPrivate::Assigned(label)];
    case(
        &|h| h.crit = critical(iana::HeaderParameter::Kid),
        "authorised",
    );
    case(
        &|h| h.crit = critical(iana::HeaderParameter::X5Chain),
        "bad-sig",
    );
    case(
        &|h| h.crit = vec![RegisteredLabelWithPrivate::Text("later".to_owned())],
        "bad-sig",
    );
    case(&|h| h.content_type = None, "bad-sig");
    case(&|h| h.key_id.clear(), "bad-sig");
    case(&|h| h.key_id = vec![1; 9], "bad-sig");
    let bytes = sign_command(&command(read()), &key("anna")).unwrap();
    let mut envelope = CoseSign1::from_tagged_slice(&bytes).unwrap();
    envelope.unprotected = HeaderBuilder::new().key_id(vec![1]).build();
    check(&envelope.to_tagged_vec().unwrap(), "bad-sig");
    let shared = two(tariff(2), "anna", "ben");
    let mut envelope = CoseSign::from_tagged_slice(&shared).unwrap();
    envelope.signatures[1].unprotected = HeaderBuilder::new().key_id(vec![1]).build();
    check(&envelope.to_tagged_vec().unwrap(), "bad-sig");
}

#[test]
fn what_was_signed_for_something_else_is_no_command() {
    let payload = command(read()).encode().unwrap();
    for external in [
        &b"gw-ack/1pmu-001"[..],
        b"gw-keys/1",
        b"gw-policy/1",
        b"gw-receipt/1pmu-001",
        b"gw-audit/1pmu-001",
        b"gw-cmd/1",
        b"gw-cmd/1pmu-0011",
        b"gw-cmd/2pmu-001",
        b"",
    ] {
        let header = header(iana::Algorithm::EdDSA, "anna");
        check(&signed(&payload, header, "anna", external), "bad-sig");
    }
    let watermark = sign_watermark(&SigningKey::from_seed(&[1; 32]), &gateway(), &payload);
    check(&watermark.unwrap(), "bad-sig");
    check(&content().sign(&root()).unwrap(), "bad-sig");
    check(&content().sign(&key("anna")).unwrap(), "bad-sig");
}

#[test]
fn what_is_too_large_or_nested_is_not_looked_at() {
    check(&vec![0xd2; 16 * 1024 + 1], "too-large");
    check(&[0x81; 16 * 1024], "bad-sig");
    check(&[0xd2; 16 * 1024], "bad-sig");
    check(&[&[0xd2, 0x84][..], &[0x81; 16_000]].concat(), "bad-sig");
    // Deep nesting behind a valid signature, as payload and as argument.
    check(&around(&[0x81; 8000]), "bad-args");
    check(&around(&[0xa1; 8000]), "bad-args");
    let text = "x".repeat(20_000);
    let large = Action::SchemePut {
        document: crate::Document::Inline(text),
    };
    let refused = sign_command(&command(large), &key("anna")).unwrap_err();
    assert_eq!(refused.code(), Some("too-large"));
}

/// The payload of a command with its map changed.
fn payload_with(change: impl FnOnce(&mut Vec<(Value, Value)>)) -> Vec<u8> {
    let bytes = command(tariff(2)).encode().unwrap();
    let Value::Map(mut map) = Value::from_slice(&bytes).unwrap() else {
        panic!("a command is a map");
    };
    change(&mut map);
    Value::Map(map).to_vec().unwrap()
}

#[test]
fn what_is_inside_the_signature_is_read_strictly() {
    let text = |text: &str| Value::Text(text.to_owned());
    let set = |key: &'static str, value: Value| {
        payload_with(|map| {
            map.retain(|pair| pair.0 != text(key));
            map.push((text(key), value));
        })
    };
    let good = payload_with(|_| {});
    check(&around(&good), "need-second-approval");
    check(
        &around(&payload_with(|map| map.reverse())),
        "need-second-approval",
    );
    check(&around(&[good.as_slice(), b"\x00"].concat()), "bad-args");
    check(
        &around(&payload_with(|map| map.push((text("op"), text("nop"))))),
        "bad-args",
    );
    check(
        &around(&payload_with(|map| {
            map.push((text("x"), Value::Bool(true)));
        })),
        "bad-args",
    );
    check(
        &around(&payload_with(|map| {
            map.push((Value::from(1), Value::Bool(true)));
        })),
        "bad-args",
    );
    check(
        &around(&payload_with(|map| drop(map.remove(0)))),
        "bad-args",
    );
    check(&around(&set("op", text("relay.open"))), "unsupported");
    check(&around(&set("op", text("nonsense"))), "unsupported");
    check(&around(&set("n", Value::from(0))), "bad-args");
    check(&around(&set("n", Value::from(u64::MAX))), "bad-args");
    check(&around(&set("n", Value::Float(1.0))), "bad-args");
    check(&around(&set("exp", Value::from(NOON - 11))), "bad-args");
    check(
        &around(&set("exp", Value::from(NOON + 86_400 * 40))),
        "bad-args",
    );
    check(&around(&set("m", text("feeder-0"))), "bad-args");
    check(&around(&set("argh", Value::Bytes(vec![0; 32]))), "bad-args");
    check(
        &around(&set("arg", Value::Bytes(b"\xa0".to_vec()))),
        "bad-args",
    );
    check(
        &around(&set(
            "blob",
            Value::Array(vec![Value::Bytes(vec![0; 32]), Value::from(1)]),
        )),
        "bad-args",
    );
    check(
        &around(&set("lim", Value::Map(vec![(text("try"), Value::from(0))]))),
        "bad-args",
    );
    check(&around(&set("lim", Value::Array(vec![]))), "bad-args");
    check(
        &around(&set("pre", Value::Map(vec![(text("x"), Value::from(0))]))),
        "bad-args",
    );
    let list = Value::Array(vec![Value::from(1); 14]);
    check(&around(&list.to_vec().unwrap()), "bad-args");
}

#[test]
fn who_is_proven_is_named_and_nobody_else_is() {
    let open = |bytes: &[u8]| {
        let opened = key_set().open_command(&gateway(), bytes, false, &now());
        opened.unwrap_err().proven.map(|(_, number)| number)
    };
    let bad = payload_with(|map| map.push((Value::Text("x".to_owned()), Value::Bool(true))));
    assert_eq!(open(&around(&bad)), Some(1));
    assert_eq!(
        open(&sign_command(&command(read()), &key("nobody")).unwrap()),
        None
    );
    assert_eq!(
        open(&sign_command(&command(read()), &key("revoked")).unwrap()),
        None
    );
    assert_eq!(open(&[0xd2]), None);
}

#[test]
fn a_list_runs_in_the_name_of_those_who_put_it() {
    let put = |first: &str, second: &str| {
        let document = crate::Document::Inline("list".to_owned());
        let bytes = two(Action::ListPut { document }, first, second);
        let opened = key_set().open_command(&gateway(), &bytes, false, &now());
        authorise(
            opened.unwrap(),
            &Policy::built_in(),
            &RoleRights::shipped(),
            &now(),
        )
    };
    let authorised = put("anna", "ben").unwrap();
    let due = |action| {
        let command = AuthenticCommand::by_list(&command(action), &authorised).unwrap();
        authorise(command, &Policy::built_in(), &RoleRights::shipped(), &now())
    };
    assert!(due(tariff(200)).is_ok());
    let code = due(Action::AgentRestart).unwrap_err().reason;
    assert_eq!(code.code(), Some("key-not-authorised"));
    assert!(put("anna", "anna-2").is_err());
    // Only what put a list stands behind one.
    let bytes = sign_command(&command(read()), &key("anna")).unwrap();
    let read_only = key_set()
        .open_command(&gateway(), &bytes, false, &now())
        .unwrap();
    let read_only = authorise(
        read_only,
        &Policy::built_in(),
        &RoleRights::shipped(),
        &now(),
    );
    assert!(AuthenticCommand::by_list(&command(tariff(1)), &read_only.unwrap()).is_err());
}

#[test]
fn the_journal_keeps_who_stands_behind_a_command_and_cannot_be_forged() {
    let bytes = two(tariff(2), "anna", "ben");
    let opened = key_set()
        .open_command(&gateway(), &bytes, false, &now())
        .unwrap();
    let own = SigningKey::from_seed(&[5; 32]);
    let keys = crate::ReceiptKeys::of_gateway(gateway(), vec![own.public_key()]);
    let row = opened.to_journal(&own).unwrap();
    assert_eq!(keys.open_journalled(&row), Ok(opened.clone()));
    let forged = opened.to_journal(&SigningKey::from_seed(&[6; 32])).unwrap();
    assert!(keys.open_journalled(&forged).is_err());
    for at in 0..row.len() {
        let mut changed = row.clone();
        changed[at] ^= 0x10;
        assert!(keys.open_journalled(&changed).is_err(), "{at}");
    }
    // A command in its envelope is no row of the journal.
    assert!(keys.open_journalled(&bytes).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), tag in 0..3_usize) {
        let tagged = [[&b""[..], b"\xd2\x84", b"\xd8\x62\x84"][tag], bytes.as_slice()].concat();
        crate::fuzz_command(&key_set(), &gateway(), &tagged);
        crate::fuzz_command(&key_set(), &gateway(), &around(&bytes));
    }
}
