//! How keys are named.

use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// Names a public key: the first eight bytes of its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// The id of a public key, by its published bytes.
    pub(crate) fn of(public: &[u8]) -> Self {
        let digest = Sha256::digest(public);
        let mut id = [0; 8];
        for (to, from) in id.iter_mut().zip(digest) {
            *to = from;
        }
        Self(id)
    }

    /// An id as it stands in an envelope, a key set or a journal.
    pub const fn new(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The bytes of the envelope's `kid`.
    pub const fn bytes(self) -> [u8; 8] {
        self.0
    }
}

/// Text that names no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the id of a key; write its 16 small hexadecimal digits")]
pub struct InvalidKeyId(String);

impl FromStr for KeyId {
    type Err = InvalidKeyId;

    fn from_str(text: &str) -> Result<Self, InvalidKeyId> {
        let bytes = crate::key_file::from_hex(text).and_then(|bytes| bytes.try_into().ok());
        // One key, one text.
        bytes
            .map(Self)
            .filter(|id| id.to_string() == text)
            .ok_or_else(|| InvalidKeyId(text.chars().take(40).collect()))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_text() {
        let id = KeyId::new([0, 1, 2, 3, 0xa4, 5, 6, 0xff]);
        assert_eq!("00010203a40506ff".parse(), Ok(id));
        for wrong in [
            "",
            "00010203A40506FF",
            "00010203a40506f",
            "00010203a40506ff00",
        ] {
            assert!(wrong.parse::<KeyId>().is_err(), "{wrong}");
        }
    }
}
