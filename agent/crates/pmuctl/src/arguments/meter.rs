//! What may be typed behind `pmuctl meter`.

use super::keys::KeysCommand;
use crate::words::{parse_duration, parse_time};
use clap::{Args, Subcommand, ValueEnum};
use desk::Part;
use metering::{BusId, MeterId, Obis, Timestamp};
use std::path::PathBuf;
use std::time::Duration;

/// Meters.
#[derive(Debug, Subcommand)]
pub enum MeterCommand {
    /// Show all meters.
    List,
    /// Write a meter into the gateway's configuration, after showing the entry.
    Add(Box<AddArguments>),
    /// Try a meter layer by layer: port, line, sign-on, identity, password.
    Ping {
        /// Its name.
        meter: MeterId,
    },
    /// Read now what the schedule would read.
    Poll {
        /// Its name.
        meter: MeterId,
    },
    /// Read a meter now.
    Read {
        /// Its name.
        meter: MeterId,
        /// Which part of it [default: what a Modbus meter shows now].
        part: Option<PartName>,
    },
    /// Read voltages, currents and powers now.
    Instant {
        /// Its name.
        meter: MeterId,
        /// Again and again, until Ctrl-C.
        #[arg(long)]
        watch: bool,
        /// How often, with --watch.
        #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_duration)]
        every: Duration,
    },
    /// Compare a meter's clock with the gateway's. Changes nothing.
    Clock {
        /// Its name.
        meter: MeterId,
    },
    /// Show every write that a scheme would make in this meter, and send none.
    DryRun {
        /// Its name.
        meter: MeterId,
        /// The scheme's file.
        scheme: std::path::PathBuf,
    },
    /// Show which objects a DLMS meter has, and which of them its model reads.
    Objects {
        /// Its name.
        meter: MeterId,
    },
    /// Read the meter's own load profile into the store: the days that the store lacks.
    Collect(CollectArguments),
    /// Take the meter that answers now as the right one.
    Accept {
        /// Its name.
        meter: MeterId,
    },
    /// Bring the keys of a DLMS meter to the gateway, or show what is known of them.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Show stored intervals as bars, one an interval.
    Profile(ProfileArguments),
    /// Write all that can be read from a meter to a file.
    Backup {
        /// Its name.
        meter: MeterId,
        /// The file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Replace the file if it is there already.
        #[arg(long)]
        force: bool,
    },
    /// Show what changed between a backup and its meter, or between two backups.
    Compare {
        /// A backup.
        backup: PathBuf,
        /// A later backup [default: the meter as it is now].
        other: Option<PathBuf>,
        /// Compare with this meter [default: the one that the backup names].
        #[arg(long, conflicts_with = "other")]
        meter: Option<MeterId>,
    },
}

/// A part of a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PartName {
    /// Totals, rates, demands, ratios.
    Registers,
    /// Historical billing sets.
    Billing,
    /// Event counters and logs.
    Events,
    /// Status words.
    Status,
    /// Serial number, scheme, firmware, ratios.
    Identity,
}

impl From<PartName> for Part {
    fn from(part: PartName) -> Self {
        match part {
            PartName::Registers => Self::Registers,
            PartName::Billing => Self::Billing,
            PartName::Events => Self::Events,
            PartName::Status => Self::Status,
            PartName::Identity => Self::Identity,
        }
    }
}

/// `meter add`.
#[derive(Debug, Args)]
pub struct AddArguments {
    /// Its name: 1 to 40 of a-z, 0-9 and -.
    pub id: MeterId,
    /// Its bus.
    #[arg(long)]
    pub bus: BusId,
    /// Its model: a file name of the folder meter-models, without .toml.
    #[arg(long, value_parser = model_name)]
    pub model: String,
    /// Its unit, if it is a Modbus meter.
    #[arg(long, conflicts_with = "address")]
    pub unit: Option<u8>,
    /// Its outstation number, if it is a FLAG meter and needs one; the lower HDLC address of a DLMS
    /// meter.
    #[arg(long, value_parser = outstation)]
    pub address: Option<String>,
    /// As whom a DLMS meter is read, by the names of its model.
    #[arg(long, value_name = "NAME", value_parser = association_name)]
    pub association: Option<String>,
    /// The client (SAP) of that association, where this meter has another one than its model.
    #[arg(long, value_name = "NUMBER", requires = "association")]
    pub client: Option<u16>,
    /// The security suite of its keys; bring those with `meter keys import`.
    #[arg(long, requires = "association", value_parser = clap::value_parser!(u8).range(0..=2))]
    pub suite: Option<u8>,
    /// The DLMS meter is behind the wrapper of a TCP connection.
    #[arg(long, requires = "association", conflicts_with = "address")]
    pub wrapper: bool,
    /// Its serial number: data of any other meter is then refused.
    #[arg(long, value_parser = serial_number)]
    pub serial: Option<String>,
    /// The file with its password, for its owner and group only.
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// The access level that the password opens.
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=3))]
    pub level: Option<u8>,
    /// The configuration [default: the one that the gateway runs with].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
}

/// `meter collect`.
#[derive(Debug, Args)]
pub struct CollectArguments {
    /// Its name.
    pub meter: MeterId,
    /// Days from this time on [default: 30 days before the end].
    #[arg(long, value_parser = parse_time)]
    pub from: Option<Timestamp>,
    /// Up to this time [default: now].
    #[arg(long, value_parser = parse_time)]
    pub to: Option<Timestamp>,
    /// From the oldest day that the meter holds.
    #[arg(long, conflicts_with = "from")]
    pub all: bool,
    /// Also days that the store holds already.
    #[arg(long)]
    pub again: bool,
}

/// `meter profile`.
#[derive(Debug, Args)]
pub struct ProfileArguments {
    /// Its name.
    pub meter: MeterId,
    /// Intervals that end after this [default: one day before the end].
    #[arg(long, value_parser = parse_time)]
    pub from: Option<Timestamp>,
    /// Intervals that end up to this [default: now].
    #[arg(long, value_parser = parse_time)]
    pub to: Option<Timestamp>,
    /// Read them from the meter first.
    #[arg(long)]
    pub from_meter: bool,
    /// Which of its profiles, by OBIS code [default: the first].
    #[arg(long)]
    pub profile: Option<Obis>,
    /// Which channel the bars show, by OBIS code [default: the first that is no total].
    #[arg(long)]
    pub channel: Option<Obis>,
    /// As CSV.
    #[arg(long, conflicts_with_all = ["json", "table"])]
    pub csv: bool,
    /// All channels as a table instead of one as bars.
    #[arg(long, conflicts_with = "json")]
    pub table: bool,
}

/// A model is named after its file.
pub(super) fn model_name(text: &str) -> Result<String, String> {
    let is_name = (1..=60).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if is_name {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "`{text}` is no name of a model; use that of a file in meter-models, without .toml"
        ))
    }
}

/// IEC 62056-21: up to 32 digits, letters and spaces.
pub(super) fn outstation(text: &str) -> Result<String, String> {
    let is_address = (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ');
    if is_address {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "`{text}` is no outstation number; use up to 32 digits, letters and spaces"
        ))
    }
}

/// As model files name associations.
pub(super) fn association_name(text: &str) -> Result<String, String> {
    model_name(text).map_err(|_| {
        format!("`{text}` is no name of an association; use one that the model file has")
    })
}

fn serial_number(text: &str) -> Result<String, String> {
    let is_number = (1..=40).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    if is_number {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "`{text}` is no serial number; write it as the meter shows it, without spaces"
        ))
    }
}
