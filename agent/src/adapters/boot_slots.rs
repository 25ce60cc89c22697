//! The partitions of a verified boot, and what it left to read. On a system that was not started
//! from a slot there are none.

use crate::config::UpdateSettings;
use bootloader_verify::{Expected, Role, Slot, TrustedKeys};
use ota::{Area, BootReport, Place, Running, SlotDisk};
use rustix::fs::{Advice, fadvise};
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Five partitions, found by their labels.
#[derive(Debug)]
pub struct BootSlots {
    folder: PathBuf,
    /// Open for writing, because they were written to.
    writers: Vec<(Area, File)>,
}

/// What a verified boot gives to an update.
#[derive(Debug)]
pub struct Site {
    /// The partitions.
    pub disk: BootSlots,
    /// What this box is.
    pub place: Place,
    /// How it was booted.
    pub report: BootReport,
}

/// Why this system cannot be updated.
#[derive(Debug, thiserror::Error)]
pub enum NoSite {
    /// It was not started from a slot.
    #[error("this system was not started from a slot of a PMU image")]
    NoSlots,
    /// Something of it cannot be used.
    #[error("{}: {problem}", .file.display())]
    File {
        /// Which file.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// Looks for what a verified boot left.
pub fn find(settings: &UpdateSettings) -> Result<Site, NoSite> {
    if !settings.boot_report.exists() {
        return Err(NoSite::NoSlots);
    }
    let (report, file) = (read(&settings.boot_report)?, &settings.boot_report);
    let report = BootReport::parse(&report).map_err(|fault| no_use(file, &fault))?;
    let file = settings.trust_folder.join("trust.keys");
    let keys = TrustedKeys::parse(&read(&file)?).map_err(|fault| no_use(&file, &fault))?;
    let file = settings.trust_folder.join("target");
    let expected = expected(&read(&file)?).map_err(|problem| no_use(&file, &problem))?;
    let running = report.running;
    Ok(Site {
        disk: BootSlots {
            folder: settings.slots_folder.clone(),
            writers: Vec::new(),
        },
        place: Place {
            keys,
            expected,
            running,
        },
        report,
    })
}

/// How this boot came about, if the recovery system runs. `file` is what the boot program left.
pub fn recovery(file: &Path) -> Option<BootReport> {
    let report = BootReport::parse(&std::fs::read_to_string(file).ok()?).ok()?;
    (report.running == Running::Recovery).then_some(report)
}

fn read(file: &Path) -> Result<String, NoSite> {
    std::fs::read_to_string(file).map_err(|error| no_use(file, &error))
}

fn no_use(file: &Path, problem: &impl ToString) -> NoSite {
    NoSite::File {
        file: file.to_owned(),
        problem: problem.to_string(),
    }
}

/// Lines `product pmu`, `board pc`, `arch amd64`, `floor 3`.
fn expected(text: &str) -> Result<Expected, String> {
    let value = |key: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        let found = lines.find(|(word, _)| *word == key);
        found
            .map(|(_, value)| value.trim().to_owned())
            .ok_or_else(|| format!("there is no line `{key}`; take the file of the image"))
    };
    let floor = value("floor")?;
    Ok(Expected {
        role: Role::Slot,
        product: value("product")?,
        board: value("board")?,
        arch: value("arch")?,
        floor: floor
            .parse()
            .map_err(|_| format!("`floor {floor}` is no number"))?,
    })
}

impl BootSlots {
    fn path(&self, area: Area) -> PathBuf {
        self.folder.join(match area {
            Area::Slot(Slot::A) => "pmu-a",
            Area::Slot(Slot::B) => "pmu-b",
            Area::Boot(Slot::A) => "pmu-boot-a",
            Area::Boot(Slot::B) => "pmu-boot-b",
            Area::State => "pmu-state",
        })
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

impl SlotDisk for BootSlots {
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

    #[test]
    fn a_target_is_read_and_what_is_missing_is_named() {
        let found = expected("product pmu\nboard pc\narch arm64\nfloor 7\nrecovery-floor 1\n");
        let found = found.unwrap();
        assert_eq!((found.arch.as_str(), found.floor), ("arm64", 7));
        let missing = expected("product pmu\nboard pc\nfloor 7\n").unwrap_err();
        assert!(missing.contains("`arch`"), "{missing}");
        let wrong = expected("product pmu\nboard pc\narch arm64\nfloor low\n").unwrap_err();
        assert!(wrong.contains("no number"), "{wrong}");
    }

    #[test]
    fn partitions_are_written_flushed_and_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pmu-b"), [0; 8192]).unwrap();
        let mut disk = BootSlots {
            folder: folder.path().to_owned(),
            writers: Vec::new(),
        };
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
