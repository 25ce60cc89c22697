//! The partitions of a verified boot, and what it left to read. On a system that was not started
//! from a slot there are none.

use crate::config::UpdateSettings;
use bootloader_verify::TrustedKeys;
use ota::{BootReport, Partitions, Place, Running, expected_of_target};
use std::path::{Path, PathBuf};

/// What a verified boot gives to an update.
#[derive(Debug)]
pub struct Site {
    /// The partitions.
    pub disk: Partitions,
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
    let expected = expected_of_target(&read(&file)?).map_err(|fault| no_use(&file, &fault))?;
    let running = report.running;
    Ok(Site {
        disk: Partitions::of_folder(settings.slots_folder.clone()),
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
