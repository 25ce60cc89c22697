//! What may be typed behind `pmuctl head-end`.

use crate::export::Separator;
use crate::words::{parse_duration, parse_time};
use authority::CommandId;
use clap::{Args, Subcommand};
use metering::{GatewayId, MeterId, Timestamp};
use std::path::PathBuf;
use std::time::Duration;

/// The head-end.
#[derive(Debug, Subcommand)]
pub enum HeadEndCommand {
    /// Receive from gateways, book in a ledger, and tell them so.
    Receive(Box<ReceiveArguments>),
    /// Write intervals of a ledger as CSV.
    Export(ExportArguments),
    /// Make a key that signs watermarks.
    Keygen {
        /// The private key; the public one goes to the same name with `.pub` added.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Show what commands came to, by the receipts in a ledger.
    Receipts(LedgerReceiptsArguments),
    /// Show which numbers are missing in a ledger, and which are lost.
    Holes {
        /// The ledger's folder.
        #[arg(long, value_name = "PATH")]
        ledger: PathBuf,
    },
}

/// `head-end receive`.
#[derive(Debug, Args)]
pub struct ReceiveArguments {
    /// The broker.
    #[arg(long)]
    pub host: String,
    /// Its port.
    #[arg(long, default_value_t = 8883)]
    pub port: u16,
    /// Certificates of the authority that signed the broker's.
    #[arg(long, value_name = "FILE")]
    pub ca: PathBuf,
    /// This client's certificate.
    #[arg(long, value_name = "FILE")]
    pub certificate: PathBuf,
    /// Its private key.
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// The key that signs watermarks, from `head-end keygen`.
    #[arg(long, value_name = "FILE", required_unless_present = "no_ack")]
    pub signing_key: Option<PathBuf>,
    /// The ledger's folder; made if it is not there.
    #[arg(long, value_name = "PATH")]
    pub ledger: PathBuf,
    /// Prove receipts with the gateways' public keys in this folder: each in a file named like its gateway,
    /// ending in `.pem` or `.pub.pem`. A receipt that its gateway's key does not prove is set aside and not confirmed.
    #[arg(long, value_name = "FOLDER")]
    pub receipt_keys: Option<PathBuf>,
    /// Client id [default: the common name of the certificate].
    #[arg(long)]
    pub name: Option<String>,
    /// Only this gateway.
    #[arg(long)]
    pub gateway: Option<GatewayId>,
    /// Share the messages with all consumers of this group name.
    #[arg(long, value_name = "NAME", value_parser = share_name)]
    pub share: Option<String>,
    /// End by itself after this.
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    pub stop_after: Option<Duration>,
    /// Book, but tell gateways nothing: they forget nothing. Nothing is asked for either.
    #[arg(long)]
    pub no_ack: bool,
    /// Serve the `.pmuimg` files of this folder to gateways that were ordered to fetch them, and its `.toml` and
    /// `.csv` files that are too long for a command.
    #[arg(long, value_name = "FOLDER")]
    pub images: Option<PathBuf>,
    /// KiB of images that one gateway gets in a second.
    #[arg(long, value_name = "KIB", default_value_t = 1024, requires = "images",
          value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    pub image_rate: u64,
    /// Tell a gateway at most this often.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = parse_duration)]
    pub ack_every: Duration,
    /// Ask for numbers that have been missing for this long.
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = parse_duration)]
    pub gap_after: Duration,
    /// Write all intervals of the ledger to this file at the end.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
}

/// `head-end receipts`.
#[derive(Debug, Args)]
pub struct LedgerReceiptsArguments {
    /// The ledger's folder.
    #[arg(long, value_name = "PATH")]
    pub ledger: PathBuf,
    /// Only this gateway.
    #[arg(long)]
    pub gateway: Option<GatewayId>,
    /// Only this command.
    #[arg(long, value_name = "ID")]
    pub command: Option<CommandId>,
    /// Also write the signed receipts into this folder, for `receipt verify`.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

/// `head-end export`.
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// The ledger's folder.
    #[arg(long, value_name = "PATH")]
    pub ledger: PathBuf,
    /// Only this gateway.
    #[arg(long)]
    pub gateway: Option<GatewayId>,
    /// Only this meter.
    #[arg(long)]
    pub meter: Option<MeterId>,
    /// Intervals that end after this.
    #[arg(long, value_parser = parse_time)]
    pub from: Option<Timestamp>,
    /// Intervals that end up to this.
    #[arg(long, value_parser = parse_time)]
    pub to: Option<Timestamp>,
    /// Local time of this zone, with its offset.
    #[arg(long, value_name = "ZONE")]
    pub local: Option<String>,
    /// Between columns: , ; | or tab.
    #[arg(long, default_value = ",")]
    pub separator: Separator,
}

/// The name is one level of a topic filter.
fn share_name(text: &str) -> Result<String, String> {
    let is_level = (1..=40).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if is_level {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "`{text}` is no name of a group; use 1 to 40 of A-Z, a-z, 0-9, - and _"
        ))
    }
}
