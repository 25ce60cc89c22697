//! Commands in their envelopes.

use super::authentic::{AuthenticCommand, Author};
use crate::command::{Command, Now};
use crate::cose::{CoseFault, Envelope, Purpose};
use crate::key_set::{KeyEntry, KeySet};
use crate::limits::COMMAND_BYTES_MAX;
use crate::rejection::{CommandRejection, RejectedCommand};
use crate::{KeyId, OperatorKey};
use metering::GatewayId;
use sha2::{Digest, Sha256};

/// The protected content type of a command.
pub const COMMAND_CONTENT_TYPE: &str = "application/vnd.pmu.gw-cmd+cbor";

const COMMAND: Purpose = Purpose {
    domain: "gw-cmd/1",
    content_type: COMMAND_CONTENT_TYPE,
    bytes_max: COMMAND_BYTES_MAX,
};

/// Signs a command alone.
pub fn sign_command(command: &Command, key: &OperatorKey) -> Result<Vec<u8>, CommandRejection> {
    let payload = command.encode()?;
    Ok(COMMAND.seal(key, command.gateway.as_str(), &payload)?)
}

/// Signs a command so that others can approve it; this key's number counts.
pub fn sign_shared_command(
    command: &Command,
    key: &OperatorKey,
) -> Result<Vec<u8>, CommandRejection> {
    let payload = command.encode()?;
    Ok(COMMAND.seal_shared(key, command.gateway.as_str(), &payload)?)
}

/// Adds a signature over the very bytes that the first one covers. Show the approver what
/// [`SignedCommand::claimed`] says, and nothing else.
pub fn approve_command(bytes: &[u8], key: &OperatorKey) -> Result<Vec<u8>, CommandRejection> {
    let claimed = SignedCommand::parse(bytes, false)?.claimed()?;
    Ok(COMMAND.join(bytes, key, claimed.gateway.as_str())?)
}

/// Bytes in the shape of a signed command. Anybody may have written them.
pub struct SignedCommand {
    envelope: Envelope,
    digest: [u8; 32],
}

impl SignedCommand {
    /// Takes bytes apart that anybody may have sent. What a broker kept for later subscribers is
    /// never a command.
    pub fn parse(bytes: &[u8], is_retained: bool) -> Result<Self, CommandRejection> {
        if is_retained {
            return Err(CommandRejection::Retained);
        }
        Ok(Self {
            envelope: COMMAND.parse(bytes)?,
            digest: Sha256::digest(bytes).into(),
        })
    }

    /// What it says, unproven: to be shown to whoever is asked to approve it.
    pub fn claimed(&self) -> Result<Command, CommandRejection> {
        let malformed = CommandRejection::NotProven(CoseFault::Malformed);
        Command::decode(self.envelope.payload().ok_or(malformed)?)
    }

    /// Whose keys it names, unproven; the one that numbers comes first.
    pub fn claimed_signers(&self) -> Vec<KeyId> {
        self.envelope.claimed_signers()
    }

    /// Proves who signed it, for this gateway.
    pub fn authenticate(
        self,
        keys: &KeySet,
        gateway: &GatewayId,
        now: &Now,
    ) -> Result<AuthenticCommand, RejectedCommand> {
        if now.is_past(keys.content().expires) {
            return Err(RejectedCommand::unproven(CommandRejection::KeySetExpired));
        }
        let find = |id: KeyId| keys.find(id).map(|entry| &entry.key);
        let opened = COMMAND
            .open(self.envelope, gateway.as_str(), find)
            .map_err(|fault| RejectedCommand::unproven(fault.into()))?;
        let rejected = |reason| RejectedCommand {
            reason,
            proven: Command::names(&opened.payload),
        };
        let mut authors = Vec::with_capacity(opened.signers.len());
        for id in &opened.signers {
            let entry = keys.find(*id);
            let entry = entry.ok_or_else(|| rejected(CommandRejection::UnknownKey))?;
            if !is_valid(entry, now) {
                let who = entry.who.clone();
                // A stolen key proves nothing: its owner must not be answered in that name.
                let reason = CommandRejection::KeyNotValid { who };
                return Err(RejectedCommand::unproven(reason));
            }
            authors.push(Author::of_key(*id, entry));
        }
        let command = Command::decode(&opened.payload).map_err(&rejected)?;
        if command.gateway != *gateway {
            return Err(rejected(CommandRejection::NotForMe));
        }
        Ok(AuthenticCommand::signed(
            command,
            authors,
            self.digest,
            opened.payload,
        ))
    }
}

fn is_valid(entry: &KeyEntry, now: &Now) -> bool {
    !entry.is_revoked && !now.is_past(entry.expires) && !now.is_before(entry.not_before)
}

impl KeySet {
    /// Both first gates at once: takes bytes apart, and proves who signed them for this gateway.
    pub fn open_command(
        &self,
        gateway: &GatewayId,
        bytes: &[u8],
        is_retained: bool,
        now: &Now,
    ) -> Result<AuthenticCommand, RejectedCommand> {
        SignedCommand::parse(bytes, is_retained)
            .map_err(RejectedCommand::unproven)?
            .authenticate(self, gateway, now)
    }
}
