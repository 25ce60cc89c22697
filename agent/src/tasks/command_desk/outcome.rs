//! How a command, or its share at one meter, ended.

use super::receipts::Told;
use crate::tasks::bus::program::{ClockFound, ClockLook};
use authority::{CommandState, MeterProof};
use metering::MeterId;
use meters::dlms::ClockState;
use meters::program::{ProgramReport, Verdict};

/// How a command stands when its execution pauses or ends.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) state: CommandState,
    pub(super) code: Option<String>,
    pub(super) text: String,
    pub(super) meters: Vec<MeterProof>,
}

impl Outcome {
    pub(super) fn succeeded(text: impl Into<String>) -> Self {
        Self::of(CommandState::Succeeded, None, text)
    }

    pub(super) fn failed(code: &str, text: impl Into<String>) -> Self {
        Self::of(CommandState::Failed, Some(code), text)
    }

    pub(super) fn of(state: CommandState, code: Option<&str>, text: impl Into<String>) -> Self {
        Self {
            state,
            code: code.map(str::to_owned),
            text: text.into(),
            meters: Vec::new(),
        }
    }

    /// Of all meters together: all done, all as before, or a part.
    pub(super) fn of_meters(ends: Vec<MeterEnd>) -> Self {
        use CommandState::{Failed, Partial, Succeeded, Unknown};
        let has = |state| ends.iter().any(|end: &MeterEnd| end.proof.state == state);
        let state = if has(Unknown) {
            Unknown
        } else if has(Partial) || has(Succeeded) && has(Failed) {
            Partial
        } else if has(Failed) {
            Failed
        } else {
            Succeeded
        };
        let code = ends.iter().find_map(|end| end.code.clone());
        let texts: Vec<String> = ends
            .iter()
            .map(|end| format!("{}: {}", end.proof.meter, end.text))
            .collect();
        Self {
            state,
            code,
            text: texts.join("; "),
            meters: ends.into_iter().map(|end| end.proof).collect(),
        }
    }

    pub(super) fn told(&self) -> Told {
        Told::why(self.code.as_deref(), &self.text)
    }
}

/// How it ended at one meter.
#[derive(Debug, Clone)]
pub(super) struct MeterEnd {
    pub(super) proof: MeterProof,
    pub(super) code: Option<String>,
    pub(super) text: String,
}

impl MeterEnd {
    pub(super) fn without_report(
        meter: &MeterId,
        state: CommandState,
        code: &str,
        text: impl Into<String>,
    ) -> Self {
        Self {
            proof: MeterProof {
                meter: meter.clone(),
                state,
                steps: 0,
                before: None,
                after: None,
                programmed: None,
            },
            code: Some(code.to_owned()),
            text: text.into(),
        }
    }

    /// Of a clock, which has no octets to compare: its words say how far it was off and is.
    pub(super) fn of_clock(
        meter: &MeterId,
        look: &ClockLook,
        found: Option<&ClockFound>,
        text: String,
    ) -> Self {
        let counters = look.counter.zip(found.and_then(|found| found.counter));
        let is_moved = |found: &ClockFound| {
            found.state == ClockState::New || look.is_slow() && found.is_confirmed
        };
        Self {
            proof: MeterProof {
                meter: meter.clone(),
                state: CommandState::Succeeded,
                steps: u32::from(found.is_some_and(is_moved)),
                before: None,
                after: None,
                programmed: counters.map(|(before, after)| (before.into(), after.into())),
            },
            code: None,
            text,
        }
    }

    /// By what was read back. `wants_before`: what was there before is to be brought back.
    pub(super) fn of_report(meter: &MeterId, report: &ProgramReport, wants_before: bool) -> Self {
        let (state, code) = match report.verdict {
            Verdict::New | Verdict::Unchanged if !wants_before => (CommandState::Succeeded, None),
            Verdict::Old | Verdict::Unchanged if wants_before => (CommandState::Succeeded, None),
            Verdict::New if wants_before => (CommandState::Partial, Some("not-restored")),
            Verdict::Partial => (CommandState::Partial, Some("partial")),
            Verdict::Old | Verdict::New | Verdict::Unchanged => {
                (CommandState::Failed, Some("not-written"))
            }
        };
        let proof = &report.proof;
        let counters = proof.counter_before.zip(proof.counter_after);
        Self {
            proof: MeterProof {
                meter: meter.clone(),
                state,
                steps: u32::try_from(report.done().len()).unwrap_or(u32::MAX),
                before: Some(proof.before.0),
                after: Some(proof.after.0),
                programmed: counters.map(|(before, after)| (before.into(), after.into())),
            },
            code: code.map(str::to_owned),
            text: report.to_string(),
        }
    }
}
