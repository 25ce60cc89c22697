//! Why a meter is not programmed.

use crate::dlms::WriteFault;
use crate::flag::VisitFault;
use crate::modbus::ReadFault;
use std::fmt;

/// Something of a plan that does not suit a meter, told before anything is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// What it is about.
    pub place: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl Misfit {
    /// From its three parts.
    pub fn new(
        place: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            place: place.into(),
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.problem, self.remedy)
    }
}

/// Why a place could not be read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PageFault {
    /// The meter will not; the conversation goes on.
    #[error("{0}")]
    Refused(String),
    /// A FLAG conversation ended.
    #[error(transparent)]
    Flag(VisitFault),
    /// A Modbus meter did not answer.
    #[error(transparent)]
    Modbus(ReadFault),
    /// A place of another protocol.
    #[error("such a place is none of this meter's protocol; make the plan anew")]
    OtherProtocol,
}

/// Why there is no report.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProgramFault {
    /// The conversation failed behind the first write. What was asked last may have been done: only
    /// another session tells.
    #[error(
        "the conversation failed at {at}; what the meter holds now is not known: look how it stands, then resume or restore"
    )]
    Cut {
        /// What was on its way.
        at: String,
        /// Why.
        #[source]
        fault: PageFault,
    },
    /// Something that must be known before cannot be read. Nothing was written.
    #[error("{what} cannot be read, so there is no backup; nothing was written, try again")]
    NoBackup {
        /// What.
        what: String,
        /// Why.
        #[source]
        fault: PageFault,
    },
    /// Another meter, another model, or another firmware. Nothing was written.
    #[error(
        "the meter's {what} is `{found}` where the plan is for `{expected}`; nothing was written: make a plan for this meter"
    )]
    OtherMeter {
        /// What differs.
        what: String,
        /// What the meter says.
        found: String,
        /// What it should say.
        expected: String,
    },
    /// A layout that only simulated meters have, and a meter that is none. Nothing was written.
    #[error(
        "the plan holds layouts of the simulator's own, and this meter is not simulated; nothing was written: use a clone or a write set"
    )]
    ProvisionalOnHardware,
    /// Load profiles would be lost, and nobody said that they were read.
    #[error(
        "the load profile of `{meter}` would be lost and was not read; nothing was written: read it first"
    )]
    ProfileNotRead {
        /// Which meter.
        meter: String,
    },
    /// A write needs the meter's password, and there is none.
    #[error(
        "{what} needs the meter's password; nothing more was written: give it to the key store"
    )]
    NoPassword {
        /// What.
        what: String,
    },
    /// The record is for another protocol.
    #[error("the record is for another protocol; take the one of this meter")]
    OtherProtocol,
    /// What the meters of DLMS say.
    #[error(transparent)]
    Dlms(#[from] WriteFault),
}
