//! A private Ed25519 key: of the head-end's consumer, which signs watermarks, or of a gateway,
//! which signs receipts.

use crate::KeyId;
use crate::limits::KEY_FILE_BYTES_MAX;
use crate::public_key::PublicKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, KeypairBytes};
use ed25519_dalek::{Signer, VerifyingKey};

/// An Ed25519 private key. It has no `Debug` and no `Display`; its memory is wiped when dropped.
pub struct SigningKey(ed25519_dalek::SigningKey);

/// Text that holds no usable private key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSigningKey {
    /// The text is too long to be a key.
    #[error(
        "the key file has {found} bytes, more than {KEY_FILE_BYTES_MAX}; name a file with one PKCS#8 key"
    )]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// Not an Ed25519 private key in PKCS#8 PEM.
    #[error(
        "this is not an Ed25519 private key in PKCS#8 PEM; make one with `openssl genpkey -algorithm ed25519`"
    )]
    NotPkcs8,
    /// The key could not be written as PEM.
    #[error("the key cannot be written as PEM")]
    NotWritten,
}

impl SigningKey {
    /// Reads a PKCS#8 PEM file's text (`-----BEGIN PRIVATE KEY-----`).
    pub fn from_pem(text: &str) -> Result<Self, InvalidSigningKey> {
        if text.len() > KEY_FILE_BYTES_MAX {
            return Err(InvalidSigningKey::TooLong { found: text.len() });
        }
        ed25519_dalek::SigningKey::from_pkcs8_pem(text.trim())
            .map(Self)
            .map_err(|_| InvalidSigningKey::NotPkcs8)
    }

    /// A key from 32 bytes of the caller's randomness.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The private key as PKCS#8 PEM, for a file that only its owner may read.
    pub fn to_pem(&self) -> Result<String, InvalidSigningKey> {
        // Without the public half: what has it (RFC 5958, version 2) is refused by other programs.
        let pair = KeypairBytes {
            secret_key: self.0.to_bytes(),
            public_key: None,
        };
        pair.to_pkcs8_pem(LineEnding::LF)
            .map(|text| text.as_str().to_owned())
            .map_err(|_| InvalidSigningKey::NotWritten)
    }

    /// The public half as PEM, for the gateways' file of ingest keys.
    pub fn public_pem(&self) -> Result<String, InvalidSigningKey> {
        self.0
            .verifying_key()
            .to_public_key_pem(LineEnding::LF)
            .map_err(|_| InvalidSigningKey::NotWritten)
    }

    /// The id under which gateways look this key up.
    pub fn id(&self) -> KeyId {
        KeyId::of(self.public().as_bytes())
    }

    /// The public half, for whoever verifies.
    pub fn public_key(&self) -> PublicKey {
        PublicKey::trusted_ed25519(self.public())
    }

    pub(crate) fn public(&self) -> VerifyingKey {
        self.0.verifying_key()
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).to_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_file() {
        let key = SigningKey::from_seed(&[7; 32]);
        let again = SigningKey::from_pem(&key.to_pem().unwrap()).unwrap();
        assert_eq!(key.id(), again.id());
        assert_eq!(key.public(), again.public());
    }

    #[test]
    fn the_pem_of_openssl_is_read() {
        // openssl genpkey -algorithm ed25519 (RFC 8410, section 10.3, first example).
        let text = "-----BEGIN PRIVATE KEY-----\n\
            MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
            -----END PRIVATE KEY-----\n";
        let key = SigningKey::from_pem(text).unwrap();
        assert_eq!(key.to_pem().unwrap(), text, "and written in the same form");
        let public = key.public_pem().unwrap();
        assert!(
            public.contains("MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="),
            "{public}"
        );
    }

    #[test]
    fn what_is_no_key_says_how_to_make_one() {
        let complaint = SigningKey::from_pem("hello").err().unwrap().to_string();
        assert!(complaint.contains("openssl genpkey"), "{complaint}");
        let long = "x".repeat(KEY_FILE_BYTES_MAX + 1);
        assert!(matches!(
            SigningKey::from_pem(&long),
            Err(InvalidSigningKey::TooLong { .. })
        ));
    }
}
