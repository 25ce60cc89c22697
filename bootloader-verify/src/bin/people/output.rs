//! Files that are there whole or not at all.

use crate::fault::Fault;
use bootloader_verify::ReadAt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Bytes that are copied at once.
const COPY_BYTES: usize = 1 << 20;

/// A file beside the one that is wanted; it takes that one's name when it is complete, and is gone
/// if it never is.
pub(crate) struct Output {
    file: File,
    beside: PathBuf,
    wanted: PathBuf,
    is_kept: bool,
}

impl Output {
    pub(crate) fn create(wanted: &Path) -> Result<Self, Fault> {
        let mut name = wanted
            .file_name()
            .ok_or_else(|| Fault::Usage(format!("{}: name a file", wanted.display())))?
            .to_owned();
        name.push(".part");
        let beside = wanted.with_file_name(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&beside)
            .map_err(Fault::unwritable(wanted))?;
        Ok(Self {
            file,
            beside,
            wanted: wanted.to_owned(),
            is_kept: false,
        })
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let written = self.file.write_all(bytes);
        written.map_err(Fault::unwritable(&self.wanted))
    }

    /// Bytes of a source, from `from` on, so many.
    pub(crate) fn copy(
        &mut self,
        source: &impl ReadAt,
        path: &Path,
        from: u64,
        bytes: u64,
    ) -> Result<(), Fault> {
        for_each_part(source, from, bytes, |part| self.write(part), path)
    }

    /// Gives it the name that is wanted.
    pub(crate) fn keep(mut self) -> Result<(), Fault> {
        let synced = self.file.sync_all();
        let renamed = synced.and_then(|()| fs::rename(&self.beside, &self.wanted));
        renamed.map_err(Fault::unwritable(&self.wanted))?;
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.is_kept {
            // What is left behind is overwritten the next time.
            drop(fs::remove_file(&self.beside));
        }
    }
}

/// Hands a range of a source over in parts.
pub(crate) fn for_each_part(
    source: &impl ReadAt,
    from: u64,
    bytes: u64,
    mut take: impl FnMut(&[u8]) -> Result<(), Fault>,
    path: &Path,
) -> Result<(), Fault> {
    let mut buffer = vec![0; COPY_BYTES];
    let mut at = from;
    let end = from + bytes;
    while at < end {
        let length = usize::try_from(end - at)
            .unwrap_or(COPY_BYTES)
            .min(COPY_BYTES);
        let (part, _) = buffer.split_at_mut(length);
        source.read_at(at, part).map_err(Fault::unreadable(path))?;
        take(part)?;
        at += u64::try_from(length).unwrap_or(u64::MAX);
    }
    Ok(())
}

/// Makes a file that only its owner may read; one that is there already stays as it is.
pub(crate) fn write_secret(path: &Path, text: &str) -> Result<(), Fault> {
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let mut file = created.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Fault::Occupied {
            path: path.to_owned(),
        },
        _ => Fault::unwritable(path)(error),
    })?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    written.map_err(Fault::unwritable(path))
}
