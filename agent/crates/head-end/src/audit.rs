//! Heads of the audit chain: who holds one can prove later what stood in the log.

use crate::fault::{DecodeError, EncodeError};
use crate::limits::{BODY_BYTES_MAX, NUMBER_MAX};
use crate::strict;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

/// The last record of the audit log and the hash that covers all before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditHead {
    /// Number of the record in the log.
    pub number: u64,
    /// SHA-256 of the chain up to and with that record.
    pub hash: [u8; 32],
}

#[derive(Serialize, Deserialize)]
struct Wire {
    n: u64,
    h: ByteArray<32>,
}

impl AuditHead {
    pub(crate) fn encode(self) -> Result<Vec<u8>, EncodeError> {
        strict::ensure(self.number <= NUMBER_MAX, "n")?;
        let wire = Wire {
            n: self.number,
            h: ByteArray::new(self.hash),
        };
        strict::encode(&wire, BODY_BYTES_MAX)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let wire: Wire = strict::decode(bytes, BODY_BYTES_MAX)?;
        strict::check(wire.n <= NUMBER_MAX, "n")?;
        Ok(Self {
            number: wire.n,
            hash: wire.h.into_array(),
        })
    }
}
