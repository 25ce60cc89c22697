//! What may be typed behind `pmuctl provision`.

use clap::{ArgGroup, Args};
use std::path::PathBuf;

/// Provisioning.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["folder", "status", "finish"])))]
pub struct ProvisionArguments {
    /// Folder with provision.toml, ca.pem, ingest-keys.pem, operators.pem and, once the authority
    /// has made it, client.pem; meters.toml if buses and meters are known.
    #[arg(value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// Only say what is there, what is missing, and what to do next.
    #[arg(long)]
    pub status: bool,
    /// Only finish what a power cut has interrupted.
    #[arg(long)]
    pub finish: bool,
    /// The gateway's root folder, if it is not this machine's.
    #[arg(long, value_name = "FOLDER", default_value = "/")]
    pub root: PathBuf,
}
