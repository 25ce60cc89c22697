//! What may be typed behind `pmuctl update`.

use clap::Subcommand;
use std::path::PathBuf;

/// Updates of the whole system.
#[derive(Debug, Subcommand)]
pub enum UpdateCommand {
    /// Show which system runs, what the other slot holds, and how an update stands.
    Status,
    /// Install an image from a file that the gateway can read.
    Install {
        /// The `.pmuimg` file.
        file: PathBuf,
    },
    /// Have the gateway fetch an image and install it; a cut download goes on by itself.
    Fetch {
        /// SHA-256 of the image, as `sha256sum` prints it.
        sha256: String,
        /// Its length in bytes.
        bytes: u64,
        /// From where: http:// or https:// [default: from the head-end, over the broker].
        url: Option<String>,
        /// Leave once the gateway has taken the order.
        #[arg(long)]
        leave: bool,
    },
    /// End an installation that is under way.
    Cancel,
    /// Keep the system that runs, without waiting until it has proven itself.
    Commit,
    /// Go back to the system of the other slot; the gateway reboots.
    Rollback,
}
