//! Keys and signatures: who may say what to this gateway.
//!
//! Trust is a type. What the head-end signed arrives as bytes that anybody may have written;
//! [`IngestKeys::open_watermark`] is the only way to an [`AuthenticWatermark`], and whatever frees
//! space in the outbox asks for that type.
//!
//! Nothing here does IO, reads a clock or makes randomness of its own.

mod envelope;
mod ingest_keys;
pub mod limits;
mod signing_key;

pub use envelope::{AuthenticWatermark, Rejection, WATERMARK_CONTENT_TYPE, sign_watermark};
pub use ingest_keys::{IngestKeys, KeyFileError, KeyId};
pub use signing_key::{InvalidSigningKey, SigningKey};

use metering::GatewayId;

/// What the fuzz target for signed watermarks calls: bytes as a hostile broker would send them.
pub fn fuzz_watermark(keys: &IngestKeys, gateway: &GatewayId, bytes: &[u8]) {
    drop(keys.open_watermark(gateway, bytes));
}

/// What the fuzz target for key files calls.
pub fn fuzz_keys(text: &str) {
    drop(IngestKeys::parse(text));
}
