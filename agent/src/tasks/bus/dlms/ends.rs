//! Why a session failed, and what that means for the plan of the bus.

use crate::tasks::keykeeper::KeyTrouble;
use dlms::conversation::{Remedy, SessionFault, Step};
use line::LineFault;
use metering::Timestamp;
use meters::dlms::DlmsFault;
use meters::planner::SessionEnd;
use std::sync::Arc;

/// Why a session brought nothing, or not all.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum SessionTrouble {
    /// The conversation, or what came of it.
    #[error(transparent)]
    Visit(#[from] DlmsFault),
    /// The keys cannot be had.
    #[error(transparent)]
    Keys(#[from] KeyTrouble),
    /// The meter refused its keys or its password: it is left alone until then.
    #[error("{what} refused; it is tried again at {until}, or when you have corrected it")]
    Resting {
        /// What was refused.
        what: &'static str,
        /// The end of the pause.
        until: Timestamp,
    },
    /// The public client could not learn how far the counter is.
    #[error("how far the key's counter is cannot be learned: {why}")]
    CounterUnknown {
        /// Why.
        why: String,
    },
}

impl SessionTrouble {
    /// The fault of the session itself.
    pub(in super::super) fn session(&self) -> Option<&SessionFault> {
        match self {
            Self::Visit(DlmsFault::Session(fault)) => Some(fault),
            _ => None,
        }
    }

    /// What the planner is told.
    pub(super) fn end(&self) -> SessionEnd {
        let Some(fault) = self.session() else {
            return SessionEnd::Refused;
        };
        match fault {
            SessionFault::Line {
                fault: LineFault::Gone(_),
                ..
            } => SessionEnd::LineGone,
            // Nobody has answered.
            SessionFault::Line {
                step: Step::Link, ..
            } => SessionEnd::Silent,
            fault => match fault.remedy() {
                Remedy::AskOperator | Remedy::GiveUp => SessionEnd::Refused,
                Remedy::OpenAgain | Remedy::Reopen | Remedy::ReadCounter => SessionEnd::Broken,
            },
        }
    }

    /// Why the port is gone, if it is.
    pub(super) fn gone(&self) -> Option<Arc<std::io::Error>> {
        match self.session() {
            Some(SessionFault::Line {
                fault: LineFault::Gone(error),
                ..
            }) => Some(Arc::clone(error)),
            _ => None,
        }
    }
}

/// Whether time is up, which is no fault: the rest is done in the next session.
pub(super) fn is_time_up(fault: &DlmsFault) -> bool {
    matches!(fault, DlmsFault::Session(SessionFault::TimeUp { .. }))
}
