//! Public keys of both kinds that may sign here.

use crate::KeyId;
use coset::iana;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePublicKey, EncodePublicKey};
use p256::ecdsa::signature::Verifier;

/// Signature algorithms of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// `EdDSA` over Ed25519.
    Ed25519,
    /// ECDSA over P-256 with SHA-256, for hardware that cannot do better.
    Es256,
}

impl Algorithm {
    /// The number of RFC 9053.
    pub const fn number(self) -> i64 {
        match self {
            Self::Ed25519 => -8,
            Self::Es256 => -7,
        }
    }

    /// The algorithm behind a number.
    pub const fn from_number(number: i64) -> Option<Self> {
        match number {
            -8 => Some(Self::Ed25519),
            -7 => Some(Self::Es256),
            _ => None,
        }
    }

    pub(crate) const fn label(self) -> iana::Algorithm {
        match self {
            Self::Ed25519 => iana::Algorithm::EdDSA,
            Self::Es256 => iana::Algorithm::ES256,
        }
    }
}

/// A public key that is not weak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Ed25519(ed25519_dalek::VerifyingKey),
    Es256(p256::ecdsa::VerifyingKey),
}

/// Bytes that are no public key to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPublicKey {
    /// Not a point of the curve, or of another length.
    #[error("this is no public key; copy the public half again (`pmuctl key show`)")]
    NotAKey,
    /// Anybody could make a signature for it.
    #[error("this key is weak (of small order); make a new pair")]
    Weak,
}

impl PublicKey {
    /// From published bytes: 32 of Ed25519, 65 of P-256 (SEC 1, uncompressed).
    pub fn new(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, InvalidPublicKey> {
        match algorithm {
            Algorithm::Ed25519 => {
                let bytes = bytes.try_into().map_err(|_| InvalidPublicKey::NotAKey)?;
                let key = ed25519_dalek::VerifyingKey::from_bytes(bytes);
                Self::of_ed25519(key.map_err(|_| InvalidPublicKey::NotAKey)?)
            }
            Algorithm::Es256 => {
                // One form only: a key has one id.
                if bytes.len() != 65 {
                    return Err(InvalidPublicKey::NotAKey);
                }
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(bytes);
                let key = key.map_err(|_| InvalidPublicKey::NotAKey)?;
                Ok(Self(Kind::Es256(key)))
            }
        }
    }

    pub(crate) fn of_ed25519(key: ed25519_dalek::VerifyingKey) -> Result<Self, InvalidPublicKey> {
        if key.is_weak() {
            return Err(InvalidPublicKey::Weak);
        }
        Ok(Self(Kind::Ed25519(key)))
    }

    /// The public half of a private key that was made here; such a one is never weak.
    pub(crate) const fn trusted_ed25519(key: ed25519_dalek::VerifyingKey) -> Self {
        Self(Kind::Ed25519(key))
    }

    pub(crate) const fn of_es256(key: p256::ecdsa::VerifyingKey) -> Self {
        Self(Kind::Es256(key))
    }

    /// From the PEM of either kind (`-----BEGIN PUBLIC KEY-----`).
    pub fn from_pem(block: &str) -> Result<Self, InvalidPublicKey> {
        if let Ok(key) = ed25519_dalek::VerifyingKey::from_public_key_pem(block) {
            return Self::of_ed25519(key);
        }
        p256::ecdsa::VerifyingKey::from_public_key_pem(block)
            .map(Self::of_es256)
            .map_err(|_| InvalidPublicKey::NotAKey)
    }

    /// The key as PEM, for a file; nothing if it cannot be written.
    pub fn to_pem(&self) -> Option<String> {
        match &self.0 {
            Kind::Ed25519(key) => key.to_public_key_pem(LineEnding::LF).ok(),
            Kind::Es256(key) => key.to_public_key_pem(LineEnding::LF).ok(),
        }
    }

    /// How it signs.
    pub const fn algorithm(&self) -> Algorithm {
        match &self.0 {
            Kind::Ed25519(_) => Algorithm::Ed25519,
            Kind::Es256(_) => Algorithm::Es256,
        }
    }

    /// Its published bytes.
    pub fn bytes(&self) -> Vec<u8> {
        match &self.0 {
            Kind::Ed25519(key) => key.as_bytes().to_vec(),
            Kind::Es256(key) => key.to_sec1_point(false).as_bytes().to_vec(),
        }
    }

    /// Its name in envelopes.
    pub fn id(&self) -> KeyId {
        KeyId::of(&self.bytes())
    }

    /// The key of the one algorithm that older files of keys may hold.
    pub(crate) const fn ed25519(&self) -> Option<&ed25519_dalek::VerifyingKey> {
        match &self.0 {
            Kind::Ed25519(key) => Some(key),
            Kind::Es256(_) => None,
        }
    }

    /// Whether the signature is by this key over these bytes.
    pub(crate) fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Kind::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(signed, &signature).is_ok()),
            Kind::Es256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(signed, &signature).is_ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OperatorKey;

    #[track_caller]
    fn check(algorithm: Algorithm, bytes: &[u8], expected: Option<InvalidPublicKey>) {
        assert_eq!(PublicKey::new(algorithm, bytes).err(), expected);
    }

    #[test]
    fn keys_of_small_order_and_points_off_the_curve_are_refused() {
        let good = OperatorKey::ed25519(&[1; 32]).public().bytes();
        check(Algorithm::Ed25519, &good, None);
        let mut identity = [0; 32];
        identity[0] = 1;
        check(Algorithm::Ed25519, &identity, Some(InvalidPublicKey::Weak));
        check(Algorithm::Ed25519, &[0; 32], Some(InvalidPublicKey::Weak));
        check(
            Algorithm::Ed25519,
            &good[1..],
            Some(InvalidPublicKey::NotAKey),
        );
        let good = OperatorKey::es256(&[1; 32]).unwrap().public().bytes();
        check(Algorithm::Es256, &good, None);
        check(Algorithm::Es256, &[0], Some(InvalidPublicKey::NotAKey));
        let mut off = good.clone();
        off[64] ^= 1;
        check(Algorithm::Es256, &off, Some(InvalidPublicKey::NotAKey));
        check(Algorithm::Ed25519, &good, Some(InvalidPublicKey::NotAKey));
    }

    #[test]
    fn a_key_survives_its_pem() {
        let keys = [
            OperatorKey::ed25519(&[1; 32]),
            OperatorKey::es256(&[1; 32]).unwrap(),
        ];
        for key in keys {
            let public = key.public();
            assert_eq!(PublicKey::from_pem(&public.to_pem().unwrap()), Ok(public));
        }
    }
}
