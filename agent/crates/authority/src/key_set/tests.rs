use super::*;
use crate::gates::tests::testing::{NOON, at, content, entry, key, now, root, roots};
use crate::people::RoleRights;
use crate::{Policy, PolicyContent, SigningKey};
use coset::cbor::Value;
use coset::{CborSerializable, CoseSign1, TaggedCborSerializable};
use metering::ClockQuality;
use proptest::prelude::*;

#[track_caller]
fn check(bytes: &[u8], held: Option<Held>, now: &Now, expected: &str) {
    let found = match KeySet::open(&roots(), bytes, held, now) {
        Ok(set) => format!("version {}", set.content().version),
        Err(fault) => fault.to_string(),
    };
    assert!(found.starts_with(expected), "{found}");
}

fn signed(change: impl FnOnce(&mut KeySetContent)) -> Vec<u8> {
    let mut content = content();
    change(&mut content);
    content.sign(&root()).unwrap()
}

#[test]
fn a_set_is_neither_rolled_back_nor_forked_nor_frozen() {
    let seven = signed(|_| {});
    let held = KeySet::recall(&roots(), &seven).unwrap().held();
    check(&seven, None, &now(), "version 7");
    // The very same one comes with each connection, because it is retained.
    check(&seven, Some(held), &now(), "version 7");
    check(
        &signed(|set| set.version = 8),
        Some(held),
        &now(),
        "version 8",
    );
    check(
        &signed(|set| set.version = 6),
        Some(held),
        &now(),
        "version 6 is older than 7",
    );
    check(
        &signed(|set| set.keys.truncate(1)),
        Some(held),
        &now(),
        "the gateway has another version 7",
    );
    let late = at(NOON + 100_001, ClockQuality::Synchronised);
    check(&seven, None, &late, "it has expired");
    // Without a clock, only what was once trusted counts.
    check(
        &seven,
        None,
        &at(NOON * 2, ClockQuality::Unsynchronised),
        "version 7",
    );
    let mut later = at(0, ClockQuality::Unsynchronised);
    later.trusted = Timestamp::from_seconds(NOON + 100_001);
    check(&seven, None, &later, "it has expired");
    // What the gateway kept is read all the same: it tells which version it has.
    assert_eq!(KeySet::recall(&roots(), &seven).unwrap().held().version, 7);
}

#[test]
fn only_a_root_key_signs_a_set_and_only_as_a_set() {
    let not_proven = "nothing proves that a root key signed this";
    check(
        &content().sign(&key("anna")).unwrap(),
        None,
        &now(),
        not_proven,
    );
    let policy = PolicyContent {
        version: 9,
        issued: Timestamp::from_seconds(NOON - 1),
        expires: Timestamp::from_seconds(NOON + 1000),
        rules: std::collections::BTreeMap::new(),
    };
    let policy = policy.sign(&root()).unwrap();
    check(&policy, None, &now(), not_proven);
    assert!(Policy::open(&roots(), &signed(|_| {}), None, &now()).is_err());
    assert!(Policy::open(&roots(), &policy, None, &now()).is_ok());
    // The other root key may sign as well.
    let second = OperatorKey::es256(&[10; 32]).unwrap();
    let both = format!(
        "{}{}",
        root().public().to_pem().unwrap(),
        second.public().to_pem().unwrap()
    );
    let both = RootKeys::parse(&both).unwrap();
    assert!(KeySet::open(&both, &content().sign(&second).unwrap(), None, &now()).is_ok());
    let ids: Vec<KeyId> = both.ids().collect();
    assert_eq!(ids, [root().public().id(), second.public().id()]);
    assert!(RoleRights::shipped().has(Role::Viewer, crate::Right::View));
}

#[test]
fn every_prefix_and_every_flipped_bit_of_a_set_is_refused() {
    let bytes = signed(|set| set.keys.truncate(2));
    for length in 0..bytes.len() {
        assert!(KeySet::open(&roots(), &bytes[..length], None, &now()).is_err());
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(
            KeySet::open(&roots(), &changed, None, &now()).is_err(),
            "{at}"
        );
    }
    check(&vec![0xd2; 32 * 1024 + 1], None, &now(), "nothing proves");
}

/// A root's signature around a set whose map, or whose first key's map, was changed.
fn resigned(change: impl FnOnce(&mut Vec<(Value, Value)>)) -> Vec<u8> {
    let bytes = signed(|set| set.keys.truncate(1));
    let envelope = CoseSign1::from_tagged_slice(&bytes).unwrap();
    let payload = Value::from_slice(&envelope.payload.unwrap()).unwrap();
    let Value::Map(mut map) = payload else {
        panic!("a set is a map");
    };
    change(&mut map);
    KEYS.seal(&root(), "", &Value::Map(map).to_vec().unwrap())
        .unwrap()
}

fn with_key(name: &'static str, value: Value) -> Vec<u8> {
    resigned(|map| {
        let keys = map
            .iter_mut()
            .find(|pair| pair.0 == Value::Text("keys".to_owned()));
        let Value::Array(keys) = &mut keys.unwrap().1 else {
            panic!("keys are a list");
        };
        let Value::Map(key) = &mut keys[0] else {
            panic!("a key is a map");
        };
        key.retain(|pair| pair.0 != Value::Text(name.to_owned()));
        key.push((Value::Text(name.to_owned()), value));
    })
}

#[test]
fn a_key_that_cannot_be_trusted_is_refused_with_its_set() {
    let words =
        |words: &[&str]| Value::Array(words.iter().map(|w| Value::Text((*w).to_owned())).collect());
    check(
        &with_key("who", Value::Text("Anna A.".to_owned())),
        None,
        &now(),
        "version 7",
    );
    let mut weak = vec![0; 32];
    weak[0] = 1;
    check(&with_key("pub", Value::Bytes(weak)), None, &now(), "`pub`");
    check(&with_key("alg", Value::from(-7)), None, &now(), "`pub`");
    check(&with_key("alg", Value::from(5)), None, &now(), "`alg`");
    check(
        &with_key("kid", Value::Bytes(vec![1; 8])),
        None,
        &now(),
        "`kid`",
    );
    check(
        &with_key("who", Value::Text(String::new())),
        None,
        &now(),
        "`who`",
    );
    check(
        &with_key("who", Value::Text("a\nb".to_owned())),
        None,
        &now(),
        "`who`",
    );
    check(&with_key("roles", words(&[])), None, &now(), "`roles`");
    check(
        &with_key("roles", words(&["king"])),
        None,
        &now(),
        "`roles`",
    );
    check(
        &with_key("roles", words(&["viewer", "viewer"])),
        None,
        &now(),
        "`roles`",
    );
    check(&with_key("exp", Value::from(1)), None, &now(), "`exp`");
    check(&with_key("later", Value::from(1)), None, &now(), "`keys`");
    let more = |key: &str, value: u64| {
        resigned(|map| map.push((Value::Text(key.to_owned()), Value::from(value))))
    };
    check(&more("ver", 9), None, &now(), "`keys`");
    check(&more("x", 9), None, &now(), "`keys`");
}

#[test]
fn a_key_stands_in_a_set_once_and_a_set_has_an_end() {
    let twice = KeySetContent {
        keys: vec![
            entry(key("anna").public(), "Anna A.", &[Role::Operator]),
            entry(key("anna").public(), "Somebody", &[Role::Approver]),
        ],
        ..content()
    };
    assert_eq!(twice.sign(&root()), Err(SetFault::Content { key: "kid" }));
    let many = |set: &mut KeySetContent| {
        let keys = (0..=128_u8).map(|n| {
            let key = SigningKey::from_seed(&[n; 32]).public_key();
            entry(key, "Somebody", &[Role::Operator])
        });
        set.keys = keys.collect();
    };
    let mut set = content();
    many(&mut set);
    assert!(set.sign(&root()).is_err());
    set.keys.truncate(128);
    let bytes = set.sign(&root()).unwrap();
    assert!(bytes.len() < KEY_SET_BYTES_MAX, "{}", bytes.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        crate::fuzz_key_set(&bytes);
        crate::fuzz_policy(&bytes);
        let around = KEYS.seal(&root(), "", &bytes).unwrap();
        crate::fuzz_key_set(&around);
    }
}
