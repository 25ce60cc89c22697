//! Files that are written so that a power cut leaves the old one or the new one, and never half.

use anyhow::{Context, Result, bail};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What has been done so far, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The new text lies beside the old file, not yet on the disk.
    Written,
    /// It is on the disk.
    Synced,
    /// It has the name of the old file.
    Renamed,
}

/// A file that is to be replaced, locked against a second program of this kind.
#[derive(Debug)]
pub struct Replacement {
    path: PathBuf,
    aside: PathBuf,
    /// The old file; closing it gives the lock back.
    old: File,
    text: String,
    /// Whether the new text has taken the old one's place.
    is_done: bool,
}

impl Replacement {
    /// Opens and locks a file, and reads its text. A link is followed, so that the file behind it
    /// is replaced and not the link.
    pub fn of(path: &Path, bytes_max: u64) -> Result<Self> {
        let name = || format!("{}: cannot be read; name it with --config", path.display());
        let path = fs::canonicalize(path).with_context(name)?;
        let mut old = File::open(&path).with_context(name)?;
        let lock = rustix::fs::FlockOperation::NonBlockingLockExclusive;
        if rustix::fs::flock(&old, lock).is_err() {
            bail!(
                "{}: another pmuctl is changing it; wait for it",
                path.display()
            );
        }
        let mut text = String::new();
        (&mut old)
            .take(bytes_max.saturating_add(1))
            .read_to_string(&mut text)
            .with_context(name)?;
        if u64::try_from(text.len()).unwrap_or(u64::MAX) > bytes_max {
            bail!(
                "{}: longer than {bytes_max} bytes; name another file",
                path.display()
            );
        }
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let aside = path.with_file_name(format!(".{file}.pmuctl"));
        Ok(Self {
            path,
            aside,
            old,
            text,
            is_done: false,
        })
    }

    /// The old text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the new text lies until it takes the old one's place: in the same folder, so that
    /// what it names beside itself is found from there too.
    pub fn aside(&self) -> &Path {
        &self.aside
    }

    /// Writes the new text beside the old file, with its mode and its owners, and onto the disk.
    pub fn write(&self, text: &str, after: &mut impl FnMut(Step) -> io::Result<()>) -> Result<()> {
        self.write_aside(text, after).with_context(|| {
            format!(
                "{}: cannot be written; use sudo, or look whether the disk is full",
                self.aside.display()
            )
        })
    }

    fn write_aside(
        &self,
        text: &str,
        after: &mut impl FnMut(Step) -> io::Result<()>,
    ) -> io::Result<()> {
        let old = self.old.metadata()?;
        // What a killed run left is of no use to anybody: the lock is ours.
        remove(&self.aside)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.aside)?;
        file.write_all(text.as_bytes())?;
        after(Step::Written)?;
        let new = file.metadata()?;
        if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
            std::os::unix::fs::fchown(&file, Some(old.uid()), Some(old.gid()))?;
        }
        file.set_permissions(fs::Permissions::from_mode(old.mode() & 0o7777))?;
        file.sync_all()?;
        after(Step::Synced)
    }

    /// Lets the new text take the old one's place, unless somebody else has changed that by now.
    pub fn finish(mut self, after: &mut impl FnMut(Step) -> io::Result<()>) -> Result<()> {
        let name = || format!("{}: cannot be replaced", self.path.display());
        if !self.is_as_it_was().with_context(name)? {
            bail!(
                "{}: somebody changed it meanwhile; nothing was written, try again",
                self.path.display()
            );
        }
        fs::rename(&self.aside, &self.path).with_context(name)?;
        self.is_done = true;
        after(Step::Renamed)?;
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        sync_folder(folder).with_context(|| format!("{}: cannot be synced", folder.display()))
    }

    fn is_as_it_was(&self) -> io::Result<bool> {
        let (ours, now) = (self.old.metadata()?, fs::metadata(&self.path)?);
        if (ours.dev(), ours.ino()) != (now.dev(), now.ino()) {
            return Ok(false);
        }
        Ok(fs::read(&self.path)? == self.text.as_bytes())
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if !self.is_done {
            // Nothing depends on it: the next run takes it away too.
            drop(remove(&self.aside));
        }
    }
}

/// Writes a new file so that it is there as a whole or not at all. An old one is replaced only
/// where `may_replace` says so.
pub fn write_new(path: &Path, text: &str, may_replace: bool) -> Result<()> {
    match place(path, text.as_bytes(), 0o666, may_replace) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error).with_context(|| {
            format!(
                "{}: this file exists; name another one, or replace it with --force",
                path.display()
            )
        }),
        written => written
            .with_context(|| format!("{}: cannot be written; name another file", path.display())),
    }
}

/// The same for bytes of any kind, with the mode that the file gets (less the user's own mask).
pub fn place(path: &Path, bytes: &[u8], mode: u32, may_replace: bool) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let file = path.file_name().ok_or(ErrorKind::InvalidFilename)?;
    if !may_replace && path.symlink_metadata().is_ok() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    let aside = folder.join(format!(
        ".{}.{}.pmuctl",
        file.to_string_lossy(),
        std::process::id()
    ));
    let written = write_aside(&aside, bytes, mode).and_then(|()| {
        if may_replace {
            fs::rename(&aside, path)
        } else {
            rename_to_nothing(&aside, path)
        }
    });
    drop(remove(&aside));
    written?;
    sync_folder(folder)
}

/// Adds to the end of a file; it is on the disk when this returns.
pub fn add(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_data()
}

/// A rename that fails where a file has come to be in the meantime, if the file system can do that.
fn rename_to_nothing(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => fs::rename(from, to),
        done => Ok(done?),
    }
}

fn write_aside(aside: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    remove(aside)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(aside)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Reads a text file of at most so many bytes.
pub fn read(path: &Path, bytes_max: u64, remedy: &str) -> Result<String> {
    let mut text = String::new();
    let read = File::open(path)
        .and_then(|file| {
            file.take(bytes_max.saturating_add(1))
                .read_to_string(&mut text)
        })
        .with_context(|| format!("{}: cannot be read; {remedy}", path.display()))?;
    if u64::try_from(read).unwrap_or(u64::MAX) > bytes_max {
        bail!(
            "{}: longer than {bytes_max} bytes; {remedy}",
            path.display()
        );
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
