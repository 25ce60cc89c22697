//! Meter lists: which schemes go with which meters, what is done with them, and when.
//!
//! A list is a file ([`MeterList::parse`]). [`due`] says when it is to be run, [`catch_up`] what a
//! gateway still owes after it was off, and a [`Run`] carries one run through retries, windows and
//! restarts.

mod calendar;
mod canonical;
mod due;
mod file;
mod hours;
mod parse;
mod recurrence;
mod retry;
mod rule;
mod run;
mod run_codec;
mod tasks;
mod window;

pub(crate) use calendar::minute_of;

pub use crate::site::ListName;
pub use due::{CatchUp, DUES_MAX, Due, SPAN_DAYS_MAX, catch_up, due};
pub use file::fuzz_list;
pub use hours::{Begin, Hours};
pub use recurrence::Recurrence;
pub use retry::RetryPlan;
pub use rule::Rule;
pub use run::{Assignment, EndCause, Outcome, Run, RunCounts, Task, TaskState};
pub use run_codec::{RunFault, fuzz_run};
pub use tasks::{ListTask, TaskFault};
pub use window::{WindowChoice, WindowRule};

use crate::site::{Folder, Label, Protocol, SchemeName};
use metering::MeterId;
use std::fmt;
use std::time::Duration;

/// A list as the program trusts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterList {
    /// Its name.
    pub name: ListName,
    /// What a person should know of it.
    pub note: String,
    /// What is done.
    pub action: ListAction,
    /// With which meters, by which schemes.
    pub pairs: Vec<Pair>,
    /// When; a list without a schedule runs when it is told to.
    pub schedule: Option<Schedule>,
    /// The last part of a window, in which no write begins.
    pub last_part: LastPart,
    /// How often a meter is tried again.
    pub retry: RetryPlan,
    /// How long a run goes on at most.
    pub life: Duration,
}

/// What a list does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListAction {
    /// Reads what the scheme names.
    Read,
    /// Programs the whole scheme.
    Program,
    /// Programs the scheme's calendar alone.
    Tariff,
}

impl ListAction {
    /// The word of the file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Program => "program",
            Self::Tariff => "tariff",
        }
    }

    /// Meters are changed.
    pub const fn writes(self) -> bool {
        !matches!(self, Self::Read)
    }
}

impl fmt::Display for ListAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A scheme and the meters it goes with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The scheme.
    pub scheme: SchemeName,
    /// The meters.
    pub meters: Choice,
}

/// Which meters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// These.
    Named(Vec<MeterId>),
    /// All of a place in the network map, as it is when the run begins.
    Folder {
        /// The place.
        folder: Folder,
        /// Only those that speak this.
        protocol: Option<Protocol>,
        /// Only those of this model.
        model: Option<Label>,
    },
}

/// When a list runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The zone whose clock the times below are of, by its IANA name.
    pub zone: String,
    /// When meters may be spoken to.
    pub window: WindowChoice,
    /// When a run falls due.
    pub recurrence: Recurrence,
    /// So much later than that, so that gateways do not all begin at once.
    pub offset: Duration,
}

/// How much of the end of a window is not for writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastPart {
    /// So many hundredths of the window.
    Percent(u8),
    /// So many minutes.
    Minutes(u16),
}
