//! What people write for meters: schemes.
//!
//! Nothing here does IO or reads a clock: texts, zones and instants are handed in.

pub mod scheme;
