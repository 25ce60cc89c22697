//! Keys of commands: the roots that were provisioned, and the key that signs receipts. The latter is made
//! at the first start and never leaves this machine.

use authority::{PublicKey, ReceiptKeys, SigningKey};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

pub(super) const FILE: &str = "receipt-key.pem";
pub(super) const PUBLIC_FILE: &str = "receipt-key.pub.pem";

/// Why there is no such key.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptKeyFault {
    /// The disk.
    #[error("{}: {source}; without it no command is taken", .file.display())]
    Io {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else may have read it.
    #[error(
        "{}: other users may read this key; `chmod 600` it if none has, or take it away and start the agent anew: the \
         head-end must then be told the new public key", .0.display()
    )]
    Open(PathBuf),
    /// It is no key. It is not replaced: receipts that were signed with it would look forged.
    #[error(
        "{}: this is no Ed25519 key; bring the file back, or take it away and start the agent anew: the head-end must \
         then be told the new public key", .0.display()
    )]
    Damaged(PathBuf),
}

/// The key in `folder`; made from `seed` where there is none.
pub fn receipt_key(
    folder: &Path,
    seed: impl FnOnce() -> io::Result<[u8; 32]>,
) -> Result<SigningKey, ReceiptKeyFault> {
    let file = folder.join(FILE);
    let io = |source| ReceiptKeyFault::Io {
        file: file.clone(),
        source,
    };
    match fs::metadata(&file) {
        Ok(about) if about.mode() & 0o077 != 0 => return Err(ReceiptKeyFault::Open(file)),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = SigningKey::from_seed(&Zeroizing::new(seed().map_err(io)?));
            let text = key
                .to_pem()
                .map_err(|_| ReceiptKeyFault::Damaged(file.clone()))?;
            keep(folder, &file, &Zeroizing::new(text)).map_err(io)?;
            publish(folder, &key);
            return Ok(key);
        }
        Err(error) => return Err(io(error)),
    }
    let text = Zeroizing::new(fs::read_to_string(&file).map_err(io)?);
    let key = SigningKey::from_pem(&text).map_err(|_| ReceiptKeyFault::Damaged(file))?;
    publish(folder, &key);
    Ok(key)
}

/// Public halves of the keys before the present one: they prove old receipts, and old rows of the
/// journal.
pub fn former_keys(folder: &Path, own: &SigningKey) -> Vec<PublicKey> {
    let mut keys = known(folder);
    keys.retain(|key| key.id() != own.id());
    keys
}

/// All public halves that lie there, newest first.
pub(super) fn known(folder: &Path) -> Vec<PublicKey> {
    let file = folder.join(PUBLIC_FILE);
    if !file.exists() {
        return Vec::new();
    }
    let keys = text_of(&file)
        .map_err(|error| error.to_string())
        .and_then(|text| ReceiptKeys::public_keys(&text).map_err(|fault| fault.to_string()));
    keys.unwrap_or_else(|why| {
        let file = file.display();
        log::error!("{file}: {why}; what former keys of this gateway signed is not proven here");
        Vec::new()
    })
}

/// As many as a file of a gateway's keys may have; the oldest are left out.
pub(super) fn public_text(keys: &[PublicKey]) -> String {
    let newest = keys.iter().take(authority::limits::RECEIPT_KEYS_MAX);
    newest.filter_map(PublicKey::to_pem).collect()
}

/// Its public half lies beside it, for whoever carries it to the head-end, before those of its
/// predecessors.
fn publish(folder: &Path, key: &SigningKey) {
    let file = folder.join(PUBLIC_FILE);
    let mut all = former_keys(folder, key);
    all.insert(0, key.public_key());
    let text = public_text(&all);
    if fs::read_to_string(&file).is_ok_and(|there| there == text) {
        return;
    }
    if let Err(error) = fs::write(&file, text) {
        log::warn!(
            "{}: {error}; the public key for receipts is not shown there",
            file.display()
        );
    }
}

/// A file of public keys, as far as one may be long; the rest makes it unreadable.
pub fn text_of(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    let most = u64::try_from(authority::limits::KEY_FILE_BYTES_MAX).unwrap_or(u64::MAX);
    File::open(file)?.take(most + 1).read_to_string(&mut text)?;
    Ok(text)
}

/// A new file is whole or not there, whenever the power goes.
pub(super) fn keep(folder: &Path, file: &Path, text: &str) -> io::Result<()> {
    keep_as(folder, file, text, 0o600)
}

/// The same for other eyes.
pub(super) fn keep_as(folder: &Path, file: &Path, text: &str, mode: u32) -> io::Result<()> {
    let new = file.with_extension("new");
    // A file that is there already would keep its mode.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    let mut out = options.open(&new)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    fs::rename(&new, file)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn never() -> io::Result<[u8; 32]> {
        panic!("no key is made over one that is there")
    }

    #[test]
    fn a_key_is_made_once_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        // What a power cut left.
        fs::write(file.with_extension("new"), "half").unwrap();
        let first = receipt_key(folder.path(), || Ok([7; 32])).unwrap().id();
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        assert_eq!(receipt_key(folder.path(), never).unwrap().id(), first);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, &text[..40]).unwrap();
        let fault = receipt_key(folder.path(), never).err().unwrap();
        assert!(matches!(fault, ReceiptKeyFault::Damaged(_)), "{fault}");
        fs::write(&file, &text).unwrap();
        fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
        let fault = receipt_key(folder.path(), never).err().unwrap();
        assert!(matches!(fault, ReceiptKeyFault::Open(_)), "{fault}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let fault = receipt_key(Path::new("/nonexistent"), || Ok([1; 32]))
            .err()
            .unwrap();
        assert!(
            fault.to_string().contains("/nonexistent/receipt-key.pem"),
            "{fault}"
        );
    }
}
