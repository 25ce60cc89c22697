//! Commands: whose signatures count.

use super::complaint::Notebook;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CommandsFile {
    roots_file: PathBuf,
    #[serde(default = "trial_seconds")]
    trial_seconds: Spanned<u64>,
}

fn trial_seconds() -> Spanned<u64> {
    Spanned::new(0..0, 300)
}

/// Commands of the head-end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandSettings {
    /// Public root keys: whoever has one says who the operators are.
    pub roots_file: PathBuf,
    /// A configuration that came by command has to reach the head-end within this.
    pub trial: Duration,
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
        CommandSettings {
            roots_file: self.roots_file.clone(),
            trial: Duration::from_secs(seconds),
        }
    }
}

const TRIAL_SECONDS: std::ops::RangeInclusive<u64> = 10..=3600;
