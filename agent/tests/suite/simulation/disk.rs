//! A disk in memory: it is killed with its owner, loses what was not synced when the power goes,
//! and takes no writes at times.

use simulator::dice::Dice;
use std::io;
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use storage::{BackendError, Medium, StorageBackend, StoreFile};
use tokio::sync::Notify;

/// The smallest part of a write that a disk finishes as a whole.
const SECTOR: usize = 512;

#[derive(Debug, Clone)]
enum Op {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

/// One file: what is on the medium, what a reader sees, and the difference.
#[derive(Debug, Default)]
struct File {
    durable: Vec<u8>,
    seen: Vec<u8>,
    unsynced: Vec<Op>,
}

#[derive(Debug, Default)]
struct State {
    files: [File; 2],
    /// Handles of an earlier life reach nothing any more.
    life: u64,
    failing: bool,
    /// No room is left: what is there can be written over, nothing can grow.
    full: bool,
    /// Operations until the power goes.
    cut_after: Option<u64>,
    dark: bool,
    syncs: u64,
}

/// A handle on the disk; all handles see the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    state: Arc<Mutex<State>>,
    cut: Arc<Notify>,
}

impl Op {
    /// How long the file is at least after it.
    fn reaches(&self) -> usize {
        match self {
            Self::Write(offset, bytes) => offset + bytes.len(),
            Self::SetLen(length) => *length,
        }
    }

    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::Write(offset, bytes) => {
                let end = offset + bytes.len();
                if image.len() < end {
                    image.resize(end, 0);
                }
                image[*offset..end].copy_from_slice(bytes);
            }
            Self::SetLen(length) => image.resize(*length, 0),
        }
    }
}

impl File {
    fn sync(&mut self) {
        for op in self.unsynced.drain(..) {
            op.apply(&mut self.durable);
        }
    }

    /// What a disk may hold after the power went: what was synced, and any of the rest.
    fn lose_power(&mut self, dice: &mut Dice) {
        let unsynced = std::mem::take(&mut self.unsynced);
        let whole = dice.index(unsynced.len() + 1);
        let ordered = dice.index(2) == 0;
        for (index, op) in unsynced.iter().enumerate() {
            let kept = if ordered {
                index < whole
            } else {
                dice.index(2) == 0
            };
            match op {
                _ if kept => op.apply(&mut self.durable),
                Op::Write(offset, bytes) if dice.index(4) == 0 => {
                    let sectors = bytes.len() / SECTOR;
                    let torn = bytes[..dice.index(sectors + 1) * SECTOR].to_vec();
                    Op::Write(*offset, torn).apply(&mut self.durable);
                }
                _ => {}
            }
        }
        self.seen = self.durable.clone();
    }
}

impl Disk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The owner is killed: what it wrote stays, whatever it does now reaches nothing.
    pub(super) fn kill(&self) {
        let mut state = self.state();
        state.life += 1;
        state.files.iter_mut().for_each(File::sync);
    }

    /// The power goes, or went: what was not synced is lost, whole or in parts.
    pub(super) fn lose_power(&self, dice: &mut Dice) {
        let mut state = self.state();
        state.life += 1;
        state.dark = false;
        state.cut_after = None;
        for file in &mut state.files {
            file.lose_power(dice);
        }
    }

    /// The power will go at the so many-th write or sync from now on, or not at all.
    pub(super) fn cut_after(&self, operations: Option<u64>) {
        self.state().cut_after = operations;
    }

    /// Waits until the power went.
    pub(super) async fn power_gone(&self) {
        self.cut.notified().await;
    }

    /// No write succeeds, or writes succeed again.
    pub(super) fn set_failing(&self, failing: bool) {
        self.state().failing = failing;
    }

    /// No file can grow, or files grow again.
    pub(super) fn set_full(&self, full: bool) {
        self.state().full = full;
    }

    pub(super) fn syncs(&self) -> u64 {
        self.state().syncs
    }

    fn change(&self, life: u64, index: usize, op: Option<Op>) -> io::Result<()> {
        let mut state = self.state();
        if state.life != life || state.dark {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if let Some(left) = &mut state.cut_after {
            *left = left.saturating_sub(1);
            if *left == 0 {
                state.dark = true;
                self.cut.notify_one();
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        }
        let grows = op
            .as_ref()
            .is_some_and(|op| op.reaches() > state.files[index].seen.len());
        if state.failing || state.full && grows {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let Some(op) = op else {
            state.syncs += 1;
            state.files[index].sync();
            return Ok(());
        };
        op.apply(&mut state.files[index].seen);
        state.files[index].unsynced.push(op);
        Ok(())
    }
}

fn index(file: StoreFile) -> usize {
    usize::from(file == StoreFile::Archive)
}

impl Medium for Disk {
    fn open(&self, file: StoreFile) -> io::Result<Box<dyn StorageBackend>> {
        let state = self.state();
        if state.dark {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let life = state.life;
        Ok(Box::new(OpenFile {
            disk: self.clone(),
            index: index(file),
            life,
        }))
    }

    fn created(&self, _file: StoreFile) -> io::Result<()> {
        Ok(())
    }

    fn set_aside(&self, file: StoreFile) -> io::Result<Option<String>> {
        let mut state = self.state();
        state.files[index(file)] = File::default();
        Ok(Some(format!("{file}.broken-1")))
    }

    fn place(&self) -> PathBuf {
        PathBuf::from("simulated disk")
    }
}

#[derive(Debug)]
struct OpenFile {
    disk: Disk,
    index: usize,
    life: u64,
}

impl StorageBackend for OpenFile {
    fn len(&self) -> io::Result<u64> {
        let length = self.disk.state().files[self.index].seen.len();
        u64::try_from(length).map_err(io::Error::other)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.disk.state();
        if state.life != self.life {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let bytes = state.files[self.index].seen.get(offset..offset + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        self.disk
            .change(self.life, self.index, Some(Op::SetLen(length)))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.change(self.life, self.index, None)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        self.disk.change(
            self.life,
            self.index,
            Some(Op::Write(offset, data.to_vec())),
        )
    }

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }
}
