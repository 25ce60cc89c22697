//! What may be typed behind `pmuctl bus`.

use crate::words::parse_duration;
use clap::{Args, Subcommand, ValueEnum};
use desk::{ScanWish, TraceSwitch};
use metering::BusId;
use std::path::PathBuf;
use std::time::Duration;

/// A bus.
#[derive(Debug, Subcommand)]
pub enum BusCommand {
    /// Look for meters.
    Scan(ScanArguments),
    /// Record the bytes on a bus, or show what was recorded.
    Trace {
        /// Its name.
        bus: BusId,
        /// What to do.
        switch: Switch,
    },
    /// Listen to another master and its meters, and send nothing; polls wait meanwhile.
    Listen {
        /// Its name.
        bus: BusId,
        /// For so long.
        #[arg(long = "for", value_name = "TIME", default_value = "5m", value_parser = parse_duration)]
        length: Duration,
        /// Write what was heard to this file instead of showing it.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Replace the file if it is there already.
        #[arg(long, requires = "out")]
        force: bool,
    },
}

/// `bus scan`.
#[derive(Debug, Args)]
pub struct ScanArguments {
    /// The bus; its polls go on in between.
    pub bus: BusId,
    /// Look for Modbus meters [default: for all kinds].
    #[arg(long)]
    pub modbus: bool,
    /// Look for FLAG meters (IEC 62056-21).
    #[arg(long)]
    pub flag: bool,
    /// Look for DLMS/COSEM meters: on HDLC, and behind a TCP connection also in the wrapper. No
    /// password and no key is tried.
    #[arg(long)]
    pub dlms: bool,
    /// Addresses to try beside the likely ones: `1-20`, `001`, `12345678`; `1/17` or `1/16-80` are
    /// upper and lower addresses of HDLC. May be repeated.
    #[arg(long, value_delimiter = ',')]
    pub address: Vec<String>,
    /// Speeds to try [default: those of the bus and of the meter models]. May be repeated.
    #[arg(long, value_delimiter = ',')]
    pub baud: Vec<u32>,
    /// End after this, found or not.
    #[arg(long = "for", value_name = "TIME", default_value = "2m", value_parser = parse_duration)]
    pub length: Duration,
}

impl ScanArguments {
    /// Where to look, in the gateway's words.
    pub fn wish(&self) -> ScanWish {
        // Who names no kind wants to know of every meter.
        let is_open = !self.modbus && !self.flag && !self.dlms;
        ScanWish {
            modbus: self.modbus || is_open,
            flag: self.flag || is_open,
            dlms: self.dlms || is_open,
            addresses: self.address.clone(),
            bauds: self.baud.clone(),
            seconds_max: whole_seconds(self.length),
        }
    }
}

/// Seconds of a length of time, one at least.
pub(crate) fn whole_seconds(length: Duration) -> u32 {
    u32::try_from(length.as_secs()).unwrap_or(u32::MAX).max(1)
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
