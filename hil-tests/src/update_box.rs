//! A box with slots, as files in a folder: its partitions, what its boot program leaves, and its
//! boots.

use std::fmt::Write as _;
use std::fs;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bootloader_verify::limits::{BLOCK, BLOCK_U64};
use bootloader_verify::{
    BootPlan, BootState, Candidate, Copy, Expected, Geometry, ImageKey, KeyId, Manifest, Refusal,
    Role, Slot, TrustedKeys, check_content, check_gap, judge, tree_of,
};
use sha2::{Digest, Sha256};

use crate::hex::hex;
use crate::signed_image::Noise;

const SLOT_BYTES: usize = 12 << 20;
const BOOT_BYTES: usize = 1 << 20;
const STATE_BYTES: usize = 1 << 20;
/// The lowest security counter that the box takes to begin with.
pub const FLOOR: u64 = 3;

/// What distinguishes images.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// Version that people read.
    pub version: &'static str,
    /// Security counter.
    pub counter: u64,
    /// Blocks of the file system.
    pub blocks: u32,
    /// Not to be installed after this, seconds since 1970; 0 = for ever.
    pub expires: u64,
    /// Seed of the key that signs; the box trusts 1.
    pub key: u8,
}

/// An image file.
#[derive(Debug, Clone)]
pub struct Image {
    /// All of it.
    pub file: Vec<u8>,
    content: usize,
}

/// The folder of a box.
#[derive(Debug)]
pub struct UpdateBox(PathBuf);

impl Default for Recipe {
    fn default() -> Self {
        Self {
            version: "1.0.0",
            counter: 5,
            blocks: 500,
            expires: 0,
            key: 1,
        }
    }
}

impl Recipe {
    /// Builds and signs it.
    pub fn make(&self) -> Image {
        let geometry = Geometry::of_data(self.blocks).expect("enough blocks");
        let mut noise = Noise(self.counter + 1000 * u64::from(self.blocks));
        let data = noise.bytes(usize::try_from(self.blocks).expect("few blocks") * BLOCK);
        let salt = [7; 32];
        let (tree, root) = tree_of(data.as_slice(), geometry, &salt).expect("bytes in memory");
        let content = [data, tree].concat();
        let mut payload = noise.bytes(300_000);
        // The end of the first sector of a FAT file system.
        payload.splice(510..512, [0x55, 0xaa]);
        let manifest = Manifest {
            role: Role::Slot,
            product: "pmu".to_owned(),
            board: "pc".to_owned(),
            arch: "amd64".to_owned(),
            version: self.version.to_owned(),
            kernel: "6.1.0".to_owned(),
            counter: self.counter,
            close_door: false,
            geometry,
            salt,
            root,
            image_sha256: Sha256::digest(&content).into(),
            payload_bytes: u64::try_from(payload.len()).expect("a length"),
            payload_sha256: Sha256::digest(&payload).into(),
            key: KeyId([0; 8]),
            built: 1_000,
            expires: self.expires,
        };
        let key = ImageKey::from_seed(&[self.key; 32]);
        let manifest = key.sign_manifest(&manifest).expect("good names");
        Image {
            content: content.len(),
            file: [manifest, content, payload].concat(),
        }
    }
}

impl Image {
    /// SHA-256 of the file, in hexadecimal digits.
    pub fn sha256(&self) -> String {
        let digest = Sha256::digest(&self.file);
        hex(&digest)
    }

    fn parts(&self) -> (&[u8], &[u8], &[u8]) {
        let (manifest, rest) = self.file.split_at(BLOCK);
        let (content, payload) = rest.split_at(self.content);
        (manifest, content, payload)
    }
}

impl UpdateBox {
    /// A box that was flashed with an image in slot A.
    pub fn flashed(folder: &Path, image: &Image) -> Self {
        let folder = folder.join("box");
        fs::create_dir_all(&folder).expect("a folder");
        let this = Self(folder);
        for (name, bytes) in [
            ("pmu-a", SLOT_BYTES),
            ("pmu-b", SLOT_BYTES),
            ("pmu-boot-a", BOOT_BYTES),
            ("pmu-boot-b", BOOT_BYTES),
            ("pmu-state", STATE_BYTES),
        ] {
            this.write(name, &vec![0; bytes]);
        }
        let (manifest, content, payload) = image.parts();
        let slot = [
            content,
            &vec![0; SLOT_BYTES - BLOCK - content.len()],
            manifest,
        ]
        .concat();
        this.write("pmu-a", &slot);
        this.patch("pmu-boot-a", 0, payload);
        let public = ImageKey::from_seed(&[1; 32]).public().expect("a key");
        let hex = hex(public.bytes());
        this.write("trust.keys", format!("current {hex}\n").as_bytes());
        let target =
            format!("product pmu\nboard pc\narch amd64\nfloor {FLOOR}\nrecovery-floor 1\n");
        this.write("target", target.as_bytes());
        this
    }

    /// The section of the configuration.
    pub fn section(&self, more: &str) -> String {
        let folder = self.0.display();
        format!(
            "\n[update]\nslots-folder = \"{folder}\"\nboot-report = \"{folder}/report\"\n\
             trust-folder = \"{folder}\"\n{more}\n"
        )
    }

    /// Boots a slot; one must start.
    #[track_caller]
    pub fn boot(&self) -> Slot {
        self.start().expect("a slot that starts")
    }

    /// Boots: the state and the verdict of the boot program choose a slot, and its report is left.
    /// None: recovery runs.
    pub fn start(&self) -> Option<Slot> {
        let mut plan = BootPlan::new(self.state());
        let mut attempts = String::new();
        loop {
            let candidate = plan.next_candidate();
            let before = self.state();
            let next = BootState {
                sequence: before.sequence,
                ..plan.state().clone()
            };
            if next != before {
                self.write_state(&next);
            }
            let Candidate::Slot(slot) = candidate else {
                let first = attempts.split_whitespace().nth(2).unwrap_or("none");
                let report = format!(
                    "slot recovery\nversion 1.0.0\ncounter 5\nroot 00\nanchored no\n\
                     reason {first}\n{attempts}"
                );
                self.write("report", report.as_bytes());
                return None;
            };
            match self.check(slot, next.floor) {
                Ok(manifest) => {
                    let report = format!(
                        "slot {slot}\nversion {}\ncounter {}\nroot 00\nanchored no\n{attempts}",
                        manifest.version, manifest.counter
                    );
                    self.write("report", report.as_bytes());
                    return Some(slot);
                }
                Err(refusal) => {
                    writeln!(attempts, "attempt {slot} {refusal}").expect("text");
                    plan.refused(candidate, refusal);
                }
            }
        }
    }

    /// The state as it stands.
    pub fn state(&self) -> BootState {
        self.newest().0
    }

    fn newest(&self) -> (BootState, Copy) {
        let block = self.read("pmu-state");
        let (first, rest) = block.split_at(BLOCK);
        BootState::newest(first, rest.split_at(BLOCK).0)
    }

    fn write_state(&self, state: &BootState) {
        let (_, copy) = self.newest();
        self.patch("pmu-state", copy.offset(), &state.next().encode());
    }

    /// What the boot program says of a slot.
    pub fn check(&self, slot: Slot, floor: u64) -> Result<Manifest, Refusal> {
        let part = self.read(match slot {
            Slot::A => "pmu-a",
            Slot::B => "pmu-b",
        });
        let text = String::from_utf8(self.read("trust.keys")).expect("text");
        let keys = TrustedKeys::parse(&text).expect("keys");
        let expected = Expected {
            role: Role::Slot,
            product: "pmu".to_owned(),
            board: "pc".to_owned(),
            arch: "amd64".to_owned(),
            floor: floor.max(FLOOR),
        };
        let (rest, block) = part.split_at(part.len() - BLOCK);
        let accepted = judge(block, &keys, &expected)?;
        let size = u64::try_from(rest.len()).expect("a length") + BLOCK_U64;
        accepted.fits_place(size)?;
        check_gap(part.as_slice(), accepted.gap(size))?;
        check_content(part.as_slice(), 0, accepted.manifest(), 2)?;
        Ok(accepted.manifest().clone())
    }

    /// The bytes of one of its files.
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.join(name)).expect("a file of the box")
    }

    /// Changes bytes of one of its files.
    pub fn patch(&self, name: &str, offset: u64, bytes: &[u8]) {
        let file = File::options().write(true).open(self.0.join(name));
        let mut file = file.expect("a file of the box");
        file.seek(SeekFrom::Start(offset)).expect("within the file");
        file.write_all(bytes).expect("room on the disk");
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.0.join(name), bytes).expect("room on the disk");
    }
}
