//! What a fuzz target calls.

use super::record::ProgramRecord;
use crate::sum::SUM;

/// Octets as a record, as they are and with the sum that they should have.
///
/// # Panics
///
/// When a record that is read is not written as it was.
pub fn fuzz_record(octets: &[u8]) {
    let mut summed = b"PMUw\x01".to_vec();
    summed.extend(octets);
    summed.extend(SUM.checksum(&summed).to_be_bytes());
    for octets in [octets, summed.as_slice()] {
        if let Ok(record) = ProgramRecord::decode(octets) {
            let again = ProgramRecord::decode(&record.encode());
            assert_eq!(again, Ok(record), "a record is written as it was read");
        }
    }
}
