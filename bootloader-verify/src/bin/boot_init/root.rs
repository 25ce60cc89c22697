//! The image as root, and the way over to it.

use crate::kernel::OWN;
use rustix::mount::{MountFlags, mount, mount_move};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Where the image is mounted before it becomes the root.
pub(crate) const PLACE: &str = "/root";
const REPORT: &str = "/run/pmu-boot/report";

pub(crate) fn mount_image(device: &Path) -> io::Result<()> {
    std::fs::create_dir_all(PLACE)?;
    let flags = MountFlags::RDONLY | MountFlags::NODEV;
    mount(device, PLACE, "squashfs", flags, None)?;
    Ok(())
}

/// What the running system is told; it finds it under `/run`.
pub(crate) fn leave_report(text: &str) -> io::Result<()> {
    if let Some(folder) = Path::new(REPORT).parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(REPORT, text)
}

/// Hands over to the image's own first program. Returns only if that fails.
pub(crate) fn hand_over() -> io::Error {
    match move_in() {
        Ok(()) => Command::new("/sbin/init").exec(),
        Err(error) => error,
    }
}

fn move_in() -> io::Result<()> {
    for (_, place) in OWN {
        mount_move(place, format!("{PLACE}{place}"))?;
    }
    // What lies in memory of this first file system is never seen again: give it back.
    drop(std::fs::remove_dir_all("/modules"));
    std::env::set_current_dir(PLACE)?;
    mount_move(".", "/")?;
    rustix::process::chroot(".")?;
    std::env::set_current_dir("/")
}
