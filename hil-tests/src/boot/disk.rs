//! A disk of a tiny machine: two slots, recovery and the state, each to be changed by a case.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use bootloader_verify::limits::{BLOCK, BLOCK_U64};
use bootloader_verify::{BootState, Copy};

use super::Guest;
use crate::process::run;

const MIB: u64 = 1024 * 1024;
/// Bytes of a boot partition.
const BOOT: u64 = 24 * MIB;
/// Bytes of each place for an image.
const PLACE: u64 = 4 * MIB;

/// A partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Slot A.
    A,
    /// Slot B.
    B,
    /// The recovery image.
    Recovery,
    /// The state.
    State,
    /// The boot partition of slot A, on a disk that has one.
    PayloadA,
}

impl Part {
    fn at(self) -> u64 {
        match self {
            Self::A => MIB,
            Self::B => MIB + PLACE,
            Self::Recovery => MIB + 2 * PLACE,
            Self::State => MIB + 3 * PLACE,
            Self::PayloadA => Self::State.at() + MIB,
        }
    }
}

/// A disk in a file.
#[derive(Debug)]
pub struct BootDisk {
    path: PathBuf,
    /// Octets of file system and tree, by place: where the unused ones begin.
    content: u64,
    /// Octets of the file system alone.
    system: u64,
}

impl BootDisk {
    /// A disk with a good image everywhere, and nothing in the state.
    pub fn good(guest: &Guest, name: &str) -> Self {
        Self::with_payloads(guest, name, &[])
    }

    /// The same with these boot partitions behind it, for slot A and slot B.
    pub fn with_payloads(guest: &Guest, name: &str, payloads: &[&str]) -> Self {
        let path = guest.path(name);
        let file = File::create(&path).expect("a file");
        let rest = u64::try_from(payloads.len()).expect("few") * BOOT;
        // A card has such a size, and QEMU takes no other.
        let length = (Part::PayloadA.at() + rest + MIB).next_power_of_two();
        file.set_len(length).expect("room");
        let mut table = "label: gpt\n\
                     start=1MiB, size=4MiB, name=pmu-a\n\
                     size=4MiB, name=pmu-b\n\
                     size=4MiB, name=pmu-recovery\n\
                     size=1MiB, name=pmu-state\n"
            .to_owned();
        for (number, payload) in (0..).zip(payloads) {
            let letter = if number == 0 { 'a' } else { 'b' };
            let line = format!("size=24MiB, type=uefi, name=pmu-boot-{letter}\n");
            table.push_str(&line);
            let octets = std::fs::read(guest.path(&format!("{payload}.esp"))).expect("a payload");
            let at = Part::PayloadA.at() + number * BOOT;
            file.write_all_at(&octets, at).expect("room");
        }
        let text = guest.path(&format!("{name}.table"));
        std::fs::write(&text, table).expect("a file");
        let mut sfdisk = Command::new("sh");
        sfdisk.args(["-c", "/usr/sbin/sfdisk --quiet \"$0\" <\"$1\""]);
        sfdisk.arg(&path).arg(&text);
        run("laying out a disk", &mut sfdisk);
        let mut disk = Self {
            path,
            content: 0,
            system: 0,
        };
        for (part, label) in [(Part::A, 'a'), (Part::B, 'b'), (Part::Recovery, 'r')] {
            let (content, manifest) = guest.image(label, &guest.signer());
            disk.place(part, &content, &manifest);
        }
        disk
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self) -> File {
        File::options()
            .read(true)
            .write(true)
            .open(&self.path)
            .expect("the disk")
    }

    /// Puts an image into a place.
    pub fn place(&mut self, part: Part, content: &[u8], manifest: &[u8]) {
        self.file()
            .write_all_at(content, part.at())
            .expect("room for an image");
        self.manifest(part, manifest);
        self.content = u64::try_from(content.len()).expect("a length");
        // One block of the tree for 128 of data, and those above.
        let blocks = self.content / BLOCK_U64;
        let system = (1..blocks).rev().find(|data| {
            let data = u32::try_from(*data).expect("a small image");
            bootloader_verify::Geometry::of_data(data)
                .is_some_and(|geometry| geometry.bytes() == self.content)
        });
        self.system = system.expect("an image with its tree") * BLOCK_U64;
    }

    /// Puts a manifest into a place.
    pub fn manifest(&self, part: Part, block: &[u8]) {
        let at = part.at() + PLACE - BLOCK_U64;
        self.file().write_all_at(block, at).expect("room");
    }

    /// The manifest of a place.
    pub fn manifest_of(&self, part: Part) -> Vec<u8> {
        let mut block = vec![0; BLOCK];
        let at = part.at() + PLACE - BLOCK_U64;
        self.file().read_exact_at(&mut block, at).expect("the disk");
        block
    }

    /// Flips one bit of an octet of a place.
    pub fn flip(&self, part: Part, at: u64) {
        let (file, at) = (self.file(), part.at() + at);
        let mut octet = [0];
        file.read_exact_at(&mut octet, at).expect("the disk");
        octet[0] ^= 0x10;
        file.write_all_at(&octet, at).expect("the disk");
    }

    /// Where the tree begins in each place.
    pub fn tree_at(&self) -> u64 {
        self.system
    }

    /// Where the unused octets begin.
    pub fn gap_at(&self) -> u64 {
        self.content
    }

    /// Where the manifest begins.
    pub fn manifest_at(&self) -> u64 {
        PLACE - BLOCK_U64
    }

    /// What both copies of the state hold.
    pub fn state(&self) -> BootState {
        let mut copies = [vec![0; BLOCK], vec![0; BLOCK]];
        let places = [Copy::First, Copy::Second];
        for (block, copy) in copies.iter_mut().zip(places) {
            let at = Part::State.at() + copy.offset();
            self.file().read_exact_at(block, at).expect("the disk");
        }
        let [first, second] = copies;
        BootState::newest(&first, &second).0
    }

    /// Puts a state into the first copy.
    pub fn set_state(&self, state: &BootState) {
        self.fill(Part::State, 0);
        let at = Part::State.at();
        self.file()
            .write_all_at(&state.next().encode(), at)
            .expect("room");
    }

    /// Fills a place, or the state, with one octet.
    pub fn fill(&self, part: Part, octet: u8) {
        let length = match part {
            Part::A | Part::B | Part::Recovery => PLACE,
            Part::State => MIB,
            Part::PayloadA => BOOT,
        };
        let length = usize::try_from(length).expect("a length");
        self.file()
            .write_all_at(&vec![octet; length], part.at())
            .expect("room");
    }

    /// The disk ends in the middle of a place.
    pub fn cut_in(&self, part: Part) {
        self.file()
            .set_len(part.at() + PLACE / 2)
            .expect("a length");
    }
}
