//! What may be typed behind `pmuctl key`, `keyset`, `policy`, `receipt` and `audit`.

use authority::Role;
use clap::Subcommand;
use metering::{GatewayId, MeterId};
use std::path::PathBuf;

/// Keys of people.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make an Ed25519 key; the private half stays in its file, for its owner only.
    New {
        /// The private key; an existing file is never overwritten.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Whose it is: prints what goes into the file of `keyset sign`.
        #[arg(long, value_name = "NAME")]
        who: Option<String>,
        /// What they may do, in that entry.
        #[arg(long, value_name = "ROLE", requires = "who", default_value = "operator",
              value_parser = role)]
        role: Role,
    },
    /// Seal a meter's new password for one gateway: who signs or carries the command cannot read it.
    Seal {
        /// The gateway that shall open it.
        #[arg(long)]
        gateway: GatewayId,
        /// Whose password.
        #[arg(long)]
        meter: MeterId,
        /// Of which access level.
        #[arg(long, value_name = "LEVEL", default_value_t = 1,
              value_parser = clap::value_parser!(u8).range(1..=3))]
        access_level: u8,
        /// The gateway's `sealing-key.pub.pem`, as the installer brought it.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The new password, in a file for its owner only.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// Where it goes; an existing file is never overwritten.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Make a person's next key, and say what becomes of the key set: both are good for a while.
    Rotate {
        /// The private key there is.
        file: PathBuf,
        /// The file of `keyset sign` that has it.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// The next private key; an existing file is never overwritten.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// The old one is good for so many days beside it.
        #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=366))]
        overlap_days: u16,
    },
    /// Show the public half and the id of a private key.
    Show {
        /// The private key.
        file: PathBuf,
    },
}

/// A key set or a policy.
#[derive(Debug, Subcommand)]
pub enum SetCommand {
    /// Sign it with a root key.
    Sign {
        /// The root's private key.
        #[arg(long, value_name = "FILE")]
        root: PathBuf,
        /// What is to be signed, as TOML.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// Where it goes; an existing file is never overwritten.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Prove that a root key signed it, and show what it says.
    Show {
        /// The signed file.
        file: PathBuf,
        /// Public halves of the root keys.
        #[arg(long, value_name = "FILE")]
        root: PathBuf,
    },
    /// Publish it for all gateways; the broker keeps it for those that come later.
    Publish {
        /// The signed file.
        file: PathBuf,
        /// Public halves of the root keys: what they did not sign is not published.
        #[arg(long, value_name = "FILE")]
        root: PathBuf,
        /// The broker.
        #[command(flatten)]
        broker: super::BrokerArguments,
    },
}

/// What gateways signed.
#[derive(Debug, Subcommand)]
pub enum ReceiptCommand {
    /// Prove that a gateway signed receipts, and show what they say.
    Verify {
        /// Whose they should be.
        #[arg(long)]
        gateway: GatewayId,
        /// The gateway's public keys.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The receipts: signed bytes, or whole messages of `up/rs`.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

/// The audit chain.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Take a piece of the chain from the gateway, with its signature over it.
    Export {
        /// Where the records go; an existing file is never overwritten.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Where the signature goes.
        #[arg(long, value_name = "FILE")]
        seal: PathBuf,
        /// From this record on [default: so that the newest one is in it].
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
        from: Option<u64>,
        /// So many records at most; the gateway gives up to 2000 at a time.
        #[arg(long, value_name = "NUMBER", default_value_t = 2000,
              value_parser = clap::value_parser!(u32).range(1..))]
        count: u32,
    },
    /// Follow a piece of the chain: a changed byte is found, and its place named.
    Verify {
        /// The exported piece.
        file: PathBuf,
        /// The gateway's signature over it.
        #[arg(long, value_name = "FILE", requires = "gateway", requires = "key")]
        seal: Option<PathBuf>,
        /// Whose it should be.
        #[arg(long, requires = "seal")]
        gateway: Option<GatewayId>,
        /// The gateway's public keys.
        #[arg(long, value_name = "FILE", requires = "seal")]
        key: Option<PathBuf>,
    },
}

fn role(word: &str) -> Result<Role, String> {
    let complaint = "use viewer, operator, approver or administrator";
    Role::from_word(word).ok_or_else(|| complaint.to_owned())
}
