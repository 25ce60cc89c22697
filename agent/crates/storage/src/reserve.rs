//! Room kept back beside the store, for the day on which somebody else fills the disk.
//!
//! The store can be read on a full disk, but to say that the disk is full, to let old values go
//! and to number a new start it has to write. A file that does nothing but take room is cut
//! shorter step by step then: what is not needed at once stays out of reach of whoever fills the
//! disk, and the last steps are kept for a start.

use crate::limits::{RESERVE_BYTES, RESERVE_FOR_START_BYTES, RESERVE_STEP_BYTES};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const NAME: &str = "reserve";

/// For what room is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// To open the store after a stop: all of the reserve may go.
    Start,
    /// To go on: what the next start may need stays.
    Running,
}

/// The file that keeps room back.
#[derive(Debug, Clone)]
pub struct Reserve {
    file: PathBuf,
}

impl Reserve {
    /// The reserve in a folder, on the same partition as the store; nothing is made yet.
    pub fn new(folder: &Path) -> Self {
        let file = folder.join(NAME);
        Self { file }
    }

    /// Bytes that are kept back.
    pub fn held(&self) -> u64 {
        let length = self.file.metadata().map_or(0, |found| found.len());
        length.min(RESERVE_BYTES)
    }

    /// Gives a step of it away, if there is one for this need, and says whether it did.
    pub fn give(&self, need: Need) -> io::Result<bool> {
        let kept = match need {
            Need::Start => 0,
            Need::Running => RESERVE_FOR_START_BYTES,
        };
        let held = self.held();
        if held <= kept {
            return Ok(false);
        }
        let file = OpenOptions::new().write(true).open(&self.file)?;
        file.set_len(held.saturating_sub(RESERVE_STEP_BYTES).max(kept))?;
        file.sync_all()?;
        Ok(true)
    }

    /// Makes it whole where the partition has `free` bytes left, and says whether there was
    /// anything to do. Without room for twice as much nothing happens: the reserve shall not be
    /// what fills the disk.
    pub fn make_whole(&self, free: u64) -> io::Result<bool> {
        let held = self.held();
        let missing = RESERVE_BYTES - held;
        if missing == 0 || free < missing.saturating_mul(2) {
            return Ok(false);
        }
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).open(&self.file)?;
        file.set_len(held)?;
        let written = fill(&file, missing).and_then(|()| file.sync_all());
        if written.is_err() {
            // Somebody else was quicker: do not take his last byte.
            file.set_len(held)?;
        }
        written?;
        Ok(true)
    }
}

/// Writes what cannot be packed or left out: a file system that compresses, or keeps no blocks
/// for noughts, would keep nothing back.
fn fill(mut file: &File, bytes: u64) -> io::Result<()> {
    let mut left = bytes;
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut block = Vec::with_capacity(BLOCK);
    while left > 0 {
        block.clear();
        while block.len() < BLOCK {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            block.extend_from_slice(&state.to_le_bytes());
        }
        let count = usize::try_from(left).map_or(BLOCK, |left| left.min(BLOCK));
        file.write_all(block.get(..count).unwrap_or_default())?;
        left = left.saturating_sub(u64::try_from(count).unwrap_or(left));
    }
    Ok(())
}

/// Bytes written at a time.
const BLOCK: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn it_takes_real_room_and_gives_it_step_by_step() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(folder.path());
        assert_eq!(reserve.held(), 0);
        assert!(!reserve.give(Need::Start).unwrap());
        assert!(reserve.make_whole(u64::MAX).unwrap());
        assert_eq!(reserve.held(), RESERVE_BYTES);
        let blocks = folder.path().join(NAME).metadata().unwrap().blocks();
        assert!(blocks * 512 >= RESERVE_BYTES, "{blocks} blocks");
        assert!(!reserve.make_whole(u64::MAX).unwrap(), "it is whole");

        let mut steps = 0;
        while reserve.give(Need::Running).unwrap() {
            steps += 1;
        }
        assert_eq!(reserve.held(), RESERVE_FOR_START_BYTES);
        assert!(steps > 1);
        while reserve.give(Need::Start).unwrap() {
            steps += 1;
        }
        assert_eq!(reserve.held(), 0);
        assert_eq!(steps, RESERVE_BYTES / RESERVE_STEP_BYTES);
    }

    #[test]
    fn it_is_not_what_fills_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(folder.path());
        assert!(!reserve.make_whole(RESERVE_BYTES).unwrap());
        assert_eq!(reserve.held(), 0);
        assert!(reserve.make_whole(RESERVE_BYTES * 2).unwrap());
        assert!(reserve.give(Need::Running).unwrap());
        assert!(!reserve.make_whole(RESERVE_STEP_BYTES).unwrap());
        assert!(reserve.make_whole(RESERVE_STEP_BYTES * 2).unwrap());
        assert_eq!(reserve.held(), RESERVE_BYTES);
    }

    #[test]
    fn what_somebody_else_wrote_there_is_cut_to_size() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(NAME), b"half").unwrap();
        let reserve = Reserve::new(folder.path());
        assert_eq!(reserve.held(), 4);
        assert!(reserve.make_whole(u64::MAX).unwrap());
        assert_eq!(reserve.held(), RESERVE_BYTES);
    }
}
