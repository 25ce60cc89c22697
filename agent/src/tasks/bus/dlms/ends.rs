//! Why a session failed, and what that means for the plan of the bus.

use crate::tasks::keykeeper::KeyTrouble;
use dlms::conversation::{Remedy, SessionFault, Step};
use iec62056_21::conversation::SessionFault as SignOnFault;
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
        match self {
            Self::Visit(DlmsFault::SignOn(fault)) => return end_of_sign_on(fault),
            // It may wait for HDLC for minutes: a sign-on at once would find it deaf.
            Self::Visit(DlmsFault::SilentBehindSignOn) => return SessionEnd::Refused,
            _ => {}
        }
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
        let fault = match self {
            Self::Visit(DlmsFault::SignOn(fault)) => match fault.as_ref() {
                SignOnFault::Line(fault) => fault,
                _ => return None,
            },
            _ => match self.session() {
                Some(SessionFault::Line { fault, .. }) => fault,
                _ => return None,
            },
        };
        match fault {
            LineFault::Gone(error) => Some(Arc::clone(error)),
            _ => None,
        }
    }
}

/// A sign-on that failed: nobody was there, or somebody who cannot be read so.
fn end_of_sign_on(fault: &SignOnFault) -> SessionEnd {
    match fault {
        SignOnFault::Line(LineFault::Gone(_)) => SessionEnd::LineGone,
        SignOnFault::Nothing { .. } | SignOnFault::EchoOnly { .. } => SessionEnd::Silent,
        SignOnFault::WrongMode { .. } | SignOnFault::NoIdentification { .. } => SessionEnd::Refused,
        _ => SessionEnd::Broken,
    }
}

/// Whether time is up, which is no fault: the rest is done in the next session.
pub(super) fn is_time_up(fault: &DlmsFault) -> bool {
    matches!(fault, DlmsFault::Session(SessionFault::TimeUp { .. }))
}
