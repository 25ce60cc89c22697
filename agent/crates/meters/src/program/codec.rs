//! A record as octets, for whoever keeps it on the disk.
//!
//! A version, then fields in a fixed order; texts and octets with their length before them, numbers
//! high first; a sum at the end. What was written by one edition is read by every later one.

mod read;
mod write;

use super::record::ProgramRecord;
use crate::sum::SUM;

/// What a record begins with: four letters, and the edition of the form.
const HEAD: [u8; 5] = *b"PMUw\x01";
/// Octets of a record; a plan with all pages of a meter has less than 64 KiB.
pub(super) const RECORD_OCTETS_MAX: usize = 1024 * 1024;
/// Entries of one list.
pub(super) const ENTRIES_MAX: usize = 4096;
/// Octets of the sum.
const SUM_OCTETS: usize = 8;

/// Why octets are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// Too long.
    #[error("a record of more than a mebibyte; it is none of ours, leave the meter as it is")]
    TooLong,
    /// It begins otherwise.
    #[error(
        "this is no record of a programming run that this edition knows; install the edition that wrote it"
    )]
    Unknown,
    /// Its sum is wrong.
    #[error("the record is damaged; look at the meter itself before it is programmed again")]
    Damaged,
    /// Its fields do not fit together.
    #[error("the record's {0} cannot be; look at the meter itself before it is programmed again")]
    Field(&'static str),
}

impl ProgramRecord {
    /// As octets.
    pub fn encode(&self) -> Vec<u8> {
        let mut octets = HEAD.to_vec();
        write::record(self, &mut octets);
        let sum = SUM.checksum(&octets);
        octets.extend(sum.to_be_bytes());
        octets
    }

    /// From exactly the octets of one record.
    pub fn decode(octets: &[u8]) -> Result<Self, RecordFault> {
        if octets.len() > RECORD_OCTETS_MAX {
            return Err(RecordFault::TooLong);
        }
        let (body, sum) = octets
            .split_last_chunk::<SUM_OCTETS>()
            .ok_or(RecordFault::Unknown)?;
        let rest = body.strip_prefix(&HEAD).ok_or(RecordFault::Unknown)?;
        if SUM.checksum(body) != u64::from_be_bytes(*sum) {
            return Err(RecordFault::Damaged);
        }
        read::record(rest)
    }
}

#[cfg(test)]
mod tests;
