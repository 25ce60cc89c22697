//! Commands: whose signatures count, and when it is looked at what others have changed.

use super::complaint::Notebook;
use metering::scheme::TimeOfDay;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;

/// Nobody changes a tariff at this time, and no billing period ends.
const DRIFT_WATCH: &str = "02:30";
const OFF: &str = "off";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CommandsFile {
    roots_file: PathBuf,
    #[serde(default = "trial_seconds")]
    trial_seconds: Spanned<u64>,
    #[serde(default = "drift_watch")]
    drift_watch: Spanned<String>,
}

fn trial_seconds() -> Spanned<u64> {
    Spanned::new(0..0, 300)
}

fn drift_watch() -> Spanned<String> {
    Spanned::new(0..0, DRIFT_WATCH.to_owned())
}

/// Commands of the head-end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandSettings {
    /// Public root keys: whoever has one says who the operators are.
    pub roots_file: PathBuf,
    /// A configuration that came by command has to reach the head-end within this.
    pub trial: Duration,
    /// Local time at which meters are compared with what they were programmed with; none: never.
    pub drift_watch: Option<TimeOfDay>,
}

impl CommandsFile {
    pub(crate) fn settings(&self, notes: &mut Notebook) -> CommandSettings {
        let seconds = *self.trial_seconds.get_ref();
        if !TRIAL_SECONDS.contains(&seconds) {
            notes.note(
                self.trial_seconds.span(),
                "commands.trial-seconds",
                format!("{seconds} seconds are out of range"),
                "take 10 to 3600",
            );
        }
        let text = self.drift_watch.get_ref();
        let drift_watch = text.parse().ok();
        if drift_watch.is_none() && text != OFF {
            notes.note(
                self.drift_watch.span(),
                "commands.drift-watch",
                format!("`{text}` is no time of day"),
                "write one from \"00:00\" to \"23:59\", or \"off\"",
            );
        }
        CommandSettings {
            roots_file: self.roots_file.clone(),
            trial: Duration::from_secs(seconds),
            drift_watch,
        }
    }
}

const TRIAL_SECONDS: std::ops::RangeInclusive<u64> = 10..=3600;
