//! What can go wrong with the store, and who can do something about it.

use crate::wire::Damage;
use crate::{CommandState, Stream};
use std::fmt;
use std::path::PathBuf;

/// Which of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoreFile {
    /// Log, outbox, state and audit chain.
    Hot,
    /// Sealed profiles and telemetry.
    Archive,
    /// What the reference head-end consumer has booked.
    Ledger,
    /// Keys of meters, sealed, and their counters.
    Keys,
}

impl StoreFile {
    /// Its name in the store's folder.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hot => "hot.redb",
            Self::Archive => "archive.redb",
            Self::Ledger => "ledger.redb",
            Self::Keys => "keys.redb",
        }
    }
}

impl fmt::Display for StoreFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused; what was asked has not happened, or (see `Store::append`) perhaps.
    #[error("{file} cannot be used; close the store, open it again and repeat what is missing")]
    Database {
        /// Which file.
        file: StoreFile,
        /// What the database says.
        #[source]
        source: Box<redb::Error>,
    },
    /// There was no room; what was asked has not happened, or (see `Store::append`) perhaps.
    #[error("there is no room on the disk for {file}; make room")]
    DiskFull {
        /// Which file.
        file: StoreFile,
        /// What the database says.
        #[source]
        source: Box<redb::Error>,
    },
    /// A fault closed the store a moment ago, and it is not opened or written anew for every
    /// question.
    #[error("the store is tried again in a moment; before: {before}")]
    Resting {
        /// The fault, in words.
        before: String,
    },
    /// Another process has the store open.
    #[error("{file} is in use by another process; stop the other pmu-agent first")]
    InUse {
        /// Which file.
        file: StoreFile,
    },
    /// The folder or a file cannot be reached.
    #[error("{} cannot be used; check that it exists and belongs to the service's user", path.display())]
    Folder {
        /// Which path.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
    /// A newer program wrote the file.
    #[error(
        "{file} has format {found}, this program knows up to {known}; install the newer program"
    )]
    NewerFormat {
        /// Which file.
        file: StoreFile,
        /// Its format.
        found: u64,
        /// The newest one known here.
        known: u64,
    },
    /// A stored value cannot be read.
    #[error("{what} in {file} is damaged")]
    Damaged {
        /// Which file.
        file: StoreFile,
        /// Which value.
        what: String,
        /// What is wrong with it.
        #[source]
        source: Damage,
    },
    /// A watermark names entries that were never written.
    #[error("the watermark {upto} of {stream} lies beyond the newest entry {newest}; ignore it")]
    WatermarkBeyond {
        /// Of which stream.
        stream: Stream,
        /// What it says.
        upto: u64,
        /// The newest entry.
        newest: u64,
    },
    /// The caller handed over something that no entry can hold.
    #[error("{what}; hand over {wanted}")]
    Unfit {
        /// What is wrong.
        what: String,
        /// What would fit.
        wanted: &'static str,
    },
    /// A command was never accepted, or was dropped long after its end.
    #[error("no command {id} is in the journal; accept it first")]
    NoSuchCommand {
        /// Which.
        id: String,
    },
    /// A command cannot come from where it stands to where it should.
    #[error("command {id} is {state} and cannot become {next}; look at its record before going on")]
    WrongState {
        /// Which.
        id: String,
        /// Where it stands.
        state: CommandState,
        /// Where it should have come.
        next: CommandState,
    },
    /// The archive has met more meters, profiles or shapes than it can number.
    #[error(
        "the archive cannot number another {what}; set the archive aside and start a fresh one"
    )]
    RegistryFull {
        /// Meter, profile or shape.
        what: &'static str,
    },
}

/// Who can do something about a `StoreError`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Close the store, open it again, compare `Store::next` and repeat what is missing.
    Reopen,
    /// Set the file aside and start a fresh one.
    SetAside(StoreFile),
    /// A person must look at the gateway.
    AskTechnician,
    /// The request itself is at fault; do not repeat it.
    FixCaller,
}

impl StoreError {
    /// What to do.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Database { file, source } if is_broken(source) => instead_of(*file),
            Self::Database { .. } | Self::DiskFull { .. } | Self::Resting { .. } => Remedy::Reopen,
            Self::Damaged { file, .. } => instead_of(*file),
            Self::RegistryFull { .. } => Remedy::SetAside(StoreFile::Archive),
            Self::InUse { .. } | Self::Folder { .. } | Self::NewerFormat { .. } => {
                Remedy::AskTechnician
            }
            Self::WatermarkBeyond { .. }
            | Self::Unfit { .. }
            | Self::NoSuchCommand { .. }
            | Self::WrongState { .. } => Remedy::FixCaller,
        }
    }

    /// Whether there was no room on the disk, so that making some is the way out.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::DiskFull { .. } => true,
            Self::Folder { source, .. } => is_full(source),
            _ => false,
        }
    }

    pub(crate) fn damaged(file: StoreFile, what: impl Into<String>, source: Damage) -> Self {
        Self::Damaged {
            file,
            what: what.into(),
            source,
        }
    }
}

/// What to do about a broken file. Keys that are gone do not come back: a person decides.
fn instead_of(file: StoreFile) -> Remedy {
    match file {
        StoreFile::Keys => Remedy::AskTechnician,
        file => Remedy::SetAside(file),
    }
}

/// `EIO`: the medium cannot read or write some block of the file.
const EIO: i32 = 5;

/// Whether the file itself is at fault, so that opening it again would not help.
pub(crate) fn is_broken(error: &redb::Error) -> bool {
    match error {
        redb::Error::Corrupted(_) | redb::Error::TableTypeMismatch { .. } => true,
        redb::Error::Io(error) => {
            error.raw_os_error() == Some(EIO)
                || matches!(
                    error.kind(),
                    std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof
                )
        }
        _ => false,
    }
}

fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}

/// Names the file whose operation failed.
pub(crate) trait InFile<T> {
    fn of(self, file: StoreFile) -> Result<T, StoreError>;
}

impl<T, E: Into<redb::Error>> InFile<T> for Result<T, E> {
    fn of(self, file: StoreFile) -> Result<T, StoreError> {
        self.map_err(|error| match error.into() {
            redb::Error::DatabaseAlreadyOpen => StoreError::InUse { file },
            redb::Error::Io(error) if is_full(&error) => StoreError::DiskFull {
                file,
                source: Box::new(redb::Error::Io(error)),
            },
            source => StoreError::Database {
                file,
                source: Box::new(source),
            },
        })
    }
}
