//! Tiny virtual machines that try the boot program: one kernel, small roots, disks of a few MiB.

mod disk;
mod guest;
mod installing;
mod machine;

pub use disk::{BootDisk, Part};
pub use guest::{Arch, Guest, SECOND_FLOOR, Signer};
pub use installing::Installing;
pub use machine::{Machine, Said, run_machines};
