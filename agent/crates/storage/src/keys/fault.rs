//! Why a key or a counter cannot be had.

use super::ring::{KeyNumber, RingFault};
use super::row::KeyKind;
use crate::StoreError;
use metering::MeterId;

/// Why a key or a counter cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The step does not fit to where a change of the key stands.
    #[error(transparent)]
    Ring(#[from] RingFault),
    /// There is none.
    #[error("{meter} has no {kind}; import it")]
    NoKey {
        /// Whose.
        meter: MeterId,
        /// For what.
        kind: KeyKind,
    },
    /// It was dropped, or never was.
    #[error("there is no key {0} any longer; ask which one to use")]
    NoSuchKey(KeyNumber),
    /// The gateway has not used the key yet, or has lost how far its counter is.
    #[error(
        "the invocation counter of this key is not known; read it from the meter as public client first"
    )]
    CounterUnknown,
    /// There are no more.
    #[error("the invocation counters of this key are used up; replace the key")]
    CounterExhausted,
    /// A counter that nobody has proven would use up a good part of what a key has.
    #[error(
        "the meter says that its counter is {said}, far beyond {known}; if others really use this key, forget its counter and read it anew"
    )]
    CounterFar {
        /// What it says.
        said: u32,
        /// What is used here.
        known: u32,
    },
    /// The caller sealed the key for another number than it would get.
    #[error("the key is sealed for number {found}; seal it for {wanted}")]
    OtherNumber {
        /// What it has.
        found: KeyNumber,
        /// The next one.
        wanted: KeyNumber,
    },
    /// More than the file takes.
    #[error("there are {most} keys already; drop keys of meters that are gone")]
    TooMany {
        /// The limit.
        most: usize,
    },
}
