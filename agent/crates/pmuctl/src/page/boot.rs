//! What the boot program handed over: which system runs, and why not the one that should.

use crate::plain;

/// Refused candidates that are kept; there are three slots, and each is tried once.
const ATTEMPTS_MAX: usize = 4;

/// Whether the firmware checked the boot program before it ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Anchor {
    /// It did.
    Present,
    /// It did not: whoever can write the disk can replace the boot program.
    Absent,
    /// The firmware does not say.
    #[default]
    Unknown,
}

/// The report of the boot program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BootReport {
    /// `A`, `B`, `recovery`.
    pub slot: String,
    /// Version of the system that runs.
    pub version: String,
    /// Its security counter.
    pub counter: String,
    /// Attempts that are left to a system on trial; 0: it is no trial.
    pub tries: u32,
    /// Whether the firmware checked the boot program.
    pub anchor: Anchor,
    /// Why it is not the preferred system, in one word.
    pub reason: Option<String>,
    /// Slots that were refused, each with its reason in one word.
    pub attempts: Vec<(String, String)>,
}

impl BootReport {
    /// Reads lines of a key and its value. Keys of a later version are passed over; `None`: no
    /// slot is named.
    pub fn parse(text: &str) -> Option<Self> {
        let mut report = Self::default();
        for line in text.lines() {
            let (key, value) = line.split_once(' ').unwrap_or((line, ""));
            let value = plain(value.trim(), 64);
            match key {
                "slot" => report.slot = value,
                "version" => report.version = value,
                "counter" => report.counter = value,
                // `trial 2`; a system that is no trial is counted otherwise.
                "tries" => report.tries = trial(&value).unwrap_or(0),
                "anchored" => report.anchor = anchor(&value),
                "reason" if !matches!(value.as_str(), "" | "none") => report.reason = Some(value),
                "attempt" if report.attempts.len() < ATTEMPTS_MAX => {
                    let (slot, reason) = value.split_once(' ').unwrap_or((&value, "unknown"));
                    report.attempts.push((slot.to_owned(), reason.to_owned()));
                }
                _ => {}
            }
        }
        (!report.slot.is_empty()).then_some(report)
    }

    /// The read-only system that comes when no other can be started.
    pub fn is_recovery(&self) -> bool {
        self.slot == "recovery"
    }
}

fn trial(value: &str) -> Option<u32> {
    value.strip_prefix("trial ")?.trim().parse().ok()
}

fn anchor(word: &str) -> Anchor {
    match word {
        "yes" => Anchor::Present,
        "no" => Anchor::Absent,
        _ => Anchor::Unknown,
    }
}

/// A reason of the boot program as a person would say it.
pub fn reason_text(word: &str) -> &str {
    match word {
        "empty" => "nothing is installed there",
        "manifest-form" => "its manifest is damaged",
        "signature" => "its signature is not valid",
        "key" => "it is signed by a key that is not trusted",
        "role" => "it is an image of another kind",
        "product" => "it is for another product",
        "board" => "it is for another board",
        "arch" => "it is for another processor",
        "floor" => "it is older than what may still run",
        "kernel" => "it belongs to another kernel",
        "geometry" => "its sizes do not fit the partition",
        "gap" => "there are bytes where none may be",
        "verity" => "its contents are damaged",
        "mount" => "its file system cannot be mounted",
        "device" => "its partition cannot be read",
        "state" => "the record of which system to start is damaged",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_report_is_read_and_what_it_does_not_know_is_passed_over() {
        let text = "slot B\nversion 1.2.3\ncounter 5\nroot 00ff\ntries trial 2\nanchored yes\n\
            reason signature\nattempt A signature\nattempt B\nlater thing\n";
        let expected = BootReport {
            slot: "B".to_owned(),
            version: "1.2.3".to_owned(),
            counter: "5".to_owned(),
            tries: 2,
            anchor: Anchor::Present,
            reason: Some("signature".to_owned()),
            attempts: [("A", "signature"), ("B", "unknown")]
                .map(|(slot, reason)| (slot.to_owned(), reason.to_owned()))
                .to_vec(),
        };
        assert_eq!(BootReport::parse(text), Some(expected));
    }

    #[test]
    fn a_system_that_is_no_trial_has_no_tries_and_one_that_is_preferred_no_reason() {
        for tries in ["streak 3", "none", "trial", "trial x", ""] {
            let text = format!("slot A\ntries {tries}\nreason none\n");
            let report = BootReport::parse(&text).unwrap();
            assert_eq!((report.tries, report.reason), (0, None), "{tries}");
        }
    }

    #[test]
    fn a_report_without_a_slot_is_none() {
        for text in ["", "slot", "slot \n", "version 1\n"] {
            assert_eq!(BootReport::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_reason_that_is_not_known_is_shown_as_it_is() {
        assert_eq!(reason_text("verity"), "its contents are damaged");
        assert_eq!(reason_text("later-word"), "later-word");
    }

    proptest! {
        #[test]
        fn no_report_is_too_long_or_moves_the_cursor(text in "(slot|attempt|reason) \\PC*(\n.*){0,9}") {
            if let Some(report) = BootReport::parse(&text) {
                prop_assert!(report.attempts.len() <= ATTEMPTS_MAX);
                prop_assert!(report.slot.chars().count() <= 64);
                prop_assert!(!report.slot.contains('\x1b'));
            }
        }
    }
}
