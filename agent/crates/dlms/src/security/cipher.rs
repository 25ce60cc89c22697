//! AES-GCM as DLMS uses it: a nonce of title and counter, a tag of twelve octets.

use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aes::{Aes128, Aes256};
use aes_gcm::{AesGcm, KeyInit, Nonce, Tag};
use zeroize::Zeroizing;

use super::fault::SecurityFault;
use super::key::{Key, Suite, SystemTitle};

/// Octets of a tag.
pub(super) const TAG_OCTETS: usize = 12;

/// How APDUs are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Protection {
    /// Authenticated and encrypted.
    #[default]
    Both,
    /// Authenticated alone: anybody can read it.
    Authenticated,
    /// Encrypted alone: anybody can change it.
    Encrypted,
}

impl Protection {
    /// The security control octet.
    pub(super) fn control(self, suite: Suite) -> u8 {
        let bits = match self {
            Self::Both => 0x30,
            Self::Authenticated => 0x10,
            Self::Encrypted => 0x20,
        };
        bits | suite.number()
    }
}

/// What one message is protected with.
pub(super) struct Cipher<'a> {
    pub(super) suite: Suite,
    pub(super) key: &'a Key,
    pub(super) authentication: &'a Key,
    pub(super) protection: Protection,
    pub(super) title: SystemTitle,
    pub(super) counter: u32,
}

impl Cipher<'_> {
    fn control(&self) -> u8 {
        self.protection.control(self.suite)
    }

    /// What the tag covers besides what is encrypted.
    fn covered(&self, plain: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut covered = Zeroizing::new(vec![self.control()]);
        covered.reserve_exact(self.authentication.reveal().len() + plain.len());
        covered.extend_from_slice(self.authentication.reveal());
        covered.extend_from_slice(plain);
        covered
    }

    /// The text and its tag.
    pub(super) fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, SecurityFault> {
        let mut text = plain.to_vec();
        let tag = match self.protection {
            Protection::Both => Some(self.run(&self.covered(&[]), &mut text)?),
            Protection::Authenticated => Some(self.mac(plain)?),
            Protection::Encrypted => {
                self.run(&[], &mut text)?;
                None
            }
        };
        text.extend_from_slice(tag.as_ref().map_or(&[], |tag| tag.as_slice()));
        Ok(text)
    }

    /// The plain text, if the tag is right.
    pub(super) fn open(&self, text: &[u8]) -> Result<Vec<u8>, SecurityFault> {
        if self.protection == Protection::Encrypted {
            let mut plain = text.to_vec();
            self.run(&[], &mut plain)?;
            return Ok(plain);
        }
        let (text, tag) = text
            .split_last_chunk::<TAG_OCTETS>()
            .ok_or(SecurityFault::Tag)?;
        let mut plain = text.to_vec();
        if self.protection == Protection::Both {
            self.unseal(&self.covered(&[]), &mut plain, tag)?;
        } else {
            self.unseal(&self.covered(text), &mut [], tag)?;
        }
        Ok(plain)
    }

    /// A tag over a challenge, or over what is not encrypted.
    pub(super) fn mac(&self, data: &[u8]) -> Result<[u8; TAG_OCTETS], SecurityFault> {
        self.run(&self.covered(data), &mut [])
    }

    /// Whether the tag is the one over this challenge.
    pub(super) fn check_mac(
        &self,
        data: &[u8],
        tag: &[u8; TAG_OCTETS],
    ) -> Result<(), SecurityFault> {
        self.unseal(&self.covered(data), &mut [], tag)
    }

    fn run(&self, covered: &[u8], text: &mut [u8]) -> Result<[u8; TAG_OCTETS], SecurityFault> {
        let nonce = Nonce::from(self.title.nonce(self.counter));
        let text = InOutBuf::from(text);
        let tag = match self.suite {
            Suite::Zero | Suite::One => {
                self.aes128()?.encrypt_inout_detached(&nonce, covered, text)
            }
            Suite::Two => self.aes256()?.encrypt_inout_detached(&nonce, covered, text),
        };
        tag.map(Into::into).map_err(|_| SecurityFault::Tag)
    }

    fn unseal(
        &self,
        covered: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_OCTETS],
    ) -> Result<(), SecurityFault> {
        let nonce = Nonce::from(self.title.nonce(self.counter));
        let tag = Tag::<U12>::from(*tag);
        let text = InOutBuf::from(text);
        match self.suite {
            Suite::Zero | Suite::One => self
                .aes128()?
                .decrypt_inout_detached(&nonce, covered, text, &tag),
            Suite::Two => self
                .aes256()?
                .decrypt_inout_detached(&nonce, covered, text, &tag),
        }
        .map_err(|_| SecurityFault::Tag)
    }

    fn aes128(&self) -> Result<AesGcm<Aes128, U12, U12>, SecurityFault> {
        AesGcm::new_from_slice(self.key.reveal()).map_err(|_| self.wrong_length())
    }

    fn aes256(&self) -> Result<AesGcm<Aes256, U12, U12>, SecurityFault> {
        AesGcm::new_from_slice(self.key.reveal()).map_err(|_| self.wrong_length())
    }

    fn wrong_length(&self) -> SecurityFault {
        SecurityFault::KeyLength {
            suite: self.suite.number(),
            octets: self.key.reveal().len(),
            wanted: self.suite.key_octets(),
        }
    }
}
