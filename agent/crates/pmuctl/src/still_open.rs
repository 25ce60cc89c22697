//! What is neither done nor failed.

/// Something was ordered, and nobody knows yet how it ends. Its exit code is 75 (`EX_TEMPFAIL` of
/// sysexits): ask again later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StillOpen(pub String);
