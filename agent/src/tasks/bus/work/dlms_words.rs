//! What the doctor says of a DLMS session that failed.

use super::super::dlms::SessionTrouble;
use super::diagnosis;
use desk::{Diagnosis, Layer, PingResult};
use dlms::codec::ServiceError;
use dlms::codec::acse::Diagnostic;
use dlms::conversation::{SessionFault, Step};
use dlms::security::SecurityFault;
use iec62056_21::conversation::SessionFault as SignOnFault;
use line::LineFault;
use meters::dlms::DlmsFault;

/// What is not done with such meters.
pub(super) fn not_for_dlms(meter: &str) -> Diagnosis {
    diagnosis(
        "J03",
        format!("that cannot be done with {meter}, which speaks DLMS"),
        "nothing was read, and nothing is lost",
        &["`pmuctl meter read`, `instant`, `profile`, `clock`, `objects`, `backup` and `ping` can"],
    )
}

/// There is nothing to replace.
pub(super) fn without_keys(meter: &str) -> Diagnosis {
    diagnosis(
        "J03",
        format!("{meter} is read without keys; there is none to replace"),
        "nothing was sent to the meter",
        &["set its association to one with keys, and import them"],
    )
}

/// A session that failed.
pub(super) fn failed(trouble: &SessionTrouble) -> Diagnosis {
    match trouble {
        SessionTrouble::Visit(DlmsFault::Session(fault)) => of_session(fault),
        SessionTrouble::Visit(DlmsFault::WrongMeter { found, expected }) => diagnosis(
            "D09",
            format!("meter {found} answers where {expected} is expected"),
            "nothing is taken from it",
            &[
                "correct address or serial number in the configuration",
                "if the meter was exchanged: `pmuctl meter accept`",
            ],
        ),
        SessionTrouble::Visit(DlmsFault::SignOn(fault)) => of_sign_on(fault),
        SessionTrouble::Visit(DlmsFault::SilentBehindSignOn) => diagnosis(
            "D13",
            "the meter takes the sign-on at 300 baud, and is silent in HDLC behind it".to_owned(),
            "its intervals stay in the meter until it does",
            &[
                "compare dlms.lower-address with the meter: often it is made of the last digits of its serial number",
                "let the bus have a lower speed: a converter or an optical head may not carry the one that the meter offers",
            ],
        ),
        SessionTrouble::Visit(fault) => diagnosis(
            "D10",
            fault.to_string(),
            "what was read before is kept",
            &["compare the model file with what `pmuctl meter read` shows"],
        ),
        SessionTrouble::Keys(fault) => diagnosis(
            "D04",
            fault.to_string(),
            "nothing was sent to the meter",
            &[
                "`pmuctl meter keys status` shows which keys there are",
                "new keys are wrapped with the key encryption key: import it with --key-encryption-key-file",
            ],
        ),
        SessionTrouble::Resting { .. } => diagnosis(
            "D03",
            trouble.to_string(),
            "nothing was sent: too many wrong keys or passwords may lock a meter",
            &["import the right keys, or correct the password file and reload pmu-agent"],
        ),
        SessionTrouble::CounterUnknown { .. } => diagnosis(
            "D05",
            trouble.to_string(),
            "no session with keys is opened, because a counter that is used twice gives the key away",
            &[
                "let the meter's public client read the counter, or name its object in the model file",
            ],
        ),
    }
}

/// A sign-on of mode E.
fn of_sign_on(fault: &SignOnFault) -> Diagnosis {
    match fault {
        SignOnFault::Nothing { .. } | SignOnFault::EchoOnly { .. } => diagnosis(
            "D11",
            "nobody answers the sign-on at 300 baud".to_owned(),
            "its intervals stay in the meter until it does",
            &[
                "check its supply and the two wires (A and B not swapped)",
                "compare dlms.sign-on-address with the meter; the only meter of a line answers without one",
                "write sign-on = \"none\" if the meter speaks HDLC at once",
            ],
        ),
        SignOnFault::WrongMode { mode } => diagnosis(
            "D12",
            format!("the meter answers the sign-on and offers no HDLC (it is of mode {mode:?})"),
            "nothing was read",
            &[
                "a meter of mode C is read over FLAG: give it a model of its kind",
                "ask the maker whether its DLMS has to be switched on",
            ],
        ),
        fault => diagnosis(
            "D11",
            format!("the sign-on at 300 baud failed: {fault}"),
            "its intervals stay in the meter until it succeeds",
            &["`pmuctl bus trace` shows what was heard"],
        ),
    }
}

fn of_session(fault: &SessionFault) -> Diagnosis {
    match fault {
        SessionFault::Line {
            step: Step::Link, ..
        } => diagnosis(
            "D01",
            "nobody answers at this HDLC address".to_owned(),
            "its intervals stay in the meter until it does",
            &[
                "check its supply, the two wires (A and B not swapped), and baud and parity of the bus",
                "compare dlms.lower-address with the meter: often it is made of the last digits of its serial number",
                "`pmuctl bus scan BUS --dlms` looks for it at other addresses and speeds",
                "some meters are silent to a client that they do not know: compare association and client",
            ],
        ),
        // The link stands; behind the wrapper there is none.
        SessionFault::Line {
            step: Step::Association,
            fault: LineFault::Silent { .. },
        } => diagnosis(
            "D02",
            "the association was asked for, and nobody answers this client".to_owned(),
            "the client's address (SAP) is wrong, or over TCP nobody is there",
            &[
                "compare association and client with those of the meter; 16 is the public client",
                "`pmuctl bus scan BUS --dlms` tries the usual ones",
            ],
        ),
        SessionFault::NoLink { .. } => diagnosis(
            "D02",
            "the meter answers, and has no link for this client".to_owned(),
            "the line is well; the client's address (SAP) is wrong, or the meter dropped the link",
            &["compare association and client with those of the meter; 16 is the public client"],
        ),
        SessionFault::Refused { diagnostic } => refused(*diagnostic),
        SessionFault::ProofRefused
        | SessionFault::Security {
            fault: SecurityFault::Tag,
            ..
        } => wrong_key(),
        SessionFault::Exception { exception, .. } => match exception.error {
            ServiceError::Deciphering => wrong_key(),
            ServiceError::InvocationCounter => diagnosis(
                "D05",
                "the meter says that our invocation counter is behind".to_owned(),
                "the keys are right; the counter is asked of the meter before the next session",
                &[
                    "start it again; if it stays so, another client uses the same key and system title",
                ],
            ),
            _ => other(fault),
        },
        SessionFault::NotAgreed { service, .. } => diagnosis(
            "D06",
            format!("the meter has not agreed to {service}"),
            "its conformance is too small for that in this association",
            &["use another association, or leave it out"],
        ),
        SessionFault::OtherTerms => level(),
        _ => other(fault),
    }
}

fn refused(diagnostic: Diagnostic) -> Diagnosis {
    match diagnostic {
        Diagnostic::Authentication => diagnosis(
            "D03",
            "the meter refuses the password or the keys".to_owned(),
            "they are not tried again before a pause, because too many wrong ones may lock a meter",
            &["correct the password file, or import the right keys"],
        ),
        Diagnostic::MechanismUnknown
        | Diagnostic::MechanismWanted
        | Diagnostic::AuthenticationRequired
        | Diagnostic::Context => level(),
        other => diagnosis(
            "D07",
            format!("the meter refuses the association: {other}"),
            "nothing was read",
            &["compare association, client and suite with those of the meter"],
        ),
    }
}

fn level() -> Diagnosis {
    diagnosis(
        "D08",
        "the meter wants another level of security for this client".to_owned(),
        "nothing was read",
        &["choose another association of the model: `pmu-agent check` lists them"],
    )
}

fn wrong_key() -> Diagnosis {
    diagnosis(
        "D04",
        "the meter does not take our key".to_owned(),
        "it is not tried again before a pause",
        &[
            "compare suite and key with those of the meter; `pmuctl meter keys status` shows their age",
            "`pmuctl meter keys import` takes in others",
        ],
    )
}

fn other(fault: &SessionFault) -> Diagnosis {
    diagnosis(
        "J04",
        fault.to_string(),
        "what was read before is kept; the rest is read when the meter answers",
        &["`pmuctl meter ping` tries it layer by layer"],
    )
}

/// How far a ping got.
pub(super) fn ping(meter: &str, trouble: &SessionTrouble) -> PingResult {
    let (names, before): (&[&str], usize) = match trouble {
        SessionTrouble::Visit(DlmsFault::SignOn(_)) => (&["sign-on"], 0),
        SessionTrouble::Visit(DlmsFault::SilentBehindSignOn) => (&["sign-on", "link"], 1),
        _ => (&["link", "association", "identity"], reached(trouble)),
    };
    let layer = |(place, name): (usize, &&str)| Layer {
        name: (*name).to_owned(),
        is_well: place < before,
        words: if place < before {
            format!("{meter} answers")
        } else {
            trouble.to_string()
        },
    };
    let layers = names.iter().enumerate().take(before + 1).map(layer);
    PingResult {
        layers: layers.collect(),
        diagnosis: Some(failed(trouble)),
    }
}

/// How many layers of a session were well.
fn reached(trouble: &SessionTrouble) -> usize {
    match trouble.session() {
        Some(
            SessionFault::Line {
                step: Step::Link, ..
            }
            | SessionFault::NoLink { step: Step::Link }
            | SessionFault::NotReady { step: Step::Link },
        ) => 0,
        Some(_) => 1,
        None => match trouble {
            SessionTrouble::Visit(_) => 2,
            _ => 0,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlms::codec::Exception;
    use std::time::Duration;

    #[track_caller]
    fn check(fault: SessionFault, code: &str, words: &str) {
        let told = failed(&SessionTrouble::Visit(fault.into()));
        assert_eq!(told.code, code, "{told:?}");
        let all = format!("{}; {}", told.happened, told.next.join("; "));
        assert!(all.contains(words), "no `{words}` in {all}");
    }

    #[test]
    fn each_layer_of_a_dlms_session_has_its_own_words() {
        let silent = LineFault::Silent {
            waited: Duration::from_secs(1),
            heard: 0,
        };
        let step = Step::Link;
        check(
            SessionFault::Line {
                step,
                fault: silent,
            },
            "D01",
            "lower-address",
        );
        check(SessionFault::NoLink { step }, "D02", "16 is the public");
        let silent = LineFault::Silent {
            waited: Duration::from_secs(1),
            heard: 0,
        };
        check(
            SessionFault::Line {
                step: Step::Association,
                fault: silent,
            },
            "D02",
            "nobody answers this client",
        );
        let diagnostic = Diagnostic::Authentication;
        check(SessionFault::Refused { diagnostic }, "D03", "password");
        check(SessionFault::ProofRefused, "D04", "keys import");
        let exception = Exception {
            state: 1,
            error: ServiceError::InvocationCounter,
            expected_counter: None,
        };
        let step = Step::Get;
        check(
            SessionFault::Exception { step, exception },
            "D05",
            "another client",
        );
        let service = "selective access";
        check(
            SessionFault::NotAgreed { step, service },
            "D06",
            "association",
        );
        let diagnostic = Diagnostic::MechanismWanted;
        check(SessionFault::Refused { diagnostic }, "D08", "association");
    }
}
