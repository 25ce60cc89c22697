//! Receipts: how far a command is, signed.

use authority::{
    AuthenticCommand, Command, CommandState, JournalFault, KeyId, MeterProof, Proof, PublicKey,
    Receipt, SigningKey, sign_receipt,
};
use metering::{GatewayId, Timestamp};
use std::sync::Arc;

/// What signs them.
#[derive(Clone)]
pub(super) struct Receipts {
    gateway: GatewayId,
    key: Arc<SigningKey>,
}

/// What a receipt says beside its command and state.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    pub(super) step: u32,
    pub(super) steps: u32,
    pub(super) code: Option<String>,
    pub(super) text: Option<String>,
    pub(super) proof: Option<Proof>,
    /// What this gateway signs with from its next start on.
    pub(super) next_key: Option<PublicKey>,
}

impl Told {
    pub(super) fn why(code: Option<&str>, text: &str) -> Self {
        Self {
            code: code.map(str::to_owned),
            text: Some(cut(text)),
            ..Self::default()
        }
    }
}

impl Receipts {
    pub(super) fn new(gateway: GatewayId, key: Arc<SigningKey>) -> Self {
        Self { gateway, key }
    }

    /// The key that signs.
    pub(super) fn key_id(&self) -> KeyId {
        self.key.id()
    }

    /// A command as the journal keeps it: with those who stand behind it, sealed for this gateway.
    pub(super) fn row(&self, command: &AuthenticCommand) -> Result<Vec<u8>, JournalFault> {
        command.to_journal(&self.key)
    }

    /// Signed; empty where it cannot be written, which is said in the log.
    pub(super) fn of(
        &self,
        command: &Command,
        state: CommandState,
        at: Timestamp,
        told: Told,
    ) -> Vec<u8> {
        self.named(command.id, command.number, (state, at), told)
    }

    /// The same for a command of which no more is proven.
    pub(super) fn named(
        &self,
        id: authority::CommandId,
        number: u64,
        (state, at): (CommandState, Timestamp),
        told: Told,
    ) -> Vec<u8> {
        let meters = told.proof.as_ref().map_or(&[][..], |proof| &proof.meters);
        let one = match meters {
            [one] => Some(one),
            _ => None,
        };
        let now = one
            .and_then(|one| one.after)
            .map(|sha256| authority::ObjectState {
                version: None,
                sha256: Some(sha256),
            });
        let receipt = Receipt {
            id,
            number,
            state,
            at,
            step: told.step,
            steps: told.steps,
            code: told.code,
            text: told.text,
            now,
            evidence: one.and_then(|one: &MeterProof| one.after),
            proof: told.proof,
            next_key: told.next_key,
        };
        sign_receipt(&self.key, &self.gateway, &receipt).unwrap_or_else(|fault| {
            log::error!(fault:%; "a receipt cannot be written");
            Vec::new()
        })
    }
}

/// As long as a receipt's text may be.
pub(super) fn cut(text: &str) -> String {
    let mut end = text.len().min(authority::limits::RECEIPT_TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}
