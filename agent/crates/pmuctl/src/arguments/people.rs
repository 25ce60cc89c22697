//! What may be typed about people with an account, and what they order at the box.

use super::Order;
use crate::words::parse_duration;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// `pmuctl sign-in`.
#[derive(Debug, Clone, Args)]
pub struct SignInArguments {
    /// Who.
    pub name: String,
    /// The password, in a file that only its owner can read [default: typed].
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
}

/// People with an account on this gateway.
#[derive(Debug, Subcommand)]
pub enum PeopleCommand {
    /// Show who has an account.
    List,
    /// As root: make the code with which the first administrator claims the gateway.
    Code {
        /// Although there are accounts: all of them are taken away.
        #[arg(long)]
        anew: bool,
    },
    /// Claim a gateway that has no accounts: you become its administrator.
    Claim {
        /// Your name: 1 to 40 of a-z, 0-9 and -.
        name: String,
        /// The claim code, in a file that only its owner can read [default: typed].
        #[arg(long, value_name = "FILE")]
        code_file: Option<PathBuf>,
        /// The new password, in such a file [default: typed twice].
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
    /// Give somebody an account.
    Add {
        /// The person's name: 1 to 40 of a-z, 0-9 and -.
        name: String,
        /// What the person is.
        #[arg(long, value_name = "ROLE")]
        role: RoleName,
        /// The new password, in a file that only its owner can read [default: typed twice].
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
    /// Take somebody's account away; sessions of that person end.
    Remove {
        /// Whose.
        name: String,
    },
    /// Change a password; sessions of that person end.
    Password {
        /// Whose [default: your own].
        name: Option<String>,
        /// The new password, in a file that only its owner can read [default: typed twice].
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
}

/// What somebody with an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    /// Looks.
    Viewer,
    /// Works.
    Operator,
    /// Looks after the gateway.
    Administrator,
}

impl RoleName {
    /// The word of `roles.toml`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Administrator => "administrator",
        }
    }
}

/// How an order at the box is given.
#[derive(Debug, Args)]
pub struct BoxTerms {
    /// A second person, for what takes two: shown the same order, and asked for the password.
    #[arg(long, value_name = "NAME")]
    pub second: Option<String>,
    /// The second person's password, in a file that only its owner can read [default: typed].
    #[arg(long, value_name = "FILE", requires = "second")]
    pub second_secret_file: Option<PathBuf>,
    /// Do not ask: the order was read elsewhere.
    #[arg(long)]
    pub yes: bool,
    /// Wait so long for its end.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_duration)]
    pub within: Duration,
    /// Do not wait for its end.
    #[arg(long, conflicts_with = "receipt")]
    pub no_wait: bool,
    /// Keep the signed receipt here, for `receipt verify`.
    #[arg(long, value_name = "FILE")]
    pub receipt: Option<PathBuf>,
}

/// `pmuctl order`.
#[derive(Debug, Args)]
pub struct BoxOrderArguments {
    /// How it is given.
    #[command(flatten)]
    pub terms: BoxTerms,
    /// What is to be done.
    #[command(subcommand)]
    pub order: Order,
}
