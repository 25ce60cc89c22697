//! What may be typed behind `pmuctl import`.

use clap::Args;
use metering::scheme::Label;
use std::path::PathBuf;

/// `import`.
#[derive(Debug, Args)]
pub struct SiteImportArguments {
    /// Files: neutral tables as CSV, neutral site files as TOML, or whatever an older program left.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// The network map there is, which they would change [default: none].
    #[arg(long, value_name = "FILE")]
    pub into: Option<PathBuf>,
    /// Write the map and the schemes into this new folder; without it nothing is written.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// The model that the schemes are for.
    #[arg(long, value_name = "NAME")]
    pub meter_type: Option<Label>,
    /// The demand period in minutes, where there are registers of demand.
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u16).range(1..=1440))]
    pub demand_minutes: Option<u16>,
}
