//! Sizes and counts that the installer keeps to.

use bootloader_verify::limits::BLOCK;

/// Bytes that are written at once: sixteen blocks, an erase unit of small cards.
pub const WRITE_BYTES: usize = 16 * BLOCK;
/// Bytes of a boot partition that are written last: one sector, which a disk writes whole or not at
/// all. Without it firmware sees no file system there.
pub const BOOT_SECTOR: usize = 512;
/// How the first sector of every FAT file system ends.
pub(crate) const BOOT_SECTOR_END: [u8; 2] = [0x55, 0xaa];
/// Bytes of a boot report.
pub(crate) const REPORT_BYTES_MAX: usize = 8192;
/// Refused candidates of one boot: two slots, recovery, and once more around.
pub(crate) const ATTEMPTS_MAX: usize = 8;
