//! The keys that may sign images, and the statement of the root key that replaces them.

use crate::hex::from_hex;
use crate::limits::{BLOCK, KEY_FILE_BYTES_MAX};
use crate::manifest::{KeyId, SIGNATURE_BYTES, Sealed};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

const STATEMENT_MAGIC: &[u8; 8] = b"PMUKEY\0\x01";
const STATEMENT_DOMAIN: &[u8] = b"pmu-key-statement-v1\0";
const MANIFEST_DOMAIN: &[u8] = b"pmu-image-manifest-v1\0";
/// Bytes of a statement that are signed: magic, serial, two keys.
const STATEMENT_BODY: usize = 8 + 8 + 32 + 32;

/// A public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// The keys that this box trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKeys {
    current: PublicKey,
    next: Option<PublicKey>,
    root: Option<PublicKey>,
    /// Of the statement that named them; 0: they came with the boot payload.
    serial: u64,
}

/// A file of trusted keys that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileFault {
    /// Too long.
    #[error("it has {found} bytes, more than {KEY_FILE_BYTES_MAX}; it holds three short lines")]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// A line that says nothing.
    #[error("line {line}: {problem}; write `current`, `next` or `root` and 64 hexadecimal digits")]
    Line {
        /// Counted from one.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No key that signs today.
    #[error("no line `current`; without it nothing could be trusted")]
    NoCurrent,
}

/// Why a statement of keys changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StatementFault {
    /// None is there.
    #[error("there is no statement")]
    None,
    /// Damaged, or something else.
    #[error("the statement has no form that is known")]
    Form,
    /// This box trusts no root key.
    #[error("this box trusts no root key")]
    NoRoot,
    /// Not signed by the root key.
    #[error("the statement is not signed by the root key")]
    Signature,
    /// A newer one is in force.
    #[error("the statement is not newer than the one in force")]
    Old,
}

impl PublicKey {
    /// A key from its bytes; none if they are no point of the curve, or a weak one.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(bytes).ok()?;
        (!key.is_weak()).then_some(Self(key))
    }

    /// From 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        Self::from_bytes(&from_hex(text)?)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// What a manifest calls it.
    pub fn id(&self) -> KeyId {
        let digest: [u8; 32] = Sha256::digest(self.0.as_bytes()).into();
        let (id, _) = digest.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
        KeyId(*id)
    }

    fn has_signed(&self, domain: &[u8], body: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        let signature = Signature::from_bytes(signature);
        // Strict: one signature has one form, and no key fits all messages.
        self.0
            .verify_strict(&[domain, body].concat(), &signature)
            .is_ok()
    }
}

impl TrustedKeys {
    /// Keys without a file, for tests and workstations.
    pub fn new(current: PublicKey, next: Option<PublicKey>, root: Option<PublicKey>) -> Self {
        Self {
            current,
            next,
            root,
            serial: 0,
        }
    }

    /// Reads `trust.keys`: lines `current`, `next`, `root` with 64 hexadecimal digits each.
    pub fn parse(text: &str) -> Result<Self, KeyFileFault> {
        if text.len() > KEY_FILE_BYTES_MAX {
            return Err(KeyFileFault::TooLong { found: text.len() });
        }
        let mut keys: [Option<PublicKey>; 3] = [None; 3];
        for (index, line) in text.lines().enumerate() {
            let fault = |problem| KeyFileFault::Line {
                line: index + 1,
                problem,
            };
            let mut words = line
                .split('#')
                .next()
                .unwrap_or_default()
                .split_whitespace();
            let Some(name) = words.next() else { continue };
            let place = match name {
                "current" => 0,
                "next" => 1,
                "root" => 2,
                _ => return Err(fault("an unknown word")),
            };
            let key = words.next().ok_or_else(|| fault("the key is missing"))?;
            let key = PublicKey::from_hex(key).ok_or_else(|| fault("this is no public key"))?;
            if words.next().is_some() {
                return Err(fault("something follows the key"));
            }
            let known = keys
                .get_mut(place)
                .ok_or_else(|| fault("an unknown word"))?;
            if known.replace(key).is_some() {
                return Err(fault("it stands there twice"));
            }
        }
        let [current, next, root] = keys;
        let current = current.ok_or(KeyFileFault::NoCurrent)?;
        Ok(Self::new(current, next, root))
    }

    /// The same keys with those of a statement in their place, if the root key signed it and it is
    /// newer. The root key itself comes only with a boot payload.
    pub fn with_statement(&self, block: &[u8]) -> Result<Self, StatementFault> {
        let statement = Statement::parse(block)?;
        let root = self.root.ok_or(StatementFault::NoRoot)?;
        if !root.has_signed(STATEMENT_DOMAIN, statement.body, statement.signature) {
            return Err(StatementFault::Signature);
        }
        if statement.serial <= self.serial {
            return Err(StatementFault::Old);
        }
        let key = |bytes| PublicKey::from_bytes(bytes).ok_or(StatementFault::Form);
        Ok(Self {
            current: key(statement.current)?,
            next: Some(key(statement.next)?),
            root: self.root,
            serial: statement.serial,
        })
    }

    /// Whether one of the keys that sign images signed this one.
    pub(crate) fn check(&self, sealed: &Sealed) -> Result<(), SignatureFault> {
        let keys = [Some(self.current), self.next];
        let named = keys
            .into_iter()
            .flatten()
            .find(|key| key.id() == sealed.manifest.key);
        let key = named.ok_or(SignatureFault::Key)?;
        if key.has_signed(MANIFEST_DOMAIN, &sealed.body, &sealed.signature) {
            Ok(())
        } else {
            Err(SignatureFault::Signature)
        }
    }
}

/// Why no key stands for a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignatureFault {
    /// Another key is named.
    Key,
    /// The key that is named did not sign this.
    Signature,
}

struct Statement<'a> {
    body: &'a [u8],
    serial: u64,
    current: &'a [u8; 32],
    next: &'a [u8; 32],
    signature: &'a [u8; SIGNATURE_BYTES],
}

impl<'a> Statement<'a> {
    fn parse(block: &'a [u8]) -> Result<Self, StatementFault> {
        if block.iter().all(|byte| *byte == 0) {
            return Err(StatementFault::None);
        }
        let (body, rest) = block
            .split_at_checked(STATEMENT_BODY)
            .ok_or(StatementFault::Form)?;
        let (signature, padding) = rest
            .split_first_chunk::<SIGNATURE_BYTES>()
            .ok_or(StatementFault::Form)?;
        let (magic, fields) = body.split_first_chunk::<8>().ok_or(StatementFault::Form)?;
        let (serial, fields) = fields
            .split_first_chunk::<8>()
            .ok_or(StatementFault::Form)?;
        let (current, next) = fields
            .split_first_chunk::<32>()
            .ok_or(StatementFault::Form)?;
        let next = next.first_chunk::<32>().ok_or(StatementFault::Form)?;
        let is_plain = block.len() <= BLOCK && padding.iter().all(|byte| *byte == 0);
        if magic != STATEMENT_MAGIC || !is_plain {
            return Err(StatementFault::Form);
        }
        Ok(Self {
            body,
            serial: u64::from_le_bytes(*serial),
            current,
            next,
            signature,
        })
    }
}

/// The bytes of a statement that the root key signs.
#[cfg(any(test, feature = "people"))]
pub(crate) fn statement_body(serial: u64, current: &PublicKey, next: &PublicKey) -> Vec<u8> {
    let serial = serial.to_le_bytes();
    [STATEMENT_MAGIC, &serial[..], current.bytes(), next.bytes()].concat()
}

/// What precedes signed bytes, so that a signature for one purpose serves no other.
#[cfg(any(test, feature = "people"))]
#[derive(Debug, Clone, Copy)]
pub(crate) enum Domain {
    Manifest,
    Statement,
}

#[cfg(any(test, feature = "people"))]
impl Domain {
    pub(crate) fn prefix(self) -> &'static [u8] {
        match self {
            Self::Manifest => MANIFEST_DOMAIN,
            Self::Statement => STATEMENT_DOMAIN,
        }
    }
}

#[cfg(test)]
mod tests;
