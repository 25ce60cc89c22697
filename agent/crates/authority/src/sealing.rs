//! Secrets of meters, sealed for the disk with the gateway's master key.
//!
//! AES-256-GCM with a nonce of twelve random octets. The tag also covers whose the secret is, what
//! it is for and which number it has: a sealed secret that somebody moves to another place does not
//! open there.
//!
//! Nothing here prints a secret, and all are overwritten when dropped.

use crate::limits::{MASTER_KEY_FILE_BYTES_MAX, SECRET_OCTETS_MAX};
use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use metering::MeterId;
use std::fmt;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const NONCE_OCTETS: usize = 12;
const KEY_OCTETS: usize = 32;

/// Under which name systemd hands the master key over.
pub const MASTER_KEY_CREDENTIAL: &str = "pmu-master-key";

/// Octets that nobody sees.
#[derive(Clone)]
pub struct SecretOctets(Zeroizing<Vec<u8>>);

impl SecretOctets {
    /// At most 64 octets. The caller overwrites his own copy.
    pub fn new(octets: &[u8]) -> Result<Self, SealFault> {
        if octets.is_empty() || octets.len() > SECRET_OCTETS_MAX {
            return Err(SealFault::Length {
                found: octets.len(),
            });
        }
        Ok(Self(Zeroizing::new(octets.to_vec())))
    }

    /// From the hexadecimal digits of a private file, in one line. A key of suites 0 and 1 has 32 of
    /// them, one of suite 2 has 64.
    pub fn from_hex(text: &str) -> Result<Self, SealFault> {
        let digits = text.trim_end().as_bytes();
        let mut octets = Zeroizing::new(Vec::with_capacity(SECRET_OCTETS_MAX));
        for pair in digits.chunks(2).take(SECRET_OCTETS_MAX + 1) {
            let &[high, low] = pair else {
                return Err(SealFault::NotHex);
            };
            let octet = digit(high)
                .zip(digit(low))
                .map(|(high, low)| high << 4 | low);
            octets.push(octet.ok_or(SealFault::NotHex)?);
        }
        Self::new(&octets)
    }

    /// The octets themselves. For ciphers and the wire only.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretOctets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretOctets(*)")
    }
}

fn digit(text: u8) -> Option<u8> {
    char::from(text)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// What a sealed secret is, and where it belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealPlace<'a> {
    /// Whose it is.
    pub meter: &'a MeterId,
    /// What it is for, as the file numbers it.
    pub kind: u8,
    /// Its number in the file.
    pub number: u32,
}

impl SealPlace<'_> {
    fn covered(&self) -> Vec<u8> {
        let mut covered = vec![VERSION, self.kind];
        covered.extend_from_slice(&self.number.to_be_bytes());
        covered.extend_from_slice(self.meter.as_str().as_bytes());
        covered
    }
}

/// Why a secret could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealFault {
    /// No master key was handed over.
    #[error(
        "the gateway has no master key for the keys of meters; make one with `head -c 32 /dev/urandom | systemd-creds encrypt --name=pmu-master-key - /etc/credstore.encrypted/pmu-master-key` and start pmu-agent again"
    )]
    NoMasterKey,
    /// What was handed over is none.
    #[error("the master key has {found} octets; make one of 32 random octets")]
    MasterKeyLength {
        /// Octets found.
        found: usize,
    },
    /// Another master key, another place, or damage.
    #[error(
        "the sealed key does not open with this gateway's master key; bring the old master key back, or import the meter's keys anew"
    )]
    Sealed,
    /// A newer program sealed it.
    #[error(
        "the key is sealed in form {0}, which this program does not know; install the newer program"
    )]
    Form(u8),
    /// Not hexadecimal digits in pairs.
    #[error(
        "the key is not written in pairs of hexadecimal digits; write them in one line, without gaps"
    )]
    NotHex,
    /// Empty, or too long.
    #[error("the secret has {found} octets; use 1 to {SECRET_OCTETS_MAX}")]
    Length {
        /// Octets found.
        found: usize,
    },
}

/// The key under which a gateway keeps the keys of its meters.
pub struct MasterKey(Zeroizing<[u8; KEY_OCTETS]>);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(*)")
    }
}

impl MasterKey {
    /// From what systemd handed over, if it did: 32 octets as they are. The caller overwrites his
    /// own copy.
    pub fn from_credential(octets: Option<&[u8]>) -> Result<Self, SealFault> {
        let octets = octets.ok_or(SealFault::NoMasterKey)?;
        let found = octets.len().min(MASTER_KEY_FILE_BYTES_MAX);
        let key = octets
            .try_into()
            .map_err(|_| SealFault::MasterKeyLength { found })?;
        Ok(Self(Zeroizing::new(key)))
    }

    /// Seals a secret for its place. The nonce comes from the operating system's randomness, and is
    /// never used again.
    pub fn seal(
        &self,
        secret: &SecretOctets,
        place: SealPlace<'_>,
        nonce: [u8; NONCE_OCTETS],
    ) -> Result<Vec<u8>, SealFault> {
        let payload = Payload {
            msg: secret.reveal(),
            aad: &place.covered(),
        };
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| SealFault::Sealed)?;
        Ok([&[VERSION], nonce.as_slice(), &sealed].concat())
    }

    /// Opens what was sealed for this place.
    pub fn open(&self, sealed: &[u8], place: SealPlace<'_>) -> Result<SecretOctets, SealFault> {
        let (version, rest) = sealed.split_first().ok_or(SealFault::Sealed)?;
        if *version != VERSION {
            return Err(SealFault::Form(*version));
        }
        let (nonce, text) = rest
            .split_first_chunk::<NONCE_OCTETS>()
            .ok_or(SealFault::Sealed)?;
        let payload = Payload {
            msg: text,
            aad: &place.covered(),
        };
        let opened = self.cipher().decrypt(&Nonce::from(*nonce), payload);
        let opened = opened.map(Zeroizing::new).map_err(|_| SealFault::Sealed)?;
        SecretOctets::new(&opened)
    }

    fn cipher(&self) -> Aes256Gcm {
        let key: &[u8; KEY_OCTETS] = &self.0;
        Aes256Gcm::new(key.into())
    }
}

#[cfg(test)]
mod tests;
