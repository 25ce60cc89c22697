//! What a scheme wants read of a meter: read now and kept, as the schedule keeps it.

use serde::{Deserialize, Serialize};

/// What is wanted of a meter beside its load profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one for each line of a scheme's page"
)]
pub struct GatherWish {
    /// Totals, registers by rate, maxima.
    pub registers: bool,
    /// So many of the newest billing sets.
    pub billing_sets: Option<u16>,
    /// Event counters and logs.
    pub events: bool,
    /// Whether the load profile is wanted as well. It is work of its own; here it is said only whether
    /// there is one.
    pub profile: bool,
    /// Whether the instrumentation profile is wanted.
    pub instruments: bool,
}

/// What came of it. What was not wanted, and what the meter's model cannot give, has no count.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GatherResult {
    /// Values of registers that were read and kept.
    pub values: Option<u64>,
    /// Billing sets that are new, and kept.
    pub billing_sets: Option<u64>,
    /// Events that are new, and kept.
    pub events: Option<u64>,
    /// Whether it has a load profile that can be collected.
    pub has_profile: bool,
    /// What its model cannot give: a line each.
    pub cannot: Vec<String>,
    /// What the meter did not give although its model names it.
    pub remarks: Vec<String>,
}
