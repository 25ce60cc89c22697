//! A squashfs and a boot payload become one signed file.

use crate::Outcome;
use crate::arguments::Sign;
use crate::check::examine;
use crate::fault::Fault;
use crate::hashes::sha256_of;
use crate::keys::{public_of, read_private};
use crate::opened::{Form, Opened};
use crate::output::Output;
use crate::words::hex;
use bootloader_verify::limits::{BLOCK_U64, PAYLOAD_BYTES_MAX};
use bootloader_verify::{Geometry, ImageKey, KeyId, Manifest, ReadAt, TrustedKeys, tree_of};
use rustix::time::{ClockId, clock_gettime};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io;
use std::path::Path;

pub(crate) fn sign(order: &Sign) -> Result<Outcome, Fault> {
    let key = read_private(&order.key)?;
    let system = Padded::open(&order.squashfs)?;
    let payload = Padded::open(&order.payload)?;
    if !(1..=PAYLOAD_BYTES_MAX).contains(&payload.length) {
        let problem = format!(
            "a boot payload has 1 to {PAYLOAD_BYTES_MAX} bytes, not {}",
            payload.length
        );
        return Err(Fault::unusable(&order.payload, problem));
    }
    let geometry = system.geometry(&order.squashfs)?;
    let (tree, root) =
        tree_of(&system, geometry, &order.salt).map_err(Fault::unreadable(&order.squashfs))?;
    let padded = u64::from(geometry.data_blocks()) * BLOCK_U64;
    let manifest = Manifest {
        role: order.role.into(),
        product: order.product.clone(),
        board: order.board.clone(),
        arch: order.arch.clone(),
        version: order.version.clone(),
        kernel: order.kernel.clone(),
        counter: order.counter,
        close_door: order.close_door,
        geometry,
        salt: order.salt,
        root,
        image_sha256: image_hash(&system, order, padded, &tree)?,
        payload_bytes: payload.length,
        payload_sha256: sha256_of(&payload, &order.payload, 0, payload.length)?,
        // Signing names the key.
        key: KeyId([0; 8]),
        built: order.built.unwrap_or_else(now),
        expires: order.expires,
    };
    let block = key
        .sign_manifest(&manifest)
        .map_err(|fault| Fault::unusable(&order.key, fault))?;
    let mut output = Output::create(&order.out)?;
    output.write(&block)?;
    output.copy(&system, &order.squashfs, 0, padded)?;
    output.write(&tree)?;
    output.copy(&payload, &order.payload, 0, payload.length)?;
    prove(&output, order, &key)?;
    output.keep()?;
    Ok(Outcome::good(format!(
        "{}: {} {}, counter {}, {} blocks, root {}\n",
        order.out.display(),
        manifest.role.word(),
        manifest.version,
        manifest.counter,
        geometry.data_blocks(),
        hex(&root),
    )))
}

/// Reads everything again: a source that changed meanwhile must not become an image.
fn prove(output: &Output, order: &Sign, key: &ImageKey) -> Result<(), Fault> {
    let file = output.file().try_clone();
    let file = file.map_err(Fault::unreadable(&order.out))?;
    let opened = Opened::of(file, &order.out, Form::Image)?;
    let keys = TrustedKeys::new(public_of(key, &order.key)?, None, None);
    let demand = crate::check::Demand {
        product: &order.product,
        ..Default::default()
    };
    let threads = crate::check::cores();
    examine(&opened, &keys, &demand, threads)?
        .map(drop)
        .map_err(|finding| {
            let problem =
                format!("what was written is not what was read ({finding}); sign it again");
            Fault::unusable(&order.out, problem)
        })
}

fn image_hash(system: &Padded, order: &Sign, bytes: u64, tree: &[u8]) -> Result<[u8; 32], Fault> {
    let mut hash = Sha256::new();
    let take = |part: &[u8]| {
        hash.update(part);
        Ok(())
    };
    crate::output::for_each_part(system, 0, bytes, take, &order.squashfs)?;
    Ok(hash.chain_update(tree).finalize().into())
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    u64::try_from(clock_gettime(ClockId::Realtime).tv_sec).unwrap_or(0)
}

/// A file with zeros behind its end.
struct Padded {
    file: File,
    length: u64,
}

impl Padded {
    fn open(path: &Path) -> Result<Self, Fault> {
        let file = File::open(path).map_err(Fault::unreadable(path))?;
        let entry = file.metadata().map_err(Fault::unreadable(path))?;
        if !entry.is_file() {
            return Err(Fault::unusable(path, "this is no file"));
        }
        Ok(Self {
            file,
            length: entry.len(),
        })
    }

    fn geometry(&self, path: &Path) -> Result<Geometry, Fault> {
        let blocks = u32::try_from(self.length.div_ceil(BLOCK_U64)).ok();
        blocks.and_then(Geometry::of_data).ok_or_else(|| {
            let problem = format!(
                "{} bytes are too few or too many for a root file system",
                self.length
            );
            Fault::unusable(path, problem)
        })
    }
}

impl ReadAt for Padded {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let there = self.length.saturating_sub(offset);
        let there = usize::try_from(there).unwrap_or(usize::MAX);
        let (content, padding) = buffer.split_at_mut(there.min(buffer.len()));
        self.file.read_at(offset, content)?;
        padding.fill(0);
        Ok(())
    }
}
