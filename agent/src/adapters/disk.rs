//! Free space on the partition that holds the store.

use std::io;
use std::path::Path;

/// Bytes of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// What this program may still write.
    pub free: u64,
    /// All of it.
    pub total: u64,
}

/// How much room is left where `folder` lies.
pub fn space(folder: &Path) -> io::Result<Space> {
    let found = rustix::fs::statvfs(folder)?;
    Ok(Space {
        free: found.f_bavail * found.f_frsize,
        total: found.f_blocks * found.f_frsize,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_has_room_and_a_missing_folder_says_so() {
        let here = space(Path::new("/")).unwrap();
        assert!(here.free <= here.total && here.total > 0);
        assert!(space(Path::new("/nonexistent")).is_err());
    }
}
