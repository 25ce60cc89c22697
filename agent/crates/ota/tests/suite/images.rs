//! Small signed images, and a place to install them to.

use bootloader_verify::limits::BLOCK;
use bootloader_verify::{
    Expected, Geometry, ImageKey, KeyId, Manifest, PublicKey, Role, Slot, TrustedKeys, tree_of,
};
use ota::{Order, Place, Running};
use sha2::{Digest, Sha256};

/// What distinguishes images.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    pub(crate) blocks: u32,
    pub(crate) payload: usize,
    pub(crate) counter: u64,
    pub(crate) close_door: bool,
    pub(crate) built: u64,
    pub(crate) expires: u64,
    pub(crate) arch: &'static str,
    pub(crate) role: Role,
    /// Seed of the key that signs.
    pub(crate) key: u8,
    /// Seed of the content.
    pub(crate) seed: u8,
}

/// An image file and its parts.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub(crate) file: Vec<u8>,
    pub(crate) manifest: Vec<u8>,
    pub(crate) content: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            blocks: 20,
            payload: 9000,
            counter: 5,
            close_door: false,
            built: 1_000,
            expires: 0,
            arch: "amd64",
            role: Role::Slot,
            key: 1,
            seed: 1,
        }
    }
}

impl Recipe {
    pub(crate) fn make(&self) -> Image {
        let geometry = Geometry::of_data(self.blocks).unwrap();
        let salt = [self.seed; 32];
        let length = usize::try_from(self.blocks).unwrap() * BLOCK;
        let data = noise(length, self.seed);
        let (tree, root) = tree_of(&data[..], geometry, &salt).unwrap();
        let content = [data, tree].concat();
        let mut payload = noise(self.payload, self.seed ^ 0x55);
        if let Some(end) = payload.get_mut(510..512) {
            end.copy_from_slice(&[0x55, 0xaa]);
        }
        let manifest = Manifest {
            role: self.role,
            product: "pmu".to_owned(),
            board: "pc".to_owned(),
            arch: self.arch.to_owned(),
            version: format!("1.0.{}", self.seed),
            kernel: "6.1.0".to_owned(),
            counter: self.counter,
            close_door: self.close_door,
            geometry,
            salt,
            root,
            image_sha256: Sha256::digest(&content).into(),
            payload_bytes: u64::try_from(payload.len()).unwrap(),
            payload_sha256: Sha256::digest(&payload).into(),
            key: KeyId([0; 8]),
            built: self.built,
            expires: self.expires,
        };
        let manifest = key(self.key).sign_manifest(&manifest).unwrap();
        Image {
            file: [&manifest[..], &content, &payload].concat(),
            manifest,
            content,
            payload,
        }
    }
}

impl Image {
    pub(crate) fn order(&self) -> Order {
        Order {
            sha256: Sha256::digest(&self.file).into(),
            bytes: u64::try_from(self.file.len()).unwrap(),
        }
    }
}

pub(crate) fn key(seed: u8) -> ImageKey {
    ImageKey::from_seed(&[seed; 32])
}

pub(crate) fn public(seed: u8) -> PublicKey {
    key(seed).public().unwrap()
}

/// A box that trusts keys 1 and 2, and root key 9.
pub(crate) fn place(running: Running) -> Place {
    Place {
        keys: TrustedKeys::new(public(1), Some(public(2)), Some(public(9))),
        expected: Expected {
            role: Role::Slot,
            product: "pmu".to_owned(),
            board: "pc".to_owned(),
            arch: "amd64".to_owned(),
            floor: 3,
        },
        running,
    }
}

pub(crate) fn in_slot(slot: Slot) -> Place {
    place(Running::Slot(slot))
}

/// Bytes that repeat nowhere within a block.
pub(crate) fn noise(length: usize, seed: u8) -> Vec<u8> {
    let mut state = u64::from(seed) + 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
