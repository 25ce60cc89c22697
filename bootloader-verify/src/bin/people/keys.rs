//! Private keys, their public halves, and the statement that replaces the keys of gateways.

use crate::Outcome;
use crate::arguments::{Keygen, Pubkey, Statement};
use crate::fault::Fault;
use crate::output::{Output, write_secret};
use crate::words::hex;
use bootloader_verify::{ImageKey, PublicKey, TrustedKeys};
use std::fs::File;
use std::io::Read;
use std::path::Path;

const RANDOM: &str = "/dev/urandom";

pub(crate) fn keygen(order: &Keygen) -> Result<Outcome, Fault> {
    let mut seed = [0; 32];
    let random = Path::new(RANDOM);
    File::open(random)
        .and_then(|mut source| source.read_exact(&mut seed))
        .map_err(Fault::unreadable(random))?;
    let key = ImageKey::from_seed(&seed);
    let pem = key
        .to_pem()
        .map_err(|fault| Fault::unusable(&order.out, fault))?;
    let public = public_of(&key, &order.out)?;
    write_secret(&order.out, &pem)?;
    Ok(Outcome::good(format!("{}\n", hex(public.bytes()))))
}

pub(crate) fn pubkey(order: &Pubkey) -> Result<Outcome, Fault> {
    let public = public_of(&read_private(&order.key)?, &order.key)?;
    Ok(Outcome::good(format!("{}\n", hex(public.bytes()))))
}

pub(crate) fn statement(order: &Statement) -> Result<Outcome, Fault> {
    let root = read_private(&order.root_key)?;
    let block = root.sign_statement(order.serial, &order.current, &order.next);
    let mut output = Output::create(&order.out)?;
    output.write(&block)?;
    output.keep()?;
    Ok(Outcome::good(format!(
        "{}: statement {} for gateways that trust the root key {}\n",
        order.out.display(),
        order.serial,
        hex(public_of(&root, &order.root_key)?.bytes()),
    )))
}

pub(crate) fn read_private(path: &Path) -> Result<ImageKey, Fault> {
    let text = std::fs::read_to_string(path).map_err(Fault::unreadable(path))?;
    ImageKey::from_pem(&text).map_err(|fault| Fault::unusable(path, fault))
}

pub(crate) fn public_of(key: &ImageKey, path: &Path) -> Result<PublicKey, Fault> {
    let weak = || Fault::unusable(path, "its public half is weak; make another key");
    key.public().ok_or_else(weak)
}

/// The keys of a file, replaced by those of a statement if there is one.
pub(crate) fn read_trusted(path: &Path, statement: Option<&Path>) -> Result<TrustedKeys, Fault> {
    let text = std::fs::read_to_string(path).map_err(Fault::unreadable(path))?;
    let keys = TrustedKeys::parse(&text).map_err(|fault| Fault::unusable(path, fault))?;
    let Some(path) = statement else {
        return Ok(keys);
    };
    let block = std::fs::read(path).map_err(Fault::unreadable(path))?;
    let replaced = keys.with_statement(&block);
    replaced.map_err(|fault| Fault::unusable(path, fault))
}
