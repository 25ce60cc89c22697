//! What is said of work that cannot be done.

use crate::tasks::bus::link::IN_USE;
use desk::Diagnosis;
use meters::planner::Why;

/// A diagnosis without trials.
pub(in super::super) fn diagnosis(
    code: &str,
    happened: String,
    meaning: &str,
    next: &[&str],
) -> Diagnosis {
    Diagnosis {
        code: code.to_owned(),
        happened,
        meaning: meaning.to_owned(),
        next: next.iter().map(|&step| step.to_owned()).collect(),
        tried: Vec::new(),
    }
}

pub(super) fn line_gone(why: &str) -> Diagnosis {
    diagnosis(
        if why.contains(IN_USE) { "C12" } else { "C01" },
        format!("the line is not open: {why}"),
        "nothing is read on it; what its meters keep themselves is read later",
        &[
            "check the cable, the port's name, and that no other program uses it",
            "`pmuctl status` shows when it is open",
        ],
    )
}

pub(super) fn left_alone(meter: &str) -> Diagnosis {
    diagnosis(
        "J02",
        format!("{meter} is left alone because the daemon died twice while talking to it"),
        "nothing is read from it",
        &["`systemctl restart pmu-agent` lets it be read again"],
    )
}

/// This is not done there, and why.
pub(super) fn not_here(what: &str) -> Diagnosis {
    diagnosis(
        "J03",
        format!("that cannot be done with {what}"),
        "nothing was read, and nothing is lost",
        &["`pmuctl meter list` shows which meters there are, and their models"],
    )
}

/// A wish that cannot be understood.
pub(super) fn bad_wish(why: &str) -> Diagnosis {
    diagnosis(
        "J03",
        why.to_owned(),
        "nothing was tried",
        &["correct it and start it again"],
    )
}

/// A layer that does not hold, without a message of its own.
pub(super) fn bad_layer(meter: &str, layer: &str, why: &str) -> Diagnosis {
    diagnosis(
        "C01",
        format!("the {layer} of {meter} does not hold: {why}"),
        "what was read before is kept; the rest is read when it does",
        &["try it again; `pmuctl bus trace` shows what is heard"],
    )
}

/// A password that is not tried again yet.
pub(super) fn refused_before() -> Diagnosis {
    diagnosis(
        "C06",
        "the meter has refused its password before; it is not tried again for a day".to_owned(),
        "only what is public is read until then",
        &["correct the password file, then `systemctl reload pmu-agent`"],
    )
}

/// Trials found nothing wrong: it was silent before, and answers now.
pub(super) fn answers_now(meter: &str, fault: &str) -> Diagnosis {
    diagnosis(
        "C08",
        format!("{meter} did not answer ({fault}), and does now, as it is configured"),
        "what was read before is kept; the schedule reads the rest",
        &[
            "start it again",
            "if it happens often: check line, supply, and what else talks on the line",
        ],
    )
}

/// Nothing of it is kept while nobody knows whether it is the right one.
pub(super) fn not_trusted(meter: &str, why: &str) -> Diagnosis {
    diagnosis(
        "C05",
        format!("{meter} is not read: {why}"),
        "its data is refused, so that no other meter's energy is booked",
        &[
            "correct model or serial number in the configuration",
            "or take it as it is: `pmuctl meter accept`",
        ],
    )
}

/// The line has too much to do already.
pub(super) fn busy(why: &str) -> Diagnosis {
    diagnosis(
        "C12",
        why.to_owned(),
        "nothing was read, and nothing is lost",
        &["start it again in a minute"],
    )
}

/// Why a read brought nothing.
pub(super) fn no_value(meter: &str, why: Option<Why>) -> Diagnosis {
    match why {
        Some(Why::Damaged) => diagnosis(
            "C02",
            format!("the answers of {meter} are damaged on the line"),
            "no damaged value is used; intervals are marked as missing",
            &[
                "compare baud and parity of the bus with those set at the meter",
                "check shield, termination and length of the line",
                "`pmuctl bus trace` shows what is heard",
            ],
        ),
        Some(Why::Refused(_) | Why::Exception(_) | Why::NotReadable) => diagnosis(
            "C07",
            format!("{meter} refuses these registers"),
            "other values of this meter are read as before",
            &["check that its model in the configuration is the right one"],
        ),
        Some(Why::LineGone) => line_gone("it went while the meter was asked"),
        Some(Why::Replaced) => diagnosis(
            "J02",
            format!("the settings of {meter} changed meanwhile"),
            "nothing was read",
            &["start it again"],
        ),
        _ => diagnosis(
            "C01",
            format!("{meter} does not answer"),
            "its intervals are missing until it does",
            &[
                "check its supply, the two wires (A and B not swapped) and its address",
                "compare the baud rate of the bus with that of the meter",
                "`pmuctl bus scan` looks for it at other addresses and speeds",
            ],
        ),
    }
}
