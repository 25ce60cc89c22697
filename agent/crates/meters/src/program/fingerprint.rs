//! What stands for the contents of a meter in a receipt.

use sha2::{Digest as _, Sha256};
use std::fmt;

/// Octets of a value that are shown.
const SHOWN_OCTETS: usize = 32;

/// SHA-256 of contents, in an order of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Of parts: each with its length before it, so that no two lists look alike.
    pub fn of<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> Self {
        let mut sum = Sha256::new();
        for part in parts {
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            sum.update(length.to_be_bytes());
            sum.update(part);
        }
        Self(sum.finalize().into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// Octets in hexadecimal digits; long ones are cut short.
pub(super) fn hex(octets: &[u8]) -> String {
    match octets.get(..SHOWN_OCTETS) {
        Some(first) if octets.len() > SHOWN_OCTETS => format!("{}…", whole_hex(first)),
        _ => whole_hex(octets),
    }
}

/// All octets in hexadecimal digits.
pub(super) fn whole_hex(octets: &[u8]) -> String {
    let digits = octets.iter().flat_map(|octet| [octet >> 4, octet & 0xf]);
    let digits = digits.filter_map(|digit| char::from_digit(u32::from(digit), 16));
    digits.collect()
}
