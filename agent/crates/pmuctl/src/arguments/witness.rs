//! Whose word counts.

use clap::Args;
use std::path::PathBuf;

/// Public keys of gateways: with them only what a gateway signed counts; without them nothing is
/// proven.
#[derive(Debug, Clone, Default, Args)]
pub struct WitnessArguments {
    /// The gateways' public keys: a file GATEWAY.pub for each. Only what they signed counts.
    #[arg(long, value_name = "FOLDER", conflicts_with = "key")]
    pub keys: Option<PathBuf>,
    /// The same with the public key of the one gateway that is asked.
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
}
