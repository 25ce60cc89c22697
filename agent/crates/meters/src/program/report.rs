//! How a meter stands to a plan, and the proof of it.

use super::fingerprint::Digest;
use super::plan::Subject;
use crate::catalogue::Phase;
use std::fmt;

/// How one step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepState {
    /// It was so before.
    Same,
    /// It is not done.
    Old,
    /// It is done.
    New,
    /// Some of it is done.
    Between,
    /// Something stands there that nobody expects.
    Foreign,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepReport {
    /// What people call it.
    pub name: String,
    /// Its phase.
    pub phase: Phase,
    /// How it stands.
    pub state: StepState,
}

/// How much of a plan a meter holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It held all of it before.
    Unchanged,
    /// It holds what it held before.
    Old,
    /// It holds all of it.
    New,
    /// It holds a part of it: resume or restore.
    Partial,
}

/// Whether what was written is in force, where a word puts it there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InForce {
    /// It is as soon as it is written.
    AtOnce,
    /// The meter has confirmed the word.
    Confirmed,
    /// Nobody knows.
    Unknown,
}

/// What a receipt says. Who and when is for the caller to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Which meter.
    pub subject: Subject,
    /// Stands for what was wanted.
    pub plan: Digest,
    /// Stands for what the places held before.
    pub before: Digest,
    /// Stands for what they hold now, as it was read.
    pub after: Digest,
    /// The meter's own counter of programming sessions before.
    pub counter_before: Option<u32>,
    /// The same now.
    pub counter_after: Option<u32>,
}

/// How a meter stands, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramReport {
    /// How much of it is there.
    pub verdict: Verdict,
    /// All steps, in order.
    pub steps: Vec<StepReport>,
    /// Whether it is in force.
    pub in_force: InForce,
    /// Why the writing ended before its end, in the meter's words.
    pub stopped: Option<String>,
    /// What a person should know.
    pub remarks: Vec<String>,
    /// The proof.
    pub proof: Proof,
}

impl ProgramReport {
    /// Names of the steps in a state.
    pub fn named(&self, states: &[StepState]) -> Vec<&str> {
        let steps = self.steps.iter();
        let steps = steps.filter(|step| states.contains(&step.state));
        steps.map(|step| step.name.as_str()).collect()
    }

    /// What is done.
    pub fn done(&self) -> Vec<&str> {
        self.named(&[StepState::New])
    }

    /// What is not.
    pub fn not_done(&self) -> Vec<&str> {
        self.named(&[StepState::Old])
    }

    /// What is neither.
    pub fn unknown(&self) -> Vec<&str> {
        self.named(&[StepState::Between, StepState::Foreign])
    }

    /// How much of it is there, from all steps. What was written and waits for its word reads as if it
    /// were there: on the way out that is the new, on the way back the old.
    pub(super) fn judged(steps: &[StepReport], in_force: InForce, is_restoring: bool) -> Verdict {
        let has = |state: StepState| steps.iter().any(|step| step.state == state);
        if has(StepState::Between) || has(StepState::Foreign) {
            return Verdict::Partial;
        }
        match (has(StepState::Old), has(StepState::New)) {
            (true, true) => Verdict::Partial,
            (true, false) if is_restoring && in_force == InForce::Unknown => Verdict::Partial,
            (true, false) => Verdict::Old,
            (false, true) if in_force == InForce::Unknown => Verdict::Partial,
            (false, true) => Verdict::New,
            (false, false) => Verdict::Unchanged,
        }
    }
}

impl fmt::Display for ProgramReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.verdict {
            Verdict::Unchanged => "nothing had to be written",
            Verdict::New => "all of it is written and read back",
            Verdict::Old => "the meter holds what it held before",
            Verdict::Partial => "the meter holds a part of it",
        })?;
        if let Some(stopped) = &self.stopped {
            write!(f, "; {stopped}")?;
        }
        if self.in_force == InForce::Unknown && self.verdict == Verdict::Partial {
            f.write_str("; whether it is in force is not known")?;
        }
        if self.verdict == Verdict::Partial {
            for (words, list) in [
                ("written", self.done()),
                ("as before", self.not_done()),
                ("in doubt", self.unknown()),
            ] {
                if !list.is_empty() {
                    write!(f, "; {words}: {}", list.join(", "))?;
                }
            }
        }
        self.remarks
            .iter()
            .try_for_each(|remark| write!(f, "; {remark}"))
    }
}
