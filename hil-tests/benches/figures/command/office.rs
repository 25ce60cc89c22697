//! Who commands: one operator with a key, and what the gateway answered.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use authority::{
    Action, Bounds, Command, CommandId, CommandState, KeyEntry, KeySetContent, OperatorKey,
    ReceiptKeys, Role, sign_command,
};
use head_end::{FleetSubject, Message, Presence};
use hil_tests::agent::Agent;
use hil_tests::clock::{utc, wait_until};
use hil_tests::listener::Listener;
use hil_tests::world::World;
use metering::Timestamp;

use super::WITHIN;
use super::lead::Lead;

pub(crate) const GATEWAY: &str = "pmu-latency";

pub(crate) struct Office {
    root: OperatorKey,
    anna: OperatorKey,
    epoch: [u8; 8],
    number: u64,
    lead: Lead,
    listener: Listener,
    keys: Option<ReceiptKeys>,
}

impl Office {
    pub(crate) fn new(world: &World) -> Self {
        let certificate = world.authority.client("operations");
        Self {
            root: OperatorKey::ed25519(&[9; 32]),
            anna: OperatorKey::ed25519(&[1; 32]),
            lead: Lead::open(world, &certificate),
            epoch: [0; 8],
            number: 0,
            listener: Listener::start(
                world.folder(),
                &world.broker,
                &world.listener,
                &["gw/v1/+/up/#"],
            ),
            keys: None,
        }
    }

    pub(crate) fn publish_keys(&mut self) {
        let (from, to) = (
            utc().before(Duration::from_hours(1)),
            utc().after(Duration::from_hours(9)),
        );
        let content = KeySetContent {
            version: 1,
            issued: from,
            expires: to,
            keys: vec![KeyEntry {
                key: self.anna.public(),
                who: "Anna A.".to_owned(),
                roles: BTreeSet::from([Role::Operator]),
                not_before: from,
                expires: to,
                is_revoked: false,
            }],
        };
        let signed = content.sign(&self.root).unwrap();
        let topic = FleetSubject::KeySet.topic();
        self.lead.publish_retained(topic, &signed);
    }

    /// The file of root keys that the gateway is installed with.
    pub(crate) fn roots(&self, world: &World) -> PathBuf {
        let file = world.folder().join("operators.pem");
        std::fs::write(&file, self.root.public().to_pem().unwrap()).unwrap();
        file
    }

    /// Takes the gateway's key from its folder, and the epoch of its store from its birth.
    pub(crate) fn meet(&mut self, agent: &Agent) {
        let file = agent.folder().join("data/receipt-key.pub.pem");
        let text = std::fs::read_to_string(file).unwrap();
        self.keys = Some(ReceiptKeys::parse(GATEWAY.parse().unwrap(), &text).unwrap());
        let mut epoch = None;
        wait_until("the gateway is there", WITHIN, || {
            let births = self.listener.heard_on("/up/st");
            let mut born =
                births
                    .iter()
                    .filter_map(|heard| match Presence::decode(&heard.payload) {
                        Ok(Presence::Birth(birth)) => Some(birth.epoch),
                        _ => None,
                    });
            epoch = born.next_back();
            epoch.is_some()
        });
        self.epoch = epoch.unwrap();
        // A command before it would be one of nobody, and is not answered.
        wait_until("it has the key set", WITHIN, || {
            agent.said().contains("key-set version 1 is taken")
        });
        let first = self.order(Action::Nop);
        self.wait_for_end(first);
    }

    /// Signs the next command and hands it in; its number.
    pub(crate) fn order(&mut self, action: Action) -> u64 {
        self.number += 1;
        let now = Timestamp::from_seconds(utc().seconds());
        let command = Command {
            id: id(self.number),
            gateway: GATEWAY.parse().unwrap(),
            epoch: self.epoch,
            number: self.number,
            issued: now,
            not_before: now,
            expires: now.after(Duration::from_hours(1)),
            action,
            precondition: None,
            bounds: Bounds::default(),
        };
        let signed = sign_command(&command, &self.anna).unwrap();
        self.lead
            .publish(&format!("gw/v1/{GATEWAY}/dn/cmd"), &signed);
        self.number
    }

    /// Waits for the receipt that says it was done.
    pub(crate) fn wait_for_end(&self, number: u64) {
        let mut said = None;
        wait_until("the end of a command", WITHIN, || {
            let heard = self.listener.heard_on("/up/rs");
            let signed = heard
                .iter()
                .rev()
                .filter_map(|heard| Some(Message::decode(&heard.payload).ok()?.body));
            let keys = self.keys.as_ref().unwrap();
            let mut receipts = signed.map(|bytes| keys.open(&bytes).unwrap().receipt().clone());
            said = receipts.find(|one| one.id == id(number) && one.state.is_final());
            said.is_some()
        });
        let receipt = said.unwrap();
        assert_eq!(receipt.state, CommandState::Succeeded, "{receipt:?}");
    }
}

fn id(number: u64) -> CommandId {
    let [.., high, low] = number.to_be_bytes();
    CommandId::of_time(
        Timestamp::from_seconds(1_795_392_000),
        [0, 0, 0, 0, 0, 0, 0, 0, high, low],
    )
}
