//! Another slot's payload through the firmware: kernel and modules come as a pair, so a slot whose
//! modules belong to another kernel is started by its own payload.
//!
//! UEFI specification 2.10: load options in section 3.1.3, hard drive and file paths in 10.3.5, the
//! partition table in 5.3. On a board without UEFI this fails, and the slot is refused.

use crate::disks::Partition;
use bootloader_verify::{Candidate, Slot};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

const VARIABLES: &str = "/sys/firmware/efi/efivars";
/// The vendor of the firmware's own variables.
const GLOBAL: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
/// Kept, for boot services and for us.
const ATTRIBUTES: u32 = 7;
const ACTIVE: u32 = 1;
const SECTOR: u64 = 512;
const TABLE_SIGNATURE: &[u8; 8] = b"EFI PART";

/// Where the firmware finds the payload in its partition.
#[cfg(target_arch = "x86_64")]
const FILE: &str = "\\EFI\\BOOT\\BOOTX64.EFI";
#[cfg(not(target_arch = "x86_64"))]
const FILE: &str = "\\EFI\\BOOT\\BOOTAA64.EFI";

/// Our entries in the firmware's list.
const ENTRIES: [u16; 3] = [0x5041, 0x5042, 0x5052];

/// Tells the firmware to start this candidate's payload once, at the next start.
pub(crate) fn start_next(candidate: Candidate, partition: &Partition) -> io::Result<()> {
    let entry = put_entry(candidate, partition)?;
    write("BootNext", &entry.to_le_bytes())
}

/// Tells the firmware to start these payloads before all else, in this order: the payload of a slot
/// that is being written anew must not be the one that everything begins with.
pub(crate) fn prefer(payloads: &[(Candidate, &Partition)]) -> io::Result<()> {
    let mut ours = Vec::new();
    for (candidate, partition) in payloads {
        ours.push(put_entry(*candidate, partition)?);
    }
    let known = std::fs::read(path_of("BootOrder")).unwrap_or_default();
    write("BootOrder", &order(&ours, known.get(4..).unwrap_or(&[])))
}

/// Ours, then what stood there besides.
fn order(ours: &[u16], known: &[u8]) -> Vec<u8> {
    let (known, _) = known.as_chunks::<2>();
    let others = known.iter().map(|entry| u16::from_le_bytes(*entry));
    let others = others.filter(|entry| !ENTRIES.contains(entry));
    let all = ours.iter().copied().chain(others);
    all.flat_map(u16::to_le_bytes).collect()
}

/// Makes sure that the firmware knows a candidate's payload; its number there.
fn put_entry(candidate: Candidate, partition: &Partition) -> io::Result<u16> {
    let [a, b, recovery] = ENTRIES;
    let (entry, name) = match candidate {
        Candidate::Slot(Slot::A) => (a, "PMU A"),
        Candidate::Slot(Slot::B) => (b, "PMU B"),
        Candidate::Recovery => (recovery, "PMU recovery"),
        Candidate::Nothing => return Err(io::ErrorKind::InvalidInput.into()),
    };
    let option = load_option(name, partition, &guid_of(partition)?);
    write(&format!("Boot{entry:04X}"), &option)?;
    Ok(entry)
}

fn path_of(name: &str) -> PathBuf {
    PathBuf::from(VARIABLES).join(format!("{name}-{GLOBAL}"))
}

fn write(name: &str, value: &[u8]) -> io::Result<()> {
    let path = path_of(name);
    let new = [&ATTRIBUTES.to_le_bytes()[..], value].concat();
    if std::fs::read(&path).is_ok_and(|old| old == new) {
        return Ok(());
    }
    // One write is one variable: the file system takes no parts.
    std::fs::write(path, new)
}

/// The partition's own number in the table of its disk.
fn guid_of(partition: &Partition) -> io::Result<[u8; 16]> {
    let disk = File::open(&partition.disk)?;
    let mut header = [0; 92];
    disk.read_exact_at(&mut header, SECTOR)?;
    let wrong = || io::Error::from(io::ErrorKind::InvalidData);
    if header.first_chunk::<8>() != Some(TABLE_SIGNATURE) {
        return Err(wrong());
    }
    let first: [u8; 8] = field(&header, 72).ok_or_else(wrong)?;
    let length: [u8; 4] = field(&header, 84).ok_or_else(wrong)?;
    let place =
        u64::from(partition.number.saturating_sub(1)) * u64::from(u32::from_le_bytes(length));
    let at = u64::from_le_bytes(first)
        .checked_mul(SECTOR)
        .and_then(|at| at.checked_add(place + 16))
        .ok_or_else(wrong)?;
    let mut guid = [0; 16];
    disk.read_exact_at(&mut guid, at)?;
    Ok(guid)
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn load_option(name: &str, partition: &Partition, guid: &[u8; 16]) -> Vec<u8> {
    let path = [
        hard_drive(partition, guid),
        file_path(FILE),
        // The end of the whole path.
        vec![0x7f, 0xff, 4, 0],
    ]
    .concat();
    let length = u16::try_from(path.len()).unwrap_or(u16::MAX);
    [
        ACTIVE.to_le_bytes().to_vec(),
        length.to_le_bytes().to_vec(),
        wide(name),
        path,
    ]
    .concat()
}

fn hard_drive(partition: &Partition, guid: &[u8; 16]) -> Vec<u8> {
    // Media, hard drive, 42 octets; a table with names, whose signature is a GUID.
    let mut node = vec![4, 1, 42, 0];
    node.extend_from_slice(&partition.number.to_le_bytes());
    node.extend_from_slice(&partition.start.to_le_bytes());
    node.extend_from_slice(&(partition.bytes / SECTOR).to_le_bytes());
    node.extend_from_slice(guid);
    node.extend_from_slice(&[2, 2]);
    node
}

fn file_path(path: &str) -> Vec<u8> {
    let text = wide(path);
    let length = u16::try_from(text.len() + 4).unwrap_or(u16::MAX);
    [&[4, 4][..], &length.to_le_bytes(), &text].concat()
}

/// UCS-2 with its end; our texts are ASCII.
fn wide(text: &str) -> Vec<u8> {
    let units = text.encode_utf16().chain([0]);
    units.flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_payloads_come_first_and_nothing_else_is_lost() {
        let known: Vec<u8> = [1_u16, 0x5042, 2]
            .into_iter()
            .flat_map(u16::to_le_bytes)
            .collect();
        let found = order(&[0x5042, 0x5041], &known);
        let (found, _) = found.as_chunks::<2>();
        let found: Vec<u16> = found
            .iter()
            .map(|entry| u16::from_le_bytes(*entry))
            .collect();
        assert_eq!(found, [0x5042, 0x5041, 1, 2]);
    }

    #[test]
    fn a_load_option_has_the_form_of_the_specification() {
        let partition = Partition {
            device: PathBuf::new(),
            disk: PathBuf::new(),
            number: 2,
            start: 0x1234,
            bytes: 48 * 1024 * 1024,
        };
        let option = load_option("PMU B", &partition, &[0xab; 16]);
        assert_eq!(option[..4], [1, 0, 0, 0]);
        let length = usize::from(u16::from_le_bytes([option[4], option[5]]));
        assert_eq!(option[6..18], *b"P\0M\0U\0 \0B\0\0\0");
        let path = &option[18..];
        assert_eq!(path.len(), length);
        assert_eq!(path[..8], [4, 1, 42, 0, 2, 0, 0, 0]);
        assert_eq!(path[8..16], 0x1234_u64.to_le_bytes());
        assert_eq!(path[16..24], (48 * 2048_u64).to_le_bytes());
        assert_eq!(path[24..40], [0xab; 16]);
        assert_eq!(path[40..44], [2, 2, 4, 4]);
        assert_eq!(path[path.len() - 4..], [0x7f, 0xff, 4, 0]);
    }
}
