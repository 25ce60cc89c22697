//! The manifest: what an image is, in one block of 4096 bytes that exists in one form only.

mod fields;

use crate::limits::{BLOCK, BLOCK_U64, DATA_BLOCKS_MAX, HASHES_PER_BLOCK, PAYLOAD_BYTES_MAX};
use fields::{Reader, Writer};
use std::fmt;

const MAGIC: &[u8; 8] = b"PMUIMG\0\x01";
/// Bytes of an Ed25519 signature.
pub const SIGNATURE_BYTES: usize = 64;

/// What an image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The gateway, in slot A or B.
    Slot,
    /// The read-only system that mends the others.
    Recovery,
}

/// The first bytes of a public key's SHA-256: tells keys apart, trusts nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyId(pub [u8; 8]);

/// Everything that a manifest says. Saying is not proving: see [`crate::judge`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// What the image is for.
    pub role: Role,
    /// Whose product it is.
    pub product: String,
    /// The board it runs on, such as `pc` or `rpi4`.
    pub board: String,
    /// `amd64` or `arm64`.
    pub arch: String,
    /// The version that people read. Orders nothing.
    pub version: String,
    /// Release of the kernel whose modules the image holds.
    pub kernel: String,
    /// Rises when a hole is closed; an image below the floor is refused.
    pub counter: u64,
    /// Raises the floor to `counter` when the image is committed, even if the other slot is below.
    pub close_door: bool,
    /// Where the file system and its tree lie.
    pub geometry: Geometry,
    /// Precedes each block that is hashed.
    pub salt: [u8; 32],
    /// The tree's root.
    pub root: [u8; 32],
    /// SHA-256 of file system and tree, as they are sent.
    pub image_sha256: [u8; 32],
    /// Bytes of the boot payload that belongs to the image.
    pub payload_bytes: u64,
    /// SHA-256 of that payload.
    pub payload_sha256: [u8; 32],
    /// The key that signed.
    pub key: KeyId,
    /// When it was built, seconds since 1970.
    pub built: u64,
    /// Not to be installed after this, seconds since 1970; 0: for ever. Boot does not ask: a box may
    /// have no clock.
    pub expires: u64,
}

/// File system and hash tree in blocks of 4096 bytes, one behind the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    data_blocks: u32,
}

/// A block that is no manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ManifestFault {
    /// Nothing is written there.
    #[error("there is no manifest: the slot is empty")]
    Empty,
    /// Another length than one block.
    #[error("a manifest has {BLOCK} bytes, not {found}")]
    Length {
        /// Bytes found.
        found: usize,
    },
    /// Something else, or damaged.
    #[error("this is no manifest of a form that is known: {what} does not fit")]
    Form {
        /// The field.
        what: &'static str,
    },
}

/// A manifest as it stands in its block: exact bytes and signature, both unproven.
#[derive(Debug, Clone)]
pub struct Sealed {
    pub(crate) manifest: Manifest,
    pub(crate) body: Vec<u8>,
    pub(crate) signature: [u8; SIGNATURE_BYTES],
}

impl Geometry {
    /// A file system of so many blocks; none if too few for a tree, or too many.
    pub fn of_data(data_blocks: u32) -> Option<Self> {
        (2..=DATA_BLOCKS_MAX)
            .contains(&data_blocks)
            .then_some(Self { data_blocks })
    }

    /// Blocks of the file system.
    pub fn data_blocks(self) -> u32 {
        self.data_blocks
    }

    /// Blocks of each level of the tree, the one above the data first.
    pub fn levels(self) -> Vec<u32> {
        let mut levels = Vec::new();
        let mut blocks = self.data_blocks;
        while blocks > 1 {
            blocks = blocks.div_ceil(HASHES_PER_BLOCK);
            levels.push(blocks);
        }
        levels
    }

    /// Blocks of the tree.
    pub fn tree_blocks(self) -> u32 {
        self.levels().iter().sum()
    }

    /// Bytes of file system and tree.
    pub fn bytes(self) -> u64 {
        (u64::from(self.data_blocks) + u64::from(self.tree_blocks())) * BLOCK_U64
    }
}

impl Role {
    /// The word in tables and arguments.
    pub fn word(self) -> &'static str {
        match self {
            Self::Slot => "slot",
            Self::Recovery => "recovery",
        }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Manifest {
    /// The bytes that are signed; none if a name is too long, empty or not printable ASCII.
    pub fn body(&self) -> Option<Vec<u8>> {
        let mut out = Writer::new(MAGIC);
        out.u8(match self.role {
            Role::Slot => 1,
            Role::Recovery => 2,
        });
        for name in [
            &self.product,
            &self.board,
            &self.arch,
            &self.version,
            &self.kernel,
        ] {
            out.name(name)?;
        }
        out.u64(self.counter);
        out.u8(u8::from(self.close_door));
        out.u32(self.geometry.data_blocks());
        out.u32(self.geometry.tree_blocks());
        out.bytes(&self.salt);
        out.bytes(&self.root);
        out.bytes(&self.image_sha256);
        out.u64(self.payload_bytes);
        out.bytes(&self.payload_sha256);
        out.bytes(&self.key.0);
        out.u64(self.built);
        out.u64(self.expires);
        out.finish()
    }

    fn read(body: &[u8]) -> Result<Self, &'static str> {
        let mut input = Reader::new(body);
        input.skip(MAGIC.len() + 2)?;
        let role = match input.u8("role")? {
            1 => Role::Slot,
            2 => Role::Recovery,
            _ => return Err("role"),
        };
        let product = input.name("product")?;
        let board = input.name("board")?;
        let arch = input.name("arch")?;
        let version = input.name("version")?;
        let kernel = input.name("kernel")?;
        let counter = input.u64("counter")?;
        let close_door = match input.u8("close-door")? {
            0 => false,
            1 => true,
            _ => return Err("close-door"),
        };
        let geometry = Geometry::of_data(input.u32("data-blocks")?).ok_or("data-blocks")?;
        if input.u32("tree-blocks")? != geometry.tree_blocks() {
            return Err("tree-blocks");
        }
        let manifest = Self {
            role,
            product,
            board,
            arch,
            version,
            kernel,
            counter,
            close_door,
            geometry,
            salt: input.array("salt")?,
            root: input.array("root")?,
            image_sha256: input.array("image-sha256")?,
            payload_bytes: input.u64("payload-bytes")?,
            payload_sha256: input.array("payload-sha256")?,
            key: KeyId(input.array("key")?),
            built: input.u64("built")?,
            expires: input.u64("expires")?,
        };
        if !input.is_empty() {
            return Err("length");
        }
        if manifest.payload_bytes > PAYLOAD_BYTES_MAX {
            return Err("payload-bytes");
        }
        Ok(manifest)
    }
}

impl Sealed {
    /// Takes a block apart. Whatever is not the one form of a manifest is refused.
    pub fn parse(block: &[u8]) -> Result<Self, ManifestFault> {
        if block.len() != BLOCK {
            return Err(ManifestFault::Length { found: block.len() });
        }
        // Erased flash reads as ones.
        if block.iter().all(|byte| *byte == 0) || block.iter().all(|byte| *byte == 0xff) {
            return Err(ManifestFault::Empty);
        }
        let form = |what| ManifestFault::Form { what };
        let Some((magic, &[low, high, ..])) = block.split_first_chunk::<8>() else {
            return Err(form("magic"));
        };
        if magic != MAGIC {
            return Err(form("magic"));
        }
        let length = usize::from(u16::from_le_bytes([low, high]));
        let (body, rest) = block.split_at_checked(length).ok_or(form("length"))?;
        let (signature, padding) = rest
            .split_first_chunk::<SIGNATURE_BYTES>()
            .ok_or(form("length"))?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(form("padding"));
        }
        let manifest = Manifest::read(body).map_err(form)?;
        // One form only: what is read must be written the same way.
        if manifest.body().as_deref() != Some(body) {
            return Err(form("form"));
        }
        Ok(Self {
            manifest,
            body: body.to_vec(),
            signature: *signature,
        })
    }

    /// What the manifest claims; nothing of it is proven.
    pub fn claims(&self) -> &Manifest {
        &self.manifest
    }
}

/// The block of a signed manifest.
#[cfg(any(test, feature = "people"))]
pub(crate) fn block_of(body: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> Vec<u8> {
    let mut block = body.to_vec();
    block.extend_from_slice(signature);
    block.resize(BLOCK, 0);
    block
}

#[cfg(test)]
mod tests;
