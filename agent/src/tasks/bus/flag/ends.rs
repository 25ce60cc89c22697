//! What the end of a visit means for the plan of the bus.

use iec62056_21::conversation::{SessionFault, SessionRemedy, Step};
use line::LineFault;
use meters::flag::VisitFault;
use meters::planner::SessionEnd;
use std::sync::Arc;

/// What the planner is told of a visit that failed.
pub(in super::super) fn end_of(fault: &VisitFault) -> SessionEnd {
    let VisitFault::Session(fault) = fault else {
        return SessionEnd::Refused;
    };
    match fault {
        SessionFault::Line(LineFault::Gone(_)) => SessionEnd::LineGone,
        // Nobody who could be read has answered.
        SessionFault::Nothing {
            step: Step::SignOn, ..
        }
        | SessionFault::Garbled {
            step: Step::SignOn, ..
        }
        | SessionFault::NotAcknowledged { step: Step::SignOn }
        | SessionFault::EchoOnly { .. } => SessionEnd::Silent,
        fault => match fault.remedy() {
            SessionRemedy::AskInstaller | SessionRemedy::AskOperator => SessionEnd::Refused,
            _ => SessionEnd::Broken,
        },
    }
}

/// Whether the port is gone.
pub(in super::super) fn gone(fault: &VisitFault) -> Option<Arc<std::io::Error>> {
    match fault {
        VisitFault::Session(SessionFault::Line(LineFault::Gone(error))) => Some(Arc::clone(error)),
        _ => None,
    }
}
