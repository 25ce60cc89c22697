//! Counters in memory, as a disk keeps them.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use dlms::security::{CounterBlock, CounterFault, CounterKeeper};

/// What the disk holds; it outlives the keeper.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    pub(crate) next: u32,
    pub(crate) heard: Option<u32>,
    pub(crate) writes: u32,
    pub(crate) is_full: bool,
    /// How many counters a block has.
    pub(crate) block: Option<u32>,
    /// Gives the same block again: a disk that forgets.
    pub(crate) forgets: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Keeper(pub(crate) Arc<Mutex<Disk>>);

impl Keeper {
    pub(crate) fn at(next: u32) -> Self {
        let keeper = Self::default();
        keeper.0.lock().unwrap().next = next;
        keeper
    }

    pub(crate) fn next(&self) -> u32 {
        self.0.lock().unwrap().next
    }
}

impl CounterKeeper for Keeper {
    async fn reserve(&mut self, count: NonZeroU32) -> Result<CounterBlock, CounterFault> {
        let mut disk = self.0.lock().unwrap();
        if disk.is_full {
            let reason = "disk full".to_owned();
            return Err(CounterFault { reason });
        }
        let count = disk.block.unwrap_or(count.get());
        let first = disk.next + 1;
        let last = disk.next + count;
        disk.writes += 1;
        if !disk.forgets {
            disk.next = last;
        }
        Ok(CounterBlock { first, last })
    }

    async fn raise(&mut self, used: u32) -> Result<(), CounterFault> {
        let mut disk = self.0.lock().unwrap();
        disk.next = disk.next.max(used);
        Ok(())
    }

    async fn heard(&mut self) -> Result<Option<u32>, CounterFault> {
        Ok(self.0.lock().unwrap().heard)
    }

    async fn note_heard(&mut self, counter: u32) -> Result<(), CounterFault> {
        let mut disk = self.0.lock().unwrap();
        disk.heard = disk.heard.max(Some(counter));
        Ok(())
    }
}
