//! The verdict over a manifest: one function for boot and for installation.

use crate::keys::{SignatureFault, TrustedKeys};
use crate::limits::BLOCK_U64;
use crate::manifest::{Manifest, ManifestFault, Role, Sealed};
use std::fmt;

/// What an image must be to run here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Slot or recovery.
    pub role: Role,
    /// Whose product.
    pub product: String,
    /// Which board.
    pub board: String,
    /// Which processor.
    pub arch: String,
    /// The lowest security counter that is taken.
    pub floor: u64,
}

/// Why something may not boot, or not be installed. State and place choose among images; none of
/// them makes one good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No image is there.
    Empty,
    /// The manifest is damaged, or none.
    Form,
    /// The manifest is not what its key signed.
    Signature,
    /// It names a key that is not trusted.
    Key,
    /// An image for recovery in a slot, or the other way round.
    Role,
    /// Of another product.
    Product,
    /// For another board.
    Board,
    /// For another processor.
    Arch,
    /// Its security counter is below the floor.
    Floor,
    /// It expects another kernel than the one that runs.
    Kernel,
    /// It does not fit into its place.
    Geometry,
    /// Bytes behind the tree are not zero.
    Gap,
    /// The file system or its tree is not what was signed.
    Content,
    /// The kernel could not map or mount it.
    Mount,
    /// Its place cannot be read.
    Device,
    /// It is past its date for installation.
    Expired,
}

const WORDS: [(Refusal, &str); 16] = [
    (Refusal::Empty, "empty"),
    (Refusal::Form, "manifest-form"),
    (Refusal::Signature, "signature"),
    (Refusal::Key, "key"),
    (Refusal::Role, "role"),
    (Refusal::Product, "product"),
    (Refusal::Board, "board"),
    (Refusal::Arch, "arch"),
    (Refusal::Floor, "floor"),
    (Refusal::Kernel, "kernel"),
    (Refusal::Geometry, "geometry"),
    (Refusal::Gap, "gap"),
    (Refusal::Content, "verity"),
    (Refusal::Mount, "mount"),
    (Refusal::Device, "device"),
    (Refusal::Expired, "expired"),
];

impl Refusal {
    /// The word on the console and in tables.
    pub fn word(self) -> &'static str {
        let found = WORDS.iter().find(|(refusal, _)| *refusal == self);
        found.map_or("unknown", |(_, word)| word)
    }

    /// The refusal that a word means.
    pub fn of_word(word: &str) -> Option<Self> {
        let found = WORDS.iter().find(|(_, known)| *known == word);
        found.map(|(refusal, _)| *refusal)
    }

    /// The number in the state block; 0 means none.
    pub(crate) fn code(self) -> u8 {
        let place = WORDS.iter().position(|(refusal, _)| *refusal == self);
        place
            .and_then(|place| u8::try_from(place + 1).ok())
            .unwrap_or(0)
    }

    pub(crate) fn of_code(code: u8) -> Option<Self> {
        let place = usize::from(code).checked_sub(1)?;
        WORDS.get(place).map(|(refusal, _)| *refusal)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl std::error::Error for Refusal {}

/// A manifest that a trusted key signed for a box like this one. Only [`judge`] makes one; the bytes
/// that it describes are still to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    manifest: Manifest,
}

impl Accepted {
    /// What is proven to be said.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whether it may still be installed; `now` in seconds since 1970. Boot never asks.
    pub fn is_installable(&self, now: u64) -> Result<(), Refusal> {
        let expires = self.manifest.expires;
        if expires == 0 || now <= expires {
            Ok(())
        } else {
            Err(Refusal::Expired)
        }
    }

    /// Whether its modules fit the kernel that runs.
    pub fn fits_kernel(&self, release: &str) -> Result<(), Refusal> {
        if self.manifest.kernel == release {
            Ok(())
        } else {
            Err(Refusal::Kernel)
        }
    }

    /// Whether it fits into a slot of so many bytes, its manifest behind it.
    pub fn fits_place(&self, bytes: u64) -> Result<(), Refusal> {
        let needed = self.manifest.geometry.bytes() + BLOCK_U64;
        if bytes.is_multiple_of(BLOCK_U64) && needed <= bytes {
            Ok(())
        } else {
            Err(Refusal::Geometry)
        }
    }

    /// Where the unused bytes between tree and manifest lie in a slot of so many bytes.
    pub fn gap(&self, bytes: u64) -> std::ops::Range<u64> {
        self.manifest.geometry.bytes()..bytes.saturating_sub(BLOCK_U64)
    }
}

/// The verdict over a block of 4096 bytes that should be a manifest. Signature first: nothing else is
/// believed before.
pub fn judge(block: &[u8], keys: &TrustedKeys, expected: &Expected) -> Result<Accepted, Refusal> {
    let sealed = Sealed::parse(block).map_err(|fault| match fault {
        ManifestFault::Empty => Refusal::Empty,
        ManifestFault::Length { .. } | ManifestFault::Form { .. } => Refusal::Form,
    })?;
    keys.check(&sealed).map_err(|fault| match fault {
        SignatureFault::Key => Refusal::Key,
        SignatureFault::Signature => Refusal::Signature,
    })?;
    let manifest = sealed.manifest;
    let demands = [
        (manifest.role == expected.role, Refusal::Role),
        (manifest.product == expected.product, Refusal::Product),
        (manifest.board == expected.board, Refusal::Board),
        (manifest.arch == expected.arch, Refusal::Arch),
        (manifest.counter >= expected.floor, Refusal::Floor),
    ];
    match demands.into_iter().find(|(holds, _)| !holds) {
        Some((_, refusal)) => Err(refusal),
        None => Ok(Accepted { manifest }),
    }
}

#[cfg(test)]
mod tests;
