//! Where the files are: a folder, or what a test puts in its place. Everything written is
//! counted on the way, because flash wears out by bytes and by syncs.

use crate::StoreFile;
use crate::error::StoreError;
use crate::limits::BROKEN_FILES_KEPT;
use redb::StorageBackend;
use redb::backends::FileBackend;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where the store's files live.
pub trait Medium: std::fmt::Debug + Send {
    /// Opens a file, or creates it empty.
    fn open(&self, file: StoreFile) -> io::Result<Box<dyn StorageBackend>>;

    /// Called after a file was first filled: makes its name durable.
    fn created(&self, file: StoreFile) -> io::Result<()>;

    /// Puts a broken file out of the way and says under which name, `None` if there is none.
    fn set_aside(&self, file: StoreFile) -> io::Result<Option<String>>;

    /// Its place, for messages.
    fn place(&self) -> PathBuf;
}

/// A folder on a disk.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at a path, which must exist.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }

    /// Names of files set aside before, oldest first.
    fn broken(&self, file: StoreFile) -> io::Result<Vec<(u64, PathBuf)>> {
        let prefix = format!("{}.broken-", file.name());
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let number = name.and_then(|name| name.strip_prefix(&prefix)?.parse().ok());
            found.extend(number.map(|number| (number, path)));
        }
        found.sort_unstable();
        Ok(found)
    }
}

impl Medium for Folder {
    fn open(&self, file: StoreFile) -> io::Result<Box<dyn StorageBackend>> {
        let path = self.0.join(file.name());
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let backend = FileBackend::new(opened).map_err(io::Error::other)?;
        Ok(Box::new(backend))
    }

    fn created(&self, _file: StoreFile) -> io::Result<()> {
        self.sync()
    }

    fn set_aside(&self, file: StoreFile) -> io::Result<Option<String>> {
        let path = self.0.join(file.name());
        if !path.exists() {
            return Ok(None);
        }
        let broken = self.broken(file)?;
        let next = broken.last().map_or(1, |(number, _)| number + 1);
        let kept = BROKEN_FILES_KEPT.saturating_sub(1);
        for (_, old) in broken.iter().rev().skip(kept) {
            fs::remove_file(old)?;
        }
        let name = format!("{}.broken-{next}", file.name());
        fs::rename(path, self.0.join(&name))?;
        self.sync()?;
        Ok(Some(name))
    }

    fn place(&self) -> PathBuf {
        self.0.clone()
    }
}

/// Puts a file out of the way after it brought the program down twice: the next `Store::open`
/// begins a fresh one. Says under which name the old one is kept, `None` if there was none.
pub fn set_aside(folder: &Path, file: StoreFile) -> Result<Option<String>, StoreError> {
    Folder::new(folder)
        .set_aside(file)
        .map_err(|source| StoreError::Folder {
            path: folder.to_owned(),
            source,
        })
}

/// What went to and came from a file since it was opened.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    written_bytes: AtomicU64,
    writes: AtomicU64,
    syncs: AtomicU64,
    read_bytes: AtomicU64,
    reads: AtomicU64,
    length: AtomicU64,
}

/// What went to and came from a file since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileTraffic {
    /// Length of the file now.
    pub length: u64,
    /// Bytes handed to the medium.
    pub written_bytes: u64,
    /// In so many calls.
    pub writes: u64,
    /// Times the medium was told to make everything durable.
    pub syncs: u64,
    /// Bytes asked of the medium.
    pub read_bytes: u64,
    /// In so many calls.
    pub reads: u64,
}

impl Counters {
    pub(crate) fn traffic(&self) -> FileTraffic {
        let now = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        FileTraffic {
            length: now(&self.length),
            written_bytes: now(&self.written_bytes),
            writes: now(&self.writes),
            syncs: now(&self.syncs),
            read_bytes: now(&self.read_bytes),
            reads: now(&self.reads),
        }
    }
}

/// A backend that counts.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) inner: Box<dyn StorageBackend>,
    pub(crate) counters: Arc<Counters>,
}

fn add(counter: &AtomicU64, more: usize) {
    counter.fetch_add(u64::try_from(more).unwrap_or(0), Ordering::Relaxed);
}

impl StorageBackend for Counted {
    fn len(&self) -> io::Result<u64> {
        let length = self.inner.len()?;
        self.counters.length.store(length, Ordering::Relaxed);
        Ok(length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        add(&self.counters.reads, 1);
        add(&self.counters.read_bytes, out.len());
        self.inner.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.counters.length.store(length, Ordering::Relaxed);
        self.inner.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        add(&self.counters.syncs, 1);
        self.inner.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        add(&self.counters.writes, 1);
        add(&self.counters.written_bytes, data.len());
        self.inner.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, redb::BackendError> {
        self.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, redb::BackendError> {
        self.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), redb::BackendError> {
        self.inner.lock_range(start, end)
    }

    fn lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<(), redb::BackendError> {
        self.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), redb::BackendError> {
        self.inner.unlock_range(start, end)
    }

    fn query_lock_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, redb::BackendError> {
        self.inner.query_lock_range(start, end)
    }
}
