//! What is signed for and by gateways that take commands. The private keys are published on purpose:
//! trust them nowhere.

use crate::Vector;
use crate::explain::{self, hex};
use crate::records::{EPOCH, MIDNIGHT, gateway, record, topic};
use authority::{
    Action, Bounds, Command, CommandId, CommandState, Door, KeyEntry, KeySet, KeySetContent,
    MeterProof, Now, ObjectState, Operation, OperatorKey, Policy, PolicyContent, Proof, Receipt,
    ReceiptKeys, Role, RootKeys, Rule, SignedReceipt, SigningKey, approve_command, sign_command,
    sign_receipt, sign_shared_command,
};
use head_end::{Birth, Body, FleetSubject, Presence, Stream, Subject};
use metering::{ClockQuality, Timestamp};
use serde_json::{Value, json};

const ANNA: [u8; 32] = [0x31; 32];
const BEN: [u8; 32] = [0x32; 32];
const ROOT: [u8; 32] = [0x33; 32];
const GATEWAY: [u8; 32] = [0x34; 32];

fn anna() -> OperatorKey {
    OperatorKey::ed25519(&ANNA)
}

/// His key lives in a device that can only do P-256.
fn ben() -> OperatorKey {
    OperatorKey::es256(&BEN).unwrap()
}

fn root() -> OperatorKey {
    OperatorKey::ed25519(&ROOT)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn kid(key: &OperatorKey) -> Value {
    json!(key.public().id().to_string())
}

pub(crate) fn all() -> Vec<Vector> {
    vec![
        birth(),
        command_of_one(),
        command_of_two(),
        key_set(),
        policy(),
        receipt(),
    ]
}

fn birth() -> Vector {
    let birth = Presence::Birth(Birth {
        session: 42,
        boots: 7,
        at: at(MIDNIGHT),
        clock: ClockQuality::Synchronised,
        firmware: "0.1.0".to_owned(),
        hardware: "aarch64".to_owned(),
        epoch: EPOCH,
        outbox: [(Stream::Receipt, (12, 13))].into(),
        capabilities: vec!["commands".to_owned()],
        set_aside: 1,
        key_set: 7,
        accepted: [(anna().public().id(), 12), (ben().public().id(), 3)].into(),
    });
    let Presence::Birth(content) = &birth else {
        unreachable!("it is one")
    };
    let bytes = content.encode().unwrap();
    assert_eq!(Presence::decode(&bytes).unwrap(), birth);
    Vector {
        name: "st-birth-commands",
        topic: topic(Subject::Presence),
        bytes,
        explanation: explain::presence(&birth),
    }
}

fn command(action: Action, number: u64) -> Command {
    Command {
        id: CommandId::of_time(at(MIDNIGHT), [0x11; 10]),
        gateway: gateway(),
        epoch: EPOCH,
        number,
        issued: at(MIDNIGHT),
        not_before: at(MIDNIGHT),
        expires: at(MIDNIGHT + 3600),
        action,
        precondition: Some(ObjectState {
            version: Some(3),
            sha256: Some([0x5a; 32]),
        }),
        bounds: Bounds {
            window: Some((at(MIDNIGHT + 60), at(MIDNIGHT + 600))),
            attempts: Some(2),
            done_by: Some(at(MIDNIGHT + 1200)),
        },
    }
}

fn told(command: &Command, arguments: &Value, argument_hash: &str) -> Value {
    json!({
        "id": hex(&command.id.bytes()), "g": "pmu-001", "e": hex(&EPOCH), "n": command.number,
        "iat": MIDNIGHT, "nbf": MIDNIGHT, "exp": MIDNIGHT + 3600,
        "op": command.action.operation().word(),
        "pre": {"ver": 3, "sha": "5a".repeat(32)},
        "arg": arguments, "argh": argument_hash,
        "lim": {"win": [MIDNIGHT + 60, MIDNIGHT + 600], "try": 2, "by": MIDNIGHT + 1200},
    })
}

fn now() -> Now {
    Now {
        at: at(MIDNIGHT),
        quality: ClockQuality::Synchronised,
        trusted: at(MIDNIGHT),
    }
}

fn roots() -> RootKeys {
    RootKeys::parse(&root().public().to_pem().unwrap()).unwrap()
}

#[track_caller]
fn must_open(bytes: &[u8], command: &Command) {
    let set = KeySet::open(&roots(), &keys().sign(&root()).unwrap(), None, &now()).unwrap();
    let opened = set.open_command(&gateway(), bytes, false, &now()).unwrap();
    assert_eq!(opened.command(), command);
}

fn command_of_one() -> Vector {
    let action = Action::MeterTimeSet {
        meter: "feeder-07".parse().unwrap(),
        step_max_s: 30,
    };
    let command = command(action, 12);
    let bytes = sign_command(&command, &anna()).unwrap();
    must_open(&bytes, &command);
    // SHA-256 of the map, by another program.
    let hash = "adf28abf16b59cc27b0b69be3da4b8b28700c2d0e9a3bbac5b7d4548fd46d214";
    let mut explanation = told(&command, &json!({"step": 30}), hash);
    explanation["m"] = json!("feeder-07");
    explanation["kid"] = kid(&anna());
    explanation["signers"] = json!([kid(&anna())]);
    explanation["private"] = json!([hex(&ANNA)]);
    Vector {
        name: "cmd-one-signature",
        topic: topic(Subject::Command),
        bytes,
        explanation,
    }
}

fn command_of_two() -> Vector {
    let action = Action::TariffSet {
        scheme: "north/summer".parse().unwrap(),
        meters: ["feeder-07", "feeder-08"]
            .map(|name| name.parse().unwrap())
            .to_vec(),
    };
    let command = command(action, 13);
    let bytes = sign_shared_command(&command, &anna()).unwrap();
    let bytes = approve_command(&bytes, &ben()).unwrap();
    must_open(&bytes, &command);
    let hash = "58ac1dc62c2dcc1c36c04cc492eac78b83a39df8f604fe4553f7078e999d80dc";
    let arguments = json!({"scheme": "north/summer", "meters": ["feeder-07", "feeder-08"]});
    let mut explanation = told(&command, &arguments, hash);
    explanation["kid"] = kid(&anna());
    explanation["signers"] = json!([kid(&anna()), kid(&ben())]);
    explanation["private"] = json!([hex(&ANNA), hex(&BEN)]);
    Vector {
        name: "cmd-two-people",
        topic: topic(Subject::Command),
        bytes,
        explanation,
    }
}

fn keys() -> KeySetContent {
    let entry = |key: &OperatorKey, who: &str, role, is_revoked| KeyEntry {
        key: key.public(),
        who: who.to_owned(),
        roles: [role].into(),
        not_before: at(MIDNIGHT - 86_400),
        expires: at(MIDNIGHT + 86_400 * 365),
        is_revoked,
    };
    let lost = OperatorKey::ed25519(&[0x35; 32]);
    KeySetContent {
        version: 7,
        issued: at(MIDNIGHT - 3600),
        expires: at(MIDNIGHT + 86_400 * 90),
        keys: vec![
            entry(&anna(), "Anna Adams", Role::Operator, false),
            entry(&ben(), "Ben Brown", Role::Approver, false),
            entry(&lost, "Anna Adams", Role::Operator, true),
        ],
    }
}

fn key_set() -> Vector {
    let content = keys();
    let bytes = content.sign(&root()).unwrap();
    let set = KeySet::open(&roots(), &bytes, None, &now()).unwrap();
    assert_eq!(set.content(), &content);
    let keys = content.keys.iter().map(|entry| {
        let roles = entry.roles.iter().map(|role| role.word());
        let mut told = json!({
            "kid": entry.key.id().to_string(), "alg": entry.key.algorithm().number(),
            "pub": hex(&entry.key.bytes()), "who": entry.who,
            "roles": roles.collect::<Vec<_>>(),
            "nbf": entry.not_before.seconds(), "exp": entry.expires.seconds(),
        });
        if entry.is_revoked {
            told["revoked"] = json!(true);
        }
        told
    });
    Vector {
        name: "key-set",
        topic: FleetSubject::KeySet.topic().to_owned(),
        bytes,
        explanation: json!({
            "kid": kid(&root()), "signers": [kid(&root())], "private": [hex(&ROOT)],
            "v": 1, "ver": 7, "iat": MIDNIGHT - 3600, "exp": MIDNIGHT + 86_400 * 90,
            "keys": keys.collect::<Vec<_>>(),
        }),
    }
}

fn policy() -> Vector {
    let rule = Rule {
        need: vec![Role::Operator],
        more: Some(vec![Role::Operator, Role::Approver]),
        meters_max: Some(10),
        step_max_s: None,
    };
    let content = PolicyContent {
        version: 2,
        issued: at(MIDNIGHT - 3600),
        expires: at(MIDNIGHT + 86_400 * 90),
        rules: [(Operation::TariffSet, rule)].into(),
    };
    let bytes = content.sign(&root()).unwrap();
    let policy = Policy::open(&roots(), &bytes, None, &now()).unwrap();
    assert_eq!(policy.content(), &content);
    Vector {
        name: "policy",
        topic: FleetSubject::Policy.topic().to_owned(),
        bytes,
        explanation: json!({
            "kid": kid(&root()), "signers": [kid(&root())], "private": [hex(&ROOT)],
            "v": 1, "ver": 2, "iat": MIDNIGHT - 3600, "exp": MIDNIGHT + 86_400 * 90,
            "rules": [{
                "op": "tariff.set", "need": ["operator"], "more": ["operator", "approver"],
                "meters": 10,
            }],
        }),
    }
}

fn receipt() -> Vector {
    let key = SigningKey::from_seed(&GATEWAY);
    let meter = |name: &str| MeterProof {
        meter: name.parse().unwrap(),
        state: CommandState::Succeeded,
        steps: 12,
        before: Some([0x5a; 32]),
        after: Some([0x5b; 32]),
        programmed: Some((40, 41)),
    };
    let receipt = Receipt {
        id: CommandId::of_time(at(MIDNIGHT), [0x11; 10]),
        number: 13,
        state: CommandState::Succeeded,
        at: Timestamp::from_millis(MIDNIGHT * 1000 + 90_417),
        step: 24,
        steps: 24,
        code: None,
        text: Some("programmed 2 meters".to_owned()),
        now: Some(ObjectState {
            version: Some(4),
            sha256: Some([0x5b; 32]),
        }),
        evidence: Some([0x5c; 32]),
        proof: Some(Proof {
            who: vec!["Anna Adams".to_owned(), "Ben Brown".to_owned()],
            door: Door::HeadEnd,
            begun: at(MIDNIGHT + 60),
            ended: at(MIDNIGHT + 90),
            meters: vec![meter("feeder-07"), meter("feeder-08")],
        }),
        next_key: None,
    };
    let signed = sign_receipt(&key, &gateway(), &receipt).unwrap();
    let keys = ReceiptKeys::of_gateway(gateway(), vec![key.public_key()]);
    assert_eq!(keys.open(&signed).unwrap().receipt(), &receipt);
    let body = Body::Receipt(signed);
    record("rs-succeeded", 12, ClockQuality::Synchronised, &body).1
}

/// What a decoder must make of the receipt inside a message.
pub(crate) fn explain_receipt(signed: &[u8]) -> Value {
    let found = SignedReceipt::parse(signed).unwrap();
    let receipt = found.claimed();
    let proof = receipt.proof.as_ref().unwrap();
    let meters = proof.meters.iter().map(|meter| {
        json!({
            "m": meter.meter.to_string(), "state": meter.state.word(), "steps": meter.steps,
            "bef": hex(&meter.before.unwrap()), "aft": hex(&meter.after.unwrap()),
            "pc": meter.programmed.unwrap(),
        })
    });
    let state = receipt.now.unwrap();
    json!({
        "kid": SigningKey::from_seed(&GATEWAY).id().to_string(),
        "private": [hex(&GATEWAY)],
        "signed": hex(signed),
        "id": hex(&receipt.id.bytes()), "n": receipt.number, "state": receipt.state.word(),
        "at": receipt.at.millis(), "step": receipt.step, "steps": receipt.steps,
        "msg": receipt.text,
        "now": {"ver": state.version, "sha": hex(&state.sha256.unwrap())},
        "ev": hex(&receipt.evidence.unwrap()),
        "proof": {
            "who": proof.who, "door": proof.door.word(),
            "from": proof.begun.millis(), "to": proof.ended.millis(),
            "m": meters.collect::<Vec<_>>(),
        },
    })
}
