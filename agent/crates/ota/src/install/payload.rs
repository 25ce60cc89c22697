//! The boot partition that belongs to a slot: the payload is its beginning, as it lies on the disk.
//!
//! Its first sector is erased before and written after everything else, so that firmware sees a
//! whole file system or none, and then takes that of the other slot.

use super::content::Content;
use crate::disk::{Area, SlotDisk};
use crate::fault::Fault;
use crate::limits::{BOOT_SECTOR, BOOT_SECTOR_END, WRITE_BYTES};
use crate::place::{disk_fault, name};
use bootloader_verify::Slot;
use sha2::{Digest, Sha256};

pub(super) struct Payload {
    slot: Slot,
    block: Vec<u8>,
    content_bytes: u64,
    bytes: u64,
    expected: [u8; 32],
    taken: u64,
    /// The first sector, held back.
    sector: Vec<u8>,
    hash: Sha256,
}

impl Payload {
    /// Makes the boot partition unreadable for firmware, if a payload comes at all.
    pub(super) fn begin(disk: &mut impl SlotDisk, content: &Content) -> Result<Self, Fault> {
        let manifest = content.manifest();
        let payload = Self {
            slot: content.slot(),
            block: content.block().to_vec(),
            content_bytes: manifest.geometry.bytes(),
            bytes: manifest.payload_bytes,
            expected: manifest.payload_sha256,
            taken: 0,
            sector: Vec::new(),
            hash: Sha256::new(),
        };
        if payload.bytes > 0 {
            payload.write_sector(disk, &[0; BOOT_SECTOR])?;
        }
        Ok(payload)
    }

    pub(super) fn manifest(&self) -> &[u8] {
        &self.block
    }

    pub(super) fn content_bytes(&self) -> u64 {
        self.content_bytes
    }

    pub(super) fn left(&self) -> u64 {
        self.bytes.saturating_sub(self.taken)
    }

    pub(super) fn write(&mut self, disk: &mut impl SlotDisk, piece: &[u8]) -> Result<(), Fault> {
        let area = Area::Boot(self.slot);
        let missing = BOOT_SECTOR.saturating_sub(self.sector.len());
        let (first, rest) = piece.split_at_checked(missing).unwrap_or((piece, &[]));
        let at = self.taken + u64::try_from(first.len()).unwrap_or(0);
        self.sector.extend_from_slice(first);
        if !rest.is_empty() {
            disk.write_at(area, at, rest)
                .map_err(|source| disk_fault(area, source))?;
        }
        self.hash.update(piece);
        self.taken += u64::try_from(piece.len()).unwrap_or(0);
        Ok(())
    }

    /// Everything behind the first sector is on the medium and as it was signed; then the sector.
    pub(super) fn prove(&self, disk: &mut impl SlotDisk) -> Result<(), Fault> {
        let found: [u8; 32] = self.hash.clone().finalize().into();
        if found != self.expected {
            return Err(Fault::Payload);
        }
        if self.bytes == 0 {
            return Ok(());
        }
        // Anything else, such as a kernel without a file system around it, would never be started.
        if self.sector.len() != BOOT_SECTOR || !self.sector.ends_with(&BOOT_SECTOR_END) {
            return Err(Fault::NoBootPartition);
        }
        let area = Area::Boot(self.slot);
        disk.flush(area)
            .map_err(|source| disk_fault(area, source))?;
        if self.read_back(disk)? != self.expected {
            return Err(Fault::ReadBack { what: name(area) });
        }
        self.write_sector(disk, &self.sector)
    }

    fn read_back(&self, disk: &impl SlotDisk) -> Result<[u8; 32], Fault> {
        let area = Area::Boot(self.slot);
        let mut hash = Sha256::new_with_prefix(&self.sector);
        let mut at = u64::try_from(self.sector.len()).unwrap_or(0);
        let mut buffer = vec![0; WRITE_BYTES];
        while at < self.bytes {
            let length =
                usize::try_from(self.bytes - at).map_or(WRITE_BYTES, |left| left.min(WRITE_BYTES));
            let part = buffer.get_mut(..length).unwrap_or(&mut []);
            disk.read_at(area, at, part)
                .map_err(|source| disk_fault(area, source))?;
            hash.update(&*part);
            at += u64::try_from(length).unwrap_or(1);
        }
        Ok(hash.finalize().into())
    }

    fn write_sector(&self, disk: &mut impl SlotDisk, sector: &[u8]) -> Result<(), Fault> {
        let area = Area::Boot(self.slot);
        let mut found = vec![0; sector.len()];
        disk.write_at(area, 0, sector)
            .and_then(|()| disk.flush(area))
            .and_then(|()| disk.read_at(area, 0, &mut found))
            .map_err(|source| disk_fault(area, source))?;
        if found == sector {
            Ok(())
        } else {
            Err(Fault::ReadBack { what: name(area) })
        }
    }
}
