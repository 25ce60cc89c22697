//! What may be typed behind `pmuctl meter keys`.

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use metering::MeterId;
use std::path::PathBuf;

/// Keys of DLMS meters.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Show which keys there are, how old they are and how far they are used. Never a key itself.
    Status {
        /// Only of this meter.
        meter: Option<MeterId>,
    },
    /// Bring the keys that a meter has, each in a file of its own.
    Import(Box<ImportArguments>),
    /// Give a meter new keys, and prove that it has them.
    Rotate {
        /// The meter's name.
        meter: MeterId,
        /// Only its encryption key.
        #[arg(long)]
        encryption: bool,
        /// Only its authentication key.
        #[arg(long)]
        authentication: bool,
    },
}

/// `meter keys import`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("keys").required(true).multiple(true)))]
pub struct ImportArguments {
    /// The meter's name.
    pub meter: MeterId,
    /// Its security suite: of 0 and 1 a key has 32 hexadecimal digits, of 2 it has 64.
    #[arg(long)]
    pub suite: SuiteName,
    /// The file with its global unicast encryption key, in one line, for its owner alone.
    #[arg(
        long,
        value_name = "FILE",
        group = "keys",
        requires = "authentication_key_file"
    )]
    pub encryption_key_file: Option<PathBuf>,
    /// The file with its authentication key.
    #[arg(
        long,
        value_name = "FILE",
        group = "keys",
        requires = "encryption_key_file"
    )]
    pub authentication_key_file: Option<PathBuf>,
    /// The file with its master key, which wraps new keys on their way to it; it may come alone.
    #[arg(long, value_name = "FILE", group = "keys")]
    pub key_encryption_key_file: Option<PathBuf>,
    /// Drop the keys that are there at once, even where nobody knows which of them the meter has
    /// [default: they stay until the meter has proven the new ones].
    #[arg(long)]
    pub replace: bool,
}

/// A security suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SuiteName {
    /// AES-128.
    #[value(name = "0")]
    Zero,
    /// AES-128.
    #[value(name = "1")]
    One,
    /// AES-256.
    #[value(name = "2")]
    Two,
}

impl SuiteName {
    /// Its number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Zero => 0,
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// Octets of its keys.
    pub const fn key_octets(self) -> usize {
        match self {
            Self::Zero | Self::One => 16,
            Self::Two => 32,
        }
    }
}
