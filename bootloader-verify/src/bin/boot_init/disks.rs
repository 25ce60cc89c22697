//! Where slots and state lie: all on one disk, found by the names or numbers of its partitions.

use crate::kernel;
use crate::target::Target;
use bootloader_verify::Slot;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Disks appear one after the other.
const LOOKS: u32 = 100;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

pub(crate) const RECOVERY: &str = "pmu-recovery";
pub(crate) const STATE: &str = "pmu-state";

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
}

pub(crate) fn slot_name(slot: Slot) -> &'static str {
    match slot {
        Slot::A => "pmu-a",
        Slot::B => "pmu-b",
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
    let number: Option<u32> = value("PARTN=").and_then(|number| number.parse().ok());
    let names = [slot_name(Slot::A), slot_name(Slot::B), RECOVERY, STATE];
    let name = names.into_iter().find(|name| {
        let by_number = target.number(name);
        value("PARTNAME=") == Some(*name) || (by_number.is_some() && by_number == number)
    })?;
    let sectors = std::fs::read_to_string(entry.join("size")).ok()?;
    let sectors: u64 = sectors.trim().parse().ok()?;
    let device = Path::new("/dev").join(value("DEVNAME=")?);
    let disk = std::fs::canonicalize(entry).ok()?.parent()?.to_owned();
    let bytes = sectors.checked_mul(512)?;
    Some((disk, name.to_owned(), Partition { device, bytes }))
}
