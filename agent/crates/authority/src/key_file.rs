//! Files of public keys: PEM blocks (SPKI), or hexadecimal digits in a line; `#` begins a comment.

use crate::limits::KEY_FILE_BYTES_MAX;
use crate::public_key::{Algorithm, InvalidPublicKey, PublicKey};
use crate::{KeyFileError, KeyId};

const PEM_BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const PEM_END: &str = "-----END PUBLIC KEY-----";

/// The keys of a file with the lines where they begin, in its order, none twice.
pub(crate) fn read(text: &str, keys_max: usize) -> Result<Vec<(PublicKey, usize)>, KeyFileError> {
    if text.len() > KEY_FILE_BYTES_MAX {
        return Err(KeyFileError::TooLong { found: text.len() });
    }
    let mut keys: Vec<(PublicKey, usize)> = Vec::new();
    let mut lines = text.lines().map(str::trim).zip(1..);
    while let Some((content, line)) = lines.next() {
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let found = if content == PEM_BEGIN {
            let block = pem_block(&mut lines).ok_or(KeyFileError::Unfinished { line })?;
            PublicKey::from_pem(&block)
        } else if content.starts_with("-----BEGIN") && content.contains("PRIVATE KEY") {
            return Err(KeyFileError::PrivateKey { line });
        } else {
            of_digits(content)
        };
        let key = found.map_err(|invalid| match invalid {
            InvalidPublicKey::NotAKey => KeyFileError::NotAKey { line },
            InvalidPublicKey::Weak => KeyFileError::Weak { line },
        })?;
        let id: KeyId = key.id();
        if keys.iter().any(|known| known.0.id() == id) {
            return Err(KeyFileError::Twice { line, id });
        }
        if keys.len() == keys_max {
            return Err(KeyFileError::TooMany {
                line,
                limit: keys_max,
            });
        }
        keys.push((key, line));
    }
    if keys.is_empty() {
        return Err(KeyFileError::Empty);
    }
    Ok(keys)
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

fn of_digits(text: &str) -> Result<PublicKey, InvalidPublicKey> {
    let algorithm = match text.len() {
        64 => Algorithm::Ed25519,
        130 => Algorithm::Es256,
        _ => return Err(InvalidPublicKey::NotAKey),
    };
    let bytes = from_hex(text).ok_or(InvalidPublicKey::NotAKey)?;
    PublicKey::new(algorithm, &bytes)
}

/// Bytes written in pairs of hexadecimal digits.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    bytes
        .collect::<Option<Vec<u8>>>()
        .filter(|_| rest.is_empty())
}

/// The same the other way round.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    digits.collect::<Vec<_>>().concat()
}
