//! What anybody may send as something signed, and the file of roles.

use authority::{
    Action, Bounds, Command, CommandId, KeyEntry, KeySet, KeySetContent, Now, OperatorKey,
    RootKeys, sign_command,
};
use metering::{ClockQuality, GatewayId, Timestamp};
use std::sync::OnceLock;

const NOW: u64 = 1_795_392_000;

fn gateway() -> GatewayId {
    "pmu-001".parse().expect("a name")
}

fn operator() -> OperatorKey {
    OperatorKey::ed25519(&[1; 32])
}

/// The set that the fuzzed crate itself trusts: signed by the root of its fuzz doors.
fn signed_set() -> Vec<u8> {
    let at = Timestamp::from_seconds;
    let content = KeySetContent {
        version: 1,
        issued: at(NOW - 10),
        expires: at(NOW + 1000),
        keys: vec![KeyEntry {
            key: operator().public(),
            who: "Anna".to_owned(),
            roles: [authority::Role::Operator].into(),
            not_before: at(NOW - 10),
            expires: at(NOW + 1000),
            is_revoked: false,
        }],
    };
    let root = OperatorKey::ed25519(&[9; 32]);
    content.sign(&root).expect("a sound set")
}

fn keys() -> &'static KeySet {
    static KEYS: OnceLock<KeySet> = OnceLock::new();
    KEYS.get_or_init(|| {
        let root = OperatorKey::ed25519(&[9; 32]).public().to_pem();
        let roots = RootKeys::parse(&root.expect("a public half")).expect("one key");
        let now = Now {
            at: Timestamp::from_seconds(NOW),
            quality: ClockQuality::Synchronised,
            trusted: Timestamp::from_seconds(0),
        };
        KeySet::open(&roots, &signed_set(), None, &now).expect("a sound set")
    })
}

/// A signed command, or its payload.
pub fn command_envelope(data: &[u8]) {
    authority::fuzz_command(keys(), &gateway(), data);
}

/// A signed key set, or its payload.
pub fn key_set(data: &[u8]) {
    authority::fuzz_key_set(data);
}

/// A signed policy, or its payload.
pub fn policy(data: &[u8]) {
    authority::fuzz_policy(data);
}

/// The file of roles.
pub fn roles_file(data: &[u8]) {
    authority::fuzz_roles(&String::from_utf8_lossy(data));
}

/// A signed receipt.
pub fn receipt(data: &[u8]) {
    authority::fuzz_receipt(&gateway(), data);
}

/// Sound ones, beside the vectors of the contract.
pub(super) fn corpus() -> Vec<(&'static str, Vec<u8>)> {
    let at = Timestamp::from_seconds;
    let command = Command {
        id: CommandId::of_time(at(NOW), [1; 10]),
        gateway: gateway(),
        epoch: [1; 8],
        number: 1,
        issued: at(NOW),
        not_before: at(NOW),
        expires: at(NOW + 60),
        action: Action::MeterPing {
            meter: "feeder-1".parse().expect("a name"),
        },
        precondition: None,
        bounds: Bounds::default(),
    };
    let signed = sign_command(&command, &operator()).expect("a sound command");
    let payload = command.encode().expect("a sound command");
    vec![
        ("command_envelope", signed),
        ("command_envelope", payload),
        ("key_set", signed_set()),
    ]
}
