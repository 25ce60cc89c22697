//! Updates of the whole system: what may be wished, and how it stands.

use serde::{Deserialize, Serialize};

/// What is wished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum UpdateWish {
    /// Shows how it stands.
    Status,
    /// Installs an image from a file that the gateway can read.
    Install {
        /// The file, with its whole path.
        file: String,
        /// SHA-256 of it, 64 hexadecimal digits.
        sha256: String,
        /// Its length.
        bytes: u64,
    },
    /// Fetches an image and installs it.
    Fetch {
        /// From where: `http://` or `https://`; none = from the head-end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// SHA-256 of it, 64 hexadecimal digits.
        sha256: String,
        /// Its length.
        bytes: u64,
    },
    /// Ends an installation that is under way.
    Cancel,
    /// Keeps the system that runs, without waiting for its proof.
    Commit,
    /// Goes back to the system of the other slot.
    Rollback,
}

/// How updates stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateStatus {
    /// `A`, `B` or `recovery`.
    pub running: String,
    /// Version of the system that runs.
    pub version: String,
    /// Its security counter.
    pub counter: u64,
    /// The lowest security counter that is taken.
    pub floor: u64,
    /// Whether firmware checked what it started: `yes`, `no`, `unknown`.
    pub anchored: String,
    /// Why the preferred system was not started, if it was not.
    pub reason: Option<String>,
    /// Candidates that this boot refused, in words.
    pub refused: Vec<String>,
    /// What a system on trial still has to show; none if it is not on trial.
    pub trial: Option<Vec<String>>,
    /// Slot A and slot B.
    pub slots: Vec<SlotStatus>,
    /// The order that is being carried out.
    pub order: Option<OrderStatus>,
    /// Something is under way.
    pub is_busy: bool,
    /// What came of the last wish.
    pub last: Option<UpdateOutcome>,
}

/// How a slot is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotStatus {
    /// `A` or `B`.
    pub slot: String,
    /// `empty`, `writing`, `trial (2 left)`, `good`, `bad`.
    pub state: String,
    /// Version, if it could be started.
    pub version: Option<String>,
    /// Its security counter.
    pub counter: Option<u64>,
    /// Why it could not be started.
    pub refused: Option<String>,
}

/// How an order is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderStatus {
    /// File, address, or `the head-end`.
    pub source: String,
    /// SHA-256 of the image.
    pub sha256: String,
    /// Bytes taken.
    pub taken: u64,
    /// Bytes in all.
    pub bytes: u64,
    /// What it waits for, in words; empty = it is under way.
    pub waits: String,
}

/// What came of a wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateOutcome {
    /// Whether it was done.
    pub is_well: bool,
    /// In words.
    pub words: String,
}
