//! The public keys whose watermarks a gateway believes, and the file they come in.

use crate::limits::{INGEST_KEYS_MAX, KEY_FILE_BYTES_MAX};
use crate::{KeyId, key_file};
use ed25519_dalek::VerifyingKey;

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
    #[error("line {line}: more than {limit} keys; remove those no longer in use")]
    TooMany {
        /// Where the first key too many begins.
        line: usize,
        /// Keys that may be in the file.
        limit: usize,
    },
    /// No key at all: whatever should be signed would be refused.
    #[error("there is no key in the file; add the public half of the key that signs")]
    Empty,
}

impl IngestKeys {
    /// Reads a file of public keys: PEM blocks (SPKI) or 64 hex digits a line; `#` begins a
    /// comment line.
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        let keys = key_file::read(text, INGEST_KEYS_MAX)?.into_iter();
        let keys = keys.map(|(key, line)| {
            let verifying = key.ed25519().ok_or(KeyFileError::NotAKey { line })?;
            Ok((key.id(), *verifying))
        });
        keys.collect::<Result<_, _>>().map(Self)
    }

    /// The ids of the keys, in the order of the file.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.0.iter().map(|known| known.0)
    }

    pub(crate) fn find(&self, id: &[u8]) -> Option<&(KeyId, VerifyingKey)> {
        self.0.iter().find(|known| known.0.bytes() == id)
    }
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
        check(
            "-----BEGIN PUBLIC KEY-----",
            "line 1: this PEM block has no",
        );
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
