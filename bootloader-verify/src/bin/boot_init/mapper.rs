//! dm-verity through the kernel's device mapper: header and tables as in `linux/dm-ioctl.h`,
//! interface version 4.

use bootloader_verify::{Manifest, to_hex};
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

const HEADER: usize = 312;
const TARGET: usize = 40;
/// Header, target and its longest line of parameters.
const BUFFER: usize = 2048;
const READ_ONLY: u32 = 1;
/// Kinds of request.
const CREATE: u8 = 3;
const REMOVE: u8 = 4;
const RESUME: u8 = 6;
const LOAD: u8 = 9;

/// A device that shows only blocks that fit the root.
#[derive(Debug)]
pub(crate) struct Verity {
    control: File,
    name: &'static str,
    pub(crate) device: PathBuf,
}

/// What happens when a block does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnDamage {
    /// The read fails: for the check.
    Fail,
    /// The kernel stops and starts anew: for the running system, which would go on with half its
    /// programs otherwise.
    Panic,
}

impl Verity {
    /// Maps a slot's file system as `name`.
    pub(crate) fn map(
        name: &'static str,
        slot: &Path,
        manifest: &Manifest,
        on_damage: OnDamage,
    ) -> io::Result<Self> {
        let control = File::options()
            .read(true)
            .write(true)
            .open("/dev/mapper/control")?;
        let created = request::<{ CREATE }>(&control, name, READ_ONLY, None)?;
        let device = device_of(&created).ok_or(io::ErrorKind::InvalidData)?;
        let mapped = Self {
            control,
            name,
            device,
        };
        let table = Table::new(slot, manifest, on_damage);
        if let Err(error) = mapped.fill(&table) {
            // Left behind, it would keep its name from the next slot.
            drop(mapped.unmap());
            return Err(error);
        }
        Ok(mapped)
    }

    fn fill(&self, table: &Table) -> io::Result<()> {
        request::<{ LOAD }>(&self.control, self.name, READ_ONLY, Some(table))?;
        request::<{ RESUME }>(&self.control, self.name, READ_ONLY, None).map(drop)
    }

    /// Takes the device away.
    pub(crate) fn unmap(self) -> io::Result<()> {
        request::<{ REMOVE }>(&self.control, self.name, 0, None).map(drop)
    }
}

struct Table {
    sectors: u64,
    parameters: String,
}

impl Table {
    fn new(slot: &Path, manifest: &Manifest, on_damage: OnDamage) -> Self {
        let device = slot.display();
        let blocks = manifest.geometry.data_blocks();
        let (root, salt) = (to_hex(&manifest.root), to_hex(&manifest.salt));
        let end = match on_damage {
            OnDamage::Fail => "",
            OnDamage::Panic => " 1 panic_on_corruption",
        };
        Self {
            sectors: u64::from(blocks) * 8,
            parameters: format!(
                "1 {device} {device} 4096 4096 {blocks} {blocks} sha256 {root} {salt}{end}"
            ),
        }
    }
}

const fn code(kind: u8) -> Opcode {
    opcode::read_write::<[u8; HEADER]>(0xfd, kind)
}

fn request<const KIND: u8>(
    control: &File,
    name: &str,
    flags: u32,
    table: Option<&Table>,
) -> io::Result<[u8; BUFFER]> {
    let mut buffer = message(name, flags, table).ok_or(io::ErrorKind::InvalidInput)?;
    match KIND {
        CREATE => send::<{ code(CREATE) }>(control, &mut buffer)?,
        REMOVE => send::<{ code(REMOVE) }>(control, &mut buffer)?,
        LOAD => send::<{ code(LOAD) }>(control, &mut buffer)?,
        _ => send::<{ code(RESUME) }>(control, &mut buffer)?,
    }
    Ok(buffer)
}

#[expect(
    unsafe_code,
    reason = "the kernel has no other door to its device mapper"
)]
fn send<const CODE: Opcode>(control: &File, buffer: &mut [u8; BUFFER]) -> io::Result<()> {
    // SAFETY: the code is one of the device mapper's, whose data begin with the header of 312 octets
    // and may go on up to the size that the header names, which is that of the buffer.
    unsafe {
        let updater = Updater::<CODE, [u8; BUFFER]>::new(buffer);
        ioctl(control, updater)?;
    }
    Ok(())
}

/// Header, and a target if there is one.
fn message(name: &str, flags: u32, table: Option<&Table>) -> Option<[u8; BUFFER]> {
    let mut buffer = [0; BUFFER];
    let size = u32::try_from(BUFFER).ok()?;
    let start = u32::try_from(HEADER).ok()?;
    put(&mut buffer, 0, &4_u32.to_ne_bytes())?;
    put(&mut buffer, 12, &size.to_ne_bytes())?;
    put(&mut buffer, 16, &start.to_ne_bytes())?;
    put(&mut buffer, 20, &u32::from(table.is_some()).to_ne_bytes())?;
    put(&mut buffer, 28, &flags.to_ne_bytes())?;
    put(&mut buffer, 48, name.as_bytes())?;
    if let Some(table) = table {
        put(&mut buffer, HEADER + 8, &table.sectors.to_ne_bytes())?;
        put(&mut buffer, HEADER + 24, b"verity")?;
        put(&mut buffer, HEADER + TARGET, table.parameters.as_bytes())?;
    }
    Some(buffer)
}

fn put(buffer: &mut [u8], at: usize, bytes: &[u8]) -> Option<()> {
    let end = at.checked_add(bytes.len())?;
    buffer.get_mut(at..end)?.copy_from_slice(bytes);
    Some(())
}

/// The node that devtmpfs makes for a device that was created.
fn device_of(answer: &[u8]) -> Option<PathBuf> {
    let number: [u8; 8] = answer.get(40..48)?.try_into().ok()?;
    let minor = rustix::fs::minor(u64::from_ne_bytes(number));
    Some(PathBuf::from(format!("/dev/dm-{minor}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_the_kernels_layout() {
        let table = Table {
            sectors: 8000,
            parameters: "1 /dev/vda4".to_owned(),
        };
        let message = message("pmu-root", READ_ONLY, Some(&table)).unwrap();
        assert_eq!(message[..4], 4_u32.to_ne_bytes());
        assert_eq!(message[16..20], 312_u32.to_ne_bytes());
        assert_eq!(message[48..57], *b"pmu-root\0");
        assert_eq!(message[320..328], 8000_u64.to_ne_bytes());
        assert_eq!(message[336..343], *b"verity\0");
        assert_eq!(message[352..364], *b"1 /dev/vda4\0");
    }

    #[test]
    fn the_codes_are_those_of_the_kernels_header() {
        // _IOWR(0xfd, 3, 312 octets)
        assert_eq!(u64::from(code(CREATE)), 0xc138_fd03);
        assert_eq!(u64::from(code(LOAD)), 0xc138_fd09);
    }
}
