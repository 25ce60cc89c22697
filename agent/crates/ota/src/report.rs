//! What the boot program says of the boot: lines of a key and its values.

use crate::limits::{ATTEMPTS_MAX, REPORT_BYTES_MAX};
use crate::place::Running;
use bootloader_verify::Slot;

/// What is known of the boot of the system that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootReport {
    /// Which system runs.
    pub running: Running,
    /// Its version.
    pub version: String,
    /// Its security counter.
    pub counter: u64,
    /// Root of its hash tree, hexadecimal.
    pub root: String,
    /// Tries left if it is on trial, this one not counted.
    pub tries: Option<u8>,
    /// Whether firmware checked what it started: `yes`, `no`, `unknown`.
    pub anchored: String,
    /// Why it was not the preferred system, if it was not.
    pub reason: Option<String>,
    /// Candidates that were refused before it.
    pub attempts: Vec<Attempt>,
}

/// A candidate that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// `A`, `B` or `recovery`.
    pub candidate: String,
    /// Why, in the boot program's word.
    pub reason: String,
}

/// A boot report that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportFault {
    /// Too long.
    #[error("the boot report has {0} bytes, more than {REPORT_BYTES_MAX}")]
    TooLong(usize),
    /// A line that says nothing.
    #[error("line {line} of the boot report is none that is known: `{word}`")]
    Line {
        /// Counted from one.
        line: usize,
        /// Its first word.
        word: String,
    },
    /// No system is named.
    #[error("the boot report names no slot")]
    NoSlot,
}

impl BootReport {
    /// Reads a report. Keys of later versions are passed over; a wrong value of a known one is not.
    pub fn parse(text: &str) -> Result<Self, ReportFault> {
        if text.len() > REPORT_BYTES_MAX {
            return Err(ReportFault::TooLong(text.len()));
        }
        let mut running = None;
        let mut report = Self {
            running: Running::Recovery,
            version: String::new(),
            counter: 0,
            root: String::new(),
            tries: None,
            anchored: "unknown".to_owned(),
            reason: None,
            attempts: Vec::new(),
        };
        for (index, line) in text.lines().enumerate() {
            let mut words = line.split_whitespace();
            let Some(key) = words.next() else { continue };
            let value = words.next().unwrap_or_default();
            let fault = || ReportFault::Line {
                line: index + 1,
                word: key.to_owned(),
            };
            match key {
                "slot" => running = Some(running_of(value).ok_or_else(fault)?),
                "version" => value.clone_into(&mut report.version),
                "counter" => report.counter = value.parse().map_err(|_| fault())?,
                "root" => value.clone_into(&mut report.root),
                // `trial 2`; the starts of a system that is no trial are counted otherwise.
                "tries" if value == "trial" => {
                    let left = words.next().and_then(|left| left.parse().ok());
                    report.tries = Some(left.ok_or_else(fault)?);
                }
                "anchored" => value.clone_into(&mut report.anchored),
                "reason" => report.reason = reason_of(value),
                "attempt" if report.attempts.len() < ATTEMPTS_MAX => {
                    report.attempts.push(Attempt {
                        candidate: value.to_owned(),
                        reason: words.next().unwrap_or("unknown").to_owned(),
                    });
                }
                _ => {}
            }
        }
        report.running = running.ok_or(ReportFault::NoSlot)?;
        Ok(report)
    }
}

fn running_of(word: &str) -> Option<Running> {
    match word {
        "recovery" => Some(Running::Recovery),
        letter => Slot::of_letter(letter).map(Running::Slot),
    }
}

fn reason_of(word: &str) -> Option<String> {
    (!matches!(word, "" | "-" | "none")).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_report_says_what_runs_and_what_was_refused() {
        let report = BootReport::parse(
            "slot B\nversion 1.2.3\ncounter 5\nroot abcd\ntries trial 2\nanchored no\nreason verity\n\
             attempt A verity\nlater thing\n",
        )
        .unwrap();
        assert_eq!(report.running, Running::Slot(Slot::B));
        assert_eq!((report.version.as_str(), report.counter), ("1.2.3", 5));
        assert_eq!((report.tries, report.anchored.as_str()), (Some(2), "no"));
        assert_eq!(report.reason.as_deref(), Some("verity"));
        let attempt = report.attempts.first().unwrap();
        assert_eq!((&*attempt.candidate, &*attempt.reason), ("A", "verity"));
    }

    #[test]
    fn recovery_and_a_calm_boot_are_told_too() {
        let report = BootReport::parse("slot recovery\nreason empty\n").unwrap();
        assert_eq!(report.running, Running::Recovery);
        let calm = BootReport::parse("slot A\ntries streak 1\nreason none\n").unwrap();
        assert_eq!((calm.reason, calm.tries), (None, None));
    }

    #[test]
    fn what_is_no_report_is_refused() {
        assert_eq!(BootReport::parse(""), Err(ReportFault::NoSlot));
        assert!(BootReport::parse("slot C\n").is_err());
        assert!(BootReport::parse("slot A\ncounter many\n").is_err());
        assert!(BootReport::parse("slot A\ntries trial\n").is_err());
        assert!(BootReport::parse(&" ".repeat(REPORT_BYTES_MAX + 1)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*", lines in "((slot|tries trial|counter|attempt) ?[A-B0-9]*\n)*") {
            drop(BootReport::parse(&text));
            drop(BootReport::parse(&lines));
        }
    }
}
