//! Commands: whose signatures count.

use serde::Deserialize;
use std::path::PathBuf;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CommandsFile {
    roots_file: PathBuf,
}

/// Commands of the head-end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandSettings {
    /// Public root keys: whoever has one says who the operators are.
    pub roots_file: PathBuf,
}

impl CommandsFile {
    pub(crate) fn settings(&self) -> CommandSettings {
        CommandSettings {
            roots_file: self.roots_file.clone(),
        }
    }
}
