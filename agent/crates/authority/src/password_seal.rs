//! A new password of a meter, sealed for one gateway: whoever signs, approves or carries the command
//! cannot read it.
//!
//! HPKE (RFC 9180) in base mode, one message: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
//! `info` names purpose, gateway, meter and access level: a sealed password that somebody moves into
//! another command does not open there. There are no additional data, as some libraries take none.
//! Who sealed it is not proven by the seal; the command's signatures prove that.

use crate::limits::{KEY_FILE_BYTES_MAX, SEALED_BYTES_MAX};
use crate::sealing::SecretOctets;
use aes_gcm::aead::Aead;
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use curve25519_dalek::MontgomeryPoint;
use ed25519_dalek::pkcs8::spki::der::pem::{self, LineEnding};
use hmac::{Hmac, Mac};
use metering::{GatewayId, MeterId};
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

const PURPOSE: &[u8] = b"gw-password/1";
const KEY_OCTETS: usize = 32;
const NONCE_OCTETS: usize = 12;
const TAG_OCTETS: usize = 16;
/// DHKEM(X25519, HKDF-SHA256).
const KEM: [u8; 2] = [0, 0x20];
/// HKDF-SHA256.
const KDF: [u8; 2] = [0, 1];
/// AES-256-GCM.
const AEAD: [u8; 2] = [0, 2];
/// What stands before the octets of a public key of X25519 (RFC 8410).
const PUBLIC_DER: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00,
];
/// And of a private one, in PKCS#8.
const PRIVATE_DER: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20,
];
const PUBLIC_LABEL: &str = "PUBLIC KEY";
const PRIVATE_LABEL: &str = "PRIVATE KEY";

/// Why a password could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordSealFault {
    /// No such key.
    #[error(
        "this is no X25519 key in PEM; take `sealing-key.pub.pem` from the gateway's data folder"
    )]
    NotAKey,
    /// Sealed for another gateway, meter or level, or damaged.
    #[error(
        "the sealed password does not open: it was sealed for another gateway, meter or level, or with an old key of \
         this gateway; seal it anew with `sealing-key.pub.pem` of this gateway"
    )]
    Unopened,
    /// Too long or empty.
    #[error("a password has 1 to 64 octets; use a shorter one")]
    Length,
}

/// Whose password, of which level; both are under the seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordPlace<'a> {
    /// The only gateway that opens it.
    pub gateway: &'a GatewayId,
    /// Whose password.
    pub meter: &'a MeterId,
    /// Of which access level.
    pub level: u8,
}

impl PasswordPlace<'_> {
    /// No name has an octet of nought.
    fn info(&self) -> Vec<u8> {
        let names = [
            PURPOSE,
            self.gateway.as_str().as_bytes(),
            self.meter.as_str().as_bytes(),
        ];
        [names.join(&0).as_slice(), &[0, self.level]].concat()
    }
}

/// The private half, which never leaves the gateway.
pub struct SealingKey(Zeroizing<[u8; KEY_OCTETS]>);

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(*)")
    }
}

impl SealingKey {
    /// A key from 32 octets of the caller's randomness.
    pub fn from_seed(seed: &[u8; KEY_OCTETS]) -> Self {
        Self(Zeroizing::new(*seed))
    }

    /// Reads a PKCS#8 PEM file's text.
    pub fn from_pem(text: &str) -> Result<Self, PasswordSealFault> {
        let octets = Zeroizing::new(of_pem(text, PRIVATE_LABEL)?);
        let key = octets.strip_prefix(PRIVATE_DER.as_slice());
        let key = key.and_then(|key| key.try_into().ok());
        key.map(|key| Self(Zeroizing::new(key)))
            .ok_or(PasswordSealFault::NotAKey)
    }

    /// For a file that only its owner may read.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, PasswordSealFault> {
        let der = Zeroizing::new([PRIVATE_DER.as_slice(), self.0.as_slice()].concat());
        to_pem(PRIVATE_LABEL, &der).map(Zeroizing::new)
    }

    /// The public half.
    pub fn public(&self) -> SealingPublicKey {
        SealingPublicKey(MontgomeryPoint::mul_base_clamped(*self.0).to_bytes())
    }

    /// Opens what was sealed for this place.
    pub fn open(
        &self,
        sealed: &[u8],
        place: PasswordPlace<'_>,
    ) -> Result<SecretOctets, PasswordSealFault> {
        if sealed.len() > SEALED_BYTES_MAX {
            return Err(PasswordSealFault::Unopened);
        }
        let (theirs, text) = sealed
            .split_first_chunk::<KEY_OCTETS>()
            .ok_or(PasswordSealFault::Unopened)?;
        let theirs = SealingPublicKey(*theirs);
        let secret = shared(&self.0, theirs, (theirs, self.public()))?;
        let (key, nonce) = schedule::<KEY_OCTETS>(&secret, &place.info(), AEAD);
        let opened = cipher(&key).decrypt(&Nonce::from(nonce), text);
        let opened = opened.map_err(|_| PasswordSealFault::Unopened)?;
        SecretOctets::new(&Zeroizing::new(opened)).map_err(|_| PasswordSealFault::Length)
    }
}

/// The public half: what a password is sealed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealingPublicKey([u8; KEY_OCTETS]);

impl SealingPublicKey {
    /// Reads a PEM file's text (`-----BEGIN PUBLIC KEY-----`).
    pub fn from_pem(text: &str) -> Result<Self, PasswordSealFault> {
        let octets = of_pem(text, PUBLIC_LABEL)?;
        let key = octets.strip_prefix(PUBLIC_DER.as_slice());
        key.and_then(|key| key.try_into().ok())
            .map(Self)
            .ok_or(PasswordSealFault::NotAKey)
    }

    /// For the file that is carried to the head-end.
    pub fn to_pem(&self) -> Result<String, PasswordSealFault> {
        to_pem(PUBLIC_LABEL, &[PUBLIC_DER.as_slice(), &self.0].concat())
    }

    /// Seals a password. `seed` comes from the operating system's randomness and is never used again.
    pub fn seal(
        &self,
        password: &SecretOctets,
        place: PasswordPlace<'_>,
        seed: [u8; KEY_OCTETS],
    ) -> Result<Vec<u8>, PasswordSealFault> {
        let once = SealingKey(Zeroizing::new(seed));
        let secret = shared(&once.0, *self, (once.public(), *self))?;
        let (key, nonce) = schedule::<KEY_OCTETS>(&secret, &place.info(), AEAD);
        let sealed = cipher(&key).encrypt(&Nonce::from(nonce), password.reveal());
        let sealed = sealed.map_err(|_| PasswordSealFault::Length)?;
        debug_assert_eq!(sealed.len(), password.reveal().len() + TAG_OCTETS);
        Ok([once.public().0.as_slice(), &sealed].concat())
    }
}

fn cipher(key: &[u8; KEY_OCTETS]) -> Aes256Gcm {
    Aes256Gcm::new(key.into())
}

/// RFC 9180, 4.1: the secret that both ends share.
fn shared(
    own: &[u8; KEY_OCTETS],
    theirs: SealingPublicKey,
    (once, receiver): (SealingPublicKey, SealingPublicKey),
) -> Result<Zeroizing<[u8; KEY_OCTETS]>, PasswordSealFault> {
    let point = Zeroizing::new(MontgomeryPoint(theirs.0).mul_clamped(*own).to_bytes());
    // A point of small order would let anybody know the secret (RFC 9180, 7.1.4).
    if point.iter().fold(0, |all, octet| all | octet) == 0 {
        return Err(PasswordSealFault::NotAKey);
    }
    let suite = [b"KEM".as_slice(), &KEM].concat();
    let key = extract(&suite, &[], b"eae_prk", point.as_slice());
    let context = [once.0, receiver.0].concat();
    Ok(expand(&suite, &key, b"shared_secret", &context))
}

/// RFC 9180, 5.1: key and first nonce of base mode.
fn schedule<const OCTETS: usize>(
    shared: &[u8; KEY_OCTETS],
    info: &[u8],
    aead: [u8; 2],
) -> (Zeroizing<[u8; OCTETS]>, [u8; NONCE_OCTETS]) {
    let suite = [b"HPKE".as_slice(), &KEM, &KDF, &aead].concat();
    let no_psk = extract(&suite, &[], b"psk_id_hash", &[]);
    let info = extract(&suite, &[], b"info_hash", info);
    let context = [[0].as_slice(), no_psk.as_slice(), info.as_slice()].concat();
    let secret = extract(&suite, shared, b"secret", &[]);
    let nonce: Zeroizing<[u8; NONCE_OCTETS]> = expand(&suite, &secret, b"base_nonce", &context);
    (expand(&suite, &secret, b"key", &context), *nonce)
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; KEY_OCTETS]> {
    // HMAC takes keys of any length: this fails never, and an empty code opens nothing.
    let Ok(mut mac) = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key) else {
        return Zeroizing::new([0; KEY_OCTETS]);
    };
    for part in parts {
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// `LabeledExtract` of RFC 9180, 4.
fn extract(suite: &[u8], salt: &[u8], label: &[u8], input: &[u8]) -> Zeroizing<[u8; KEY_OCTETS]> {
    mac(salt, &[b"HPKE-v1", suite, label, input])
}

/// `LabeledExpand` of RFC 9180, 4, for up to one block.
fn expand<const OCTETS: usize>(
    suite: &[u8],
    key: &[u8; KEY_OCTETS],
    label: &[u8],
    info: &[u8],
) -> Zeroizing<[u8; OCTETS]> {
    let length = u16::try_from(OCTETS).unwrap_or_default().to_be_bytes();
    let block = mac(key, &[&length, b"HPKE-v1", suite, label, info, &[1]]);
    let mut out = Zeroizing::new([0; OCTETS]);
    for (to, from) in out.iter_mut().zip(block.iter()) {
        *to = *from;
    }
    out
}

fn of_pem(text: &str, label: &str) -> Result<Vec<u8>, PasswordSealFault> {
    if text.len() > KEY_FILE_BYTES_MAX {
        return Err(PasswordSealFault::NotAKey);
    }
    match pem::decode_vec(text.trim().as_bytes()) {
        Ok((found, octets)) if found == label => Ok(octets),
        _ => Err(PasswordSealFault::NotAKey),
    }
}

fn to_pem(label: &str, der: &[u8]) -> Result<String, PasswordSealFault> {
    pem::encode_string(label, LineEnding::LF, der).map_err(|_| PasswordSealFault::NotAKey)
}

/// What the fuzz target for sealed passwords calls: octets that anybody wrote.
pub(crate) fn fuzz_sealed_password(bytes: &[u8]) {
    let key = SealingKey::from_seed(&[7; KEY_OCTETS]);
    let (Ok(gateway), Ok(meter)) = ("pmu-001".parse(), "m-1".parse()) else {
        return;
    };
    let place = PasswordPlace {
        gateway: &gateway,
        meter: &meter,
        level: 1,
    };
    drop(key.open(bytes, place));
    if let Ok(text) = std::str::from_utf8(bytes) {
        drop(SealingKey::from_pem(text));
        drop(SealingPublicKey::from_pem(text).map(|key| key.to_pem()));
    }
}

#[cfg(test)]
mod tests;
