//! Key files and the folder of the ledger.

use super::replace;
use crate::limits::KEY_FILE_BYTES_MAX;
use anyhow::{Context, Result, bail};
use authority::SigningKey;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use storage::ledger::Ledger;

/// Opens the ledger at `path`: its folder, or `ledger.redb` in it. Makes the folder.
pub fn open_ledger(path: &Path) -> Result<Ledger> {
    let folder = ledger_folder(path)?;
    fs::create_dir_all(&folder)
        .with_context(|| format!("{}: this folder cannot be made", folder.display()))?;
    open(&folder)
}

/// Opens a ledger that is there already.
pub fn open_existing_ledger(path: &Path) -> Result<Ledger> {
    let folder = ledger_folder(path)?;
    if !folder.join(LEDGER_FILE).is_file() {
        bail!(
            "{}: there is no {LEDGER_FILE}; name the folder that `head-end receive` was given",
            folder.display()
        );
    }
    open(&folder)
}

fn open(folder: &Path) -> Result<Ledger> {
    Ledger::open(folder).with_context(|| {
        format!(
            "{}: the ledger cannot be opened; `head-end receive` may have it open",
            folder.display()
        )
    })
}

const LEDGER_FILE: &str = "ledger.redb";

fn ledger_folder(path: &Path) -> Result<PathBuf> {
    if path.file_name() == Some(OsStr::new(LEDGER_FILE)) {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        return Ok(folder.unwrap_or(Path::new(".")).to_owned());
    }
    if path.extension() == Some(OsStr::new("redb")) || path.is_file() {
        bail!(
            "{}: a ledger is a folder with {LEDGER_FILE} in it; name the folder",
            path.display()
        );
    }
    Ok(path.to_owned())
}

/// Reads the key that signs watermarks.
pub fn signing_key(path: &Path) -> Result<SigningKey> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text))
        .with_context(|| {
            format!(
                "{}: no key can be read; make one with `head-end keygen`",
                path.display()
            )
        })?;
    SigningKey::from_pem(&text).with_context(|| path.display().to_string())
}

/// Makes a key that signs watermarks: the private half at `path`, for its owner only, the public
/// half beside it with `.pub` added. Neither file may exist.
pub fn make_signing_key(path: &Path) -> Result<(SigningKey, PathBuf)> {
    let mut seed = [0_u8; 32];
    getrandom::fill(&mut seed).context("the kernel gives no random bytes")?;
    let key = SigningKey::from_seed(&seed);
    let mut public = path.as_os_str().to_owned();
    public.push(".pub");
    let public = PathBuf::from(public);
    if public.exists() {
        bail!(
            "{}: this file exists; move it away or choose another name",
            public.display()
        );
    }
    write_new(path, key.to_pem()?.as_bytes(), 0o600)?;
    write_new(&public, key.public_pem()?.as_bytes(), 0o644)?;
    Ok((key, public))
}

/// Writes a file that is not there yet: whole, or not at all.
pub fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    replace::place(path, bytes, mode, false).with_context(|| {
        format!(
            "{}: cannot be written; move an old file away first",
            path.display()
        )
    })
}

/// Reads a file of at most so many bytes.
pub fn read_bytes(path: &Path, bytes_max: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| {
            let limit = bytes_max.saturating_add(1);
            file.take(limit).read_to_end(&mut bytes)
        })
        .with_context(|| format!("{}: cannot be read; name a file", path.display()))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > bytes_max {
        bail!(
            "{}: has more than {bytes_max} bytes; is it the right file?",
            path.display()
        );
    }
    Ok(bytes)
}

/// Reads a text of at most so many bytes.
pub fn read_text(path: &Path, bytes_max: u64) -> Result<String> {
    String::from_utf8(read_bytes(path, bytes_max)?)
        .with_context(|| format!("{}: is no text in UTF-8", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use authority::IngestKeys;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_new_key_can_be_read_again_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ingest.key");
        let (key, public) = make_signing_key(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(signing_key(&path).unwrap().id(), key.id());
        let keys = IngestKeys::parse(&fs::read_to_string(public).unwrap()).unwrap();
        assert_eq!(keys.ids().collect::<Vec<_>>(), [key.id()]);
        assert!(make_signing_key(&path).is_err(), "a key was overwritten");
    }

    #[test]
    fn a_ledger_goes_by_its_folder_or_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("books");
        assert!(open_existing_ledger(&path).is_err());
        open_ledger(&path).unwrap().close().unwrap();
        open_existing_ledger(&path.join("ledger.redb"))
            .unwrap()
            .close()
            .unwrap();
        assert!(open_ledger(&folder.path().join("other.redb")).is_err());
        assert_eq!(
            ledger_folder(Path::new("ledger.redb")).unwrap(),
            Path::new(".")
        );
    }
}
