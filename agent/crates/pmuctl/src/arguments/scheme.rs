//! What may be typed behind `pmuctl scheme` and `pmuctl meters`.

use clap::Subcommand;
use metering::scheme::{CivilDate, TimeOfDay};
use schemes::site::SchemeName;
use std::path::PathBuf;

/// Schemes as files. No gateway is asked.
#[derive(Debug, Subcommand)]
pub enum SchemeCommand {
    /// Write a small scheme to begin with.
    New {
        /// Its file; an existing one is never overwritten.
        file: PathBuf,
    },
    /// Say what is wrong with a scheme before a meter sees it.
    Validate {
        /// Its file.
        file: PathBuf,
        /// What the meters' model holds: a file of `config/capabilities`.
        #[arg(long, value_name = "FILE")]
        limits: PathBuf,
        /// The day of the transfer [default: today, in UTC].
        #[arg(long, value_name = "DATE")]
        on: Option<CivilDate>,
        /// The place's zone: also compare the meter's clock rule with it.
        #[arg(long, value_name = "ZONE")]
        zone: Option<String>,
    },
    /// Show a scheme in its canonical form, with its fingerprint.
    Show {
        /// Its file.
        file: PathBuf,
    },
    /// Show where two schemes differ.
    Diff {
        /// The first.
        first: PathBuf,
        /// The second.
        second: PathBuf,
    },
    /// Show which meters of a network map, and which meter lists, use a scheme.
    WhereUsed {
        /// The scheme's name, as the map and the lists have it.
        scheme: SchemeName,
        /// The map, as CSV.
        #[arg(long, value_name = "FILE", required_unless_present = "lists")]
        map: Option<PathBuf>,
        /// Meter lists; may be given several times.
        #[arg(long = "list", value_name = "FILE", num_args = 1..)]
        lists: Vec<PathBuf>,
    },
    /// Say which rates are active when the meter's clock shows a time, and why.
    RateAt {
        /// The scheme's file.
        file: PathBuf,
        /// The date on the meter's clock.
        date: CivilDate,
        /// The time on the meter's clock.
        time: TimeOfDay,
    },
    /// Lay out a whole year: from when to when, in UTC, which rates are active.
    Year {
        /// The scheme's file.
        file: PathBuf,
        /// Which year.
        year: u16,
        /// The place's zone.
        #[arg(long, value_name = "ZONE")]
        zone: String,
    },
    /// Divide a stored load profile by the scheme's registers.
    Simulate {
        /// The scheme's file.
        file: PathBuf,
        /// The profile of one meter, as `pmuctl head-end export` wrote it.
        #[arg(long, value_name = "FILE")]
        profile: PathBuf,
        /// Which of its channels, by number.
        #[arg(long, value_name = "NUMBER", default_value_t = 1)]
        channel: u32,
        /// The place's zone.
        #[arg(long, value_name = "ZONE", default_value = "UTC")]
        zone: String,
    },
}

/// Meters of a site.
#[derive(Debug, Subcommand)]
pub enum MetersCommand {
    /// Read a network map from a spreadsheet, and say what it would change.
    Import {
        /// The new map, as CSV.
        file: PathBuf,
        /// The map there is, which it would change [default: none].
        #[arg(long, value_name = "FILE")]
        into: Option<PathBuf>,
        /// Write the changed map to this new file; without it nothing is written.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Show a network map as areas, substations, feeders and meters.
    Tree {
        /// The map, as CSV.
        file: PathBuf,
    },
}
