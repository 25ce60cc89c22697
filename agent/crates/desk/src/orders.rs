//! Orders: how they stand in the gateway's journal.

use serde::{Deserialize, Serialize};

/// How an order stands, wherever it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandStanding {
    /// Its id.
    pub id: String,
    /// The word of the contract.
    pub operation: String,
    /// The people behind it.
    pub who: String,
    /// `head-end`, `socket`, `web`, `console`, `schedule`, `configuration`.
    pub door: String,
    /// When it was accepted, UTC.
    pub accepted: String,
    /// The state's word of the contract.
    pub state: String,
    /// It has ended.
    pub is_final: bool,
    /// Since when, UTC.
    pub since: String,
    /// The step under way, or the last one that was.
    pub step: u32,
    /// Out of so many; 0 = not planned yet.
    pub steps: u32,
    /// What a person should know.
    pub note: String,
    /// The signed receipt of its end, in hexadecimal digits; empty before.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub receipt: String,
}
