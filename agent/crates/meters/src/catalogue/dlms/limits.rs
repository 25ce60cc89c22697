//! Limits of DLMS model files.

/// Associations, objects, registers, profiles and tables of one model, each; ours.
pub(super) const ROWS_MAX: usize = 200;
/// Bits and codes of one table; an event log of the IDIS kind has some 250 codes.
pub(super) const CODES_MAX: usize = 512;
/// Bits of a status word: 64 bits are the widest integer.
pub(super) const STATUS_BIT_MAX: u8 = 63;
/// A client has an HDLC address of one octet.
pub(super) const CLIENT_MAX: u16 = 0x7f;
/// Seven bits of an address.
pub(super) const SEVEN_BITS_MAX: u16 = 0x7f;
/// Fourteen bits of an address.
pub(super) const FOURTEEN_BITS_MAX: u16 = 0x3fff;
/// IEC 62056-46: the smallest information field that is of use, and the largest.
pub(super) const INFORMATION_OCTETS: std::ops::RangeInclusive<u16> = 16..=2030;
/// IEC 62056-46: frames without confirmation.
pub(super) const WINDOW: std::ops::RangeInclusive<u8> = 1..=7;
/// Plans of days have numbers of one octet, and nothing else in a calendar is more; ours.
pub(super) const TABLE_MAX: u16 = 255;
/// Octets of a name in a calendar; ours.
pub(super) const NAME_OCTETS_MAX: u16 = 64;
