//! Updates: a signed image goes into the slot that does not run, and is tried before it is kept.
//!
//! [`Install`] takes the bytes of an image file as they come and writes in an order that makes a
//! power cut harmless: the target's manifest is erased first and written last, and every step is on
//! the disk before the next begins. [`note_health`], [`commit`] and [`roll_back`] say afterwards
//! what became of it. The verdict over an image is that of [`bootloader_verify::judge`], here as at
//! boot.
//!
//! Nothing here opens a socket or a clock: the agent hands in a [`SlotDisk`] and bytes. Of these disks
//! [`Partitions`] is the one of a gateway, and the only one that opens files.

mod disk;
mod fault;
mod health;
mod install;
mod limits;
mod partitions;
mod place;
mod report;
mod state_blocks;
mod target;

pub use disk::{Area, SlotDisk};
pub use fault::Fault;
pub use health::{Health, SlotSight, commit, look, note_health, roll_back};
pub use install::{Install, Order, Progress};
pub use limits::{BOOT_SECTOR, WRITE_BYTES};
pub use partitions::Partitions;
pub use place::{Place, Running};
pub use report::{Attempt, BootReport, ReportFault};
pub use target::{TargetFault, expected_of_target};
