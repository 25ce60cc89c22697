//! Every block of an image against the hash tree that the manifest's root stands for, as dm-verity
//! does it (hash format 1: the salt goes first).

use crate::limits::{BLOCK, BLOCK_U64, HASHES_PER_BLOCK, READ_BLOCKS, THREADS_MAX};
use crate::manifest::{Geometry, Manifest};
use crate::verdict::Refusal;
use sha2::{Digest, Sha256};
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Bytes of a gap that are read at once.
const GAP_BYTES: usize = 32 * BLOCK;

/// Bytes that can be read at any place, by several threads at once.
pub trait ReadAt: Sync {
    /// Fills the buffer from `offset` on, or fails.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

impl ReadAt for std::fs::File {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, buffer, offset)
    }
}

impl ReadAt for [u8] {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let found = self.get(from..).and_then(|rest| rest.get(..buffer.len()));
        let found = found.ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(found);
        Ok(())
    }
}

/// Reads every block of file system and tree, `base` bytes into `source`, with so many threads.
pub fn check_content(
    source: &(impl ReadAt + ?Sized),
    base: u64,
    manifest: &Manifest,
    threads: usize,
) -> Result<(), Refusal> {
    let geometry = manifest.geometry;
    let tree = read_tree(source, base, geometry)?;
    check_upper_levels(&tree, manifest)?;
    let leaves = leaves_of(&tree, geometry);
    let (next, failed) = (AtomicU32::new(0), AtomicBool::new(false));
    let check = Check {
        source,
        base,
        salt: &manifest.salt,
        leaves,
        blocks: geometry.data_blocks(),
    };
    let work = || -> Result<(), Refusal> {
        let mut buffer = vec![0; BLOCK * usize::try_from(READ_BLOCKS).unwrap_or(1)];
        while !failed.load(Ordering::Relaxed) {
            let first = next.fetch_add(READ_BLOCKS, Ordering::Relaxed);
            if first >= geometry.data_blocks() {
                break;
            }
            check.range(first, &mut buffer).inspect_err(|_| {
                failed.store(true, Ordering::Relaxed);
            })?;
        }
        Ok(())
    };
    let others = threads.clamp(1, THREADS_MAX) - 1;
    std::thread::scope(|scope| {
        let helpers: Vec<_> = (0..others).map(|_| scope.spawn(work)).collect();
        let mut verdict = work();
        for helper in helpers {
            verdict = verdict.and(helper.join().unwrap_or(Err(Refusal::Content)));
        }
        verdict
    })
}

/// Reads bytes that must all be zero.
pub fn check_gap(source: &(impl ReadAt + ?Sized), gap: Range<u64>) -> Result<(), Refusal> {
    // Compared whole: byte by byte it takes as long as hashing.
    let zeros = vec![0; GAP_BYTES];
    let mut buffer = vec![0; GAP_BYTES];
    let mut at = gap.start;
    while at < gap.end {
        let length = usize::try_from(gap.end - at).map_or(GAP_BYTES, |left| left.min(GAP_BYTES));
        let part = buffer.get_mut(..length).ok_or(Refusal::Gap)?;
        source.read_at(at, part).map_err(|_| Refusal::Device)?;
        if zeros.get(..length) != Some(&*part) {
            return Err(Refusal::Gap);
        }
        at += u64::try_from(length).unwrap_or(BLOCK_U64);
    }
    Ok(())
}

/// The tree over a file system's blocks, root block first, and the root's hash.
pub fn tree_of(
    source: &(impl ReadAt + ?Sized),
    geometry: Geometry,
    salt: &[u8; 32],
) -> io::Result<(Vec<u8>, [u8; 32])> {
    let mut block = vec![0; BLOCK];
    let mut hashes = Vec::new();
    for number in 0..geometry.data_blocks() {
        source.read_at(u64::from(number) * BLOCK_U64, &mut block)?;
        hashes.extend_from_slice(&hash(salt, &block));
    }
    let mut levels = Vec::new();
    loop {
        hashes.resize(hashes.len().next_multiple_of(BLOCK), 0);
        let above: Vec<u8> = hashes
            .chunks(BLOCK)
            .flat_map(|block| hash(salt, block))
            .collect();
        levels.push(std::mem::replace(&mut hashes, above));
        if hashes.len() == 32 {
            break;
        }
    }
    levels.reverse();
    let root = hashes.try_into().unwrap_or([0; 32]);
    Ok((levels.concat(), root))
}

fn hash(salt: &[u8; 32], block: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(salt)
        .chain_update(block)
        .finalize()
        .into()
}

fn read_tree(
    source: &(impl ReadAt + ?Sized),
    base: u64,
    geometry: Geometry,
) -> Result<Vec<u8>, Refusal> {
    let blocks = usize::try_from(geometry.tree_blocks()).map_err(|_| Refusal::Geometry)?;
    let mut tree = vec![0; blocks * BLOCK];
    let at = base + u64::from(geometry.data_blocks()) * BLOCK_U64;
    source.read_at(at, &mut tree).map_err(|_| Refusal::Device)?;
    Ok(tree)
}

/// The lowest level, which lies last.
fn leaves_of(tree: &[u8], geometry: Geometry) -> &[u8] {
    let lowest = geometry.levels().first().copied().unwrap_or(0);
    let bytes = usize::try_from(lowest).unwrap_or(0) * BLOCK;
    tree.split_at_checked(tree.len().saturating_sub(bytes))
        .map_or(&[], |(_, leaves)| leaves)
}

/// Each block of the tree against the hash in the level above it, the root block against the root;
/// what no hash fills must be zero.
fn check_upper_levels(tree: &[u8], manifest: &Manifest) -> Result<(), Refusal> {
    let mut above = manifest.root.to_vec();
    let mut rest = tree;
    for blocks in manifest.geometry.levels().iter().rev() {
        let bytes = usize::try_from(*blocks).unwrap_or(usize::MAX) * BLOCK;
        let (level, below) = rest.split_at_checked(bytes).ok_or(Refusal::Content)?;
        let hashes: Vec<u8> = level
            .chunks(BLOCK)
            .flat_map(|block| hash(&manifest.salt, block))
            .collect();
        let (used, unused) = above
            .split_at_checked(hashes.len())
            .ok_or(Refusal::Content)?;
        if used != hashes || unused.iter().any(|byte| *byte != 0) {
            return Err(Refusal::Content);
        }
        above = level.to_vec();
        rest = below;
    }
    let count = usize::try_from(manifest.geometry.data_blocks()).unwrap_or(usize::MAX);
    let unused = above.get(count.saturating_mul(32)..).unwrap_or(&[]);
    if rest.is_empty() && unused.iter().all(|byte| *byte == 0) {
        Ok(())
    } else {
        Err(Refusal::Content)
    }
}

struct Check<'a, S: ?Sized> {
    source: &'a S,
    base: u64,
    salt: &'a [u8; 32],
    leaves: &'a [u8],
    blocks: u32,
}

impl<S: ReadAt + ?Sized> Check<'_, S> {
    /// The blocks from `first` on, as many as are read at once.
    fn range(&self, first: u32, buffer: &mut [u8]) -> Result<(), Refusal> {
        let count = READ_BLOCKS.min(self.blocks - first);
        let bytes = usize::try_from(count).unwrap_or(0) * BLOCK;
        let part = buffer.get_mut(..bytes).ok_or(Refusal::Device)?;
        let at = self.base + u64::from(first) * BLOCK_U64;
        self.source.read_at(at, part).map_err(|_| Refusal::Device)?;
        let from = usize::try_from(first)
            .unwrap_or(usize::MAX)
            .saturating_mul(32);
        let leaves = self.leaves.get(from..).unwrap_or(&[]);
        let mut hashes = leaves.chunks_exact(32);
        for block in part.chunks_exact(BLOCK) {
            let expected = hashes.next().ok_or(Refusal::Content)?;
            if hash(self.salt, block) != expected {
                return Err(Refusal::Content);
            }
        }
        Ok(())
    }
}

// The tree's blocks hold whole hashes.
const _: () = assert!(HASHES_PER_BLOCK == 128 && BLOCK == 128 * 32);

#[cfg(test)]
mod tests;
