//! The public keys whose watermarks a gateway believes, and the file they come in.

use crate::limits::{INGEST_KEYS_MAX, KEY_FILE_BYTES_MAX};
use ed25519_dalek::VerifyingKey;
use ed25519_dalek::pkcs8::DecodePublicKey;
use sha2::{Digest, Sha256};
use std::fmt;

/// Names a public key: the first eight bytes of its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// The id of a public key.
    pub(crate) fn of(key: &VerifyingKey) -> Self {
        let digest = Sha256::digest(key.as_bytes());
        let mut id = [0; 8];
        for (to, from) in id.iter_mut().zip(digest) {
            *to = from;
        }
        Self(id)
    }

    /// The bytes of the envelope's `kid`.
    pub const fn bytes(self) -> [u8; 8] {
        self.0
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

/// The public keys of the head-end's ingest consumers, as provisioned on this gateway.
#[derive(Debug, Clone, Default)]
pub struct IngestKeys(Vec<(KeyId, VerifyingKey)>);

/// A file of ingest keys that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// The text is too long.
    #[error(
        "the file has {found} bytes, more than {KEY_FILE_BYTES_MAX}; keep only the keys in use"
    )]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// Neither a key nor a comment.
    #[error(
        "line {line}: this is not an Ed25519 public key; write 64 hex digits, or a PEM block `-----BEGIN PUBLIC KEY-----`"
    )]
    NotAKey {
        /// Where the key begins.
        line: usize,
    },
    /// A PEM block without its end.
    #[error("line {line}: this PEM block has no `-----END PUBLIC KEY-----`; copy the whole block")]
    Unfinished {
        /// Where the block begins.
        line: usize,
    },
    /// A private key lies where everybody may read.
    #[error(
        "line {line}: this is a private key; remove it, replace the key pair, and put the public half here (`openssl pkey -pubout`)"
    )]
    PrivateKey {
        /// Where the block begins.
        line: usize,
    },
    /// A key for which anybody could make a signature.
    #[error("line {line}: this key is weak (of small order); make a new pair")]
    Weak {
        /// Where the key begins.
        line: usize,
    },
    /// The same key twice.
    #[error("line {line}: this key ({id}) is already in the file; remove one of the two")]
    Twice {
        /// Where the second one begins.
        line: usize,
        /// Its id.
        id: KeyId,
    },
    /// More keys than can sensibly be in use.
    #[error("line {line}: more than {INGEST_KEYS_MAX} keys; remove those no longer in use")]
    TooMany {
        /// Where the first key too many begins.
        line: usize,
    },
    /// No key at all: every watermark would be refused and the outbox would fill.
    #[error("there is no key in the file; add the public key of the head-end's consumer")]
    Empty,
}

const PEM_BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const PEM_END: &str = "-----END PUBLIC KEY-----";

impl IngestKeys {
    /// Reads a file of public keys: PEM blocks (SPKI) or 64 hex digits a line; `#` begins a
    /// comment line.
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        if text.len() > KEY_FILE_BYTES_MAX {
            return Err(KeyFileError::TooLong { found: text.len() });
        }
        let mut keys = Self::default();
        let mut lines = text.lines().map(str::trim).zip(1..);
        while let Some((content, line)) = lines.next() {
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let found = if content == PEM_BEGIN {
                let block = pem_block(&mut lines).ok_or(KeyFileError::Unfinished { line })?;
                VerifyingKey::from_public_key_pem(&block).ok()
            } else if content.starts_with("-----BEGIN") && content.contains("PRIVATE KEY") {
                return Err(KeyFileError::PrivateKey { line });
            } else {
                from_hex(content).and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok())
            };
            keys.add(found.ok_or(KeyFileError::NotAKey { line })?, line)?;
        }
        if keys.0.is_empty() {
            return Err(KeyFileError::Empty);
        }
        Ok(keys)
    }

    fn add(&mut self, key: VerifyingKey, line: usize) -> Result<(), KeyFileError> {
        let id = KeyId::of(&key);
        if key.is_weak() {
            return Err(KeyFileError::Weak { line });
        }
        if self.0.iter().any(|known| known.0 == id) {
            return Err(KeyFileError::Twice { line, id });
        }
        if self.0.len() == INGEST_KEYS_MAX {
            return Err(KeyFileError::TooMany { line });
        }
        self.0.push((id, key));
        Ok(())
    }

    /// The ids of the keys, in the order of the file.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.0.iter().map(|known| known.0)
    }

    pub(crate) fn find(&self, id: &[u8]) -> Option<&(KeyId, VerifyingKey)> {
        self.0.iter().find(|known| known.0.0 == id)
    }
}

/// The lines up to the block's end, joined to what a PEM reader expects.
fn pem_block<'a>(lines: &mut impl Iterator<Item = (&'a str, usize)>) -> Option<String> {
    let mut block = format!("{PEM_BEGIN}\n");
    for (content, _) in lines {
        block.push_str(content);
        block.push('\n');
        if content == PEM_END {
            return Some(block);
        }
    }
    None
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        let digits = text.get(2 * index..2 * index + 2)?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SigningKey;
    use proptest::prelude::*;

    fn public_hex(seed: u8) -> String {
        let key = SigningKey::from_seed(&[seed; 32]).public();
        let digits = key.as_bytes().iter().map(|b| format!("{b:02x}"));
        digits.collect::<Vec<_>>().concat()
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let found = match IngestKeys::parse(text) {
            Ok(keys) => keys
                .ids()
                .map(|id| id.to_string())
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => error.to_string(),
        };
        assert!(found.starts_with(expected), "{text:?} gives {found:?}");
    }

    #[test]
    fn keys_are_read_as_hex_and_as_pem() {
        let key = SigningKey::from_seed(&[1; 32]);
        let pem = key.public_pem().unwrap();
        check(&public_hex(1), &key.id().to_string());
        check(&pem, &key.id().to_string());
        let other = SigningKey::from_seed(&[2; 32]).id();
        let both = format!("# ingest, two consumers\n\n{}\r\n  {}", pem, public_hex(2));
        check(&both, &format!("{} {other}", key.id()));
    }

    #[test]
    fn a_key_id_is_the_beginning_of_the_keys_hash() {
        // RFC 8032, 7.1, test 1; the hash was computed with sha256sum.
        let text = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        check(text, "21fe31dfa154a261");
    }

    #[test]
    fn a_bad_file_says_where_and_what_to_do() {
        let private = SigningKey::from_seed(&[1; 32]).to_pem().unwrap();
        check("", "there is no key in the file");
        check("# nothing\n", "there is no key in the file");
        check("\nabc", "line 2: this is not an Ed25519 public key");
        check(&"g".repeat(64), "line 1: this is not an Ed25519 public key");
        check(&"0".repeat(64), "line 1: this key is weak");
        check(PEM_BEGIN, "line 1: this PEM block has no");
        check(&private, "line 1: this is a private key; remove it");
        check(
            &format!("{}\n{}", public_hex(1), public_hex(1)),
            "line 2: this key (",
        );
        let many: String = (0..17).map(|seed| public_hex(seed) + "\n").collect();
        check(&many, "line 17: more than 16 keys");
        check(
            &"#".repeat(KEY_FILE_BYTES_MAX + 1),
            "the file has 65537 bytes",
        );
    }

    proptest! {
        #[test]
        fn no_file_makes_the_parser_panic(text in "(-----BEGIN PUBLIC KEY-----\n)?[ -~\n]{0,200}") {
            crate::fuzz_keys(&text);
        }
    }
}
