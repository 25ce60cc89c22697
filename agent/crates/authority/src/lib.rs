//! Keys and signatures: who may say what to this gateway; and the seal under which it keeps the
//! keys of its meters.
//!
//! Trust is a type. What the head-end signed arrives as bytes that anybody may have written;
//! [`IngestKeys::open_watermark`] is the only way to an [`AuthenticWatermark`], and whatever frees
//! space in the outbox asks for that type.
//!
//! Nothing here does IO, reads a clock or makes randomness of its own.

mod envelope;
mod ingest_keys;
pub mod limits;
mod sealing;
mod signing_key;

pub use envelope::{AuthenticWatermark, Rejection, WATERMARK_CONTENT_TYPE, sign_watermark};
pub use ingest_keys::{IngestKeys, KeyFileError, KeyId};
pub use sealing::{MASTER_KEY_CREDENTIAL, MasterKey, SealFault, SealPlace, SecretOctets};
pub use signing_key::{InvalidSigningKey, SigningKey};

use metering::{GatewayId, MeterId};

/// What the fuzz target for signed watermarks calls: bytes as a hostile broker would send them.
pub fn fuzz_watermark(keys: &IngestKeys, gateway: &GatewayId, bytes: &[u8]) {
    drop(keys.open_watermark(gateway, bytes));
}

/// What the fuzz target for key files calls.
pub fn fuzz_keys(text: &str) {
    drop(IngestKeys::parse(text));
}

/// What the fuzz target for sealed secrets calls: bytes as a file that anybody wrote may hold them.
pub fn fuzz_sealed(bytes: &[u8]) {
    let Ok(meter) = "m".parse::<MeterId>() else {
        return;
    };
    let place = SealPlace {
        meter: &meter,
        kind: 0,
        number: 1,
    };
    drop(MasterKey::from_credential(Some(bytes)));
    if let Ok(key) = MasterKey::from_credential(Some(&[1; 32])) {
        drop(key.open(bytes, place));
    }
    drop(str::from_utf8(bytes).map(SecretOctets::from_hex));
}
