//! What a person may type.

mod authority;
mod broker;
mod bus;
mod command;
mod console;
mod direct;
mod head_end;
mod import;
mod keys;
mod list;
mod meter;
mod order;
mod pages;
mod people;
mod provision;
mod scheme;
mod store;
mod update;
mod witness;

pub use authority::{AuditCommand, KeyCommand, ReceiptCommand, SetCommand};
pub use broker::BrokerArguments;
pub(crate) use bus::whole_seconds;
pub use bus::{BusCommand, ScanArguments, Switch};
pub use command::{OrderCommand, RolloutCommand, SignArguments, Terms};
pub use console::ConsoleArguments;
pub use direct::{DirectArguments, Dtr};
pub use head_end::{ExportArguments, HeadEndCommand, LedgerReceiptsArguments, ReceiveArguments};
pub use import::SiteImportArguments;
pub use keys::{ImportArguments, KeysCommand, SuiteName};
pub use list::ListCommand;
pub use meter::{AddArguments, CollectArguments, MeterCommand, PartName, ProfileArguments};
pub use order::{Order, RotatedKeyName, SchemeAndMeters};
pub use pages::{
    CloneCommand, CloneReadArguments, ImportWritesArguments, PageName, WriteSetCommand,
};
pub use people::{BoxOrderArguments, BoxTerms, PeopleCommand, RoleName, SignInArguments};
pub use provision::ProvisionArguments;
pub use scheme::{MetersCommand, SchemeCommand};
pub use store::StoreCommand;
pub use update::UpdateCommand;
pub use witness::WitnessArguments;

use crate::adapters::local::SOCKET;
use ::authority::CommandId;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Names the gateway's socket where `--socket` does not.
pub const SOCKET_VARIABLE: &str = "PMU_SOCKET";

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "pmuctl",
    version,
    about = "The command line of installers and operators."
)]
pub struct Arguments {
    /// The gateway's socket [default: that of the variable `PMU_SOCKET`, or /run/pmu/desk.sock].
    #[arg(long, global = true, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// Answer in JSON, on one line.
    #[arg(long, global = true)]
    pub json: bool,
    /// A port without a gateway.
    #[command(flatten)]
    pub direct: DirectArguments,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Arguments {
    /// Where the gateway listens.
    pub fn socket(&self) -> PathBuf {
        let named = || std::env::var_os(SOCKET_VARIABLE).map(PathBuf::from);
        self.socket
            .clone()
            .or_else(named)
            .unwrap_or_else(|| PathBuf::from(SOCKET))
    }

    /// What is wrong with the options of `--direct`, in words.
    pub fn direct_complaint(&self) -> Option<String> {
        if self.direct.direct.is_some() {
            let needs = self.command.needs_a_gateway()?;
            return Some(format!(
                "--direct cannot be used with `{needs}`: a private gateway ends with its command; \
                 leave --direct away"
            ));
        }
        let has_own = matches!(
            self.command,
            Command::Bus(BusCommand::Scan(_))
                | Command::Meter(MeterCommand::Add(_))
                | Command::WriteSet(WriteSetCommand::Import(_))
        );
        let stray = self.direct.stray(has_own)?;
        Some(format!(
            "{stray} says something about the port of --direct; name the port with --direct as \
             well, or leave {stray} away"
        ))
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show how the gateway is.
    Status,
    /// Show the status page until it is stopped: what the serial console of a gateway shows.
    Console(ConsoleArguments),
    /// Look at meters.
    #[command(subcommand)]
    Meter(MeterCommand),
    /// Look at the store.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Look at a bus.
    #[command(subcommand)]
    Bus(BusCommand),
    /// Update the whole system, keep it, or go back.
    #[command(subcommand)]
    Update(UpdateCommand),
    /// Sign in at this gateway, as somebody with an account.
    SignIn(SignInArguments),
    /// End your session at this gateway.
    SignOut,
    /// People with an account on this gateway.
    #[command(subcommand)]
    People(PeopleCommand),
    /// Order something at this gateway, as somebody who is signed in.
    Order(Box<BoxOrderArguments>),
    /// Show the newest orders in this gateway's journal, wherever they came from, or one of them.
    Orders {
        /// Its id.
        id: Option<CommandId>,
    },
    /// Show the work that the gateway does or has done for people.
    Jobs,
    /// Look at a piece of such work.
    #[command(subcommand)]
    Job(JobCommand),
    /// Make a gateway of a box, from what lies in a folder, and say what is missing.
    Provision(ProvisionArguments),
    /// Be the head-end: the reference consumer, and what belongs to it.
    #[command(subcommand)]
    HeadEnd(Box<HeadEndCommand>),
    /// Make and show keys of people.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Sign, show and publish the set of keys whose commands gateways take.
    #[command(subcommand)]
    Keyset(Box<SetCommand>),
    /// Sign, show and publish the policy: which orders take whom.
    #[command(subcommand)]
    Policy(Box<SetCommand>),
    /// Sign orders to gateways, approve them, send them and see what becomes of them.
    #[command(subcommand)]
    Command(Box<OrderCommand>),
    /// Order the same of many gateways, in waves.
    #[command(subcommand)]
    Rollout(Box<RolloutCommand>),
    /// Read the pages of a golden meter, and compare them with others.
    #[command(subcommand)]
    Clone(CloneCommand),
    /// Take the writes out of a recorded session, and compare them. No gateway is asked.
    #[command(subcommand)]
    WriteSet(WriteSetCommand),
    /// Write, check and compare schemes. No gateway is asked.
    #[command(subcommand)]
    Scheme(SchemeCommand),
    /// Write and check meter lists, see when they would run, and run one of this gateway.
    #[command(subcommand)]
    List(Box<ListCommand>),
    /// Read a network map from a spreadsheet, and show it. No gateway is asked.
    #[command(subcommand)]
    Meters(MetersCommand),
    /// Carry over what an older program knew: meters, registers, calendars. No gateway is asked.
    Import(SiteImportArguments),
    /// Prove what gateways said of commands.
    #[command(subcommand)]
    Receipt(ReceiptCommand),
    /// Prove that the record of what was done is whole.
    #[command(subcommand)]
    Audit(AuditCommand),
}

impl Command {
    /// Its words, if it makes no sense with a gateway that ends with the command.
    fn needs_a_gateway(&self) -> Option<&'static str> {
        match self {
            Self::Meter(MeterCommand::Add(_)) => Some("meter add"),
            Self::Meter(MeterCommand::Accept { .. }) => Some("meter accept"),
            Self::Meter(MeterCommand::Keys(_)) => Some("meter keys"),
            Self::Status | Self::Bus(_) | Self::Meter(_) | Self::Clone(_) => None,
            Self::WriteSet(_) => Some("write-set"),
            Self::Console(_) => Some("console"),
            Self::Store(_) => Some("store"),
            Self::Update(_) => Some("update"),
            Self::SignIn(_) => Some("sign-in"),
            Self::SignOut => Some("sign-out"),
            Self::People(_) => Some("people"),
            Self::Order(_) => Some("order"),
            Self::Orders { .. } => Some("orders"),
            Self::Jobs => Some("jobs"),
            Self::Job(_) => Some("job"),
            Self::Provision(_) => Some("provision"),
            Self::HeadEnd(_) => Some("head-end"),
            Self::Key(_) => Some("key"),
            Self::Keyset(_) => Some("keyset"),
            Self::Policy(_) => Some("policy"),
            Self::Command(_) => Some("command"),
            Self::Rollout(_) => Some("rollout"),
            Self::Scheme(_) => Some("scheme"),
            Self::List(_) => Some("list"),
            Self::Meters(_) => Some("meters"),
            Self::Import(_) => Some("import"),
            Self::Receipt(_) => Some("receipt"),
            Self::Audit(_) => Some("audit"),
        }
    }
}

/// A piece of work.
#[derive(Debug, Subcommand)]
pub enum JobCommand {
    /// Show how it stands, and what it brought.
    Show {
        /// Its number, as `pmuctl jobs` shows it.
        number: u64,
    },
    /// End it at its next step; what it has read is kept.
    Cancel {
        /// Its number, as `pmuctl jobs` shows it.
        number: u64,
    },
}

#[cfg(test)]
mod tests;
