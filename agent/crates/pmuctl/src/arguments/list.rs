//! What may be typed behind `pmuctl list`.

use super::BoxTerms;
use authority::LibraryName;
use clap::Subcommand;
use metering::scheme::CivilDate;
use std::path::PathBuf;

/// Meter lists: as files, without a gateway; and `run` at one.
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
    /// Run a list of this gateway now, as somebody who is signed in: the same as `order list.run`.
    Run {
        /// Its name.
        list: LibraryName,
        /// How it is ordered.
        #[command(flatten)]
        terms: BoxTerms,
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
