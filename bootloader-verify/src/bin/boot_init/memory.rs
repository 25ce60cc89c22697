//! The state on disk. What cannot be read or written changes the order, never the verdict.

use crate::disks::Partition;
use bootloader_verify::{BootState, Copy, TrustedKeys, limits::BLOCK, limits::STATEMENT_AT};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

pub(crate) struct Memory {
    file: Option<File>,
    /// Where the next state goes.
    place: Copy,
}

impl Memory {
    /// Opens the state partition, and reads it.
    pub(crate) fn open(partition: Option<&Partition>) -> (Self, BootState) {
        let opened = partition.map(|partition| {
            File::options()
                .read(true)
                .write(true)
                .open(&partition.device)
        });
        let file = opened.and_then(Result::ok);
        let first = read(file.as_ref(), Copy::First.offset());
        let second = read(file.as_ref(), Copy::Second.offset());
        let (state, place) = BootState::newest(&first, &second);
        (Self { file, place }, state)
    }

    /// The keys, after the root key's statement if there is one.
    pub(crate) fn keys(&self, keys: &TrustedKeys) -> TrustedKeys {
        let block = read(self.file.as_ref(), STATEMENT_AT);
        let stated = keys.with_statement(&block);
        stated.unwrap_or_else(|_| keys.clone())
    }

    /// Writes the state over the older copy and waits until it is on the medium.
    pub(crate) fn write(&mut self, state: &mut BootState) -> io::Result<()> {
        let file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let next = state.next();
        file.write_all_at(&next.encode(), self.place.offset())?;
        file.sync_all()?;
        self.place = self.place.other();
        *state = next;
        Ok(())
    }
}

fn read(file: Option<&File>, at: u64) -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    match file.map(|file| file.read_exact_at(&mut block, at)) {
        Some(Ok(())) => block,
        _ => vec![0; BLOCK],
    }
}
