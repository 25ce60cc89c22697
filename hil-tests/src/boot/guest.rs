//! What a tiny machine is made of, and the images that are signed for it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use bootloader_verify::limits::BLOCK;
use bootloader_verify::{Geometry, ImageKey, KeyId, Manifest, Role, TrustedKeys, to_hex, tree_of};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::process::run;
use crate::skip::is_done;

/// Processors that the product runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arch {
    /// 64-bit PCs.
    Amd64,
    /// 64-bit ARM.
    Arm64,
    /// The same on QEMU's model of a Raspberry Pi 3, with its disk on a card.
    Pi3,
}

impl Arch {
    /// As Debian calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 | Self::Pi3 => "arm64",
        }
    }

    /// As `boot/guest` calls the machine.
    fn machine(self) -> &'static str {
        match self {
            Self::Pi3 => "raspi3b",
            other => other.word(),
        }
    }
}

/// Kernel, boot program and roots for one architecture.
#[derive(Debug)]
pub struct Guest {
    /// Which.
    pub arch: Arch,
    folder: TempDir,
    kernel: String,
    /// Names of the first file systems that there are.
    made: Mutex<Vec<String>>,
}

/// The security counter of images, unless a case wants another one.
const COUNTER: u64 = 5;
/// The floor of the second payload, above what images have.
pub const SECOND_FLOOR: u64 = 6;
const SALT: [u8; 32] = [0x5a; 32];
/// The only key that guests trust.
const TRUSTED: u8 = 1;

impl Guest {
    /// Made by `boot/guest`; none, and the reason said, where the parts cannot be had.
    pub fn prepare(promise: &str, arch: Arch) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut script = script("guest");
        script.arg(arch.machine()).arg(folder.path());
        if !is_done(promise, &mut script) {
            return None;
        }
        let kernel = std::fs::read_to_string(folder.path().join("release")).expect("a release");
        Some(Self {
            arch,
            folder,
            kernel: kernel.trim().to_owned(),
            made: Mutex::new(Vec::new()),
        })
    }

    /// A file that the script left.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A signer of images for this guest.
    pub fn signer(&self) -> Signer {
        Signer {
            key: TRUSTED,
            change: |_| (),
            arch: self.arch.word(),
            kernel: self.kernel.clone(),
        }
    }

    /// A root's file system and its tree, and its manifest as `signer` signs it. `label` is `a`, `b`
    /// or `r`, with an installer also `0`, `1` or `2`.
    pub fn image(&self, label: char, signer: &Signer) -> (Vec<u8>, Vec<u8>) {
        let name = format!("squashfs-{label}");
        let mut system = std::fs::read(self.path(&name)).expect("a root");
        system.resize(system.len().next_multiple_of(BLOCK), 0);
        let blocks = u32::try_from(system.len() / BLOCK).expect("a small root");
        let geometry = Geometry::of_data(blocks).expect("a root of some blocks");
        let (tree, root) = tree_of(system.as_slice(), geometry, &SALT).expect("memory");
        system.extend_from_slice(&tree);
        let content_hash = Sha256::digest(&system).into();
        let mut manifest = Manifest {
            role: if label == 'r' {
                Role::Recovery
            } else {
                Role::Slot
            },
            product: "pmu".to_owned(),
            board: "pc".to_owned(),
            arch: signer.arch.to_owned(),
            version: format!("1.0-{label}"),
            kernel: signer.kernel.clone(),
            counter: COUNTER,
            close_door: false,
            geometry,
            salt: SALT,
            root,
            image_sha256: content_hash,
            payload_bytes: 0,
            payload_sha256: [0; 32],
            key: KeyId([0; 8]),
            built: 0,
            expires: 0,
        };
        (signer.change)(&mut manifest);
        let key = ImageKey::from_seed(&[signer.key; 32]);
        let block = key.sign_manifest(&manifest).expect("a manifest");
        (system, block)
    }

    /// Firmware with keys of its own, and payloads for it, of which the second demands the floor
    /// [`SECOND_FLOOR`]; false, and the reason said, where that
    /// cannot be had.
    pub fn add_secure_boot(&self, promise: &str) -> bool {
        let mut script = script("secure-boot");
        script.arg(self.folder.path());
        script
            .arg(self.initramfs(0, None))
            .arg(self.initramfs(SECOND_FLOOR, None));
        is_done(promise, &mut script)
    }

    /// Roots `0`, `1` and `2` with the real installer in them, by `boot/installer`.
    pub fn add_installer(&self) {
        std::fs::write(self.path("trust.keys"), keys()).expect("keys");
        std::fs::write(self.path("target"), self.target(0)).expect("a target");
        let mut script = script("installer");
        script.arg(self.folder.path());
        run("building the installer and its roots", &mut script);
    }

    /// The keys that it trusts, for a verdict from outside.
    pub fn trusted(&self) -> TrustedKeys {
        TrustedKeys::parse(&keys()).expect("keys")
    }

    fn target(&self, floor: u64) -> String {
        let arch = self.arch.word();
        format!("product pmu\nboard pc\narch {arch}\nfloor {floor}\nrecovery-floor 0\n")
    }

    /// The first file system of a machine whose payload demands this floor, and lacks this module.
    pub fn initramfs(&self, floor: u64, without: Option<&str>) -> PathBuf {
        // Machines share it, and none may read it while it is written.
        let mut made = self.made.lock().expect("a list");
        let name = format!("initramfs-{floor}-{}", without.unwrap_or("whole"));
        let archive = self.path(&format!("{name}.cpio"));
        if made.contains(&name) {
            return archive;
        }
        let tree = self.path(&name);
        for folder in ["dev", "proc", "sys", "run", "etc", "sbin", "bin"] {
            std::fs::create_dir_all(tree.join(folder)).expect("a folder");
        }
        std::fs::write(tree.join("etc/trust.keys"), keys()).expect("keys");
        std::fs::write(tree.join("etc/target"), self.target(floor)).expect("a target");
        let mut pack = Command::new("sh");
        pack.current_dir(&tree).args([
            "-ec",
            "cp ../init init; cp -r ../modules .; \
             if [ -n \"$1\" ]; then rm modules/[0-9]*-\"$1\".ko; fi; \
             for name in sbin etc bin; do ln -s ../init $name/init; done; \
             find . | sort | cpio --quiet -o -H newc >\"$0\"",
        ]);
        pack.arg(&archive).arg(without.unwrap_or_default());
        run("packing the initramfs", &mut pack);
        made.push(name);
        archive
    }
}

/// The file of trusted keys.
fn keys() -> String {
    let key = ImageKey::from_seed(&[TRUSTED; 32]);
    let key = to_hex(key.public().expect("a key").bytes());
    format!("current {key}\n")
}

fn script(name: &str) -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("boot");
    Command::new(folder.join(name))
}

/// Who signs an image, and what he says of it.
#[derive(Debug, Clone)]
pub struct Signer {
    /// Which key; guests trust number 1.
    pub key: u8,
    /// What is said other than the truth.
    pub change: fn(&mut Manifest),
    arch: &'static str,
    kernel: String,
}

impl Signer {
    /// The same with another key.
    pub fn with_key(self, key: u8) -> Self {
        Self { key, ..self }
    }

    /// The same, saying something else.
    pub fn saying(self, change: fn(&mut Manifest)) -> Self {
        Self { change, ..self }
    }
}
