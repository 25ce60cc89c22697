//! Pages of a golden meter, for others of its model and firmware.

use serde::{Deserialize, Serialize};

/// A page that a site names itself, as nobody has published what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedPage {
    /// What people call it.
    pub name: String,
    /// Which identity.
    pub identity: u16,
    /// How many octets.
    pub octets: u16,
}

/// What was read of a golden meter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoldenResult {
    /// The image, as its file is written, without a name.
    pub image: String,
    /// Pages that are not in it.
    pub left_out: Vec<GoldenLeftOut>,
}

/// A page that is not in the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoldenLeftOut {
    /// What people call it.
    pub name: String,
    /// Which identity.
    pub identity: u16,
    /// Why the meter did not give it; none where it holds the meter's password.
    pub refused: Option<String>,
}
