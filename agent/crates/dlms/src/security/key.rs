//! Keys and what goes with them. None of them can be printed, and all are overwritten when dropped.

use std::fmt;

use zeroize::Zeroizing;

use super::fault::SecurityFault;
use crate::limits::SECRET_OCTETS_MAX;

/// A security suite; of suites 1 and 2 the symmetric part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suite {
    /// AES-128.
    Zero,
    /// AES-128.
    One,
    /// AES-256.
    Two,
}

impl Suite {
    /// Its number.
    pub fn number(self) -> u8 {
        match self {
            Self::Zero => 0,
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// Octets of its keys.
    pub fn key_octets(self) -> usize {
        match self {
            Self::Zero | Self::One => 16,
            Self::Two => 32,
        }
    }
}

/// A symmetric key.
#[derive(Clone)]
pub struct Key(Zeroizing<Vec<u8>>);

impl Key {
    /// A key of a suite, from its octets. The caller overwrites his own copy.
    pub fn new(suite: Suite, octets: &[u8]) -> Result<Self, SecurityFault> {
        if octets.len() != suite.key_octets() {
            return Err(SecurityFault::KeyLength {
                suite: suite.number(),
                octets: octets.len(),
                wanted: suite.key_octets(),
            });
        }
        Ok(Self(Zeroizing::new(octets.to_vec())))
    }

    /// A key that nobody has had before.
    pub fn generate(suite: Suite) -> Result<Self, SecurityFault> {
        let mut octets = Zeroizing::new(vec![0; suite.key_octets()]);
        getrandom::fill(&mut octets).map_err(|_| SecurityFault::NoRandom)?;
        Ok(Self(octets))
    }

    /// The key itself. For ciphers, and for wrapping it for the meter.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(*)")
    }
}

/// The keys of a meter that a conversation needs.
#[derive(Debug, Clone)]
pub struct Keys {
    suite: Suite,
    pub(super) encryption: Key,
    pub(super) authentication: Key,
}

impl Keys {
    /// The global unicast encryption key and the authentication key.
    pub fn new(
        suite: Suite,
        encryption: &[u8],
        authentication: &[u8],
    ) -> Result<Self, SecurityFault> {
        Ok(Self {
            suite,
            encryption: Key::new(suite, encryption)?,
            authentication: Key::new(suite, authentication)?,
        })
    }

    /// The same with another encryption key.
    #[must_use]
    pub fn with_encryption(self, encryption: Key) -> Self {
        Self { encryption, ..self }
    }

    /// The same with another authentication key.
    #[must_use]
    pub fn with_authentication(self, authentication: Key) -> Self {
        Self {
            authentication,
            ..self
        }
    }

    /// Whether the encryption key of both is the same, and with it the counter.
    pub(crate) fn shares_counter(&self, other: &Self) -> bool {
        self.encryption.reveal() == other.encryption.reveal()
    }

    /// What they are for.
    pub fn suite(&self) -> Suite {
        self.suite
    }
}

/// A password of low level security.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// At most 64 octets.
    pub fn new(octets: &[u8]) -> Result<Self, SecurityFault> {
        let most = SECRET_OCTETS_MAX;
        if octets.len() > most {
            let octets = octets.len();
            return Err(SecurityFault::SecretLength { octets, most });
        }
        Ok(Self(Zeroizing::new(octets.to_vec())))
    }

    /// The password itself. For the wire only.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is this one, in a time that does not tell where they differ.
    pub fn is(&self, other: &[u8]) -> bool {
        let pairs = self.0.iter().zip(other);
        let differences = pairs.fold(0, |sum, (one, two)| sum | (one ^ two));
        self.0.len() == other.len() && differences == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(*)")
    }
}

/// Who sends: three letters of the manufacturer and five octets. It is no secret, but two senders
/// that share a key must not share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SystemTitle(pub [u8; 8]);

impl SystemTitle {
    /// What makes each message of a key different from all others.
    pub(super) fn nonce(self, counter: u32) -> [u8; 12] {
        let mut nonce = [0; 12];
        let (title, invocation) = nonce.split_at_mut(self.0.len());
        title.copy_from_slice(&self.0);
        invocation.copy_from_slice(&counter.to_be_bytes());
        nonce
    }
}

impl fmt::Display for SystemTitle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}
