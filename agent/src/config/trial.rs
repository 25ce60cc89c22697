//! A configuration that came by command. It lies in the data folder, because the agent may not write its
//! own file: first on trial, then kept. A person who edits the file has the last word.

use super::complaint::Complaints;
use super::settings::{Settings, read};
use crate::check;
use crate::hex::hex;
use crate::limits::{CONFIGURATION_BYTES_MAX, CONFIGURATION_STARTS_MAX};
use authority::CommandId;
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const TRIAL_FILE: &str = "configuration-trial";
const KEPT_FILE: &str = "configuration-kept";

/// How a trial stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrialState {
    /// It is used, and has to prove itself.
    Running,
    /// It has proven itself.
    Kept,
    /// The one before it is used again; why.
    Returned(String),
}

/// A configuration that came by command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// By which.
    pub command: CommandId,
    /// How it stands.
    pub state: TrialState,
    /// Starts with it so far.
    pub starts: u32,
    /// The head-end has to answer within this.
    pub within: Duration,
    /// The configuration.
    pub text: String,
    /// SHA-256 of the file that it takes the place of.
    base: String,
}

impl Trial {
    /// A trial of `text`, which takes the place of `file`.
    pub fn new(file: &Path, command: CommandId, within: Duration, text: String) -> Self {
        Self {
            command,
            state: TrialState::Running,
            starts: 0,
            within,
            text,
            base: digest_of(file),
        }
    }

    /// What was noted last; what cannot be read is no trial.
    pub fn load(data_folder: &Path) -> Option<Self> {
        load(&data_folder.join(TRIAL_FILE))
    }

    /// On the disk, whole or not at all.
    pub fn save(&self, data_folder: &Path) -> io::Result<()> {
        keep(data_folder, TRIAL_FILE, &self.file_text())
    }

    /// It has proven itself: it is used from now on.
    pub fn keep(&mut self, data_folder: &Path) -> io::Result<()> {
        self.state = TrialState::Kept;
        keep(data_folder, KEPT_FILE, &self.file_text())?;
        self.save(data_folder)
    }

    fn file_text(&self) -> String {
        let state = match &self.state {
            TrialState::Running => "running".to_owned(),
            TrialState::Kept => "kept".to_owned(),
            TrialState::Returned(why) => format!("returned {}", why.replace('\n', "; ")),
        };
        format!(
            "command {}\nstate {state}\nstarts {}\nwithin {}\nbase {}\n\n{}",
            self.command,
            self.starts,
            self.within.as_secs(),
            self.base,
            self.text
        )
    }

    fn parse(text: &str) -> Option<Self> {
        let (head, text) = text.split_once("\n\n")?;
        let value = |wanted: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(' '));
            lines.find(|(key, _)| *key == wanted).map(|(_, it)| it)
        };
        let state = match value("state")? {
            "running" => TrialState::Running,
            "kept" => TrialState::Kept,
            other => TrialState::Returned(other.strip_prefix("returned ")?.to_owned()),
        };
        Some(Self {
            command: value("command")?.parse().ok()?,
            state,
            starts: value("starts")?.parse().ok()?,
            within: Duration::from_secs(value("within")?.parse().ok()?),
            text: text.to_owned(),
            base: value("base")?.to_owned(),
        })
    }

    /// Whether the file is still the one whose place it takes.
    fn is_over(&self, file: &Path) -> bool {
        self.base == digest_of(file)
    }
}

/// Counts a start with a configuration on trial, before it is used. One that was started too often, or
/// whose file a person has edited, is left.
pub fn count_start(file: &Path) {
    let Ok(base) = Settings::load(file) else {
        return;
    };
    let folder = base.data_folder;
    let Some(mut trial) = Trial::load(&folder).filter(|it| it.state == TrialState::Running) else {
        return;
    };
    trial.starts = trial.starts.saturating_add(1);
    let fault = if !trial.is_over(file) {
        Some("a person has edited the configuration meanwhile".to_owned())
    } else if trial.starts > CONFIGURATION_STARTS_MAX {
        Some("the agent did not stay up with it".to_owned())
    } else {
        parse(file, &trial.text).err()
    };
    if let Some(why) = fault {
        trial.state = TrialState::Returned(why);
    }
    if trial.save(&folder).is_err() {
        // What cannot be counted could be tried for ever; and what is not there is not used.
        drop(fs::remove_file(folder.join(TRIAL_FILE)));
    }
}

/// The settings that hold: on trial, kept, or of the file itself.
pub fn standing(file: &Path) -> Result<Settings, Complaints> {
    let base = Settings::load(file)?;
    let folder = &base.data_folder;
    let trial = Trial::load(folder).filter(|it| it.state == TrialState::Running && it.starts > 0);
    let both = [trial, load(&folder.join(KEPT_FILE))];
    let mut ours = both.into_iter().flatten().filter(|it| it.is_over(file));
    let found = ours.find_map(|it| parse(file, &it.text).ok());
    Ok(found.unwrap_or(base))
}

/// The text of the settings that hold.
pub fn standing_text(file: &Path, data_folder: &Path) -> String {
    let kept = load(&data_folder.join(KEPT_FILE)).filter(|it| it.is_over(file));
    kept.map_or_else(
        || fs::read_to_string(file).unwrap_or_default(),
        |it| it.text,
    )
}

/// Whether a configuration may be tried in the place of the one that holds; if not, all that is wrong.
pub fn judge(file: &Path, text: &str) -> Result<Settings, String> {
    if text.len() > CONFIGURATION_BYTES_MAX {
        return Err(format!(
            "it has more than {CONFIGURATION_BYTES_MAX} bytes; make it shorter"
        ));
    }
    let new = parse(file, text)?;
    let old = standing(file).map_err(|complaints| complaints.to_string())?;
    let changed = protected(&old, &new);
    if changed.is_empty() {
        return Ok(new);
    }
    Err(format!(
        "no command may change {}; a person does that at the gateway",
        changed.join(", ")
    ))
}

/// What says who may command this gateway, what it is, and where it keeps things.
fn protected(old: &Settings, new: &Settings) -> Vec<&'static str> {
    let mut changed = Vec::new();
    let mut note = |is_changed: bool, key| {
        if is_changed {
            changed.push(key);
        }
    };
    note(old.gateway != new.gateway, "gateway.id");
    note(old.data_folder != new.data_folder, "gateway.data-folder");
    note(
        old.runtime_folder != new.runtime_folder,
        "gateway.runtime-folder",
    );
    note(old.commands != new.commands, "[commands]");
    note(old.rights != new.rights, "[people]");
    let keys = |it: &Settings| {
        let uplink = it.uplink.as_ref()?;
        Some((uplink.key_file.clone(), uplink.ingest_keys_file.clone()))
    };
    note(
        keys(old) != keys(new),
        "uplink.key-file, uplink.ingest-keys-file",
    );
    let place = |it: &Settings| {
        let update = &it.update;
        let folders = (update.slots_folder.clone(), update.trust_folder.clone());
        (folders, update.boot_report.clone())
    };
    note(place(old) != place(new), "the folders of [update]");
    changed
}

fn parse(file: &Path, text: &str) -> Result<Settings, String> {
    let name = file.display().to_string();
    let settings = Settings::parse(&name, text).map_err(|complaints| complaints.to_string())?;
    match check::refused(&settings) {
        Some(words) => Err(words),
        None => Ok(settings),
    }
}

fn digest_of(file: &Path) -> String {
    let text = read(file).map_or_else(|_| String::new(), |(_, text)| text);
    let digest = Sha256::digest(text.as_bytes());
    hex(&digest)
}

fn load(file: &Path) -> Option<Trial> {
    let mut text = String::new();
    let most = u64::try_from(CONFIGURATION_BYTES_MAX)
        .ok()?
        .checked_mul(2)?;
    let file = File::open(file).ok()?;
    file.take(most).read_to_string(&mut text).ok()?;
    Trial::parse(&text)
}

/// A new file is whole or not there, whenever the power goes.
fn keep(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let file: PathBuf = folder.join(name);
    let beside = file.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut out = options.open(&beside)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    fs::rename(&beside, &file)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests;
