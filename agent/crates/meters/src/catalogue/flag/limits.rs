//! Limits of FLAG model files.

/// Identities, sources, markers and the like of one model, each; the largest shipped one has 60.
pub(super) const ROWS_MAX: usize = 200;
/// Octets of one set of an identity: sixteen packets of a data stream, over four times the longest
/// billing set.
pub(super) const IDENTITY_OCTETS_MAX: u16 = 4096;
/// An identity has three decimal digits.
pub(super) const IDENTITY_MAX: u16 = 999;
/// Sets of one identity; the deepest history known has 36.
pub(super) const SETS_MAX: u16 = 100;
/// Octets of one packet.
pub(super) const PACKET_OCTETS: u16 = 64;
/// Decimals and powers of ten: beyond them an `i64` holds too little.
pub(super) const SCALE_MAX: i8 = 9;
/// Access levels of Elster meters (M1140).
pub(super) const LEVEL_MAX: u8 = 3;
/// Parts of a set, fields of a log.
pub(super) const PARTS_MAX: usize = 32;
