//! An image as it stands in a slot's partition.

use crate::Outcome;
use crate::arguments::Place;
use crate::check::{cores, sending_hashes};
use crate::fault::Fault;
use crate::opened::{Form, Opened};
use crate::output::Output;
use bootloader_verify::limits::BLOCK_U64;
use bootloader_verify::{Manifest, Sealed, check_content};
use std::io::{Seek, SeekFrom};

pub(crate) fn place(order: &Place) -> Result<Outcome, Fault> {
    let opened = Opened::open(&order.image, Form::Image)?;
    let sealed =
        Sealed::parse(&opened.block).map_err(|fault| Fault::unusable(&order.image, fault))?;
    let manifest = sealed.claims();
    check_hashes(&opened, manifest)?;
    let content = manifest.geometry.bytes();
    if !order.size.is_multiple_of(BLOCK_U64) || order.size < content + BLOCK_U64 {
        return Err(Fault::Usage(format!(
            "--size {}: the image needs at least {} bytes, and a multiple of {BLOCK_U64}",
            order.size,
            content + BLOCK_U64
        )));
    }
    let mut output = Output::create(&order.out)?;
    output.copy(&opened.file, &order.image, opened.base(), content)?;
    // What lies between stays a hole: zeros that take no room.
    let seek = output.file().seek(SeekFrom::Start(order.size - BLOCK_U64));
    seek.map_err(Fault::unwritable(&order.out))?;
    output.write(&opened.block)?;
    if let Some(path) = &order.payload_out {
        let mut payload = Output::create(path)?;
        let at = opened.payload_at(manifest);
        payload.copy(&opened.file, &order.image, at, manifest.payload_bytes)?;
        payload.keep()?;
    }
    output.keep()?;
    Ok(Outcome::good(format!(
        "{}: {} {}, counter {}, {} of {} bytes used; its signature was not looked at\n",
        order.out.display(),
        manifest.role.word(),
        manifest.version,
        manifest.counter,
        content + BLOCK_U64,
        order.size,
    )))
}

/// A damaged file must not become a slot, whoever signed it.
fn check_hashes(opened: &Opened, manifest: &Manifest) -> Result<(), Fault> {
    let damaged = |words: &str| Fault::unusable(&opened.path, words);
    if !opened.has_length_of(manifest) {
        return Err(damaged(crate::words::Finding::Length.words()));
    }
    check_content(&opened.file, opened.base(), manifest, cores())
        .map_err(|refusal| damaged(crate::words::Finding::from(refusal).words()))?;
    sending_hashes(opened, manifest)?.map_err(|finding| damaged(finding.words()))
}
