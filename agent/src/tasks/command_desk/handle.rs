//! How others reach the desk.

use super::counts::CommandCounts;
use super::local::LocalOrder;
use crate::tasks::list_keeper::{ListHandle, ListView};
use authority::{
    AuditSeal, CommandId, CommandRejection, CommandState, KeyId, ReceiptFault, SigningKey,
};
use metering::GatewayId;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// What is asked of the desk.
#[derive(Debug)]
pub(super) enum DeskAsk {
    /// Bytes that say they are a command.
    Command { bytes: Vec<u8>, is_retained: bool },
    /// Bytes that say they are a key set.
    KeySet(Vec<u8>),
    /// Bytes that say they are a policy.
    Policy(Vec<u8>),
    /// An order of a door of this gateway.
    Order {
        order: Box<LocalOrder>,
        reply: oneshot::Sender<Result<CommandId, CommandRejection>>,
    },
}

/// How a command ended, or that it waits for a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandEnded {
    /// Which.
    pub id: CommandId,
    /// How.
    pub state: CommandState,
    /// Why, by the contract's code.
    pub code: Option<String>,
    /// For people.
    pub text: String,
}

/// What the birth says of commands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeskView {
    /// Version of the key set; 0 if there is none.
    pub key_set: u64,
    /// The newest number of each signer.
    pub accepted: BTreeMap<KeyId, u64>,
}

/// A way to the desk; cheap to clone.
#[derive(Clone)]
pub struct DeskHandle {
    asks: mpsc::Sender<DeskAsk>,
    view: watch::Receiver<DeskView>,
    ended: broadcast::Sender<CommandEnded>,
    counts: CommandCounts,
    lists: ListHandle,
    key: Arc<SigningKey>,
}

impl fmt::Debug for DeskHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeskHandle").finish_non_exhaustive()
    }
}

impl DeskHandle {
    pub(super) fn new(
        (asks, view): (mpsc::Sender<DeskAsk>, watch::Receiver<DeskView>),
        ended: broadcast::Sender<CommandEnded>,
        (counts, lists): (CommandCounts, ListHandle),
        key: Arc<SigningKey>,
    ) -> Self {
        Self {
            asks,
            view,
            ended,
            counts,
            lists,
            key,
        }
    }

    /// Signs a piece of the audit chain, with the key that signs receipts.
    pub fn seal_audit(
        &self,
        seal: &AuditSeal,
        gateway: &GatewayId,
    ) -> Result<Vec<u8>, ReceiptFault> {
        seal.sign(&self.key, gateway)
    }

    /// What is counted since the start.
    pub fn counts(&self) -> CommandCounts {
        self.counts.clone()
    }

    /// How the meter lists stand.
    pub fn lists(&self) -> Vec<ListView> {
        self.lists.views()
    }

    /// Orders something by a door of this gateway. Answered when it is in the journal, not when it is
    /// done: [`Self::ended`] tells that.
    pub async fn order(&self, order: LocalOrder) -> Result<CommandId, CommandRejection> {
        let (reply, answer) = oneshot::channel();
        let ask = DeskAsk::Order {
            order: Box::new(order),
            reply,
        };
        if self.asks.send(ask).await.is_err() {
            return Err(CommandRejection::Busy);
        }
        answer.await.unwrap_or(Err(CommandRejection::Busy))
    }

    /// Every end from now on. Who is too slow looks into the journal for what was missed.
    pub fn ended(&self) -> broadcast::Receiver<CommandEnded> {
        self.ended.subscribe()
    }

    /// What the birth says of commands.
    pub fn view(&self) -> DeskView {
        self.view.borrow().clone()
    }

    /// Hands a command over; `false` where the desk has too much to do. Whoever sent it sends it again.
    pub fn offer_command(&self, bytes: Vec<u8>, is_retained: bool) -> bool {
        self.offer(DeskAsk::Command { bytes, is_retained })
    }

    /// Hands a key set over.
    pub fn offer_key_set(&self, bytes: Vec<u8>) -> bool {
        self.offer(DeskAsk::KeySet(bytes))
    }

    /// Hands a policy over.
    pub fn offer_policy(&self, bytes: Vec<u8>) -> bool {
        self.offer(DeskAsk::Policy(bytes))
    }

    fn offer(&self, ask: DeskAsk) -> bool {
        self.asks.try_send(ask).is_ok()
    }
}
