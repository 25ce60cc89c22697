//! How a visit ended, and what it cost.

use crate::flag::found::MeterIdentity;
use iec62056_21::conversation::SessionFault;
use std::time::Duration;

/// Why a visit failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VisitFault {
    /// No session could be opened.
    #[error("no session with the meter")]
    NotOpened(#[source] SessionFault),
    /// A session was cut, and those after it too.
    #[error("session cut off after {exchanges} exchanges, {sessions} times in a row")]
    Cut {
        /// Why the last one was.
        #[source]
        fault: SessionFault,
        /// Exchanges of all of them.
        exchanges: u64,
        /// Sessions that were opened.
        sessions: u8,
    },
    /// The meter does not take its password.
    #[error("password refused; look for the right one before anything tries it again")]
    Password(#[source] SessionFault),
    /// A meter of another model answers.
    #[error(
        "the meter that answers is of another model ({found}); correct the model, or look which meter it is"
    )]
    OtherModel {
        /// What it says of itself.
        found: String,
    },
    /// Another meter answers.
    #[error(
        "the meter that answers has the serial number {found}, not {expected}; look which meter it is"
    )]
    OtherMeter {
        /// What it says.
        found: String,
        /// What is configured.
        expected: String,
    },
    /// Sessions end before anything is read.
    #[error("sessions of {hold_max:?} are too short to read anything; let them be longer")]
    TooShort {
        /// How long they may be.
        hold_max: Duration,
    },
}

/// How a visit ended for now.
#[derive(Debug, Clone)]
pub enum VisitEnd {
    /// All was read.
    Done,
    /// The line was held long enough; another session goes on.
    More,
    /// Somebody cancelled it.
    Cancelled,
    /// It failed; what was read until then is valid.
    Failed(VisitFault),
}

/// What a visit did with the line.
#[derive(Debug, Clone)]
pub struct VisitReport {
    /// How it ended.
    pub end: VisitEnd,
    /// Octets on the line, both ways.
    pub octets: u64,
    /// How long the line was held.
    pub held: Duration,
    /// Sessions that were opened.
    pub sessions: u8,
    /// Exchanges in them.
    pub exchanges: u64,
    /// Who answered, if somebody did.
    pub identity: Option<MeterIdentity>,
}

/// How far a visit is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitProgress {
    /// Steps of the present errand that are done.
    pub done: u64,
    /// Its steps in all; 0: not known.
    pub total: u64,
    /// What is going on.
    pub words: String,
}
