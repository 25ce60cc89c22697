//! The public keys of gateways in a folder: a file `GATEWAY.pub` for each.

use crate::adapters::files::read_text;
use crate::limits::{KEY_FILE_BYTES_MAX, ROLLOUT_GATEWAYS_MAX};
use crate::witnesses::Witnesses;
use anyhow::{Context, Result, bail};
use authority::ReceiptKeys;
use metering::GatewayId;
use std::fs;
use std::path::Path;

const ENDING: &str = "pub";

/// The key of one gateway.
pub fn witness(file: &Path, gateway: &GatewayId) -> Result<Witnesses> {
    let mut witnesses = Witnesses::default();
    witnesses.add(keys(file, gateway)?);
    Ok(witnesses)
}

/// The keys of these gateways; none may be missing: one that cannot prove its word is not begun with.
pub fn witnesses_of<'g>(
    folder: &Path,
    gateways: impl IntoIterator<Item = &'g GatewayId>,
) -> Result<Witnesses> {
    let mut witnesses = Witnesses::default();
    for gateway in gateways {
        if witnesses.knows(gateway) {
            continue;
        }
        let file = folder.join(format!("{gateway}.{ENDING}"));
        let keys = keys(&file, gateway)
            .with_context(|| format!("nothing was sent; {gateway} needs its public key"))?;
        witnesses.add(keys);
    }
    Ok(witnesses)
}

/// The keys of all gateways that have one in the folder.
pub fn all_witnesses(folder: &Path) -> Result<Witnesses> {
    let cannot = || {
        format!(
            "{}: cannot be read; name the folder of keys",
            folder.display()
        )
    };
    let mut witnesses = Witnesses::default();
    let mut found = 0_usize;
    for entry in fs::read_dir(folder).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        if path.extension().is_none_or(|ending| ending != ENDING) {
            continue;
        }
        found = found.saturating_add(1);
        if found > ROLLOUT_GATEWAYS_MAX {
            bail!(
                "{}: holds more than {ROLLOUT_GATEWAYS_MAX} keys; move some away",
                folder.display()
            );
        }
        let name = path.file_stem().and_then(|name| name.to_str());
        let gateway = name.unwrap_or_default().parse::<GatewayId>();
        let gateway = gateway.with_context(|| {
            format!("{}: name it after its gateway, GATEWAY.pub", path.display())
        })?;
        witnesses.add(keys(&path, &gateway)?);
    }
    if found == 0 {
        bail!(
            "{}: holds no key; put a file GATEWAY.pub there for each gateway",
            folder.display()
        );
    }
    Ok(witnesses)
}

fn keys(file: &Path, gateway: &GatewayId) -> Result<ReceiptKeys> {
    let text = read_text(file, KEY_FILE_BYTES_MAX)?;
    ReceiptKeys::parse(gateway.clone(), &text).with_context(|| file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use authority::SigningKey;

    #[test]
    fn keys_go_by_the_names_of_their_files_and_none_may_be_missing() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path();
        let (north, south): (GatewayId, GatewayId) =
            ("north".parse().unwrap(), "south".parse().unwrap());
        assert!(all_witnesses(place).is_err());
        let pem = SigningKey::from_seed(&[1; 32]).public_pem().unwrap();
        fs::write(place.join("north.pub"), &pem).unwrap();
        assert!(all_witnesses(place).unwrap().knows(&north));
        assert!(!all_witnesses(place).unwrap().knows(&south));
        assert!(witnesses_of(place, [&north]).is_ok());
        let missing = witnesses_of(place, [&north, &south]).unwrap_err();
        let words = format!("{missing:#}");
        assert!(words.contains("nothing was sent; south needs"), "{words}");
        fs::write(place.join("Bad Name.pub"), &pem).unwrap();
        let bad = format!("{:#}", all_witnesses(place).err().unwrap());
        assert!(bad.contains("name it after its gateway"), "{bad}");
    }
}
