//! What a person may type.

use crate::adapters::local::SOCKET;
use crate::export::Separator;
use crate::words::{parse_duration, parse_time};
use clap::{Args, Parser, Subcommand, ValueEnum};
use desk::TraceSwitch;
use metering::{BusId, GatewayId, MeterId, Timestamp};
use std::path::PathBuf;
use std::time::Duration;

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
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show how the gateway is.
    Status,
    /// Look at meters.
    #[command(subcommand)]
    Meter(MeterCommand),
    /// Look at the store.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Look at a bus.
    #[command(subcommand)]
    Bus(BusCommand),
    /// Be the head-end: the reference consumer, and what belongs to it.
    #[command(subcommand)]
    HeadEnd(Box<HeadEndCommand>),
}

/// Meters.
#[derive(Debug, Subcommand)]
pub enum MeterCommand {
    /// Show all meters.
    List,
    /// Read a meter now.
    Read {
        /// Its name.
        meter: MeterId,
    },
    /// Take the meter that answers now as the right one.
    Accept {
        /// Its name.
        meter: MeterId,
    },
    /// Show stored intervals.
    Profile {
        /// Its name.
        meter: MeterId,
        /// Intervals that end after this [default: one day before the end].
        #[arg(long, value_parser = parse_time)]
        from: Option<Timestamp>,
        /// Intervals that end up to this [default: now].
        #[arg(long, value_parser = parse_time)]
        to: Option<Timestamp>,
        /// As CSV.
        #[arg(long, conflicts_with = "json")]
        csv: bool,
    },
}

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

/// A bus.
#[derive(Debug, Subcommand)]
pub enum BusCommand {
    /// Record the bytes on a bus, or show what was recorded.
    Trace {
        /// Its name.
        bus: BusId,
        /// What to do.
        switch: Switch,
    },
}

/// What to do with a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Record from now on.
    On,
    /// Stop recording.
    Off,
    /// Show what was recorded.
    Show,
}

impl From<Switch> for TraceSwitch {
    fn from(switch: Switch) -> Self {
        match switch {
            Switch::On => Self::On,
            Switch::Off => Self::Off,
            Switch::Show => Self::Show,
        }
    }
}

/// The head-end.
#[derive(Debug, Subcommand)]
pub enum HeadEndCommand {
    /// Receive from gateways, book in a ledger, and tell them so.
    Receive(ReceiveArguments),
    /// Write intervals of a ledger as CSV.
    Export(ExportArguments),
    /// Make a key that signs watermarks.
    Keygen {
        /// The private key; the public one goes to the same name with `.pub` added.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[track_caller]
    fn check(line: &str, is_right: bool) {
        let parsed = Arguments::try_parse_from(line.split_whitespace());
        assert_eq!(parsed.is_ok(), is_right, "{line}: {:?}", parsed.err());
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn commands_are_read() {
        check("pmuctl status --json", true);
        check("pmuctl --socket /tmp/desk.sock meter read feeder-1", true);
        check(
            "pmuctl meter profile feeder-1 --from 2026-11-23 --csv",
            true,
        );
        check("pmuctl bus trace rs485-1 show", true);
        check("pmuctl head-end holes --ledger books", true);
        check(
            "pmuctl head-end export --ledger books --local Europe/Berlin --separator ;",
            true,
        );
        let receive = "pmuctl head-end receive --host b --ca a --certificate c --key k --ledger l";
        check(
            &format!("{receive} --signing-key s --for 60s --share ingest"),
            true,
        );
        check(&format!("{receive} --no-ack"), true);
        check(receive, false);
        check(&format!("{receive} --no-ack --share a/b"), false);
        check("pmuctl meter read Feeder_1", false);
        check("pmuctl bus trace rs485-1 maybe", false);
        check("pmuctl", false);
    }
}
