//! The store, opened again by itself after a fault of the disk.

use std::path::PathBuf;
use std::time::Duration;
use storage::{Batch, Remedy, Store, StoreError, StoreOptions, Stream};
use tokio::time::Instant;

/// Opening repairs and reads: a store that failed is not opened anew for every question.
const OPEN_AGAIN_AFTER: Duration = Duration::from_secs(4);

/// Opens the store.
type OpenStore = dyn Fn() -> Result<Store, StoreError> + Send;

/// The store and how to open it.
pub struct Shelf {
    store: Option<Store>,
    open: Box<OpenStore>,
    next: [u64; Stream::ALL.len()],
    next_try: Instant,
}

/// What came of an attempt to append.
#[derive(Debug)]
pub(super) enum Appended {
    /// It is durable.
    Done,
    /// It cannot be stored, ever: hand the reason on.
    Unfit(StoreError),
    /// Not now; keep the batch and try again.
    NotNow(StoreError),
}

impl Shelf {
    /// Takes an open store.
    pub fn new(store: Store, folder: PathBuf, options: StoreOptions) -> Self {
        let open = move || Ok(Store::open(&folder, &options)?.0);
        Self::opened_by(store, Box::new(open))
    }

    /// Takes an open store that is opened anew in a way of its own.
    pub fn opened_by(store: Store, open: Box<OpenStore>) -> Self {
        let next = Stream::ALL.map(|stream| store.next(stream));
        Self {
            store: Some(store),
            open,
            next,
            next_try: Instant::now(),
        }
    }

    /// Does something with the store; after a fault of the disk it is opened anew next time.
    pub(super) fn with<T>(
        &mut self,
        work: impl FnOnce(&mut Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut store = match self.store.take() {
            Some(store) => store,
            None if Instant::now() < self.next_try => return Err(not_yet()),
            None => {
                self.next_try = Instant::now() + OPEN_AGAIN_AFTER;
                (self.open)()?
            }
        };
        let done = work(&mut store);
        let broken = done
            .as_ref()
            .is_err_and(|error| error.remedy() == Remedy::Reopen);
        if broken {
            self.next_try = Instant::now() + OPEN_AGAIN_AFTER;
        } else {
            self.store = Some(store);
        }
        done
    }

    /// Appends a batch. After a fault nobody knows whether the last commit reached the disk:
    /// the numbers tell, so that nothing is written twice.
    pub(super) fn append(&mut self, batch: &Batch) -> Appended {
        let before = self.next;
        let batch = batch.clone();
        let done = self.with(|store| {
            let now = Stream::ALL.map(|stream| store.next(stream));
            if now == before {
                store.append(batch)?;
            }
            Ok(Stream::ALL.map(|stream| store.next(stream)))
        });
        match done {
            Ok(next) => {
                self.next = next;
                Appended::Done
            }
            Err(error) if error.remedy() == Remedy::FixCaller => Appended::Unfit(error),
            Err(error) => Appended::NotNow(error),
        }
    }

    /// Notes numbers that were given outside of [`Shelf::append`] (gap records of retention).
    pub(super) fn note_numbers(&mut self) {
        if let Some(store) = &self.store {
            self.next = Stream::ALL.map(|stream| store.next(stream));
        }
    }

    /// Closes the store.
    pub(super) fn close(self) -> Result<(), StoreError> {
        self.store.map_or(Ok(()), Store::close)
    }
}

fn not_yet() -> StoreError {
    StoreError::Folder {
        path: PathBuf::from("the store"),
        source: std::io::Error::other("the last attempt failed; the next follows in a moment"),
    }
}
