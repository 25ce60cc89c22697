//! The private half: signs manifests and statements of keys. Not linked into the boot program.

use crate::keys::{Domain, PublicKey, statement_body};
use crate::limits::BLOCK;
use crate::manifest::{Manifest, block_of};
use ed25519_dalek::Signer;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes};

/// A private key for images or, kept apart, for statements of keys. Shows itself to nobody.
pub struct ImageKey(ed25519_dalek::SigningKey);

/// A private key or a manifest that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SigningFault {
    /// Not an Ed25519 key in PKCS#8 PEM.
    #[error(
        "this is no Ed25519 private key in PKCS#8 PEM; make one with `bootloader-verify keygen`"
    )]
    NoKey,
    /// A name that a manifest cannot hold.
    #[error(
        "a name is empty, longer than 64 characters or holds other than printable ASCII without spaces"
    )]
    Name,
    /// The key cannot be written.
    #[error("the key cannot be written as PEM")]
    NotWritten,
}

impl ImageKey {
    /// From 32 bytes of the caller's randomness.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// From PKCS#8 PEM, as `openssl genpkey -algorithm ed25519` writes it.
    pub fn from_pem(text: &str) -> Result<Self, SigningFault> {
        let key = ed25519_dalek::SigningKey::from_pkcs8_pem(text.trim());
        key.map(Self).map_err(|_| SigningFault::NoKey)
    }

    /// As PKCS#8 PEM, for a file that only its owner may read.
    pub fn to_pem(&self) -> Result<String, SigningFault> {
        // Without the public half: OpenSSL 3.0 reads no key that holds both.
        let key = KeypairBytes {
            secret_key: self.0.to_bytes(),
            public_key: None,
        };
        let pem = key.to_pkcs8_pem(LineEnding::LF);
        pem.map(|text| text.as_str().to_owned())
            .map_err(|_| SigningFault::NotWritten)
    }

    /// Its public half.
    pub fn public(&self) -> Option<PublicKey> {
        PublicKey::from_bytes(self.0.verifying_key().as_bytes())
    }

    /// Signs a manifest, which then names this key; the block that stands before or behind an image.
    pub fn sign_manifest(&self, manifest: &Manifest) -> Result<Vec<u8>, SigningFault> {
        let key = self.public().ok_or(SigningFault::NoKey)?.id();
        let manifest = Manifest {
            key,
            ..manifest.clone()
        };
        let body = manifest.body().ok_or(SigningFault::Name)?;
        Ok(block_of(&body, &self.sign(Domain::Manifest, &body)))
    }

    /// Signs, as root key, which keys sign images from now on.
    pub fn sign_statement(&self, serial: u64, current: &PublicKey, next: &PublicKey) -> Vec<u8> {
        let mut block = statement_body(serial, current, next);
        let signature = self.sign(Domain::Statement, &block);
        block.extend_from_slice(&signature);
        block.resize(BLOCK, 0);
        block
    }

    fn sign(&self, domain: Domain, body: &[u8]) -> [u8; 64] {
        let message = [domain.prefix(), body].concat();
        self.0.sign(&message).to_bytes()
    }
}
