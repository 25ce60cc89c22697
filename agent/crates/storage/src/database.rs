//! Opening a file: which state it is in, and what to do when it is broken.

use crate::StoreFile;
use crate::error::{InFile, StoreError, is_broken};
use crate::medium::{Counted, Counters, Medium};
use redb::{Database, ReadableTable, TableDefinition, WriteTransaction};
use std::sync::Arc;

/// What the file says about itself.
pub(crate) const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
const FORMAT_KEY: &str = "format";
/// The newest format of a file that this program knows.
const FORMAT: u64 = 1;
/// The database's own head, in front of the first page.
const HEAD_BYTES: usize = 4096;

/// In which state a file was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileState {
    /// It was there and in order.
    Existing,
    /// There was none.
    Fresh,
    /// It was broken and put out of the way; a fresh one took its place.
    SetAside {
        /// Under which name the broken one is kept.
        name: String,
        /// What was wrong with it.
        why: String,
    },
}

/// Told about a file that is being repaired after an unclean stop: the file, and per cent done.
pub type OnRepair = Arc<dyn Fn(StoreFile, u8) + Send + Sync>;

/// An open file.
#[derive(Debug)]
pub(crate) struct OpenFile {
    pub(crate) database: Database,
    pub(crate) counters: Arc<Counters>,
    pub(crate) was_repaired: bool,
}

/// How a file is to be opened.
pub(crate) struct Opening<'a> {
    pub(crate) medium: &'a dyn Medium,
    pub(crate) file: StoreFile,
    pub(crate) cache_bytes: usize,
    pub(crate) on_repair: Option<OnRepair>,
}

impl Opening<'_> {
    /// Opens the file and lets `prepare` look into it. A broken one is set aside, once; what
    /// fails after that is the medium's fault and is reported.
    pub(crate) fn run<T>(
        &self,
        prepare: impl Fn(&OpenFile, bool) -> Result<T, StoreError>,
    ) -> Result<(OpenFile, T, FileState), StoreError> {
        let why = match self.attempt(&prepare) {
            Ok((file, prepared, state)) => return Ok((file, prepared, state)),
            Err(error) if is_damage(&error) => told(&error),
            Err(error) => return Err(error),
        };
        let aside = self.medium.set_aside(self.file);
        let name = aside.map_err(|source| self.unreachable(source))?;
        let (file, prepared, _) = self.attempt(&prepare)?;
        let name = name.unwrap_or_default();
        Ok((file, prepared, FileState::SetAside { name, why }))
    }

    /// Opens the file without ever putting aside what may hold something: it is the only one of
    /// its kind.
    pub(crate) fn run_or_refuse<T>(
        &self,
        prepare: impl Fn(&OpenFile, bool) -> Result<T, StoreError>,
    ) -> Result<(OpenFile, T), StoreError> {
        let attempt = match self.attempt(&prepare) {
            Err(error) if is_damage(&error) && self.is_blank() => {
                let aside = self.medium.set_aside(self.file);
                aside.map_err(|source| self.unreachable(source))?;
                self.attempt(&prepare)
            }
            attempt => attempt,
        };
        let (file, prepared, _) = attempt?;
        Ok((file, prepared))
    }

    /// Whether the power failed while the file was made: behind its head there is nothing yet.
    fn is_blank(&self) -> bool {
        let blank = || -> std::io::Result<bool> {
            let file = self.medium.open(self.file)?;
            let length = file.len()?;
            let mut page = vec![0; HEAD_BYTES];
            let mut offset = u64::try_from(HEAD_BYTES).unwrap_or(u64::MAX);
            while offset < length {
                let left = usize::try_from(length - offset).unwrap_or(HEAD_BYTES);
                page.truncate(left);
                file.read(offset, &mut page)?;
                if page.iter().any(|byte| *byte != 0) {
                    return Ok(false);
                }
                offset = offset.saturating_add(u64::try_from(page.len()).unwrap_or(u64::MAX));
            }
            file.close()?;
            Ok(true)
        };
        blank().unwrap_or(false)
    }

    fn attempt<T>(
        &self,
        prepare: &impl Fn(&OpenFile, bool) -> Result<T, StoreError>,
    ) -> Result<(OpenFile, T, FileState), StoreError> {
        let file = self.open()?;
        let is_fresh = self.check_format(&file.database)?;
        let prepared = prepare(&file, is_fresh)?;
        if is_fresh {
            let named = self.medium.created(self.file);
            named.map_err(|source| self.unreachable(source))?;
        }
        let state = if is_fresh {
            FileState::Fresh
        } else {
            FileState::Existing
        };
        Ok((file, prepared, state))
    }

    fn open(&self) -> Result<OpenFile, StoreError> {
        let inner = self.medium.open(self.file);
        let inner = inner.map_err(|source| self.unreachable(source))?;
        let counters = Arc::new(Counters::default());
        let repaired = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let backend = Counted {
            inner,
            counters: Arc::clone(&counters),
        };
        let mut builder = Database::builder();
        builder.set_cache_size(self.cache_bytes);
        let (file, on_repair, seen) = (self.file, self.on_repair.clone(), Arc::clone(&repaired));
        builder.set_repair_callback(move |session| {
            seen.store(true, std::sync::atomic::Ordering::Relaxed);
            if let Some(tell) = &on_repair {
                tell(file, per_cent(session.progress()));
            }
        });
        let database = builder.create_with_backend(backend).of(self.file)?;
        Ok(OpenFile {
            database,
            counters,
            was_repaired: repaired.load(std::sync::atomic::Ordering::Relaxed),
        })
    }

    /// Whether the file is empty. A file of a newer format is left alone.
    fn check_format(&self, database: &Database) -> Result<bool, StoreError> {
        use redb::ReadableDatabase as _;
        let transaction = database.begin_read().of(self.file)?;
        let table = match transaction.open_table(META) {
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(true),
            table => table.of(self.file)?,
        };
        match get_number(&table, FORMAT_KEY).of(self.file)? {
            None => Ok(true),
            Some(FORMAT) => Ok(false),
            Some(found) => Err(StoreError::NewerFormat {
                file: self.file,
                found,
                known: FORMAT,
            }),
        }
    }

    fn unreachable(&self, source: std::io::Error) -> StoreError {
        StoreError::Folder {
            path: self.medium.place().join(self.file.name()),
            source,
        }
    }
}

/// Marks a fresh file as ours; part of the transaction that fills it first.
pub(crate) fn write_format(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    let mut meta = transaction.open_table(META)?;
    meta.insert(FORMAT_KEY, FORMAT.to_be_bytes().as_slice())?;
    Ok(())
}

fn get_number(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
    key: &str,
) -> Result<Option<u64>, redb::Error> {
    let value = table.get(key)?;
    Ok(value.and_then(|value| Some(u64::from_be_bytes(value.value().try_into().ok()?))))
}

fn is_damage(error: &StoreError) -> bool {
    match error {
        StoreError::Database { source, .. } => is_broken(source),
        StoreError::Damaged { .. } => true,
        _ => false,
    }
}

/// An error with everything behind it, in one line.
fn told(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}

/// A share between 0 and 1 in whole per cent.
fn per_cent(share: f64) -> u8 {
    (0..=100)
        .rev()
        .find(|done| f64::from(*done) <= share * 100.0)
        .unwrap_or(0)
}
