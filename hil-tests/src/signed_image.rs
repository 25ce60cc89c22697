//! Images made by the program that signs them, small enough to be changed byte by byte.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use bootloader_verify::limits::BLOCK;
use bootloader_verify::{
    Accepted, Expected, Manifest, Refusal, Role, TrustedKeys, check_slot, judge,
};
use tempfile::TempDir;

use crate::binaries;
use crate::process::run;

/// Precedes each block that is hashed.
pub const SALT: &str = "5a17000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d";

/// A folder with a key, an image and its slot.
#[derive(Debug)]
pub struct SignedImage {
    folder: TempDir,
    manifest: Manifest,
    keys: TrustedKeys,
}

/// Parts of a slot, as offsets in bytes.
#[derive(Debug, Clone)]
pub struct Regions {
    /// The file system.
    pub system: Range<usize>,
    /// Its hash tree.
    pub tree: Range<usize>,
    /// What nobody uses.
    pub gap: Range<usize>,
    /// The last block.
    pub manifest: Range<usize>,
}

/// Numbers that look like chance and are the same in each run.
#[derive(Debug)]
pub struct Noise(pub u64);

impl Noise {
    /// The next one, below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let drawn = usize::try_from(self.0 >> 33).expect("31 bits");
        drawn % limit
    }

    /// So many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count + 8);
        while bytes.len() < count {
            // xorshift: one step for eight bytes, these may be many.
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            bytes.extend_from_slice(&self.0.to_le_bytes());
        }
        bytes.truncate(count);
        bytes
    }
}

impl SignedImage {
    /// A file system of so many blocks in a slot with so many unused ones.
    pub fn new(data_blocks: usize, gap_blocks: usize) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("pmu-image-")
            .tempdir()
            .expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let mut noise = Noise(7);
        let system = noise.bytes(data_blocks * BLOCK);
        std::fs::write(at("squashfs"), system).expect("a file");
        std::fs::write(at("payload"), noise.bytes(70_001)).expect("a file");
        let public = tool(folder.path(), "keygen --out key.pem");
        let keys = format!("current {public}");
        std::fs::write(at("trust.keys"), &keys).expect("a file");
        tool(
            folder.path(),
            &format!(
                "sign --key key.pem --role slot --board pc --arch amd64 --version 1.2.3 \
                 --kernel 6.1.0 --counter 5 --squashfs squashfs --payload payload --salt {SALT} \
                 --built 1790000000 --out image"
            ),
        );
        let image = std::fs::read(at("image")).expect("an image");
        let (manifest, _) = image.split_at(BLOCK);
        let keys = TrustedKeys::parse(&keys).expect("keys");
        let accepted = judge(manifest, &keys, &expected()).expect("a good manifest");
        let manifest = accepted.manifest().clone();
        let content = usize::try_from(manifest.geometry.bytes()).expect("a small image");
        let size = content + (gap_blocks + 1) * BLOCK;
        tool(
            folder.path(),
            &format!("place image --size {size} --out slot"),
        );
        Self {
            folder,
            manifest,
            keys,
        }
    }

    /// A file of the folder: `squashfs`, `payload`, `image`, `slot`, `key.pem`, `trust.keys`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The bytes of one.
    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("a file")
    }

    /// What was signed.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where what lies in the slot.
    pub fn regions(&self) -> Regions {
        let blocks = usize::try_from(self.manifest.geometry.data_blocks()).expect("a small image");
        let content = usize::try_from(self.manifest.geometry.bytes()).expect("a small image");
        let length = self.read("slot").len();
        Regions {
            system: 0..blocks * BLOCK,
            tree: blocks * BLOCK..content,
            gap: content..length - BLOCK,
            manifest: length - BLOCK..length,
        }
    }

    /// The verdict over a slot with these bytes, in the order of a boot.
    pub fn verdict(&self, slot: &[u8]) -> Result<Accepted, Refusal> {
        let bytes = u64::try_from(slot.len()).expect("a length");
        check_slot(slot, bytes, &self.keys, &expected(), 1)
    }

    /// So many changes of one byte each, spread over every part of the slot and its borders: how
    /// many were noticed, and where one was not.
    pub fn unnoticed_changes(&self, wanted: usize) -> (usize, Vec<usize>) {
        let mut slot = self.read("slot");
        let regions = self.regions();
        let parts = [regions.system, regions.tree, regions.gap, regions.manifest];
        let mut noise = Noise(11);
        let mut offsets: Vec<usize> = parts
            .iter()
            .flat_map(|part| [part.start, part.end - 1])
            .collect();
        while offsets.len() < wanted {
            for part in &parts {
                offsets.push(part.start + noise.below(part.len()));
            }
        }
        let mut unnoticed = Vec::new();
        for at in &offsets {
            let change = u8::try_from(1 + noise.below(255)).expect("a byte");
            flip(&mut slot, *at, change);
            if self.verdict(&slot).is_ok() {
                unnoticed.push(*at);
            }
            flip(&mut slot, *at, change);
        }
        self.verdict(&slot).expect("it is whole again");
        (offsets.len(), unnoticed)
    }
}

/// Changes one byte, and back.
pub fn flip(bytes: &mut [u8], at: usize, change: u8) {
    *bytes.get_mut(at).expect("an offset within") ^= change;
}

/// What a box must be for these images.
pub fn expected() -> Expected {
    Expected {
        role: Role::Slot,
        product: "pmu".to_owned(),
        board: "pc".to_owned(),
        arch: "amd64".to_owned(),
        floor: 5,
    }
}

/// Runs the program that signs and checks, in this folder; a refusal fails the test.
#[track_caller]
pub fn tool(folder: &Path, line: &str) -> String {
    let mut command = Command::new(program());
    command.current_dir(folder).args(line.split_whitespace());
    run("bootloader-verify", &mut command)
}

/// `bootloader-verify`, built once in the profile of the tests.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| binaries::another("bootloader-verify", "bootloader-verify"))
}
