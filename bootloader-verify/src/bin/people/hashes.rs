//! SHA-256 over ranges of files.

use crate::fault::Fault;
use crate::output::for_each_part;
use bootloader_verify::ReadAt;
use sha2::{Digest, Sha256};
use std::path::Path;

pub(crate) fn sha256_of(
    source: &impl ReadAt,
    path: &Path,
    from: u64,
    bytes: u64,
) -> Result<[u8; 32], Fault> {
    let mut hash = Sha256::new();
    let take = |part: &[u8]| {
        hash.update(part);
        Ok(())
    };
    for_each_part(source, from, bytes, take, path)?;
    Ok(hash.finalize().into())
}
