//! One image: manifest, every block through dm-verity, the unused bytes behind it, the mount.

use crate::console::Console;
use crate::disks::Partition;
use crate::kernel;
use crate::mapper::{OnDamage, Verity};
use crate::root;
use bootloader_verify::{
    Accepted, Expected, Manifest, Refusal, TrustedKeys, check_gap, judge,
    limits::{BLOCK, BLOCK_U64},
};
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Octets that are read at once.
const READ: usize = 1024 * 1024;
/// Under these names the image is mapped: to be read from end to end, and to be run.
const CHECKED: &str = "pmu-check";
const RUN: &str = "pmu-root";

/// The manifest of a partition, by the same verdict as before an installation.
pub(crate) fn manifest_of(
    partition: &Partition,
    keys: &TrustedKeys,
    expected: &Expected,
) -> Result<Accepted, Refusal> {
    let file = File::open(&partition.device).map_err(|_| Refusal::Device)?;
    let at = partition.bytes.checked_sub(BLOCK_U64);
    let at = at.ok_or(Refusal::Geometry)?;
    let mut block = vec![0; BLOCK];
    file.read_exact_at(&mut block, at)
        .map_err(|_| Refusal::Device)?;
    let accepted = judge(&block, keys, expected)?;
    accepted.fits_place(partition.bytes)?;
    accepted.fits_kernel(&kernel::release())?;
    Ok(accepted)
}

/// Reads all of an accepted image, and mounts it at [`root::PLACE`].
pub(crate) fn check_and_mount(
    partition: &Partition,
    accepted: &Accepted,
    console: &Console,
) -> Result<(), Refusal> {
    let manifest = accepted.manifest();
    read_all(partition, manifest, console)?;
    let file = File::open(&partition.device).map_err(|_| Refusal::Device)?;
    check_gap(&file, accepted.gap(partition.bytes))?;
    let mapped = map(RUN, partition, manifest, OnDamage::Panic, console)?;
    root::mount_image(&mapped.device).map_err(|error| {
        let error = crate::word(&error);
        console.say(format_args!("step=mount error={error}"));
        drop(mapped.unmap());
        Refusal::Mount
    })
}

/// Reads the image through a mapping whose reads fail where a block does not fit.
fn read_all(partition: &Partition, manifest: &Manifest, console: &Console) -> Result<(), Refusal> {
    let mapped = map(CHECKED, partition, manifest, OnDamage::Fail, console)?;
    let read = File::open(&mapped.device).map_err(|_| Refusal::Device);
    let verdict = read.and_then(|image| {
        let bytes = u64::from(manifest.geometry.data_blocks()) * BLOCK_U64;
        let mut buffer = vec![0; READ];
        let mut at = 0;
        while at < bytes {
            let length = usize::try_from(bytes - at).map_or(READ, |left| left.min(READ));
            let part = buffer.get_mut(..length).ok_or(Refusal::Device)?;
            image
                .read_exact_at(part, at)
                .map_err(|_| Refusal::Content)?;
            at += u64::try_from(length).map_err(|_| Refusal::Device)?;
        }
        Ok(())
    });
    let unmapped = mapped.unmap().map_err(|_| Refusal::Mount);
    verdict.and(unmapped)
}

fn map(
    name: &'static str,
    partition: &Partition,
    manifest: &Manifest,
    on_damage: OnDamage,
    console: &Console,
) -> Result<Verity, Refusal> {
    Verity::map(name, &partition.device, manifest, on_damage).map_err(|error| {
        let error = crate::word(&error);
        console.say(format_args!("step=map error={error}"));
        Refusal::Mount
    })
}
