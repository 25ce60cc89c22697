//! Collecting the load profile that a meter keeps: what to ask for, how far it is, and what of the
//! answer is new. Pure: the conversation lies elsewhere.
//!
//! Meters count in days of their own calendar. By default everything since the last good row is
//! read, with one day of overlap; where only some days are missing, only those are.

mod capacity;
mod merge;
mod missing;
mod plan;
mod state;

pub use capacity::{Storage, days_until_overwrite};
pub use merge::{Conflict, Merged, merge};
pub use missing::{MissingMarks, missing_marks};
pub use plan::{CollectGround, CollectPlan, Wanted, plan};
pub use state::{CollectState, Progress};

use metering::Timestamp;

/// Marks from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Marks {
    /// The first interval's end.
    pub first: Timestamp,
    /// The last interval's end.
    pub last: Timestamp,
}

#[cfg(test)]
mod tests;
