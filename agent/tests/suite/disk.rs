//! A disk that fills up, and has room again, when a test says so.

use pmu_agent::tasks::storekeeper::Shelf;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use storage::{
    BackendError, Folder, Medium, OpenReport, StorageBackend, Store, StoreFile, StoreOptions,
};

/// The disk under the store; everything that it holds stays readable.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    folder: PathBuf,
    is_full: Arc<AtomicBool>,
}

impl Disk {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            is_full: Arc::default(),
        }
    }

    /// From now on nothing can be written, or everything.
    pub(crate) fn fills_up(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::Relaxed);
    }

    /// The store on it.
    pub(crate) fn shelf(&self, options: StoreOptions) -> (Shelf, OpenReport) {
        let (store, report) = Store::open_on(self, &options).expect("a sound disk");
        let disk = self.clone();
        let open = move || Ok(Store::open_on(&disk, &options)?.0);
        (Shelf::opened_by(store, Box::new(open)), report)
    }
}

impl Medium for Disk {
    fn open(&self, file: StoreFile) -> io::Result<Box<dyn StorageBackend>> {
        Ok(Box::new(OpenFile {
            inner: Folder::new(&self.folder).open(file)?,
            is_full: Arc::clone(&self.is_full),
        }))
    }

    fn created(&self, file: StoreFile) -> io::Result<()> {
        Folder::new(&self.folder).created(file)
    }

    fn set_aside(&self, file: StoreFile) -> io::Result<Option<String>> {
        Folder::new(&self.folder).set_aside(file)
    }

    fn place(&self) -> PathBuf {
        self.folder.clone()
    }
}

#[derive(Debug)]
struct OpenFile {
    inner: Box<dyn StorageBackend>,
    is_full: Arc<AtomicBool>,
}

impl OpenFile {
    fn has_room(&self) -> io::Result<()> {
        if self.is_full.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl StorageBackend for OpenFile {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.has_room()?;
        self.inner.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.has_room()?;
        self.inner.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.has_room()?;
        self.inner.write(offset, data)
    }

    fn try_lock_range(&self, from: Bound<u64>, to: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_range(from, to)
    }

    fn unlock_range(&self, from: Bound<u64>, to: Bound<u64>) -> Result<(), BackendError> {
        self.inner.unlock_range(from, to)
    }
}
