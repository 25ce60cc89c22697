//! The operators' side: two people and their keys, what they sign, and what gateways said of it.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use authority::{
    Action, Bounds, Command, CommandId, KeyEntry, KeySetContent, OperatorKey, Receipt, ReceiptKeys,
    Role, approve_command, sign_command, sign_shared_command,
};
use head_end::{FleetSubject, Message, Presence};
use metering::{GatewayId, Timestamp};

use crate::agent::Agent;
use crate::clock::{utc, wait_until};
use crate::limits::BIRTH_WITHIN;
use crate::listener::Listener;
use crate::openssl::Identity;
use crate::world::World;

/// Two people, what carries their words, and what Anna has numbered.
pub struct Office {
    /// Signs the key set.
    pub root: OperatorKey,
    /// Orders.
    pub anna: OperatorKey,
    /// Approves.
    pub ben: OperatorKey,
    /// What the broker knows them by.
    pub certificate: Identity,
    /// The store that commands are signed for, as the gateway's birth names it.
    pub epoch: [u8; 8],
    gateway: GatewayId,
    roles: BTreeSet<Role>,
    number: u64,
}

impl Office {
    /// An office that commands this gateway; Anna has these roles, Ben approves.
    pub fn new(world: &World, gateway: &str, roles: &[Role]) -> Self {
        Self {
            root: OperatorKey::ed25519(&[9; 32]),
            anna: OperatorKey::ed25519(&[1; 32]),
            ben: OperatorKey::es256(&[3; 32]).expect("a key"),
            certificate: world.authority.client("operations"),
            epoch: [0; 8],
            gateway: gateway.parse().expect("a name"),
            roles: roles.iter().copied().collect(),
            number: 0,
        }
    }

    /// Whose keys count, signed by the root.
    pub fn key_set(&self) -> Vec<u8> {
        let (from, to) = (
            utc().before(Duration::from_hours(1)),
            utc().after(Duration::from_hours(9)),
        );
        let entry = |key: &OperatorKey, who: &str, roles| KeyEntry {
            key: key.public(),
            who: who.to_owned(),
            roles,
            not_before: from,
            expires: to,
            is_revoked: false,
        };
        let content = KeySetContent {
            version: 1,
            issued: from,
            expires: to,
            keys: vec![
                entry(&self.anna, "Anna A.", self.roles.clone()),
                entry(&self.ben, "Ben B.", BTreeSet::from([Role::Approver])),
            ],
        };
        content.sign(&self.root).expect("a key set")
    }

    /// Publishes it, kept for gateways that come later.
    pub fn publish_key_set(&self, world: &World) {
        let (topic, set) = (FleetSubject::KeySet.topic(), self.key_set());
        world.broker.publish(&self.certificate, topic, &set, true);
    }

    /// The section of a gateway that believes this root.
    pub fn section(&self, folder: &Path) -> String {
        let roots = folder.join("operators.pem");
        let pem = self.root.public().to_pem().expect("a public key");
        std::fs::write(&roots, pem).expect("a file");
        format!("\n[commands]\nroots-file = \"{}\"\n", roots.display())
    }

    /// The next command of Anna.
    pub fn command(&mut self, action: Action) -> Command {
        self.number += 1;
        let now = Timestamp::from_seconds(utc().seconds());
        let number = u8::try_from(self.number).expect("few");
        Command {
            id: CommandId::of_time(now, [number; 10]),
            gateway: self.gateway.clone(),
            epoch: self.epoch,
            number: self.number,
            issued: now,
            not_before: now,
            expires: now.after(Duration::from_hours(1)),
            action,
            precondition: None,
            bounds: Bounds::default(),
        }
    }

    /// Signed by Anna alone.
    pub fn signed(&self, command: &Command) -> Vec<u8> {
        sign_command(command, &self.anna).expect("a command")
    }

    /// Signed by both.
    pub fn shared(&self, command: &Command) -> Vec<u8> {
        let shared = sign_shared_command(command, &self.anna).expect("a command");
        approve_command(&shared, &self.ben).expect("an approval")
    }

    /// Sends what was signed.
    pub fn send(&self, world: &World, bytes: &[u8]) {
        let topic = format!("gw/v1/{}/dn/cmd", self.gateway);
        let certificate = &self.certificate;
        world.broker.publish(certificate, &topic, bytes, false);
    }
}

/// The public half of what signs a gateway's receipts, as the installer takes it from the box; and its
/// text.
#[track_caller]
pub fn receipt_keys(agent: &Agent) -> (ReceiptKeys, String) {
    let file = agent.folder().join("data/receipt-key.pub.pem");
    wait_until("it has a key for receipts", BIRTH_WITHIN, || file.exists());
    let text = std::fs::read_to_string(&file).expect("the gateway's public key");
    let gateway = agent.file.gateway.parse().expect("a name");
    (ReceiptKeys::parse(gateway, &text).expect("a key"), text)
}

/// The store that commands for a gateway are signed for; its last birth says it.
#[track_caller]
pub fn epoch(listener: &Listener, gateway: &str) -> [u8; 8] {
    let topic = format!("/{gateway}/up/st");
    let mut found = None;
    wait_until("a birth", BIRTH_WITHIN, || {
        let births = listener.heard_on(&topic).into_iter();
        let mut births = births.filter_map(|heard| match Presence::decode(&heard.payload) {
            Ok(Presence::Birth(birth)) => Some(birth.epoch),
            _ => None,
        });
        found = births.next_back();
        found.is_some()
    });
    found.expect("a birth")
}

/// Everything that a gateway has said of commands so far, signed, as often as it came.
pub fn words_of(listener: &Listener, gateway: &GatewayId) -> Vec<Vec<u8>> {
    let heard = listener.heard_on(&format!("/{gateway}/up/rs")).into_iter();
    let signed = heard.filter_map(|heard| Some(Message::decode(&heard.payload).ok()?.body));
    signed.collect()
}

/// What its gateway said of one command, in order, each once and proven; and as it was signed.
#[track_caller]
pub fn receipts_of(
    listener: &Listener,
    keys: &ReceiptKeys,
    id: CommandId,
) -> Vec<(Receipt, Vec<u8>)> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for signed in words_of(listener, keys.gateway()) {
        if !seen.insert(signed.clone()) {
            continue;
        }
        let receipt = keys.open(&signed).expect("signed by the gateway");
        if receipt.receipt().id == id {
            all.push((receipt.receipt().clone(), signed));
        }
    }
    all
}
