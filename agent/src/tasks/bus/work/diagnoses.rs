//! What the doctor says of a session that failed.

use super::super::flag::FlagBook;
use super::diagnosis;
use crate::adapters::dialled::CallFault;
use crate::config::Number;
use desk::{Diagnosis, Progress};
use iec62056_21::conversation::SessionFault;
use meters::doctor::{LinkState, Message, ModemTrouble, SessionTrouble, Trials, diagnose};
use meters::flag::{VisitFault, password_refusal};

/// A call of this number that failed.
pub(super) fn not_reached(fault: &CallFault, number: Option<&Number>) -> Diagnosis {
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
            number: number.map_or("", Number::as_str).to_owned(),
            reason: cause.to_string(),
        },
        other => {
            let (code, next) = match other.code() {
                "C10" => (
                    "C10",
                    [
                        "check cable or address, supply and set-up of the PAD",
                        "check the number, and that the network is still there",
                    ],
                ),
                _ => (
                    "C09",
                    [
                        "check the telephone line or SIM card, and the number",
                        "check that the meter's modem has power",
                    ],
                ),
            };
            return diagnosis(
                code,
                format!("the meter could not be called: {other}"),
                "its own load profile is read with the next call",
                &next,
            );
        }
    };
    let trials = Trials {
        link,
        ..Trials::default()
    };
    let told = diagnose(&trials).message();
    told.map_or_else(|| unknown(fault.to_string()), said)
}

/// A session that failed.
pub(super) fn visit_failed(book: &FlagBook, fault: &VisitFault, progress: &Progress) -> Diagnosis {
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
        signs_on: Vec::new(),
        session: trouble(book, fault, progress),
    };
    match diagnose(&all).message() {
        Some(told) => said(told),
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
            how: password_refusal(how),
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

/// A message as a person gets it.
pub(in super::super) fn said(message: Message) -> Diagnosis {
    Diagnosis {
        code: message.code.to_owned(),
        happened: message.happened,
        meaning: message.meaning,
        next: vec![message.next],
        tried: Vec::new(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::pad::ClearCause;

    #[track_caller]
    fn check(fault: &CallFault, code: &str, words: &str) {
        let told = not_reached(fault, None);
        assert_eq!(told.code, code, "{told:?}");
        let all = format!("{}; {}", told.happened, told.next.join("; "));
        assert!(all.contains(words), "no `{words}` in {all}");
    }

    #[test]
    fn a_call_in_vain_is_told_by_the_code_of_its_road() {
        check(&CallFault::Busy, "C09", "the number is busy");
        check(&CallFault::NoDialTone, "C09", "no dial tone");
        check(&CallFault::ModemSilent, "C09", "our own modem");
        check(&CallFault::InitRefused { number: 2 }, "C09", "line 2");
        check(&CallFault::PadSilent, "C10", "supply and set-up of the PAD");
        check(&CallFault::SetupRefused { number: 1 }, "C10", "line 1");
        let cause = ClearCause::parse("NP");
        check(&CallFault::Cleared { cause }, "C10", "cannot be reached");
        check(&CallFault::Barred, "C09", "will not call this number yet");
    }
}
