//! Why a write did not come about, or what it did is not known.

use super::super::fault::DlmsFault;
use super::record::Fingerprint;

/// Why there is no report.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteFault {
    /// The conversation failed. What was asked last may have been done: only another session tells.
    #[error("what the meter holds now is not known; read it in another session")]
    Cut {
        /// Why.
        #[source]
        fault: DlmsFault,
    },
    /// Something that is to be written cannot be read. Nothing was written.
    #[error("nothing was written")]
    Unread {
        /// Why.
        #[source]
        fault: DlmsFault,
    },
    /// The program is for another meter. Nothing was written.
    #[error("this is meter `{found}`, and the program is for `{expected}`; nothing was written")]
    OtherMeter {
        /// The meter.
        found: String,
        /// Whose program it is.
        expected: String,
    },
    /// The meter does not hold what the program was made for. Nothing was written.
    #[error(
        "the meter holds {found} where the program was made for {expected}; nothing was written: read it and decide again"
    )]
    Changed {
        /// What it holds.
        found: Fingerprint,
        /// What it should hold.
        expected: Fingerprint,
    },
    /// The time at which the calendar should come into force is over. Nothing was written.
    #[error("the activation time is over by the meter's clock; give a later one")]
    TimeIsOver,
    /// Rows would be lost, and nobody agreed to that for this meter.
    #[error("the profile of `{meter}` would be lost, and the consent is for `{given}`")]
    NoConsent {
        /// The meter.
        meter: String,
        /// Whose profile may be lost.
        given: String,
    },
    /// The clock cannot be written so that it can be told afterwards whether it was.
    #[error("{problem}; {remedy}")]
    Clock {
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: &'static str,
    },
}

impl WriteFault {
    /// From a fault while something was read that must be known before anything is written.
    pub(super) fn unread(fault: DlmsFault) -> Self {
        Self::Unread { fault }
    }

    /// From a fault behind the first write.
    pub(super) fn cut(fault: DlmsFault) -> Self {
        Self::Cut { fault }
    }
}
