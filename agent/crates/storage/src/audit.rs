//! The audit chain: who changed what, each record bound to all before it.

mod segment;

pub use segment::{AuditSegment, SegmentFault, fuzz_segment, verify_segment};

use crate::AuditHead;
use crate::limits::TEXT_BYTES_MAX;
use crate::wire::{Damage, Reader, Writer, place};
use metering::Timestamp;
use sha2::{Digest, Sha256};

const VERSION: u8 = 1;
const AUDIT_TABLE: u8 = b'A';
/// What each hash begins with, so that no other hash of ours can pass for a link.
const DOMAIN: &[u8] = b"pmu-audit/1";

/// Something a person or a key changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// When, by the gateway's clock.
    pub at: Timestamp,
    /// Who: a user, a key id, the gateway itself.
    pub who: String,
    /// What was done, in one word of the contract.
    pub what: String,
    /// To what, from what, with which outcome.
    pub detail: String,
}

/// A record in its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLink {
    /// Its number, from 1.
    pub number: u64,
    /// What it records.
    pub record: AuditRecord,
    /// SHA-256 over the hash before, the number and the record.
    pub hash: [u8; 32],
}

/// What a check of the chain found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditVerdict {
    /// The oldest record still held.
    pub first: u64,
    /// The newest one.
    pub last: u64,
    /// The first record that does not follow from the one before, if there is one.
    pub broken_at: Option<u64>,
}

impl AuditLink {
    /// The link that follows `head`.
    pub fn after(head: AuditHead, record: AuditRecord) -> Self {
        let number = head.number + 1;
        let hash = link_hash(head.hash, number, &record);
        Self {
            number,
            record,
            hash,
        }
    }

    /// Whether it follows `head`.
    pub fn follows(&self, head: AuditHead) -> bool {
        self.number == head.number + 1
            && self.hash == link_hash(head.hash, self.number, &self.record)
    }

    /// The chain's head as of this link.
    pub const fn head(&self) -> AuditHead {
        AuditHead {
            number: self.number,
            hash: self.hash,
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.byte(VERSION);
        out.raw(&self.hash);
        write_record(&self.record, &mut out);
        out.finish(&place(AUDIT_TABLE, self.number, 0))
    }

    pub(crate) fn decode(number: u64, row: &[u8]) -> Result<Self, Damage> {
        let mut reader = Reader::open(row, &place(AUDIT_TABLE, number, 0), VERSION)?;
        let hash = reader.array()?;
        let at = Timestamp::from_millis(reader.varint()?);
        let mut text = || reader.text(TEXT_BYTES_MAX).map(str::to_owned);
        let record = AuditRecord {
            at,
            who: text()?,
            what: text()?,
            detail: text()?,
        };
        reader.end()?;
        Ok(Self {
            number,
            record,
            hash,
        })
    }
}

fn write_record(record: &AuditRecord, out: &mut Writer) {
    out.varint(record.at.millis());
    for text in [&record.who, &record.what, &record.detail] {
        out.bytes(text.as_bytes());
    }
}

fn link_hash(before: [u8; 32], number: u64, record: &AuditRecord) -> [u8; 32] {
    let mut content = Writer::default();
    write_record(record, &mut content);
    let mut hash = Sha256::new();
    hash.update(DOMAIN);
    hash.update(before);
    hash.update(number.to_be_bytes());
    hash.update(&content.0);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: AuditHead = AuditHead {
        number: 0,
        hash: [0; 32],
    };

    fn record(detail: &str) -> AuditRecord {
        AuditRecord {
            at: Timestamp::from_seconds(1),
            who: "installer".to_owned(),
            what: "configuration-applied".to_owned(),
            detail: detail.to_owned(),
        }
    }

    #[test]
    fn a_changed_record_breaks_the_chain() {
        let first = AuditLink::after(START, record("one"));
        let second = AuditLink::after(first.head(), record("two"));
        assert!(first.follows(START) && second.follows(first.head()));
        assert!(!second.follows(START));
        let mut forged = second.clone();
        forged.record.who = "nobody".to_owned();
        assert!(!forged.follows(first.head()));
        let moved = AuditLink {
            record: AuditRecord {
                who: "installerconfiguration".to_owned(),
                what: "-applied".to_owned(),
                ..second.record.clone()
            },
            ..second
        };
        assert!(
            !moved.follows(first.head()),
            "texts may not flow into each other"
        );
    }

    #[test]
    fn the_hash_of_a_known_record_never_changes() {
        // Computed with Python's hashlib from the description in `link_hash`.
        let link = AuditLink::after(START, record("one"));
        let digits = link.hash.iter().map(|byte| format!("{byte:02x}"));
        let hex = digits.collect::<Vec<_>>().concat();
        assert_eq!(
            hex,
            "44178be4e594ef2c548a09b290c192ff71bd89bc907627b1ef7d4fa97cc262ef"
        );
    }

    proptest! {
        #[test]
        fn links_survive(who in ".{0,20}", what in ".{0,20}", detail in ".{0,200}", at: u64) {
            let at = Timestamp::from_millis(at);
            let link = AuditLink::after(START, AuditRecord { at, who, what, detail });
            prop_assert_eq!(AuditLink::decode(1, &link.encode()), Ok(link));
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes: Vec<u8>) {
            drop(AuditLink::decode(1, &bytes));
        }
    }
}
