//! A disk in memory that remembers in which order it was written and flushed, and can say what a
//! power cut would have left of it.

use crate::images::Image;
use bootloader_verify::limits::BLOCK;
use bootloader_verify::{BootState, Slot};
use ota::{Area, SlotDisk};
use std::io;

pub(crate) const SECTOR: usize = 512;
const STATE_BYTES: usize = 8 * BLOCK;

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Write {
        area: Area,
        offset: usize,
        bytes: Vec<u8>,
    },
    Flush(Area),
}

/// The parts, as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parts {
    slots: [Vec<u8>; 2],
    boots: [Vec<u8>; 2],
    state: Vec<u8>,
}

#[derive(Debug, Clone)]
pub(crate) struct MemoryDisk {
    pub(crate) parts: Parts,
    pub(crate) steps: Vec<Step>,
    /// Reads of this area fail.
    pub(crate) broken: Option<Area>,
    /// Writes to this area are lost, flushed or not.
    pub(crate) forgetful: Option<Area>,
}

impl Parts {
    pub(crate) fn part(&self, area: Area) -> &Vec<u8> {
        match area {
            Area::Slot(Slot::A) => &self.slots[0],
            Area::Slot(Slot::B) => &self.slots[1],
            Area::Boot(Slot::A) => &self.boots[0],
            Area::Boot(Slot::B) => &self.boots[1],
            Area::State => &self.state,
        }
    }

    pub(crate) fn part_mut(&mut self, area: Area) -> &mut Vec<u8> {
        match area {
            Area::Slot(Slot::A) => &mut self.slots[0],
            Area::Slot(Slot::B) => &mut self.slots[1],
            Area::Boot(Slot::A) => &mut self.boots[0],
            Area::Boot(Slot::B) => &mut self.boots[1],
            Area::State => &mut self.state,
        }
    }

    pub(crate) fn write(&mut self, area: Area, offset: usize, bytes: &[u8]) {
        self.part_mut(area)[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    /// Puts an image where the factory would.
    pub(crate) fn place(&mut self, slot: Slot, image: &Image) {
        self.part_mut(Area::Slot(slot)).fill(0);
        self.write(Area::Slot(slot), 0, &image.content);
        let at = self.part(Area::Slot(slot)).len() - BLOCK;
        self.write(Area::Slot(slot), at, &image.manifest);
        self.write(Area::Boot(slot), 0, &image.payload);
    }

    /// Whether a slot holds exactly this image.
    pub(crate) fn holds(&self, slot: Slot, image: &Image) -> bool {
        let part = self.part(Area::Slot(slot));
        let (content, rest) = part.split_at(image.content.len());
        let (gap, manifest) = rest.split_at(rest.len() - BLOCK);
        content == image.content && manifest == image.manifest && gap.iter().all(|byte| *byte == 0)
    }

    pub(crate) fn state(&self) -> BootState {
        let (first, second) = self.state.split_at(BLOCK);
        BootState::newest(first, &second[..BLOCK]).0
    }

    pub(crate) fn set_state(&mut self, state: &BootState) {
        self.write(Area::State, 0, &state.encode());
    }
}

impl MemoryDisk {
    pub(crate) fn empty() -> Self {
        Self::sized(48, 16)
    }

    /// With so many blocks in a slot and in a boot partition.
    pub(crate) fn sized(slot: usize, boot: usize) -> Self {
        let blocks = |count: usize| [vec![0; count * BLOCK], vec![0; count * BLOCK]];
        Self::of(Parts {
            slots: blocks(slot),
            boots: blocks(boot),
            state: vec![0; STATE_BYTES],
        })
    }

    pub(crate) fn of(parts: Parts) -> Self {
        Self {
            parts,
            steps: Vec::new(),
            broken: None,
            forgetful: None,
        }
    }

    pub(crate) fn with(slot: Slot, image: &Image) -> Self {
        let mut disk = Self::empty();
        disk.parts.place(slot, image);
        disk
    }
}

impl SlotDisk for MemoryDisk {
    fn size(&self, area: Area) -> io::Result<u64> {
        Ok(u64::try_from(self.parts.part(area).len()).unwrap())
    }

    fn read_at(&self, area: Area, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        if self.broken == Some(area) {
            return Err(io::ErrorKind::Other.into());
        }
        let from = usize::try_from(offset).unwrap();
        let found = self.parts.part(area).get(from..from + buffer.len());
        buffer.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&mut self, area: Area, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap();
        if offset + bytes.len() > self.parts.part(area).len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        if self.forgetful != Some(area) {
            self.parts.write(area, offset, bytes);
        }
        self.steps.push(Step::Write {
            area,
            offset,
            bytes: bytes.to_vec(),
        });
        Ok(())
    }

    fn flush(&mut self, area: Area) -> io::Result<()> {
        self.steps.push(Step::Flush(area));
        Ok(())
    }
}

/// What lies on the medium for certain after so many steps, and the writes that may or may not.
pub(crate) fn cut<'a>(before: &Parts, steps: &'a [Step]) -> (Parts, Vec<&'a Step>) {
    let mut parts = before.clone();
    let mut loose: Vec<&Step> = Vec::new();
    for step in steps {
        match step {
            Step::Write { .. } => loose.push(step),
            Step::Flush(flushed) => loose.retain(|step| {
                let Step::Write { area, .. } = step else {
                    return false;
                };
                let is_flushed = area == flushed;
                if is_flushed {
                    apply(&mut parts, step, u64::MAX);
                }
                !is_flushed
            }),
        }
    }
    (parts, loose)
}

/// Applies a write: of each 64 sectors those whose bit is set.
pub(crate) fn apply(parts: &mut Parts, step: &Step, sectors: u64) {
    let Step::Write {
        area,
        offset,
        bytes,
    } = step
    else {
        return;
    };
    for (index, sector) in bytes.chunks(SECTOR).enumerate() {
        if sectors & (1 << (index % 64)) != 0 {
            parts.write(*area, offset + index * SECTOR, sector);
        }
    }
}
