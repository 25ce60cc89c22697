//! Whether an image or a slot would be taken: the boot program's own verdict, and what an
//! installation looks at besides.

use crate::Outcome;
use crate::arguments::{Check, RoleWord};
use crate::fault::Fault;
use crate::hashes::sha256_of;
use crate::keys::read_trusted;
use crate::opened::{Form, Opened};
use crate::sign::now;
use crate::words::Finding;
use bootloader_verify::{
    Expected, Manifest, Refusal, Role, Sealed, TrustedKeys, check_content, check_slot, judge,
};
use rustix::time::{ClockId, clock_gettime};
use std::fs::File;
use std::path::Path;

/// What an image must be; what is left out may be anything.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Demand<'a> {
    pub(crate) role: Option<RoleWord>,
    pub(crate) product: &'a str,
    pub(crate) board: Option<&'a str>,
    pub(crate) arch: Option<&'a str>,
    pub(crate) floor: u64,
}

impl Demand<'_> {
    /// What is not demanded is taken from the manifest itself; the signature is still demanded.
    fn expected_of(&self, block: &[u8]) -> Expected {
        let sealed = Sealed::parse(block).ok();
        let claims = sealed.as_ref().map(Sealed::claims);
        let (role, board, arch) = claims.map_or((Role::Slot, "", ""), |claims| {
            (claims.role, claims.board.as_str(), claims.arch.as_str())
        });
        Expected {
            role: self.role.map_or(role, Into::into),
            product: self.product.to_owned(),
            board: self.board.unwrap_or(board).to_owned(),
            arch: self.arch.unwrap_or(arch).to_owned(),
            floor: self.floor,
        }
    }
}

pub(crate) fn check(order: &Check) -> Result<Outcome, Fault> {
    let began = milliseconds();
    let keys = read_trusted(&order.keys, order.statement.as_deref())?;
    let opened = Opened::open(&order.file, Form::of(order.slot))?;
    let demand = Demand {
        role: order.role,
        product: &order.product,
        board: order.board.as_deref(),
        arch: order.arch.as_deref(),
        floor: order.floor,
    };
    let threads = order.threads.unwrap_or_else(cores);
    let mut verdict = examine(&opened, &keys, &demand, threads)?;
    if let (Ok(manifest), Some(payload)) = (&verdict, &order.payload)
        && !is_payload(payload, manifest)?
    {
        verdict = Err(Finding::Payload);
    }
    let manifest = match verdict {
        Ok(manifest) => manifest,
        Err(finding) => {
            return Ok(Outcome::bad(format!(
                "pmu-check 1 check=bad reason={finding}\n{}: {}\n",
                order.file.display(),
                finding.words()
            )));
        }
    };
    if !order.slot && manifest.expires != 0 && manifest.expires < now() {
        let finding = Finding::from(Refusal::Expired);
        return Ok(Outcome::bad(format!(
            "pmu-check 1 check=bad reason={finding}\n{}: {}\n",
            order.file.display(),
            finding.words()
        )));
    }
    let payload = match (order.slot, &order.payload) {
        (true, None) => "; its boot payload was not looked at",
        _ => ", and so is its boot payload",
    };
    Ok(Outcome::good(format!(
        "pmu-check 1 check=ok role={} version={} counter={} blocks={} ms={}\n\
         {}: every block is as it was signed{payload}\n",
        manifest.role.word(),
        manifest.version,
        manifest.counter,
        manifest.geometry.data_blocks(),
        milliseconds().saturating_sub(began),
        order.file.display(),
    )))
}

/// Manifest, length, every block, every byte that is unused; of an image's file also the hashes for
/// sending. A slot is read once, as at boot: the tree leaves no byte of it unproven.
pub(crate) fn examine(
    opened: &Opened,
    keys: &TrustedKeys,
    demand: &Demand<'_>,
    threads: usize,
) -> Result<Result<Manifest, Finding>, Fault> {
    let expected = demand.expected_of(&opened.block);
    if opened.form == Form::Slot {
        let verdict = check_slot(&opened.file, opened.length, keys, &expected, threads);
        return Ok(verdict
            .map(|accepted| accepted.manifest().clone())
            .map_err(Finding::from));
    }
    let accepted = match judge(&opened.block, keys, &expected) {
        Ok(accepted) => accepted,
        Err(refusal) => return Ok(Err(refusal.into())),
    };
    let manifest = accepted.manifest();
    if !opened.has_length_of(manifest) {
        return Ok(Err(Finding::Length));
    }
    if let Err(refusal) = check_content(&opened.file, opened.base(), manifest, threads) {
        return Ok(Err(refusal.into()));
    }
    Ok(sending_hashes(opened, manifest)?.map(|()| manifest.clone()))
}

/// The hashes of an image's file that no tree stands for.
pub(crate) fn sending_hashes(
    opened: &Opened,
    manifest: &Manifest,
) -> Result<Result<(), Finding>, Fault> {
    let image = sha256_of(
        &opened.file,
        &opened.path,
        opened.base(),
        manifest.geometry.bytes(),
    )?;
    if image != manifest.image_sha256 {
        return Ok(Err(Finding::ImageHash));
    }
    let payload = sha256_of(
        &opened.file,
        &opened.path,
        opened.payload_at(manifest),
        manifest.payload_bytes,
    )?;
    if payload != manifest.payload_sha256 {
        return Ok(Err(Finding::Payload));
    }
    Ok(Ok(()))
}

fn is_payload(path: &Path, manifest: &Manifest) -> Result<bool, Fault> {
    let file = File::open(path).map_err(Fault::unreadable(path))?;
    let entry = file.metadata().map_err(Fault::unreadable(path))?;
    if entry.len() != manifest.payload_bytes {
        return Ok(false);
    }
    Ok(sha256_of(&file, path, 0, manifest.payload_bytes)? == manifest.payload_sha256)
}

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn milliseconds() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1000 + now.tv_nsec / 1_000_000
}
