//! The verdict over a whole slot, as it lies in its partition.

use crate::content::{ReadAt, check_content, check_gap};
use crate::keys::TrustedKeys;
use crate::limits::{BLOCK, BLOCK_U64};
use crate::verdict::{Accepted, Expected, Refusal, judge};

/// Manifest, place, every block and every unused byte of a slot of so many bytes, in the order of a
/// boot.
pub fn check_slot(
    slot: &(impl ReadAt + ?Sized),
    bytes: u64,
    keys: &TrustedKeys,
    expected: &Expected,
    threads: usize,
) -> Result<Accepted, Refusal> {
    let accepted = judge_slot(slot, bytes, keys, expected)?;
    check_content(slot, 0, accepted.manifest(), threads)?;
    check_gap(slot, accepted.gap(bytes))?;
    Ok(accepted)
}

/// The manifest in the last block of a slot of so many bytes, and whether the image has room there.
/// Its content is still to be read.
pub fn judge_slot(
    slot: &(impl ReadAt + ?Sized),
    bytes: u64,
    keys: &TrustedKeys,
    expected: &Expected,
) -> Result<Accepted, Refusal> {
    let at = bytes.checked_sub(BLOCK_U64).ok_or(Refusal::Geometry)?;
    let mut block = [0; BLOCK];
    slot.read_at(at, &mut block).map_err(|_| Refusal::Device)?;
    let accepted = judge(&block, keys, expected)?;
    accepted.fits_place(bytes)?;
    Ok(accepted)
}

#[cfg(test)]
mod tests;
