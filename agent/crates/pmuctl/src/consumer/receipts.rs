//! Receipts at the head-end: proven where the gateway's key is at hand, told apart where it is not.

use crate::limits::REMARK_CHARS_MAX;
use crate::orders::receipt_line;
use crate::words::plain;
use authority::{Receipt, ReceiptFault, ReceiptKeys, SignedReceipt};
use metering::GatewayId;
use std::collections::BTreeMap;
use storage::CommandState;
use storage::ledger::{ReceivedReceipt, StateOfCommand};

/// A receipt that was read.
#[derive(Debug)]
pub(super) struct ReadReceipt {
    pub(super) receipt: Receipt,
    state: CommandState,
    pub(super) is_proven: bool,
}

impl ReadReceipt {
    fn new(receipt: Receipt, is_proven: bool) -> Option<Self> {
        let state = CommandState::from_word(receipt.state.word())?;
        Some(Self {
            receipt,
            state,
            is_proven,
        })
    }

    /// For the ledger.
    pub(super) fn received(&self, signed: Vec<u8>) -> ReceivedReceipt {
        ReceivedReceipt {
            said: StateOfCommand {
                id: self.receipt.id.bytes(),
                state: self.state,
                at: self.receipt.at,
            },
            is_proven: self.is_proven,
            signed,
        }
    }

    /// As one line.
    pub(super) fn text(&self, gateway: &GatewayId) -> String {
        let proof = if self.is_proven { "" } else { " (not proven)" };
        let line = receipt_line(&self.receipt);
        plain(
            &format!("{gateway}: receipt{proof} {line}"),
            REMARK_CHARS_MAX,
        )
    }
}

/// The public keys of gateways, as far as they were given.
#[derive(Debug, Default)]
pub struct ReceiptKeyRing(BTreeMap<GatewayId, ReceiptKeys>);

impl ReceiptKeyRing {
    /// Adds those of a gateway.
    pub fn add(&mut self, keys: ReceiptKeys) {
        self.0.insert(keys.gateway().clone(), keys);
    }

    /// Reads what came as a receipt. `None`: it is of a form that this program does not know, from
    /// a gateway whose key was not given.
    pub(super) fn read(
        &self,
        gateway: &GatewayId,
        signed: &[u8],
    ) -> Result<Option<ReadReceipt>, ReceiptFault> {
        if let Some(keys) = self.0.get(gateway) {
            let proven = keys.open(signed)?;
            return Ok(ReadReceipt::new(proven.receipt().clone(), true));
        }
        let claimed = SignedReceipt::parse(signed).ok();
        Ok(claimed.and_then(|claimed| ReadReceipt::new(claimed.claimed().clone(), false)))
    }
}
