//! What the doctor says of a session that failed.

use super::super::flag::FlagBook;
use super::diagnosis;
use crate::adapters::dialled::CallFault;
use desk::{Diagnosis, Progress};
use iec62056_21::conversation::{PasswordRefusal as Refused, SessionFault};
use meters::doctor::{
    LinkState, Message, ModemTrouble, PasswordRefusal, Saw, SessionTrouble, Trial, Trials, diagnose,
};
use meters::flag::VisitFault;

/// A call that failed.
pub(super) fn not_reached(fault: &CallFault) -> Diagnosis {
    let modem = |trouble| LinkState::Modem {
        trouble,
        next_try: None,
    };
    let link = match fault {
        CallFault::Busy => modem(ModemTrouble::Busy),
        CallFault::NoCarrier | CallFault::Lost => modem(ModemTrouble::NoCarrier),
        CallFault::NoDialTone => modem(ModemTrouble::NoDialTone),
        CallFault::NoAnswer => modem(ModemTrouble::NoAnswer),
        CallFault::ModemSilent => modem(ModemTrouble::NoModem),
        CallFault::Cleared { cause } => LinkState::Pad {
            number: String::new(),
            reason: cause.to_string(),
        },
        other => {
            return diagnosis(
                "C09",
                format!("the meter could not be called: {other}"),
                "its own load profile is read with the next call",
                &[
                    "check the telephone line or SIM card, and the number",
                    "check that the meter's modem has power",
                ],
            );
        }
    };
    let trials = Trials {
        link,
        ..Trials::default()
    };
    let told = diagnose(&trials).message();
    told.map_or_else(|| unknown(fault.to_string()), |told| said(told, &[]))
}

/// A session that failed.
pub(super) fn visit_failed(
    book: &FlagBook,
    fault: &VisitFault,
    trials: &[Trial],
    progress: &Progress,
) -> Diagnosis {
    if let VisitFault::OtherModel { .. } = fault {
        return diagnosis(
            "C05",
            fault.to_string(),
            "nothing is taken from it, because another kind of meter means other things by the same numbers",
            &["correct model or address in the configuration"],
        );
    }
    let all = Trials {
        link: LinkState::Open,
        signs_on: trials.to_vec(),
        session: trouble(book, fault, progress),
    };
    match diagnose(&all).message() {
        Some(told) => said(told, trials),
        None => unknown(fault.to_string()),
    }
}

fn trouble(book: &FlagBook, fault: &VisitFault, progress: &Progress) -> Option<SessionTrouble> {
    let level = book.flag.access.level;
    let fault = match fault {
        VisitFault::Session(fault) => fault,
        VisitFault::WrongMeter => {
            return Some(SessionTrouble::OtherSerial {
                expected: book.expected_serial(),
                found: book.serial(),
            });
        }
        VisitFault::OtherModel { .. } | VisitFault::Unknown(_) => return None,
    };
    Some(match fault {
        SessionFault::PasswordRefused { how } => SessionTrouble::Password {
            level,
            how: how_refused(how),
        },
        SessionFault::Refused { refusal, .. } => SessionTrouble::Level {
            what: refusal.to_string(),
            level,
            needs: None,
        },
        SessionFault::Garbled { .. } => {
            let attempts = u32::from(book.flag.model.session.attempts);
            SessionTrouble::BlockChecks {
                failed: attempts,
                of: attempts,
            }
        }
        SessionFault::Nothing { .. } | SessionFault::SignedOff | SessionFault::OutOfStep { .. } => {
            let per_cent = progress.done * 100 / progress.total.max(1);
            SessionTrouble::Dropped {
                per_cent: u8::try_from(per_cent).unwrap_or(100),
                resume_from: None,
            }
        }
        _ => return None,
    })
}

fn how_refused(how: &Refused) -> PasswordRefusal {
    match how {
        Refused::NotAcknowledged => PasswordRefusal::Nak,
        Refused::SignedOff => PasswordRefusal::SignOff,
        Refused::Refused(_) => PasswordRefusal::Error,
        Refused::Silent | Refused::Garbled => PasswordRefusal::Silence,
    }
}

/// A message of the doctor, with what was tried.
pub(in super::super) fn said(message: Message, trials: &[Trial]) -> Diagnosis {
    Diagnosis {
        code: message.code.to_owned(),
        happened: message.happened,
        meaning: message.meaning,
        next: vec![message.next],
        tried: trials.iter().map(trial).collect(),
    }
}

fn trial(trial: &Trial) -> String {
    format!("{}: {}", trial.settings, heard(&trial.saw))
}

/// What was heard, in words.
pub(in super::super) fn heard(saw: &Saw) -> String {
    match saw {
        Saw::Nothing => "nothing was heard".to_owned(),
        Saw::Garbage {
            octets,
            wrong_parity: 0,
        } => format!("{octets} octets that are no answer"),
        Saw::Garbage {
            octets,
            wrong_parity,
        } => format!("{octets} octets that are no answer, {wrong_parity} with wrong parity"),
        Saw::Echo { .. } => "only our own octets came back".to_owned(),
        Saw::TwoIdentifications(_) => "two meters answered".to_owned(),
        Saw::Nak => "refused".to_owned(),
        Saw::Identification(told) => format!("`{told}` answered"),
    }
}

fn unknown(words: String) -> Diagnosis {
    diagnosis(
        "J04",
        words,
        "what was read before is kept; the rest is read when the meter answers",
        &["`pmuctl meter ping` tries it layer by layer"],
    )
}
