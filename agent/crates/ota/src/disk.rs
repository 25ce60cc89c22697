//! What the installer writes to: parts of a disk, by what they are for.

use bootloader_verify::{ReadAt, Slot};
use std::io;

/// A part of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// The partition of a slot: file system, tree, zeros, manifest.
    Slot(Slot),
    /// The boot partition that belongs to a slot.
    Boot(Slot),
    /// The state: two copies, and the statement of keys.
    State,
}

/// The parts of the disk that an update may touch. One owner at a time.
pub trait SlotDisk: Sync {
    /// Bytes of a part.
    fn size(&self, area: Area) -> io::Result<u64>;
    /// Fills the buffer from `offset` on, or fails.
    fn read_at(&self, area: Area, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
    /// Writes all bytes from `offset` on; they may stay in a cache until the flush.
    fn write_at(&mut self, area: Area, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Returns when everything written to the part is on the medium; later reads come from there.
    fn flush(&mut self, area: Area) -> io::Result<()>;
}

/// One part, for those who only read.
pub(crate) struct Reader<'a, D> {
    pub(crate) disk: &'a D,
    pub(crate) area: Area,
}

impl<D: SlotDisk> ReadAt for Reader<'_, D> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.disk.read_at(self.area, offset, buffer)
    }
}
