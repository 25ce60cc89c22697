//! The installation: bytes of an image file in, a slot on trial out.
//!
//! Nothing is written before the manifest in the first 4096 bytes has been judged. Then, each step
//! on the medium before the next: the target's manifest erased; the state says "writing"; content
//! written, read back, compared; the boot partition likewise, its first sector last; the manifest;
//! the state says "trial".

mod content;
mod payload;

use crate::disk::{Area, SlotDisk};
use crate::fault::Fault;
use crate::limits::WRITE_BYTES;
use crate::place::{Place, disk_fault, name};
use crate::state_blocks;
use bootloader_verify::limits::{BLOCK, BLOCK_U64};
use bootloader_verify::{Accepted, Expected, Slot, TrustedKeys, judge};
use content::Content;
use payload::Payload;
use sha2::{Digest, Sha256};
use std::num::NonZeroU8;

/// What is to be installed, to the byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// SHA-256 of the image file.
    pub sha256: [u8; 32],
    /// Its length.
    pub bytes: u64,
}

/// How far an installation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the image file taken.
    pub taken: u64,
    /// Bytes of the image file.
    pub total: u64,
    /// The slot is complete, and on trial from the next boot on.
    pub is_complete: bool,
}

/// One installation, from the first byte to the trial. It outlives the streams that feed it: the
/// next one goes on at [`Install::position`].
pub struct Install {
    order: Order,
    target: Slot,
    keys: TrustedKeys,
    expected: Expected,
    /// Seconds since 1970.
    now: u64,
    taken: u64,
    hash: Sha256,
    pending: Vec<u8>,
    /// Bytes that are written at once.
    piece: usize,
    stage: Stage,
}

enum Stage {
    Head,
    Content(Box<Content>),
    Payload(Box<Payload>),
    Complete,
    /// A fault ended it.
    Ended,
}

impl Install {
    /// Prepares an installation into the slot that does not run. Reads the state, writes nothing.
    /// `now` in seconds since 1970.
    pub fn new(disk: &impl SlotDisk, place: &Place, order: Order, now: u64) -> Result<Self, Fault> {
        let (state, _) = state_blocks::read(disk)?;
        Ok(Self {
            order,
            target: place.target(&state)?,
            keys: place.keys_in_force(disk)?,
            expected: place.expected_with(&state),
            now,
            taken: 0,
            hash: Sha256::new(),
            pending: Vec::new(),
            piece: WRITE_BYTES,
            stage: Stage::Head,
        })
    }

    /// The same with another number of whole blocks written at once.
    pub fn in_pieces_of(self, blocks: NonZeroU8) -> Self {
        let piece = usize::from(blocks.get()) * BLOCK;
        Self { piece, ..self }
    }

    /// The slot that is written.
    pub fn target(&self) -> Slot {
        self.target
    }

    /// The next byte of the image file that is wanted.
    pub fn position(&self) -> u64 {
        self.taken
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        Progress {
            taken: self.taken,
            total: self.order.bytes,
            is_complete: matches!(self.stage, Stage::Complete),
        }
    }

    /// Takes the next bytes of the image file, in pieces of any size. After a fault nothing more is
    /// taken, and the slot has no manifest.
    pub fn push(&mut self, disk: &mut impl SlotDisk, bytes: &[u8]) -> Result<Progress, Fault> {
        let done = self.take(disk, bytes);
        if done.is_err() {
            self.stage = Stage::Ended;
        }
        done.map(|()| self.progress())
    }

    /// The stream has ended: an error unless the image is complete.
    pub fn finish(&self) -> Result<(), Fault> {
        match self.stage {
            Stage::Complete => Ok(()),
            Stage::Ended => Err(Fault::Ended),
            _ => Err(Fault::Short {
                taken: self.taken,
                ordered: self.order.bytes,
            }),
        }
    }

    /// Puts what was taken on the medium, as far as whole blocks of content go; an installation
    /// that is begun anew with the same order can go on behind it.
    pub fn keep(&mut self, disk: &mut impl SlotDisk) -> Result<u64, Fault> {
        match &self.stage {
            Stage::Content(content) => {
                let area = Area::Slot(self.target);
                disk.flush(area)
                    .map_err(|source| disk_fault(area, source))?;
                Ok(BLOCK_U64 + content.written())
            }
            Stage::Payload(payload) => Ok(BLOCK_U64 + payload.content_bytes()),
            Stage::Head | Stage::Complete | Stage::Ended => Ok(0),
        }
    }

    /// Goes on with what an earlier installation of the same order left on the medium, up to the
    /// byte `kept` of the image file: it is read and hashed again, so a wrong `kept` costs the
    /// installation and nothing else. To be asked right behind the first 4096 bytes.
    pub fn take_up(&mut self, disk: &mut impl SlotDisk, kept: u64) -> Result<u64, Fault> {
        let area = Area::Slot(self.target);
        let mut buffer = vec![0; BLOCK];
        while let Stage::Content(content) = &self.stage
            && self.pending.is_empty()
            && self.taken + BLOCK_U64 <= kept
            && content.left() >= BLOCK_U64
        {
            disk.read_at(area, content.written(), &mut buffer)
                .map_err(|source| disk_fault(area, source))?;
            self.hash.update(&buffer);
            self.taken += BLOCK_U64;
            if let Stage::Content(content) = &mut self.stage {
                content.note(&buffer);
            }
            self.next_stage(disk)
                .inspect_err(|_| self.stage = Stage::Ended)?;
        }
        Ok(self.taken)
    }

    fn take(&mut self, disk: &mut impl SlotDisk, bytes: &[u8]) -> Result<(), Fault> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = self.room()?.saturating_sub(self.pending.len());
            let (now, later) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            self.taken += u64::try_from(now.len()).unwrap_or(0);
            self.hash.update(now);
            self.pending.extend_from_slice(now);
            rest = later;
            if self.pending.len() == self.room()? {
                let piece = std::mem::take(&mut self.pending);
                self.take_piece(disk, &piece)?;
                self.next_stage(disk)?;
            }
        }
        Ok(())
    }

    /// Bytes of the piece that is gathered now.
    fn room(&self) -> Result<usize, Fault> {
        let left = match &self.stage {
            Stage::Head => return Ok(BLOCK),
            Stage::Content(content) => content.left(),
            Stage::Payload(payload) => payload.left(),
            Stage::Complete => {
                return Err(Fault::Length {
                    ordered: self.order.bytes,
                    found: self.order.bytes.saturating_add(1),
                });
            }
            Stage::Ended => return Err(Fault::Ended),
        };
        Ok(usize::try_from(left).map_or(self.piece, |left| left.min(self.piece)))
    }

    fn take_piece(&mut self, disk: &mut impl SlotDisk, piece: &[u8]) -> Result<(), Fault> {
        match &mut self.stage {
            Stage::Head => {
                let accepted = self.judge(disk, piece)?;
                self.begin(disk)?;
                let content = Content::new(self.target, piece.to_vec(), accepted);
                self.stage = Stage::Content(Box::new(content));
                Ok(())
            }
            Stage::Content(content) => content.write(disk, piece),
            Stage::Payload(payload) => payload.write(disk, piece),
            Stage::Complete | Stage::Ended => Err(Fault::Ended),
        }
    }

    /// Goes over to the next stage where one is at its end.
    fn next_stage(&mut self, disk: &mut impl SlotDisk) -> Result<(), Fault> {
        if let Stage::Content(content) = &self.stage
            && content.left() == 0
        {
            content.prove(disk)?;
            let payload = Payload::begin(disk, content)?;
            self.stage = Stage::Payload(Box::new(payload));
        }
        if let Stage::Payload(payload) = &self.stage
            && payload.left() == 0
        {
            let found: [u8; 32] = self.hash.clone().finalize().into();
            if found != self.order.sha256 {
                return Err(Fault::Hash);
            }
            payload.prove(disk)?;
            write_manifest(disk, self.target, payload.manifest())?;
            let target = self.target;
            state_blocks::change(disk, |state| state.begin_trial(target))?;
            self.stage = Stage::Complete;
        }
        Ok(())
    }

    /// The early verdict: everything that the first block can tell.
    fn judge(&self, disk: &impl SlotDisk, block: &[u8]) -> Result<Accepted, Fault> {
        let accepted = judge(block, &self.keys, &self.expected).map_err(Fault::Refused)?;
        let manifest = accepted.manifest();
        if manifest.expires != 0 && self.now < manifest.built {
            return Err(Fault::Clock);
        }
        accepted.is_installable(self.now).map_err(Fault::Refused)?;
        let size = size(disk, Area::Slot(self.target))?;
        accepted.fits_place(size).map_err(Fault::Refused)?;
        let room = self::size(disk, Area::Boot(self.target))?;
        if manifest.payload_bytes > room {
            return Err(Fault::PayloadRoom {
                needed: manifest.payload_bytes,
                room,
            });
        }
        let found = BLOCK_U64
            .saturating_add(manifest.geometry.bytes())
            .saturating_add(manifest.payload_bytes);
        if found != self.order.bytes {
            return Err(Fault::Length {
                ordered: self.order.bytes,
                found,
            });
        }
        Ok(accepted)
    }

    /// From here on the target holds nothing that could be started.
    fn begin(&self, disk: &mut impl SlotDisk) -> Result<(), Fault> {
        let target = self.target;
        write_manifest(disk, target, &[0; BLOCK])?;
        state_blocks::change(disk, |state| state.begin_writing(target))?;
        Ok(())
    }
}

fn size(disk: &impl SlotDisk, area: Area) -> Result<u64, Fault> {
    disk.size(area).map_err(|source| disk_fault(area, source))
}

/// Writes the last block of a slot, or erases it, and reads it back.
fn write_manifest(disk: &mut impl SlotDisk, slot: Slot, block: &[u8]) -> Result<(), Fault> {
    let area = Area::Slot(slot);
    let at = size(disk, area)?.saturating_sub(BLOCK_U64);
    let mut found = [0; BLOCK];
    disk.write_at(area, at, block)
        .and_then(|()| disk.flush(area))
        .and_then(|()| disk.read_at(area, at, &mut found))
        .map_err(|source| disk_fault(area, source))?;
    if found == block {
        Ok(())
    } else {
        Err(Fault::ReadBack { what: name(area) })
    }
}
