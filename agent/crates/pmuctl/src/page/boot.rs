//! What the boot program handed over: which system runs, and why not the one that should.

use crate::plain;
use ota::Running;

const RECOVERY: &str = "recovery";
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
    /// Reads the report, each word as it may be shown; `None`: it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let report = ota::BootReport::parse(text).ok()?;
        let word = |word: &str| plain(word, 64);
        Some(Self {
            slot: match report.running {
                Running::Slot(slot) => slot.to_string(),
                Running::Recovery => RECOVERY.to_owned(),
            },
            version: word(&report.version),
            counter: report.counter.to_string(),
            tries: u32::from(report.tries.unwrap_or(0)),
            anchor: match report.anchored.as_str() {
                "yes" => Anchor::Present,
                "no" => Anchor::Absent,
                _ => Anchor::Unknown,
            },
            reason: report.reason.as_deref().map(word),
            attempts: report
                .attempts
                .iter()
                .take(ATTEMPTS_MAX)
                .map(|attempt| (word(&attempt.candidate), word(&attempt.reason)))
                .collect(),
        })
    }

    /// The read-only system that comes when no other can be started.
    pub fn is_recovery(&self) -> bool {
        self.slot == RECOVERY
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
    fn a_report_is_shown_as_the_agent_reads_it() {
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
        for tries in ["streak 3", "none", ""] {
            let text = format!("slot A\ntries {tries}\nreason none\n");
            let report = BootReport::parse(&text).unwrap();
            assert_eq!((report.tries, report.reason), (0, None), "{tries}");
        }
    }

    #[test]
    fn a_report_without_a_slot_is_none() {
        for text in ["", "slot", "slot \n", "slot C\n", "version 1\n"] {
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
        fn no_report_is_too_long_or_moves_the_cursor(
            text in "slot A\n((version|attempt|reason) [^\n]*\n){0,9}",
        ) {
            if let Some(report) = BootReport::parse(&text) {
                prop_assert!(report.attempts.len() <= ATTEMPTS_MAX);
                prop_assert!(report.version.chars().count() <= 64);
                let reasons = report.attempts.iter().map(|attempt| &attempt.1);
                for word in reasons.chain(&report.reason).chain([&report.version]) {
                    prop_assert!(!word.contains('\x1b'));
                }
            }
        }
    }
}
