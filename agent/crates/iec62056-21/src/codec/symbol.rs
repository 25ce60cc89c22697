//! The control characters of the protocol.

pub(super) const SOH: u8 = 0x01;
pub(super) const STX: u8 = 0x02;
pub(super) const ETX: u8 = 0x03;
pub(super) const EOT: u8 = 0x04;
pub(super) const ACK: u8 = 0x06;
pub(super) const NAK: u8 = 0x15;
pub(super) const ESC: u8 = 0x1b;
pub(super) const CR: u8 = b'\r';
pub(super) const LF: u8 = b'\n';

/// What may stand in an address, a value or a unit: printable, and no character that ends one.
pub(super) fn is_plain(octet: u8) -> bool {
    matches!(octet, 0x20..=0x7e) && !matches!(octet, b'(' | b')' | b'/' | b'!')
}
