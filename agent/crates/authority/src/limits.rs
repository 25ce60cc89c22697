//! Every limit of this crate, with its source.

/// A signed envelope; looked at before the first byte is parsed. The largest watermark the
/// contract allows (five streams of 128 islands) takes 13 KiB.
pub const ENVELOPE_BYTES_MAX: usize = 16 * 1024;
/// Keys a gateway trusts at the same time: two in use, two being rotated in, and room.
pub const INGEST_KEYS_MAX: usize = 16;
/// A file of ingest keys: sixteen PEM blocks with generous comments.
pub const KEY_FILE_BYTES_MAX: usize = 64 * 1024;
/// Octets of a meter's secret: its longest password.
pub const SECRET_OCTETS_MAX: usize = 64;
/// Octets read of a credential; a master key has 32.
pub const MASTER_KEY_FILE_BYTES_MAX: usize = 4096;
