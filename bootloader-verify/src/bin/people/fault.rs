//! Why a command could not do its work, with the exit code that says so to scripts.

use std::io;
use std::path::{Path, PathBuf};

/// `EX_USAGE` of sysexits.
pub(crate) const USAGE: u8 = 64;
const NO_INPUT: u8 = 66;
const CANNOT_CREATE: u8 = 73;
const REFUSED: u8 = 1;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{0}")]
    Usage(String),
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{}: {problem}", path.display())]
    Unusable { path: PathBuf, problem: String },
    #[error("{}: cannot be written: {source}", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("{}: is there already, and no key is ever overwritten; name another file", path.display())]
    Occupied { path: PathBuf },
}

impl Fault {
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => USAGE,
            Self::Unreadable { .. } => NO_INPUT,
            Self::Unusable { .. } => REFUSED,
            Self::Unwritable { .. } | Self::Occupied { .. } => CANNOT_CREATE,
        }
    }

    /// For `map_err` after reading this file.
    pub(crate) fn unreadable(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Unreadable {
            path: path.to_owned(),
            source,
        }
    }

    /// For `map_err` after writing this file.
    pub(crate) fn unwritable(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Unwritable {
            path: path.to_owned(),
            source,
        }
    }

    /// A file that was read and does not serve.
    pub(crate) fn unusable(path: &Path, problem: impl std::fmt::Display) -> Self {
        Self::Unusable {
            path: path.to_owned(),
            problem: problem.to_string(),
        }
    }
}
