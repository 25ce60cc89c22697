//! The partitions of a disk as files: what the installer writes to on a gateway.

use crate::disk::{Area, SlotDisk};
use crate::place::name;
use rustix::fs::{Advice, fadvise};
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// Five partitions, found by their labels in one folder.
#[derive(Debug)]
pub struct Partitions {
    folder: PathBuf,
    /// Open for writing, because they were written to.
    writers: Vec<(Area, File)>,
}

impl Partitions {
    /// The partitions `pmu-a`, `pmu-b`, `pmu-boot-a`, `pmu-boot-b` and `pmu-state` of a folder, on a
    /// gateway `/dev/disk/by-partlabel`. Opens none of them.
    pub fn of_folder(folder: PathBuf) -> Self {
        Self {
            folder,
            writers: Vec::new(),
        }
    }

    fn path(&self, area: Area) -> PathBuf {
        self.folder.join(name(area))
    }

    /// Opened for writing at the first write only: what is only looked at stays out of reach.
    fn writer(&mut self, area: Area) -> io::Result<&File> {
        let at = self.writers.iter().position(|(found, _)| *found == area);
        let at = if let Some(at) = at {
            at
        } else {
            let file = File::options().write(true).open(self.path(area))?;
            self.writers.push((area, file));
            self.writers.len() - 1
        };
        let found = self.writers.get(at).map(|(_, file)| file);
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl SlotDisk for Partitions {
    fn size(&self, area: Area) -> io::Result<u64> {
        File::open(self.path(area))?.seek(SeekFrom::End(0))
    }

    fn read_at(&self, area: Area, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        File::open(self.path(area))?.read_exact_at(buffer, offset)
    }

    fn write_at(&mut self, area: Area, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.writer(area)?.write_all_at(bytes, offset)
    }

    fn flush(&mut self, area: Area) -> io::Result<()> {
        let file = self.writer(area)?;
        file.sync_all()?;
        // What is read next has to come from the medium, not from memory.
        Ok(fadvise(file, 0, None, Advice::DontNeed)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bootloader_verify::Slot;

    #[test]
    fn partitions_are_written_flushed_and_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pmu-b"), [0; 8192]).unwrap();
        let mut disk = Partitions::of_folder(folder.path().to_owned());
        let area = Area::Slot(Slot::B);
        assert_eq!(disk.size(area).unwrap(), 8192);
        disk.write_at(area, 4096, b"here").unwrap();
        disk.flush(area).unwrap();
        let mut found = [0; 4];
        disk.read_at(area, 4096, &mut found).unwrap();
        assert_eq!(&found, b"here");
        assert!(disk.size(Area::State).is_err());
    }
}
