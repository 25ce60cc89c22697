//! The gateway's signature over its audit chain: up to here, and nothing can be taken out or put in
//! afterwards without it being found.

use crate::cose::Purpose;
use crate::limits::{AUDIT_SEAL_BYTES_MAX, NUMBER_MAX, SECONDS_MAX};
use crate::receipt::{ReceiptFault, ReceiptKeys};
use crate::{SigningKey, strict};
use metering::{GatewayId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

const AUDIT: Purpose = Purpose {
    domain: "gw-audit/1",
    content_type: "application/vnd.pmu.gw-audit+cbor",
    bytes_max: AUDIT_SEAL_BYTES_MAX,
};

/// A run of records of the audit chain. Of the whole chain up to its head: `first` is 1, and
/// `before` the hash that the chain begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditSeal {
    /// The store.
    pub epoch: [u8; 8],
    /// Number of its first record.
    pub first: u64,
    /// Number of its last record.
    pub last: u64,
    /// The chain's hash before the first.
    pub before: [u8; 32],
    /// The chain's hash up to and with the last.
    pub head: [u8; 32],
    /// When it was signed.
    pub at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    e: ByteArray<8>,
    from: u64,
    n: u64,
    prev: ByteArray<32>,
    h: ByteArray<32>,
    at: u64,
}

impl AuditSeal {
    /// Signs it with the gateway's own key.
    pub fn sign(&self, key: &SigningKey, gateway: &GatewayId) -> Result<Vec<u8>, ReceiptFault> {
        let wire = Wire {
            e: ByteArray::new(self.epoch),
            from: self.first,
            n: self.last,
            prev: ByteArray::new(self.before),
            h: ByteArray::new(self.head),
            at: self.at.millis(),
        };
        let payload = strict::encode(&wire).map_err(|_| bad("au"))?;
        Self::decode(&payload)?;
        Ok(AUDIT.seal(key, gateway.as_str(), &payload)?)
    }

    fn decode(payload: &[u8]) -> Result<Self, ReceiptFault> {
        let wire: Wire = strict::decode(payload).map_err(|_| bad("au"))?;
        let is_run = 1 <= wire.from && wire.from <= wire.n && wire.n <= NUMBER_MAX;
        if !is_run {
            return Err(bad("n"));
        }
        if wire.at / 1000 > SECONDS_MAX {
            return Err(bad("at"));
        }
        Ok(Self {
            epoch: wire.e.into_array(),
            first: wire.from,
            last: wire.n,
            before: wire.prev.into_array(),
            head: wire.h.into_array(),
            at: Timestamp::from_millis(wire.at),
        })
    }
}

impl ReceiptKeys {
    /// Proves that the gateway sealed a run of its audit chain. Whether records fit it is a matter of
    /// hashing them.
    pub fn open_audit_seal(&self, bytes: &[u8]) -> Result<AuditSeal, ReceiptFault> {
        let (payload, _) = self.prove(AUDIT, bytes)?;
        AuditSeal::decode(&payload)
    }
}

const fn bad(key: &'static str) -> ReceiptFault {
    ReceiptFault::Content { key }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal() -> AuditSeal {
        AuditSeal {
            epoch: *b"epoch--1",
            first: 1,
            last: 40,
            before: [0; 32],
            head: [7; 32],
            at: Timestamp::from_millis(1_795_392_000_417),
        }
    }

    #[test]
    fn a_seal_is_believed_only_of_the_gateway_that_made_it() {
        let gateway: GatewayId = "pmu-001".parse().unwrap();
        let other: GatewayId = "pmu-002".parse().unwrap();
        let key = SigningKey::from_seed(&[5; 32]);
        let bytes = seal().sign(&key, &gateway).unwrap();
        let keys = |gateway: &GatewayId, seed| {
            let key = SigningKey::from_seed(&[seed; 32]).public_key();
            ReceiptKeys::of_gateway(gateway.clone(), vec![key])
        };
        assert_eq!(keys(&gateway, 5).open_audit_seal(&bytes), Ok(seal()));
        assert!(keys(&other, 5).open_audit_seal(&bytes).is_err());
        assert!(keys(&gateway, 6).open_audit_seal(&bytes).is_err());
        // A seal is no receipt.
        assert!(keys(&gateway, 5).open(&bytes).is_err());
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(keys(&gateway, 5).open_audit_seal(&changed).is_err(), "{at}");
        }
    }

    #[test]
    fn a_run_that_ends_before_it_begins_is_not_sealed() {
        let gateway: GatewayId = "pmu-001".parse().unwrap();
        let key = SigningKey::from_seed(&[5; 32]);
        for (first, last) in [(0, 4), (5, 4), (1, u64::MAX)] {
            let seal = AuditSeal {
                first,
                last,
                ..seal()
            };
            assert!(seal.sign(&key, &gateway).is_err());
        }
    }
}
