//! The store, opened again by itself after a fault of the disk.
//!
//! A failed write closes the store: nobody knows what of it reached the disk. Reading goes on at
//! once with the store opened anew, writing after a while; and what was in doubt is settled by
//! the numbers that the store has given, so that nothing is written twice and nothing is dropped.

use std::io;
use std::path::PathBuf;
use std::time::Duration;
use storage::{
    Batch, FileState, Need, OpenReport, Remedy, Reserve, Store, StoreError, StoreFile,
    StoreOptions, Stream,
};
use tokio::time::Instant;

/// Opening repairs and reads, and a full disk stays full for a while: neither is tried anew for
/// every question.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(4);

/// Opens the store.
type OpenStore = dyn Fn() -> Result<(Store, Vec<String>), StoreError> + Send;

/// The store and how to open it.
pub struct Shelf {
    store: Option<Store>,
    open: Box<OpenStore>,
    reserve: Option<Reserve>,
    /// Where the numbers stood when they were last known.
    place: Place,
    last_append: LastAppend,
    /// What is to be said about files that were found broken.
    news: Vec<String>,
    last_fault: String,
    open_at: Instant,
    write_at: Instant,
}

/// What came of an attempt to append.
#[derive(Debug)]
pub(super) enum Appended {
    /// It is durable.
    Done,
    /// It cannot be stored, ever: hand the reason on.
    Unfit(StoreError),
    /// Not now; hand the same batch over again later, and nothing else before it.
    NotNow(StoreError),
}

/// Numbers count within an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    epoch: [u8; 8],
    next: [u64; Stream::ALL.len()],
}

impl Place {
    fn of(store: &Store) -> Self {
        Self {
            epoch: store.epoch(),
            next: Stream::ALL.map(|stream| store.next(stream)),
        }
    }
}

/// What is known of the last append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LastAppend {
    Settled,
    /// It failed, and the store was not opened since.
    InDoubt,
    /// It failed, and is on the disk all the same.
    Landed,
}

impl Shelf {
    /// Takes an open store; `reserve` is spent when the disk is full.
    pub fn new(store: Store, folder: PathBuf, options: StoreOptions, reserve: Reserve) -> Self {
        let open = move || {
            let (store, report) = Store::open(&folder, &options)?;
            Ok((store, broken_words(&report)))
        };
        Self::with_reserve(store, Box::new(open), Some(reserve))
    }

    /// Takes an open store that is opened anew in a way of its own.
    pub fn opened_by(
        store: Store,
        open: Box<dyn Fn() -> Result<Store, StoreError> + Send>,
    ) -> Self {
        Self::with_reserve(store, Box::new(move || Ok((open()?, Vec::new()))), None)
    }

    fn with_reserve(store: Store, open: Box<OpenStore>, reserve: Option<Reserve>) -> Self {
        let now = Instant::now();
        Self {
            place: Place::of(&store),
            store: Some(store),
            open,
            reserve,
            last_append: LastAppend::Settled,
            news: Vec::new(),
            last_fault: String::new(),
            open_at: now,
            write_at: now,
        }
    }

    /// Looks something up, or changes what is not written at once.
    pub(super) fn with<T>(
        &mut self,
        work: impl FnOnce(&mut Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let done = self.using(work)?;
        if self.store.is_none() {
            self.open_at = Instant::now() + TRY_AGAIN_AFTER;
        }
        done
    }

    /// Works with the open store, which a fault closes.
    fn using<T>(
        &mut self,
        work: impl FnOnce(&mut Store) -> Result<T, StoreError>,
    ) -> Result<Result<T, StoreError>, StoreError> {
        let mut store = self.opened()?;
        let done = work(&mut store);
        if !self.is_broken(&done) {
            self.store = Some(store);
        }
        Ok(done)
    }

    /// Writes, unless the last attempt failed a moment ago.
    pub(super) fn write<T>(
        &mut self,
        work: impl FnOnce(&mut Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if Instant::now() < self.write_at {
            return Err(self.resting());
        }
        self.write_now(work)
    }

    /// Writes what may make room, even if the last attempt to write has just failed.
    pub(super) fn write_now<T>(
        &mut self,
        work: impl FnOnce(&mut Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let done = self.using(work)?;
        match &self.store {
            None => self.write_at = Instant::now() + TRY_AGAIN_AFTER,
            Some(store) => self.place = Place::of(store),
        }
        done
    }

    /// Appends a batch.
    pub(super) fn append(&mut self, batch: &Batch) -> Appended {
        // Opening may be what settles the doubt.
        match self.opened() {
            Ok(store) => self.store = Some(store),
            Err(error) => return Appended::NotNow(error),
        }
        if self.last_append == LastAppend::Landed {
            self.last_append = LastAppend::Settled;
            return Appended::Done;
        }
        let mut was_tried = false;
        let done = self.write(|store| {
            was_tried = true;
            store.append(batch.clone())
        });
        match done {
            Ok(_) => {
                self.last_append = LastAppend::Settled;
                Appended::Done
            }
            Err(error) if error.remedy() == Remedy::FixCaller => Appended::Unfit(error),
            Err(error) => {
                if was_tried {
                    self.last_append = LastAppend::InDoubt;
                }
                Appended::NotNow(error)
            }
        }
    }

    /// The open store, opened anew if it must be.
    fn opened(&mut self) -> Result<Store, StoreError> {
        if let Some(store) = self.store.take() {
            return Ok(store);
        }
        if Instant::now() < self.open_at {
            return Err(self.resting());
        }
        loop {
            match (self.open)() {
                Ok((store, news)) => {
                    self.news.extend(news);
                    self.settle(&store);
                    return Ok(store);
                }
                Err(error) if error.is_disk_full() && self.gives(Need::Start) => {}
                Err(error) => {
                    self.open_at = Instant::now() + TRY_AGAIN_AFTER;
                    self.last_fault = error.to_string();
                    return Err(error);
                }
            }
        }
    }

    /// An append moves the numbers or has not happened. In a new epoch nothing of it is left.
    fn settle(&mut self, store: &Store) {
        let place = Place::of(store);
        if self.last_append == LastAppend::InDoubt {
            let landed = place.epoch == self.place.epoch && place != self.place;
            self.last_append = if landed {
                LastAppend::Landed
            } else {
                LastAppend::Settled
            };
        }
        self.place = place;
    }

    /// Spends a step of the reserve, so that writing may be tried at once; `false` if it is spent.
    pub(super) fn spend(&mut self) -> bool {
        let gave = self.gives(Need::Running);
        if gave {
            self.write_at = Instant::now();
        }
        gave
    }

    fn gives(&self, need: Need) -> bool {
        gives(self.reserve.as_ref(), need)
    }

    /// Makes the reserve whole again where there is room, and says whether it did.
    pub(super) fn make_reserve_whole(&self, free: u64) -> io::Result<bool> {
        self.reserve
            .as_ref()
            .map_or(Ok(false), |reserve| reserve.make_whole(free))
    }

    /// What was found broken since the last call.
    pub(super) fn news(&mut self) -> Vec<String> {
        std::mem::take(&mut self.news)
    }

    /// Whether a fault closed the store.
    fn is_broken<T>(&mut self, done: &Result<T, StoreError>) -> bool {
        match done {
            Err(error) if error.remedy() == Remedy::Reopen => {
                self.last_fault = error.to_string();
                true
            }
            _ => false,
        }
    }

    /// What is said while the store is left alone after a fault.
    pub(super) fn resting(&self) -> StoreError {
        StoreError::Resting {
            before: self.last_fault.clone(),
        }
    }

    /// Closes the store.
    pub(super) fn close(self) -> Result<(), StoreError> {
        self.store.map_or(Ok(()), Store::close)
    }
}

/// Gives a step of the reserve away, if there is one.
pub(crate) fn gives(reserve: Option<&Reserve>, need: Need) -> bool {
    let gave = reserve.map_or(Ok(false), |reserve| reserve.give(need));
    gave.unwrap_or_else(|error| {
        log::error!(error:%; "the reserve for a full disk cannot be spent");
        false
    })
}

/// Which files were broken and set aside, in words.
pub(crate) fn broken_words(report: &OpenReport) -> Vec<String> {
    let files = [
        (StoreFile::Hot, &report.hot),
        (StoreFile::Archive, &report.archive),
    ];
    let words = files.into_iter().filter_map(|(file, state)| match state {
        FileState::SetAside { name, why } => Some(format!(
            "{file} was broken ({why}) and set aside as {name}; a new one was begun"
        )),
        FileState::Existing | FileState::Fresh => None,
    });
    words.collect()
}
