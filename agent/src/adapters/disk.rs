//! Free space on the partition that holds the store.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// What this program may still write.
    pub free: u64,
    /// All of it.
    pub total: u64,
}

/// The partition that a store lies on: the real one, or one that a test has for itself.
#[derive(Clone)]
pub struct Partition(Arc<dyn Fn() -> io::Result<Space> + Send + Sync>);

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Partition").finish_non_exhaustive()
    }
}

impl Partition {
    /// The partition under a folder.
    pub fn under(folder: PathBuf) -> Self {
        Self(Arc::new(move || space(&folder)))
    }

    /// A partition of which this says how much room it has.
    pub fn of(look: impl Fn() -> io::Result<Space> + Send + Sync + 'static) -> Self {
        Self(Arc::new(look))
    }

    /// How much room is left.
    pub fn space(&self) -> io::Result<Space> {
        (self.0)()
    }
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
    fn a_partition_of_its_own_knows_nothing_of_the_machine() {
        let made_up = Space { free: 1, total: 10 };
        assert_eq!(Partition::of(move || Ok(made_up)).space().unwrap(), made_up);
        let real = Partition::under("/".into()).space().unwrap();
        assert_eq!(real.total, space(Path::new("/")).unwrap().total);
    }

    #[test]
    fn a_partition_has_room_and_a_missing_folder_says_so() {
        let here = space(Path::new("/")).unwrap();
        assert!(here.free <= here.total && here.total > 0);
        assert!(space(Path::new("/nonexistent")).is_err());
    }
}
