//! What may be typed behind `pmuctl store`.

use clap::Subcommand;

/// The store.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Show what the store holds and costs.
    Stats,
    /// Check every checksum and the audit chain.
    Verify,
    /// Show what was set aside because it cannot be delivered.
    SetAside,
    /// Let something that was set aside be sent again.
    Release {
        /// Its stream, as `store set-aside` shows it.
        stream: String,
        /// Its number.
        number: u64,
    },
}
