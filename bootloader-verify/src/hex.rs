//! Hexadecimal digits, as keys and hashes are written for people.

/// Bytes of exactly `2 * N` hexadecimal digits.
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, index) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(index..index + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// Two digits for each byte, in lower case.
pub fn to_hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_back_and_anything_else_is_refused() {
        assert_eq!(to_hex(&[0x00, 0x1f, 0xa0]), "001fa0");
        assert_eq!(from_hex("001FA0"), Some([0x00, 0x1f, 0xa0]));
        for text in ["001fa", "001fa0b0", "001fag", "+01fa0", "001fä"] {
            assert_eq!(from_hex::<3>(text), None, "{text}");
        }
    }
}
