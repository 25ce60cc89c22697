//! The golden vectors of `docs/uplink/vectors`: they freeze the bytes of the contract.
//!
//! `PMU_WRITE_VECTORS=1 cargo test -p head-end --test golden` writes them anew; that is right only
//! together with a new version of the contract or for a vector that did not exist.

#[cfg(test)]
#[path = "golden/explain.rs"]
mod explain;
#[cfg(test)]
#[path = "golden/files.rs"]
mod files;
#[cfg(test)]
#[path = "golden/records.rs"]
mod records;
#[cfg(test)]
#[path = "golden/signed.rs"]
mod signed;

/// One vector: bytes as on the wire, and what an independent decoder must make of them.
struct Vector {
    name: &'static str,
    topic: String,
    bytes: Vec<u8>,
    explanation: serde_json::Value,
}
