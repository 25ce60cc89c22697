//! A disk in memory that remembers every write, forgets at will, and fails on demand.

use std::io;
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use storage::{BackendError, Medium, StorageBackend, StoreFile};

/// The unit in which a disk gives its room.
const PAGE: usize = 4096;

/// Something that happened to one of the files.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Write(StoreFile, u64, Vec<u8>),
    SetLen(StoreFile, u64),
    Sync(StoreFile),
    /// A file was put out of the way: durable at once, as the renaming is.
    Cleared(StoreFile),
}

/// The contents of both files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Images {
    hot: Vec<u8>,
    archive: Vec<u8>,
}

impl Images {
    pub(crate) fn get(&self, file: StoreFile) -> &Vec<u8> {
        match file {
            StoreFile::Archive => &self.archive,
            _ => &self.hot,
        }
    }

    pub(crate) fn get_mut(&mut self, file: StoreFile) -> &mut Vec<u8> {
        match file {
            StoreFile::Archive => &mut self.archive,
            _ => &mut self.hot,
        }
    }

    pub(crate) fn apply(&mut self, op: &Op) {
        match op {
            Op::Write(file, offset, bytes) => self.write(*file, *offset, bytes),
            Op::SetLen(file, length) => {
                let length = usize::try_from(*length).unwrap();
                self.get_mut(*file).resize(length, 0);
            }
            Op::Sync(_) => {}
            Op::Cleared(file) => self.get_mut(*file).clear(),
        }
    }

    pub(crate) fn write(&mut self, file: StoreFile, offset: u64, bytes: &[u8]) {
        let image = self.get_mut(file);
        let offset = usize::try_from(offset).unwrap();
        if image.len() < offset + bytes.len() {
            image.resize(offset + bytes.len(), 0);
        }
        image[offset..offset + bytes.len()].copy_from_slice(bytes);
    }
}

impl Images {
    /// How much of a write lies on pages that were written before; `None` if all of it does.
    fn fits(&self, file: StoreFile, offset: u64, length: usize) -> Option<usize> {
        let start = usize::try_from(offset).unwrap();
        let image = self.get(file);
        let is_hole = |page: usize| {
            let end = image.len().min((page + 1) * PAGE);
            image
                .get(page * PAGE..end)
                .is_none_or(|page| page.iter().all(|byte| *byte == 0))
        };
        let mut pages = start / PAGE..(start + length).div_ceil(PAGE);
        let hole = pages.find(|page| is_hole(*page))?;
        Some((hole * PAGE).saturating_sub(start))
    }
}

#[derive(Debug, Default)]
struct State {
    images: Images,
    log: Vec<Op>,
    /// Operations until every write and sync fails.
    fails_after: Option<u64>,
    /// Pages that were never written cannot be written any more.
    is_full: bool,
    set_aside: Vec<StoreFile>,
}

/// A handle on the disk; all handles see the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>);

impl Disk {
    pub(crate) fn with(images: Images) -> Self {
        let disk = Self::default();
        disk.state().images = images;
        disk
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// How many things have happened.
    pub(crate) fn position(&self) -> usize {
        self.state().log.len()
    }

    pub(crate) fn log(&self) -> Vec<Op> {
        self.state().log.clone()
    }

    pub(crate) fn images(&self) -> Images {
        self.state().images.clone()
    }

    pub(crate) fn set_aside_files(&self) -> Vec<StoreFile> {
        self.state().set_aside.clone()
    }

    pub(crate) fn fail_after(&self, operations: Option<u64>) {
        self.state().fails_after = operations;
    }

    /// Takes all free room away, or gives it back: as on a real disk, what was written before can
    /// be written again.
    pub(crate) fn fill(&self, is_full: bool) {
        self.state().is_full = is_full;
    }

    /// Flips a bit of a file that nobody has open.
    pub(crate) fn damage(&self, file: StoreFile, offset: usize) {
        self.state().images.get_mut(file)[offset] ^= 1;
    }

    fn run(&self, op: Op) -> io::Result<()> {
        let mut state = self.state();
        if let Some(left) = &mut state.fails_after {
            match left.checked_sub(1) {
                Some(less) => *left = less,
                None => return Err(io::ErrorKind::StorageFull.into()),
            }
        }
        if let Op::Write(file, offset, bytes) = &op
            && state.is_full
            && let Some(fits) = state.images.fits(*file, *offset, bytes.len())
        {
            // A write across the edge of what was written before has happened in part.
            state.images.write(*file, *offset, &bytes[..fits]);
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.images.apply(&op);
        state.log.push(op);
        Ok(())
    }
}

impl Medium for Disk {
    fn open(&self, file: StoreFile) -> io::Result<Box<dyn StorageBackend>> {
        Ok(Box::new(OpenFile {
            disk: self.clone(),
            file,
        }))
    }

    fn created(&self, _file: StoreFile) -> io::Result<()> {
        Ok(())
    }

    fn set_aside(&self, file: StoreFile) -> io::Result<Option<String>> {
        self.state().set_aside.push(file);
        self.run(Op::Cleared(file))?;
        Ok(Some(format!("{file}.broken-1")))
    }

    fn place(&self) -> PathBuf {
        PathBuf::from("memory")
    }
}

#[derive(Debug)]
struct OpenFile {
    disk: Disk,
    file: StoreFile,
}

impl StorageBackend for OpenFile {
    fn len(&self) -> io::Result<u64> {
        let length = self.disk.state().images.get(self.file).len();
        Ok(u64::try_from(length).unwrap())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.disk.state();
        let offset = usize::try_from(offset).unwrap();
        let image = state.images.get(self.file);
        let bytes = image.get(offset..offset + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.disk.run(Op::SetLen(self.file, length))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.run(Op::Sync(self.file))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.disk.run(Op::Write(self.file, offset, data.to_vec()))
    }

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }
}
