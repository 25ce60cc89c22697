//! A tiny machine that installs images for as long as it is let, on a disk with all that an
//! installation writes to.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;

use bootloader_verify::limits::BLOCK_U64;
use bootloader_verify::{
    Accepted, BootState, Copy, Expected, Manifest, Refusal, Role, Slot, check_slot, judge_slot,
    to_hex,
};
use sha2::{Digest, Sha256};

use super::Guest;
use super::machine::Machine;
use crate::process::run;
use crate::signed_image::Noise;

const MIB: u64 = 1024 * 1024;
const SLOT: u64 = 8 * MIB;
const BOOT: u64 = MIB;
/// Room for an image of the source.
const SOURCE_PLACE: u64 = 16 * MIB;
/// Bytes of a boot payload.
const PAYLOAD: usize = 384 * 1024;
/// Bytes a second that the disk writes: as a card does.
const PACE: u64 = 6_000_000;

/// Disk and source of a machine that installs image after image: 1 behind 0, 2 behind 1, 0 behind 2.
#[derive(Debug)]
pub struct Installing<'a> {
    guest: &'a Guest,
    disk: PathBuf,
    source: PathBuf,
}

impl<'a> Installing<'a> {
    /// Image 0 in slot A and image 2 in slot B, both good; a recovery image behind them.
    pub fn new(guest: &'a Guest, name: &str) -> Self {
        let new = Self {
            guest,
            disk: guest.path(name),
            source: guest.path(&format!("{name}.source")),
        };
        let table = "label: gpt\n\
                     start=1MiB, size=8MiB, name=pmu-a\n\
                     size=8MiB, name=pmu-b\n\
                     size=1MiB, name=pmu-boot-a\n\
                     size=1MiB, name=pmu-boot-b\n\
                     size=1MiB, name=pmu-state\n\
                     size=4MiB, name=pmu-recovery\n";
        let text = guest.path(&format!("{name}.table"));
        std::fs::write(&text, table).expect("a file");
        let disk = File::create(&new.disk).expect("a file");
        let source = File::create(&new.source).expect("a file");
        disk.set_len(RECOVERY_AT + 5 * MIB).expect("room");
        source.set_len(3 * SOURCE_PLACE).expect("room");
        let mut sfdisk = Command::new("sh");
        sfdisk.args(["-c", "/usr/sbin/sfdisk --quiet \"$0\" <\"$1\""]);
        sfdisk.arg(&new.disk).arg(&text);
        run("laying out a disk", &mut sfdisk);
        let write = |file: &File, octets: &[u8], at: u64| {
            file.write_all_at(octets, at).expect("room");
        };
        for (number, label) in (0..).zip(['0', '1', '2']) {
            let (content, manifest) = guest.image(label, &guest.signer().saying(add_payload));
            let payload = payload_of(label);
            let place = match label {
                '0' => Some(Slot::A),
                '2' => Some(Slot::B),
                _ => None,
            };
            if let Some(slot) = place {
                write(&disk, &content, slot_at(slot));
                write(&disk, &manifest, slot_at(slot) + SLOT - BLOCK_U64);
                write(&disk, &payload, boot_at(slot));
            }
            let image = [manifest, content, payload].concat();
            let hash = to_hex(&Sha256::digest(&image));
            let at = number * SOURCE_PLACE;
            write(&source, format!("{hash} {}\n", image.len()).as_bytes(), at);
            write(&source, &image, at + 2 * BLOCK_U64);
        }
        let (content, manifest) = guest.image('r', &guest.signer());
        write(&disk, &content, RECOVERY_AT);
        write(&disk, &manifest, RECOVERY_AT + 4 * MIB - BLOCK_U64);
        new
    }

    /// A machine with them. `words` on the kernel's command line say what it is to do.
    pub fn machine(&self, words: &'static str) -> Machine<'_> {
        let machine = Machine::new(self.guest, &self.disk);
        machine.with_source(&self.source, PACE).with_words(words)
    }

    /// What both copies of the state hold.
    pub fn state(&self) -> BootState {
        let block = |copy: Copy| self.read(STATE_AT + copy.offset(), BLOCK_U64);
        BootState::newest(&block(Copy::First), &block(Copy::Second)).0
    }

    /// Bytes that the installation of an image need not write again.
    pub fn kept(&self, number: u64) -> u64 {
        let mut kept = [0; 8];
        let source = File::open(&self.source).expect("the source");
        let at = number * SOURCE_PLACE + BLOCK_U64;
        source.read_exact_at(&mut kept, at).expect("the source");
        u64::from_le_bytes(kept)
    }

    /// A hash over a slot and its boot partition.
    pub fn hash_of(&self, slot: Slot) -> [u8; 32] {
        let hash = Sha256::new_with_prefix(self.read(slot_at(slot), SLOT));
        hash.chain_update(self.read(boot_at(slot), BOOT))
            .finalize()
            .into()
    }

    /// The verdict over a whole slot, from outside.
    pub fn verdict(&self, slot: Slot) -> Result<Accepted, Refusal> {
        let octets = self.read(slot_at(slot), SLOT);
        check_slot(&octets[..], SLOT, &self.guest.trusted(), &expected(), 2)
    }

    /// The verdict over its manifest alone.
    pub fn manifest(&self, slot: Slot) -> Result<Accepted, Refusal> {
        let octets = self.read(slot_at(slot), SLOT);
        judge_slot(&octets[..], SLOT, &self.guest.trusted(), &expected())
    }

    fn read(&self, at: u64, length: u64) -> Vec<u8> {
        let mut octets = vec![0; usize::try_from(length).expect("a length")];
        let disk = File::open(&self.disk).expect("the disk");
        disk.read_exact_at(&mut octets, at).expect("the disk");
        octets
    }
}

const STATE_AT: u64 = MIB + 2 * SLOT + 2 * BOOT;
const RECOVERY_AT: u64 = STATE_AT + MIB;

fn slot_at(slot: Slot) -> u64 {
    match slot {
        Slot::A => MIB,
        Slot::B => MIB + SLOT,
    }
}

fn boot_at(slot: Slot) -> u64 {
    match slot {
        Slot::A => MIB + 2 * SLOT,
        Slot::B => MIB + 2 * SLOT + BOOT,
    }
}

fn expected() -> Expected {
    Expected {
        role: Role::Slot,
        product: "pmu".to_owned(),
        board: "pc".to_owned(),
        arch: "amd64".to_owned(),
        floor: 0,
    }
}

/// Noise that begins as a file system does: nothing starts from it here.
fn payload_of(label: char) -> Vec<u8> {
    let mut noise = Noise(u64::from(label));
    [
        noise.bytes(510),
        vec![0x55, 0xaa],
        noise.bytes(PAYLOAD - 512),
    ]
    .concat()
}

/// The payload that belongs to the image of this version.
fn add_payload(manifest: &mut Manifest) {
    let label = manifest.version.chars().last().expect("a version");
    let payload = payload_of(label);
    manifest.payload_bytes = u64::try_from(payload.len()).expect("a length");
    manifest.payload_sha256 = Sha256::digest(&payload).into();
}
