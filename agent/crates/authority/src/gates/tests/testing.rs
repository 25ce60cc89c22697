//! The people, keys and commands of the tests.

use crate::people::{Claim, People, Role, RoleRights, Session, Sessions, TokenHash};
use crate::{
    Action, Bounds, Command, CommandId, Door, KeyEntry, KeySet, KeySetContent, LibraryName, Now,
    OperatorKey, PublicKey, RootKeys,
};
use metering::{ClockQuality, GatewayId, MeterId, Moment, Timestamp};
use std::collections::BTreeSet;
use std::time::Duration;

/// 23 November 2026, 00:00 UTC.
pub(crate) const NOON: u64 = 1_795_392_000;
pub(crate) const EPOCH: [u8; 8] = *b"epoch--1";

pub(crate) fn now() -> Now {
    at(NOON, ClockQuality::Synchronised)
}

pub(crate) fn at(seconds: u64, quality: ClockQuality) -> Now {
    Now {
        at: Timestamp::from_seconds(seconds),
        quality,
        trusted: Timestamp::from_seconds(NOON - 3600),
    }
}

pub(crate) fn gateway() -> GatewayId {
    "pmu-001".parse().unwrap()
}

pub(crate) fn meters(count: usize) -> Vec<MeterId> {
    (0..count)
        .map(|n| format!("feeder-{n}").parse().unwrap())
        .collect()
}

pub(crate) fn name(text: &str) -> LibraryName {
    text.parse().unwrap()
}

pub(crate) fn root() -> OperatorKey {
    OperatorKey::ed25519(&[9; 32])
}

pub(crate) fn roots() -> RootKeys {
    RootKeys::parse(&root().public().to_pem().unwrap()).unwrap()
}

/// Keys by the name of whoever has them: `anna` operates, `anna-2` is her second key, `ben` and
/// `bea` approve, `cora` administers, `vera` looks, and the others have something wrong.
pub(crate) fn key(who: &str) -> OperatorKey {
    match who {
        "anna" => OperatorKey::ed25519(&[1; 32]),
        "anna-2" => OperatorKey::es256(&[2; 32]).unwrap(),
        "ben" => OperatorKey::es256(&[3; 32]).unwrap(),
        "bea" => OperatorKey::ed25519(&[4; 32]),
        "cora" => OperatorKey::ed25519(&[6; 32]),
        "vera" => OperatorKey::ed25519(&[7; 32]),
        "revoked" => OperatorKey::ed25519(&[20; 32]),
        "expired" => OperatorKey::ed25519(&[21; 32]),
        "early" => OperatorKey::ed25519(&[22; 32]),
        _ => OperatorKey::ed25519(&[99; 32]),
    }
}

pub(crate) fn entry(key: PublicKey, who: &str, roles: &[Role]) -> KeyEntry {
    KeyEntry {
        key,
        who: who.to_owned(),
        roles: roles.iter().copied().collect::<BTreeSet<_>>(),
        not_before: Timestamp::from_seconds(NOON - 86_400),
        expires: Timestamp::from_seconds(NOON + 86_400),
        is_revoked: false,
    }
}

pub(crate) fn content() -> KeySetContent {
    let of = |key_of: &str, who: &str, role| entry(key(key_of).public(), who, &[role]);
    let mut keys = vec![
        of("anna", "Anna A.", Role::Operator),
        of("anna-2", "Anna A.", Role::Approver),
        of("ben", "Ben B.", Role::Approver),
        of("bea", "Bea B.", Role::Approver),
        of("cora", "Cora C.", Role::Administrator),
        of("vera", "Vera V.", Role::Viewer),
        of("revoked", "Dora D.", Role::Operator),
        of("expired", "Emil E.", Role::Operator),
        of("early", "Fred F.", Role::Operator),
    ];
    for entry in &mut keys {
        match entry.who.as_str() {
            "Dora D." => entry.is_revoked = true,
            "Emil E." => entry.expires = Timestamp::from_seconds(NOON - 7200),
            "Fred F." => entry.not_before = Timestamp::from_seconds(NOON + 7200),
            _ => {}
        }
    }
    KeySetContent {
        version: 7,
        issued: Timestamp::from_seconds(NOON - 100_000),
        expires: Timestamp::from_seconds(NOON + 100_000),
        keys,
    }
}

pub(crate) fn key_set() -> KeySet {
    KeySet::open(&roots(), &content().sign(&root()).unwrap(), None, &now()).unwrap()
}

pub(crate) fn command(action: Action) -> Command {
    Command {
        id: CommandId::of_time(Timestamp::from_seconds(NOON), [1; 10]),
        gateway: gateway(),
        epoch: EPOCH,
        number: 1,
        issued: Timestamp::from_seconds(NOON - 10),
        not_before: Timestamp::from_seconds(NOON - 10),
        expires: Timestamp::from_seconds(NOON + 600),
        action,
        precondition: None,
        bounds: Bounds::default(),
    }
}

pub(crate) fn tariff(count: usize) -> Action {
    Action::TariffSet {
        scheme: name("north/summer"),
        meters: meters(count),
    }
}

/// Sessions of four people by one door: `ada` and `eda` (administrators), `otto` (operator) and
/// `vic` (viewer).
pub(crate) struct House {
    sessions: Sessions,
}

const PASSWORD: &str = "correct horse 9";
const MOMENT: Moment = Moment::new(Duration::from_secs(1));

impl House {
    pub(crate) fn new(door: Door) -> Self {
        let code = "ABCDE-FGHJK-LMNPQ-RSTUV";
        let mut people = People::default();
        let mut sessions = Sessions::default();
        let claim = Claim::new(code).unwrap();
        people
            .claim(&claim, code, "ada", PASSWORD, [1; 16], MOMENT)
            .unwrap();
        let proof = people.sign_in("ada", PASSWORD, MOMENT).unwrap();
        sessions.begin(proof, door, token("ada"), MOMENT).unwrap();
        for (who, role) in [
            ("eda", Role::Administrator),
            ("otto", Role::Operator),
            ("vic", Role::Viewer),
        ] {
            let by = sessions.find(token("ada"), MOMENT).unwrap();
            let rights = RoleRights::shipped();
            people
                .add(by, &rights, (who, role), PASSWORD, [2; 16])
                .unwrap();
            let proof = people.sign_in(who, PASSWORD, MOMENT).unwrap();
            sessions.begin(proof, door, token(who), MOMENT).unwrap();
        }
        Self { sessions }
    }

    pub(crate) fn of(&mut self, role: Role) -> &Session {
        let who = match role {
            Role::Administrator => "ada",
            Role::Operator => "otto",
            _ => "vic",
        };
        self.find(who)
    }

    pub(crate) fn find(&mut self, who: &str) -> &Session {
        self.sessions.find(token(who), MOMENT).unwrap()
    }
}

fn token(who: &str) -> TokenHash {
    let mut bytes = [0; 32];
    bytes
        .iter_mut()
        .zip(who.bytes())
        .for_each(|(to, from)| *to = from);
    TokenHash::of(&bytes)
}
