//! The audit chain, as it leaves the gateway.

use serde::{Deserialize, Serialize};

/// A run of its records, ready for files that `pmuctl audit verify` reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPiece {
    /// Number of its first record.
    pub first: u64,
    /// Number of its last record; one less than the first where there is none.
    pub last: u64,
    /// The records, one line of JSON each, behind a line that says where the piece begins.
    pub lines: String,
    /// The gateway's signature over exactly these records, in hexadecimal digits; none where it has no
    /// key to sign with, or nothing to sign.
    pub seal: Option<String>,
}
