//! Why a session of a visit ended before its work was done, and what follows from it.

use super::report::{VisitEnd, VisitFault, VisitReport};
use crate::flag::limits::{PASSWORD_DOUBTS_MAX, REOPENINGS_MAX};
use crate::flag::meter::FlagMeter;
use crate::flag::sighting::identification_words;
use iec62056_21::codec::Identification;
use iec62056_21::conversation::{PasswordRefusal, SessionFault, SessionRemedy};
use std::time::Duration;

/// Why nothing more is read in this session.
#[derive(Debug)]
pub(super) enum Stop {
    /// The line has been held long enough.
    OutOfTime,
    /// Nobody wants more.
    Cancelled,
    /// There was no session.
    NotOpened(SessionFault),
    /// The session broke.
    Fault(SessionFault),
    /// The meter that answers is of another model.
    OtherModel(Identification),
    /// The meter that answers has another serial number, or none that it tells.
    OtherMeter(Option<String>),
    /// Several sessions have brought nothing.
    TooShort,
}

/// What follows.
pub(super) enum After {
    /// Another session.
    Again,
    /// Nothing for now.
    End(VisitEnd),
}

impl Stop {
    /// What follows; `doubts` counts confirmations of the password that were lost.
    pub(super) fn after(
        self,
        meter: &FlagMeter,
        report: &VisitReport,
        hold_max: Duration,
        doubts: &mut u8,
    ) -> After {
        let failed = |fault| After::End(VisitEnd::Failed(fault));
        let fault = match self {
            Self::OutOfTime => return After::End(VisitEnd::More),
            Self::Cancelled => return After::End(VisitEnd::Cancelled),
            Self::TooShort => return failed(VisitFault::TooShort { hold_max }),
            Self::OtherModel(found) => {
                let found = identification_words(&found);
                return failed(VisitFault::OtherModel { found });
            }
            Self::OtherMeter(found) => {
                let found = found.unwrap_or_else(|| "that it does not tell".to_owned());
                let expected = meter.serial.clone().unwrap_or_default();
                return failed(VisitFault::OtherMeter { found, expected });
            }
            // Behind a session that was cut a meter may need a while.
            Self::NotOpened(fault) if report.sessions == 0 => {
                return failed(VisitFault::NotOpened(fault));
            }
            Self::NotOpened(fault) => return failed(cut(fault, report)),
            Self::Fault(fault) => fault,
        };
        if is_lost_confirmation(&fault) && *doubts < PASSWORD_DOUBTS_MAX {
            *doubts += 1;
            return After::Again;
        }
        match fault.remedy() {
            SessionRemedy::AskOperator => failed(VisitFault::Password(fault)),
            SessionRemedy::Reopen
            | SessionRemedy::ReadBack
            | SessionRemedy::Resume
            | SessionRemedy::Line(
                line::Remedy::Probe | line::Remedy::Retry | line::Remedy::Wait,
            ) if report.sessions <= REOPENINGS_MAX => After::Again,
            SessionRemedy::Later => After::End(VisitEnd::More),
            _ => failed(cut(fault, report)),
        }
    }
}

/// Where the confirmation of a password was lost, the password may be right.
fn is_lost_confirmation(fault: &SessionFault) -> bool {
    matches!(
        fault,
        SessionFault::PasswordRefused {
            how: PasswordRefusal::Silent | PasswordRefusal::Garbled
        }
    )
}

fn cut(fault: SessionFault, report: &VisitReport) -> VisitFault {
    VisitFault::Cut {
        fault,
        exchanges: report.exchanges,
        sessions: report.sessions,
    }
}
