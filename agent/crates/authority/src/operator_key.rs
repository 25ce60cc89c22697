//! The private half of an operator's or root's key. Never on a gateway.

use crate::limits::KEY_FILE_BYTES_MAX;
use crate::{InvalidSigningKey, PublicKey, SigningKey};
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use p256::ecdsa::signature::Signer;
use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey};

/// A private key of either kind. It has no `Debug` and no `Display`; its memory is wiped when
/// dropped.
pub struct OperatorKey(Kind);

enum Kind {
    Ed25519(SigningKey),
    Es256(p256::ecdsa::SigningKey),
}

impl OperatorKey {
    /// An Ed25519 key from 32 bytes of the caller's randomness.
    pub fn ed25519(seed: &[u8; 32]) -> Self {
        Self(Kind::Ed25519(SigningKey::from_seed(seed)))
    }

    /// A P-256 key from 32 bytes of the caller's randomness; nothing for the few that are none.
    pub fn es256(scalar: &[u8; 32]) -> Option<Self> {
        let key = p256::ecdsa::SigningKey::from_slice(scalar).ok()?;
        Some(Self(Kind::Es256(key)))
    }

    /// Reads a PKCS#8 PEM file's text (`-----BEGIN PRIVATE KEY-----`).
    pub fn from_pem(text: &str) -> Result<Self, InvalidSigningKey> {
        if text.len() > KEY_FILE_BYTES_MAX {
            return Err(InvalidSigningKey::TooLong { found: text.len() });
        }
        if let Ok(key) = p256::ecdsa::SigningKey::from_pkcs8_pem(text.trim()) {
            return Ok(Self(Kind::Es256(key)));
        }
        SigningKey::from_pem(text).map(|key| Self(Kind::Ed25519(key)))
    }

    /// The private key as PKCS#8 PEM, for a file that only its owner may read.
    pub fn to_pem(&self) -> Result<String, InvalidSigningKey> {
        match &self.0 {
            Kind::Ed25519(key) => key.to_pem(),
            Kind::Es256(key) => key
                .to_pkcs8_pem(LineEnding::LF)
                .map(|text| text.as_str().to_owned())
                .map_err(|_| InvalidSigningKey::NotWritten),
        }
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        match &self.0 {
            Kind::Ed25519(key) => key.public_key(),
            Kind::Es256(key) => PublicKey::of_es256(*key.verifying_key()),
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.0 {
            Kind::Ed25519(key) => key.sign(message),
            Kind::Es256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
        }
    }
}

impl From<SigningKey> for OperatorKey {
    fn from(key: SigningKey) -> Self {
        Self(Kind::Ed25519(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_both_kinds_survive_their_files() {
        for key in [
            OperatorKey::ed25519(&[7; 32]),
            OperatorKey::es256(&[7; 32]).unwrap(),
        ] {
            let again = OperatorKey::from_pem(&key.to_pem().unwrap()).ok().unwrap();
            assert_eq!(again.public(), key.public());
        }
        assert!(OperatorKey::es256(&[0; 32]).is_none());
        let complaint = OperatorKey::from_pem("hello").err().unwrap().to_string();
        assert!(complaint.contains("openssl genpkey"), "{complaint}");
    }
}
