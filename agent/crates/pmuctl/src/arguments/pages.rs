//! What may be typed behind `pmuctl clone` and `pmuctl write-set`.

use authority::LibraryName;
use clap::{Args, Subcommand};
use desk::WantedPage;
use metering::MeterId;
use std::path::PathBuf;
use std::str::FromStr;

/// Pages of a golden meter. Reading writes nothing to any meter.
#[derive(Debug, Subcommand)]
pub enum CloneCommand {
    /// Read the pages of a golden meter into a file.
    Read(CloneReadArguments),
    /// Show what stands in such a file.
    Show {
        /// The file.
        file: PathBuf,
    },
    /// Show where two such files differ, or a file and a meter.
    Diff {
        /// The first file.
        first: PathBuf,
        /// The second.
        #[arg(required_unless_present = "meter")]
        second: Option<PathBuf>,
        /// Compare with this meter as it is now.
        #[arg(long, conflicts_with = "second")]
        meter: Option<MeterId>,
    },
}

/// `clone read`.
#[derive(Debug, Args)]
pub struct CloneReadArguments {
    /// The golden meter's name.
    pub meter: MeterId,
    /// The file.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Its name in a gateway's library [default: that of the file].
    #[arg(long)]
    pub name: Option<LibraryName>,
    /// A page that the model does not know, as IDENTITY:OCTETS=NAME; may be given several times.
    #[arg(long = "page", value_name = "PAGE")]
    pub pages: Vec<PageName>,
    /// Leave a page out, by its name or number; may be given several times.
    #[arg(long, value_name = "PAGE")]
    pub without: Vec<String>,
    /// Replace the file if it is there already.
    #[arg(long)]
    pub force: bool,
}

/// Recorded sequences of writes. No gateway is asked.
#[derive(Debug, Subcommand)]
pub enum WriteSetCommand {
    /// Take the writes out of a recorded session.
    Import(Box<ImportWritesArguments>),
    /// Show what stands in a write set.
    Show {
        /// The file.
        file: PathBuf,
    },
    /// Show where two write sets differ.
    Diff {
        /// The first file.
        first: PathBuf,
        /// The second.
        second: PathBuf,
    },
}

/// `write-set import`. The model comes with `--model`, a password with `--password-file`.
#[derive(Debug, Args)]
pub struct ImportWritesArguments {
    /// What `pmuctl bus listen` or `pmuctl bus trace` wrote, or lines of hexadecimal digits.
    pub recording: PathBuf,
    /// The file of the set.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Its name in a gateway's library [default: that of the file].
    #[arg(long)]
    pub name: Option<LibraryName>,
    /// What the recorded meter says of device and firmware, as `pmuctl clone show` has it.
    #[arg(long, value_name = "TEXT", conflicts_with = "like")]
    pub firmware: Option<String>,
    /// Model and firmware are those of this golden image.
    #[arg(long, value_name = "FILE")]
    pub like: Option<PathBuf>,
    /// Where and by whom it was recorded [default: the name of the recording].
    #[arg(long, value_name = "TEXT")]
    pub source: Option<String>,
    /// Leave the writes of an identity out; may be given several times.
    #[arg(long, value_name = "IDENTITY")]
    pub without: Vec<u16>,
    /// Replace the file if it is there already.
    #[arg(long)]
    pub force: bool,
}

/// A page as it is typed: `610:200=calendar`, `610:200`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageName(pub WantedPage);

impl FromStr for PageName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (place, name) = match text.split_once('=') {
            Some((place, name)) => (place, Some(name.trim())),
            None => (text, None),
        };
        let parsed = place.split_once(':').and_then(|(identity, octets)| {
            let identity: u16 = identity.parse().ok()?;
            let octets: u16 = octets.parse().ok()?;
            (identity <= 999 && octets > 0).then_some((identity, octets))
        });
        let name = name.filter(|name| !name.is_empty());
        match (parsed, name.is_some() || !text.contains('=')) {
            (Some((identity, octets)), true) => Ok(Self(WantedPage {
                name: name.map_or_else(|| identity.to_string(), str::to_owned),
                identity,
                octets,
            })),
            _ => Err(format!(
                "`{text}` is no page; write its identity, its octets and a name, as in \
                 610:200=calendar"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, u16, u16)>) {
        let found = text.parse::<PageName>().ok();
        let expected = expected.map(|(name, identity, octets)| {
            PageName(WantedPage {
                name: name.to_owned(),
                identity,
                octets,
            })
        });
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_page_is_an_identity_a_length_and_a_name() {
        check("610:200=calendar", Some(("calendar", 610, 200)));
        check("610:200", Some(("610", 610, 200)));
        for text in [
            "610",
            "610:",
            "610:0=x",
            "1000:1=x",
            "x:1=y",
            "610:200=",
            "=",
            "610:70000",
        ] {
            check(text, None);
        }
    }
}
