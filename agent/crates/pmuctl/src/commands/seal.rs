//! `pmuctl key seal`: a meter's new password, for the eyes of one gateway.

use super::print;
use crate::adapters::files::{read_text, write_new};
use crate::adapters::key_file::password;
use crate::limits::KEY_FILE_BYTES_MAX;
use anyhow::{Context, Result};
use authority::{PasswordPlace, SealingPublicKey};
use metering::{GatewayId, MeterId};
use serde_json::json;
use std::path::Path;

pub(super) fn seal(
    (gateway, meter, level): (&GatewayId, &MeterId, u8),
    (key, from, out): (&Path, &Path, &Path),
    json: bool,
) -> Result<bool> {
    let text = read_text(key, KEY_FILE_BYTES_MAX)?;
    let public = SealingPublicKey::from_pem(&text).with_context(|| key.display().to_string())?;
    let place = PasswordPlace {
        gateway,
        meter,
        level,
    };
    let mut seed = zeroize::Zeroizing::new([0_u8; 32]);
    getrandom::fill(seed.as_mut()).context("the kernel gives no random bytes")?;
    let sealed = public.seal(&password(from)?, place, *seed)?;
    write_new(out, &sealed, 0o644)?;
    let file = out.display();
    let words = if json {
        json!({"file": file.to_string(), "bytes": sealed.len()}).to_string()
    } else {
        format!(
            "the password for level {level} of {meter} is in {file}; only {gateway} opens it. Remove {} now",
            from.display()
        )
    };
    print(&format!("{words}\n"))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use authority::SealingKey;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_sealed_opens_at_its_gateway_and_an_open_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let own = SealingKey::from_seed(&[7; 32]);
        fs::write(at("gateway.pem"), own.public().to_pem().unwrap()).unwrap();
        fs::write(at("new"), "0002EFGH\n").unwrap();
        let (gateway, meter) = ("pmu-001".parse().unwrap(), "m-1".parse().unwrap());
        let (key, from, out) = (at("gateway.pem"), at("new"), at("sealed"));
        let files = (key.as_path(), from.as_path(), out.as_path());
        fs::set_permissions(&from, fs::Permissions::from_mode(0o644)).unwrap();
        let complaint = seal((&gateway, &meter, 1), files, false).unwrap_err();
        assert!(format!("{complaint:#}").contains("chmod 600"));
        fs::set_permissions(&from, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(seal((&gateway, &meter, 1), files, false).unwrap());
        let place = PasswordPlace {
            gateway: &gateway,
            meter: &meter,
            level: 1,
        };
        let opened = own.open(&fs::read(&out).unwrap(), place).unwrap();
        assert_eq!(opened.reveal(), b"0002EFGH");
        // An existing file is never overwritten.
        assert!(seal((&gateway, &meter, 1), files, false).is_err());
    }
}
