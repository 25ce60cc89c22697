//! File system and hash tree of an image, on their way into a slot.

use crate::disk::{Area, Reader, SlotDisk};
use crate::fault::Fault;
use crate::limits::WRITE_BYTES;
use crate::place::{disk_fault, name};
use bootloader_verify::limits::BLOCK_U64;
use bootloader_verify::{Accepted, Manifest, Refusal, Slot, check_content, check_gap};
use sha2::{Digest, Sha256};

pub(super) struct Content {
    slot: Slot,
    /// The manifest's block, which is written in the end.
    block: Vec<u8>,
    accepted: Accepted,
    written: u64,
    hash: Sha256,
}

impl Content {
    pub(super) fn new(slot: Slot, block: Vec<u8>, accepted: Accepted) -> Self {
        Self {
            slot,
            block,
            accepted,
            written: 0,
            hash: Sha256::new(),
        }
    }

    pub(super) fn slot(&self) -> Slot {
        self.slot
    }

    pub(super) fn block(&self) -> &[u8] {
        &self.block
    }

    pub(super) fn manifest(&self) -> &Manifest {
        self.accepted.manifest()
    }

    /// Bytes that are in the slot.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    pub(super) fn left(&self) -> u64 {
        let all = self.manifest().geometry.bytes();
        all.saturating_sub(self.written)
    }

    pub(super) fn write(&mut self, disk: &mut impl SlotDisk, piece: &[u8]) -> Result<(), Fault> {
        let area = Area::Slot(self.slot);
        disk.write_at(area, self.written, piece)
            .map_err(|source| disk_fault(area, source))?;
        self.note(piece);
        Ok(())
    }

    /// These bytes are in the slot already.
    pub(super) fn note(&mut self, piece: &[u8]) {
        self.hash.update(piece);
        self.written += u64::try_from(piece.len()).unwrap_or(0);
    }

    /// Everything is on the medium, and what is there is what was signed.
    pub(super) fn prove(&self, disk: &mut impl SlotDisk) -> Result<(), Fault> {
        let found: [u8; 32] = self.hash.clone().finalize().into();
        if found != self.manifest().image_sha256 {
            return Err(Fault::Refused(Refusal::Content));
        }
        let area = Area::Slot(self.slot);
        let fault = |source| disk_fault(area, source);
        let size = disk.size(area).map_err(fault)?;
        let gap = self.accepted.gap(size);
        clear(disk, area, gap.clone()).map_err(fault)?;
        disk.flush(area).map_err(fault)?;
        // The tree covers every block; what it finds now, it finds at each boot.
        let reader = Reader { disk, area };
        check_gap(&reader, gap)
            .and_then(|()| check_content(&reader, 0, self.manifest(), 1))
            .map_err(|_| Fault::ReadBack { what: name(area) })
    }
}

/// Zeros where a larger image lay before. Only what is not zero is written: cards wear out.
fn clear(disk: &mut impl SlotDisk, area: Area, gap: std::ops::Range<u64>) -> std::io::Result<()> {
    let zeros = vec![0; WRITE_BYTES];
    let mut buffer = vec![0; WRITE_BYTES];
    let mut at = gap.start;
    while at < gap.end {
        let length =
            usize::try_from(gap.end - at).map_or(WRITE_BYTES, |left| left.min(WRITE_BYTES));
        if let (Some(found), Some(zeros)) = (buffer.get_mut(..length), zeros.get(..length)) {
            disk.read_at(area, at, found)?;
            if found.iter().any(|byte| *byte != 0) {
                disk.write_at(area, at, zeros)?;
            }
        }
        at += u64::try_from(length).unwrap_or(BLOCK_U64);
    }
    Ok(())
}
