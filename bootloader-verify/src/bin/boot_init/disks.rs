//! Where slots and state lie: all on one disk, found by the names or numbers of its partitions.

use crate::kernel;
use crate::target::Target;
use bootloader_verify::{Candidate, Slot};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Disks appear one after the other.
const LOOKS: u32 = 100;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

pub(crate) const RECOVERY: &str = "pmu-recovery";
pub(crate) const STATE: &str = "pmu-state";
/// All that is looked for.
const NAMES: [&str; 7] = [
    "pmu-a",
    "pmu-b",
    RECOVERY,
    STATE,
    "pmu-boot-a",
    "pmu-boot-b",
    "pmu-boot-r",
];

/// The partitions of the disk that holds the gateway.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    /// Device and size in bytes, by name.
    partitions: BTreeMap<String, Partition>,
}

/// One partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Partition {
    pub(crate) device: PathBuf,
    pub(crate) bytes: u64,
    /// The disk that it is a part of.
    pub(crate) disk: PathBuf,
    /// Its number in the table.
    pub(crate) number: u32,
    /// Its first sector of 512 octets.
    pub(crate) start: u64,
}

pub(crate) fn slot_name(slot: Slot) -> &'static str {
    match slot {
        Slot::A => "pmu-a",
        Slot::B => "pmu-b",
    }
}

/// The partition with a candidate's payload.
pub(crate) fn payload_name(candidate: Candidate) -> &'static str {
    match candidate {
        Candidate::Slot(Slot::A) => "pmu-boot-a",
        Candidate::Slot(Slot::B) => "pmu-boot-b",
        Candidate::Recovery | Candidate::Nothing => "pmu-boot-r",
    }
}

impl Disk {
    /// Waits for a disk with at least one place for an image.
    pub(crate) fn find(target: &Target) -> Option<Self> {
        for look in 0..LOOKS {
            if look > 0 {
                kernel::wait(BETWEEN_LOOKS);
            }
            if let Some(disk) = look_at(Path::new("/sys/class/block"), target) {
                return Some(disk);
            }
        }
        None
    }

    pub(crate) fn partition(&self, name: &str) -> Option<&Partition> {
        self.partitions.get(name)
    }
}

/// The first disk, in the order of names, that has a slot.
fn look_at(folder: &Path, target: &Target) -> Option<Disk> {
    let mut disks: BTreeMap<PathBuf, Disk> = BTreeMap::new();
    let entries = std::fs::read_dir(folder).ok()?;
    for entry in entries.flatten() {
        let Some((disk, name, partition)) = partition_at(&entry.path(), target) else {
            continue;
        };
        let disk = disks.entry(disk).or_insert_with(|| Disk {
            partitions: BTreeMap::new(),
        });
        disk.partitions.entry(name).or_insert(partition);
    }
    disks.into_values().find(|disk| {
        let places = [slot_name(Slot::A), slot_name(Slot::B), RECOVERY];
        places.iter().any(|name| disk.partition(name).is_some())
    })
}

/// A partition of ours: its disk, its name, and itself.
fn partition_at(entry: &Path, target: &Target) -> Option<(PathBuf, String, Partition)> {
    let said = std::fs::read_to_string(entry.join("uevent")).ok()?;
    let value = |key: &str| said.lines().find_map(|line| line.strip_prefix(key));
    if value("DEVTYPE=") != Some("partition") {
        return None;
    }
    let number: u32 = value("PARTN=")?.parse().ok()?;
    let named = value("PARTNAME=");
    let name = NAMES
        .into_iter()
        .find(|name| named == Some(*name) || target.number(name) == Some(number))?;
    let sectors = |name: &str| -> Option<u64> {
        let text = std::fs::read_to_string(entry.join(name)).ok()?;
        text.trim().parse().ok()
    };
    let parent = std::fs::canonicalize(entry).ok()?.parent()?.to_owned();
    let partition = Partition {
        device: Path::new("/dev").join(value("DEVNAME=")?),
        bytes: sectors("size")?.checked_mul(512)?,
        disk: Path::new("/dev").join(parent.file_name()?),
        number,
        start: sectors("start")?,
    };
    Some((parent, name.to_owned(), partition))
}
