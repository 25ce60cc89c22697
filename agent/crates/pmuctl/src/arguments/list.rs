//! What may be typed behind `pmuctl list`.

use clap::Subcommand;
use metering::scheme::CivilDate;
use std::path::PathBuf;

/// Meter lists as files. No gateway is asked.
#[derive(Debug, Subcommand)]
pub enum ListCommand {
    /// Write a small list to begin with.
    New {
        /// Its file; an existing one is never overwritten.
        file: PathBuf,
    },
    /// Say what is wrong with a list, by line.
    Validate {
        /// Its file.
        file: PathBuf,
    },
    /// Show a list in its canonical form, with its fingerprint.
    Show {
        /// Its file.
        file: PathBuf,
    },
    /// Lay out when a list would run, and why not at the other times of its rule.
    Schedule {
        /// Its file.
        file: PathBuf,
        /// The first day [default: today, in UTC].
        #[arg(long, value_name = "DATE")]
        from: Option<CivilDate>,
        /// How many days.
        #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=400))]
        days: u16,
        /// Show times by this zone's clock [default: the list's own].
        #[arg(long, value_name = "ZONE")]
        zone: Option<String>,
    },
}
