//! What programming a meter would write.

use serde::{Deserialize, Serialize};

/// What programming a meter would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryRunResult {
    /// The scheme's name and version.
    pub scheme: String,
    /// SHA-256 of what the meter holds, in hexadecimal digits: the precondition of a command.
    pub holds: String,
    /// Whether it is by a layout that simulated meters alone have.
    pub is_provisional: bool,
    /// What differs: a line each.
    pub differences: Vec<String>,
    /// Every write, in order.
    pub writes: Vec<DryRunWrite>,
}

/// One write that there would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryRunWrite {
    /// `tariff`, `setting`, `along`: when.
    pub phase: String,
    /// What people call it.
    pub name: String,
    /// Where it goes.
    pub place: String,
    /// What is there; none where something is done and not kept.
    pub before: Option<String>,
    /// What would be written or done.
    pub after: String,
    /// Whether stored load profiles are lost with it.
    pub clears_profile: bool,
}
