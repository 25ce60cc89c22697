//! What became of a command, signed by the gateway.

mod wire;

use crate::command::{CommandId, ObjectState};
use crate::cose::{CoseFault, Envelope, Purpose};
use crate::gates::Door;
use crate::key_file;
use crate::limits::{RECEIPT_BYTES_MAX, RECEIPT_KEYS_MAX};
use crate::public_key::PublicKey;
use crate::state::CommandState;
use crate::{KeyFileError, KeyId, SigningKey};
use metering::{GatewayId, MeterId, Timestamp};

const RECEIPT: Purpose = Purpose {
    domain: "gw-receipt/1",
    content_type: "application/vnd.pmu.gw-receipt+cbor",
    bytes_max: RECEIPT_BYTES_MAX,
};

/// How far a command has come, and at its end the proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Of which command.
    pub id: CommandId,
    /// Its number.
    pub number: u64,
    /// How far.
    pub state: CommandState,
    /// When.
    pub at: Timestamp,
    /// The step that was last begun …
    pub step: u32,
    /// … of so many; 0 where that is not known yet.
    pub steps: u32,
    /// Why it was refused, or a word for what failed.
    pub code: Option<String>,
    /// The same for people, with what to do.
    pub text: Option<String>,
    /// How the object stands now.
    pub now: Option<ObjectState>,
    /// SHA-256 of the meter's answers that prove it.
    pub evidence: Option<[u8; 32]>,
    /// Who did what to which meter; every command that succeeded has it.
    pub proof: Option<Proof>,
    /// What the gateway signs with from its next start on: a change of its own key, announced.
    pub next_key: Option<PublicKey>,
}

/// Who did what, and what was found before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Who ordered and approved it.
    pub who: Vec<String>,
    /// By which door.
    pub door: Door,
    /// The first side effect.
    pub begun: Timestamp,
    /// The last one read back.
    pub ended: Timestamp,
    /// Meter by meter.
    pub meters: Vec<MeterProof>,
}

/// What was done to one meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterProof {
    /// Which.
    pub meter: MeterId,
    /// How it ended there.
    pub state: CommandState,
    /// Steps that were proven done.
    pub steps: u32,
    /// SHA-256 of what it held before.
    pub before: Option<[u8; 32]>,
    /// SHA-256 of what it holds now.
    pub after: Option<[u8; 32]>,
    /// The meter's own counter of programmings, before and after.
    pub programmed: Option<(u64, u64)>,
}

/// Why a receipt is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptFault {
    /// Nothing proves that this gateway signed it.
    #[error("nothing proves that this gateway signed it: {0}")]
    NotProven(CoseFault),
    /// Not what it should be.
    #[error("`{key}` of the receipt is missing or out of range; see gateway.cddl")]
    Content {
        /// The key of the contract.
        key: &'static str,
    },
}

impl From<CoseFault> for ReceiptFault {
    fn from(fault: CoseFault) -> Self {
        Self::NotProven(fault)
    }
}

/// Signs a receipt with the gateway's own key.
pub fn sign_receipt(
    key: &SigningKey,
    gateway: &GatewayId,
    receipt: &Receipt,
) -> Result<Vec<u8>, ReceiptFault> {
    Ok(RECEIPT.seal(key, gateway.as_str(), &receipt.encode()?)?)
}

/// Bytes in the shape of a signed receipt. Anybody may have written them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedReceipt {
    bytes: Vec<u8>,
    claimed: Receipt,
}

impl SignedReceipt {
    /// Takes bytes apart that anybody may have sent.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptFault> {
        let envelope = RECEIPT.parse(bytes)?;
        let Envelope::One(_) = &envelope else {
            return Err(CoseFault::Malformed.into());
        };
        let payload = envelope.payload().ok_or(CoseFault::Malformed)?;
        Ok(Self {
            bytes: bytes.to_vec(),
            claimed: Receipt::decode(payload)?,
        })
    }

    /// As they were received.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What they say, unproven: for watching, not for believing.
    pub const fn claimed(&self) -> &Receipt {
        &self.claimed
    }
}

/// A receipt that the gateway signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticReceipt {
    receipt: Receipt,
    signer: KeyId,
}

impl AuthenticReceipt {
    /// What it says.
    pub const fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// Which of the gateway's keys signed.
    pub const fn signer(&self) -> KeyId {
        self.signer
    }
}

/// The public keys of one gateway. Those of two gateways are never mixed: each could sign in the
/// other's name.
#[derive(Debug, Clone)]
pub struct ReceiptKeys {
    gateway: GatewayId,
    keys: Vec<PublicKey>,
    /// Which key announced which one.
    followed: Vec<(KeyId, KeyId)>,
}

impl ReceiptKeys {
    /// Reads a file of public keys: PEM blocks, or hexadecimal digits in a line.
    pub fn parse(gateway: GatewayId, text: &str) -> Result<Self, KeyFileError> {
        let keys = key_file::read(text, RECEIPT_KEYS_MAX)?;
        let keys = keys.into_iter().map(|(key, _)| key).collect();
        Ok(Self::of_gateway(gateway, keys))
    }

    /// What the gateway itself has: its present key, and those before it.
    pub fn of_gateway(gateway: GatewayId, keys: Vec<PublicKey>) -> Self {
        Self {
            gateway,
            keys,
            followed: Vec::new(),
        }
    }

    /// All keys of a file of public keys, in its order.
    pub fn public_keys(text: &str) -> Result<Vec<PublicKey>, KeyFileError> {
        let keys = key_file::read(text, RECEIPT_KEYS_MAX)?;
        Ok(keys.into_iter().map(|(key, _)| key).collect())
    }

    /// Believes the next key of the gateway, where a receipt announces one; whether it is a new one.
    /// A key announces one and no other: what somebody announces with an old key that he has found is
    /// not followed.
    pub fn follow(&mut self, receipt: &AuthenticReceipt) -> bool {
        let Some(next) = receipt.receipt.next_key.clone() else {
            return false;
        };
        let signer = receipt.signer;
        let is_known = |key: &PublicKey| key.id() == next.id();
        if self.followed.iter().any(|(by, _)| *by == signer)
            || self.keys.iter().any(is_known)
            || self.keys.len() >= RECEIPT_KEYS_MAX
        {
            return false;
        }
        self.followed.push((signer, next.id()));
        self.keys.push(next);
        true
    }

    /// Whose they are.
    pub const fn gateway(&self) -> &GatewayId {
        &self.gateway
    }

    /// Proves that the gateway signed a receipt. Needs nothing but these keys.
    pub fn open(&self, bytes: &[u8]) -> Result<AuthenticReceipt, ReceiptFault> {
        let (payload, signer) = self.prove(RECEIPT, bytes)?;
        Ok(AuthenticReceipt {
            receipt: Receipt::decode(&payload)?,
            signer,
        })
    }

    /// Proves that the gateway signed something for a purpose.
    pub(crate) fn prove(
        &self,
        purpose: Purpose,
        bytes: &[u8],
    ) -> Result<(Vec<u8>, KeyId), CoseFault> {
        let envelope = purpose.parse(bytes)?;
        let find = |id| self.keys.iter().find(|key| key.id() == id);
        let opened = purpose.open(envelope, self.gateway.as_str(), find)?;
        match opened.signers.as_slice() {
            [signer] => Ok((opened.payload, *signer)),
            _ => Err(CoseFault::Malformed),
        }
    }
}

#[cfg(test)]
mod tests;
