//! Files with keys of meters and of people. What is not for its owner alone is no secret any more,
//! and is refused; nothing of what a file holds gets into a complaint.

use crate::limits::{KEY_FILE_BYTES_MAX, METER_KEY_FILE_BYTES_MAX};
use anyhow::{Context, Result, bail};
use authority::{OperatorKey, SecretOctets};
use desk::KeyText;
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::process::geteuid;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use zeroize::Zeroizing;

/// The key of so many octets in a file: hexadecimal digits in one line.
pub fn key_text(path: &Path, octets: usize) -> Result<KeyText> {
    let name = path.display();
    let file = owners_file(path)?;
    let digits = digits(file).with_context(|| format!("{name}: this key file cannot be read"))?;
    let key = SecretOctets::from_hex(&digits).with_context(|| name.to_string())?;
    let found = key.reveal().len();
    if found != octets {
        bail!(
            "{name}: the key has {} hexadecimal digits, and this suite's keys have {}; name the \
             meter's suite with --suite, or the right file",
            2 * found,
            2 * octets
        );
    }
    Ok(KeyText::new(digits))
}

/// The first line of a file that nobody else can read: a password, a code, a session.
pub fn secret_line(path: &Path) -> Result<KeyText> {
    let name = path.display();
    let room = usize::try_from(METER_KEY_FILE_BYTES_MAX).unwrap_or(usize::MAX);
    let mut text = Zeroizing::new(String::with_capacity(room));
    owners_file(path)?
        .take(METER_KEY_FILE_BYTES_MAX)
        .read_to_string(&mut text)
        .with_context(|| format!("{name}: this file cannot be read as text"))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        bail!("{name}: the first line is empty; write the secret there");
    }
    Ok(KeyText::new(Zeroizing::new(line.to_owned())))
}

/// A meter's new password, from a file of its own.
pub fn password(path: &Path) -> Result<SecretOctets> {
    let name = path.display();
    let text = digits(owners_file(path)?);
    let text = text.with_context(|| format!("{name}: this file cannot be read"))?;
    SecretOctets::new(text.as_bytes()).with_context(|| name.to_string())
}

/// The private key of an operator or of a root, from its PEM file.
pub fn operator_key(path: &Path) -> Result<OperatorKey> {
    let name = path.display();
    let room = usize::try_from(KEY_FILE_BYTES_MAX).unwrap_or(usize::MAX);
    let file = owners_file(path)?;
    let mut text = Zeroizing::new(String::with_capacity(room.saturating_add(32)));
    file.take(KEY_FILE_BYTES_MAX)
        .read_to_string(&mut text)
        .with_context(|| format!("{name}: this key file cannot be read as text"))?;
    OperatorKey::from_pem(&text).with_context(|| name.to_string())
}

/// A file that nobody but its owner can read or change.
fn owners_file(path: &Path) -> Result<File> {
    let name = path.display();
    let file = opened(path)?;
    let about = file
        .metadata()
        .with_context(|| format!("{name}: this key file cannot be looked at"))?;
    if !about.is_file() {
        bail!("{name}: this is no file; name the file with the key");
    }
    // Whoever owns a file may read it, whatever its mode says.
    let (owner, own) = (about.uid(), geteuid().as_raw());
    if owner != 0 && owner != own {
        bail!(
            "{name}: this key file belongs to user {owner}, who can read it; \
             `chown {own} {name}` if only you shall"
        );
    }
    if about.mode() & 0o077 != 0 {
        bail!(
            "{name}: other users may read or change this key file; `chmod 600 {name}`, and think \
             of replacing the key if one of them may have read it"
        );
    }
    Ok(file)
}

/// Opens it without following a link, which somebody else may turn, and without waiting for the
/// other end of a pipe.
fn opened(path: &Path) -> Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    match open(path, flags, Mode::empty()) {
        Ok(file) => Ok(file.into()),
        Err(Errno::LOOP) => bail!(
            "{}: this is a symbolic link; name the key file itself",
            path.display()
        ),
        Err(error) => Err(error).with_context(|| {
            format!(
                "{}: this key file cannot be opened; name the file that holds the key, for its \
                 owner alone (`chmod 600`)",
                path.display()
            )
        }),
    }
}

/// What it holds, without its line end.
fn digits(file: File) -> Result<Zeroizing<String>> {
    let room = usize::try_from(METER_KEY_FILE_BYTES_MAX).unwrap_or(usize::MAX);
    // As long as it can become: a text that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(room.saturating_add(32)));
    file.take(METER_KEY_FILE_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => anyhow::anyhow!("it holds something else than text"),
            _ => error.into(),
        })?;
    let length = text.trim_end().len();
    text.truncate(length);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions, write};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;
    use tempfile::TempDir;

    const KEY: &str = "000102030405060708090a0b0c0d0eFF";

    fn file(folder: &TempDir, text: &[u8], mode: u32) -> PathBuf {
        let path = folder.path().join("feeder-7.key");
        write(&path, text).unwrap();
        set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    #[track_caller]
    fn check_refused(path: &Path, part: &str) {
        let words = format!("{:#}", key_text(path, 16).unwrap_err());
        assert!(words.contains(part), "{words}");
        let name = path.display().to_string();
        assert!(words.contains(&name), "the file is not named: {words}");
        let others = words.replace(&name, "");
        assert!(
            !others.contains("0001") && !others.contains("c0ff"),
            "{others}"
        );
    }

    #[test]
    fn a_key_is_read_from_a_file_of_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        for (text, mode) in [(KEY.to_owned(), 0o600), (format!("{KEY}\r\n"), 0o400)] {
            let path = file(&folder, text.as_bytes(), mode);
            assert_eq!(key_text(&path, 16).unwrap().reveal(), KEY);
            std::fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn a_file_that_others_may_read_or_change_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for mode in [0o604, 0o640, 0o644, 0o620, 0o602, 0o666, 0o610] {
            let path = file(&folder, KEY.as_bytes(), mode);
            check_refused(&path, "chmod 600");
        }
    }

    #[test]
    fn links_folders_and_pipes_are_refused_and_none_makes_it_wait() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, KEY.as_bytes(), 0o600);
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        check_refused(&link, "symbolic link");
        check_refused(folder.path(), "no file");
        check_refused(&folder.path().join("absent"), "cannot be opened");
        let pipe = folder.path().join("pipe");
        let mode = Mode::RUSR | Mode::WUSR;
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, mode, 0).unwrap();
        check_refused(&pipe, "no file");
    }

    #[test]
    fn what_is_no_key_of_the_suite_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let check = |text: &[u8], part| check_refused(&file(&folder, text, 0o600), part);
        check(b"", "0 octets");
        check(b"c0ffee", "6 hexadecimal digits");
        check(b"000102030405060708090a0b0c0d0e0", "pairs");
        check(b"0x0102030405060708090a0b0c0d0e0f", "pairs");
        check(b"00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f", "pairs");
        check(format!("{KEY}\n{KEY}\n").as_bytes(), "pairs");
        check(format!("{KEY}{KEY}").as_bytes(), "64 hexadecimal digits");
        check("0".repeat(100_000).as_bytes(), "octets");
        check(&[0x80; 32], "something else than text");
    }

    #[test]
    fn the_file_of_another_user_is_refused() {
        if !geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, KEY.as_bytes(), 0o600);
        std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
        check_refused(&path, "belongs to user 12345");
    }
}
