//! How others reach the desk.

use authority::KeyId;
use std::collections::BTreeMap;
use tokio::sync::{mpsc, watch};

/// What is asked of the desk.
#[derive(Debug)]
pub(super) enum DeskAsk {
    /// Bytes that say they are a command.
    Command { bytes: Vec<u8>, is_retained: bool },
    /// Bytes that say they are a key set.
    KeySet(Vec<u8>),
    /// Bytes that say they are a policy.
    Policy(Vec<u8>),
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
#[derive(Debug, Clone)]
pub struct DeskHandle {
    asks: mpsc::Sender<DeskAsk>,
    view: watch::Receiver<DeskView>,
}

impl DeskHandle {
    pub(super) fn new(asks: mpsc::Sender<DeskAsk>, view: watch::Receiver<DeskView>) -> Self {
        Self { asks, view }
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
