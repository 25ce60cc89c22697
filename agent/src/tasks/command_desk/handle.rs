//! How others reach the desk.

use authority::PublicKey;
use tokio::sync::mpsc;

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

/// A way to the desk; cheap to clone.
#[derive(Debug, Clone)]
pub struct DeskHandle {
    asks: mpsc::Sender<DeskAsk>,
    receipt_key: PublicKey,
}

impl DeskHandle {
    pub(super) fn new(asks: mpsc::Sender<DeskAsk>, receipt_key: PublicKey) -> Self {
        Self { asks, receipt_key }
    }

    /// The public half of what signs receipts.
    pub fn receipt_key(&self) -> &PublicKey {
        &self.receipt_key
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
