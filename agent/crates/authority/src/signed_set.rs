//! What a root key signs for all gateways: key sets and policies. Each has a version that only
//! rises, and an end.

use crate::command::Now;
use crate::cose::{CoseFault, Purpose};
use crate::key_file;
use crate::limits::ROOT_KEYS_MAX;
use crate::public_key::PublicKey;
use crate::{KeyFileError, KeyId};
use metering::Timestamp;
use sha2::{Digest, Sha256};

/// The root keys that were provisioned: any of them may sign, and so replace the other.
#[derive(Debug, Clone)]
pub struct RootKeys(Vec<PublicKey>);

impl RootKeys {
    /// Reads a file of public keys: PEM blocks, or 64 (Ed25519) or 130 (P-256) hexadecimal digits
    /// in a line; `#` begins a comment.
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        let keys = key_file::read(text, ROOT_KEYS_MAX)?;
        Ok(Self(keys.into_iter().map(|(key, _)| key).collect()))
    }

    /// Their ids, in the order of the file.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.0.iter().map(PublicKey::id)
    }

    fn find(&self, id: KeyId) -> Option<&PublicKey> {
        self.0.iter().find(|key| key.id() == id)
    }
}

/// What the gateway already has: nothing older comes in, and nothing else of the same version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Its version.
    pub version: u64,
    /// SHA-256 of what was signed.
    pub digest: [u8; 32],
}

/// Why a key set or policy is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SetFault {
    /// No root key signed it for this purpose.
    #[error("nothing proves that a root key signed this: {0}")]
    NotProven(CoseFault),
    /// Not what it should be.
    #[error("`{key}` is missing, superfluous or out of range; see gateway.cddl")]
    Content {
        /// The key of the contract.
        key: &'static str,
    },
    /// Older than what the gateway has.
    #[error("version {found} is older than {held}, which the gateway has; sign a higher one")]
    Rollback {
        /// Its version.
        found: u64,
        /// What the gateway has.
        held: u64,
    },
    /// Two of one version: somebody signs what he should not.
    #[error(
        "the gateway has another version {version}; sign a higher one, and find out who signed two"
    )]
    Forked {
        /// The version that exists twice.
        version: u64,
    },
    /// It has expired: somebody holds newer ones back.
    #[error("it has expired; sign one with a later `exp`")]
    Frozen,
}

impl From<CoseFault> for SetFault {
    fn from(fault: CoseFault) -> Self {
        Self::NotProven(fault)
    }
}

/// What a root key signed, proven.
pub(crate) struct Proven {
    pub(crate) payload: Vec<u8>,
    pub(crate) digest: [u8; 32],
}

/// Proves who signed; says nothing of what.
pub(crate) fn prove(purpose: Purpose, roots: &RootKeys, bytes: &[u8]) -> Result<Proven, SetFault> {
    let envelope = purpose.parse(bytes)?;
    let opened = purpose.open(envelope, "", |id| roots.find(id))?;
    let digest = Sha256::digest(&opened.payload).into();
    let payload = opened.payload;
    Ok(Proven { payload, digest })
}

/// Refuses what is older, another one of the same version, or expired.
pub(crate) fn judge(
    found: Held,
    expires: Timestamp,
    held: Option<Held>,
    now: &Now,
) -> Result<(), SetFault> {
    if let Some(held) = held {
        if found.version < held.version {
            return Err(SetFault::Rollback {
                found: found.version,
                held: held.version,
            });
        }
        if found.version == held.version && found.digest != held.digest {
            let version = found.version;
            return Err(SetFault::Forked { version });
        }
    }
    if now.is_past(expires) {
        return Err(SetFault::Frozen);
    }
    Ok(())
}
