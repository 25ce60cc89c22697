//! Bytes as people compare them.

use std::fmt::Write;

/// Two lower-case digits a byte.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            if write!(text, "{byte:02x}").is_err() {
                log::debug!("a string cannot be written to");
            }
            text
        })
}

/// The bytes behind digits; nothing where they are none.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let octet = |pair: &[u8; 2]| {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        u8::try_from(high? * 16 + low?).ok()
    };
    pairs
        .iter()
        .map(octet)
        .collect::<Option<Vec<u8>>>()
        .filter(|_| rest.is_empty())
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_byte_has_two_digits() {
        assert_eq!(super::hex(&[0, 10, 255]), "000aff");
        assert_eq!(super::from_hex("000aFf"), Some(vec![0, 10, 255]));
        assert_eq!(super::from_hex(""), Some(Vec::new()));
        for none in ["0", "0g", "+1", "ä"] {
            assert_eq!(super::from_hex(none), None, "{none}");
        }
    }
}
