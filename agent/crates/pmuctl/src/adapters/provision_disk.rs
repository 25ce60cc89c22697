//! The files of a gateway that is provisioned: read as they stand, replaced as a whole.
//!
//! A change of several files is written down as a whole first. What a power cut interrupts before
//! that has not happened; what it interrupts after that is finished by the next run.

use crate::adapters::replace;
use crate::limits::{CHANGE_BYTES_MAX, CONFIGURATION_BYTES_MAX, KEY_FILE_BYTES_MAX};
use crate::provision::{
    Kept, Key, NETWORK_FILE_BEGIN, NETWORK_FILE_END, Planned, Text, Texts, places,
};
use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Where a change is written down until it is done.
const CHANGE: &str = "/etc/pmu/.provision";
/// What the agent is asked about lies here for a moment.
const DRAFT: &str = "/etc/pmu/.draft";
/// Name and edition of its form.
const FORM: &str = "pmu-provision-1";
/// Group of the agent.
const GROUP: &str = "pmu";

/// Files that are written and files that go, all or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    form: String,
    files: Vec<Planned>,
    removed: Vec<String>,
}

/// What a run has changed, by place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// Files that are new or other than before.
    pub written: Vec<String>,
    /// Files that are gone.
    pub removed: Vec<String>,
}

/// What has just been done to the disk, for tests that cut the power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A text lies beside the file that it is for, not yet on the disk.
    Written,
    /// It is on the disk.
    Synced,
    /// It has the file's name.
    Renamed,
    /// A file is gone.
    Removed,
}

/// What is asked after each step; a fault is a power cut.
pub type After<'a> = &'a mut dyn FnMut(Step) -> io::Result<()>;

/// A gateway's files below a root folder, `/` on the gateway itself.
#[derive(Debug)]
pub struct Disk {
    root: PathBuf,
    /// Of the group `pmu`.
    group: Option<u32>,
}

/// Keeps other runs out.
#[derive(Debug)]
pub struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone leaves it to a child that was forked in this moment. A lock that cannot be
        // given back ends with the program.
        flock(&self.0, FlockOperation::Unlock).unwrap_or_default();
    }
}

impl Disk {
    /// The files below a root.
    pub fn new(root: &Path) -> Self {
        let groups = fs::read_to_string(root.join("etc/group")).unwrap_or_default();
        let group = groups.lines().find_map(|line| {
            let mut fields = line.split(':');
            let is_ours = fields.next() == Some(GROUP);
            fields.nth(1).filter(|_| is_ours)?.parse().ok()
        });
        Self {
            // The agent looks at names from its own folder.
            root: std::path::absolute(root).unwrap_or_else(|_| root.to_owned()),
            group,
        }
    }

    /// There is a group for the agent.
    pub fn has_group(&self) -> bool {
        self.group.is_some()
    }

    /// Where something lies.
    pub fn path(&self, place: &str) -> PathBuf {
        self.root.join(place.trim_start_matches('/'))
    }

    /// Keeps other runs out until it is dropped. Makes the folders.
    pub fn lock(&self) -> Result<Lock> {
        for folder in ["/etc/pmu", "/etc/pmu/tls"] {
            self.make_folder(folder, true)
                .with_context(|| format!("{folder}: cannot be made; use sudo"))?;
        }
        let folder = self.path("/etc/pmu");
        let file =
            File::open(&folder).with_context(|| format!("{}: use sudo", folder.display()))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            bail!("another pmuctl is provisioning this gateway; wait for it");
        }
        Ok(Lock(file))
    }

    /// All that there is.
    pub fn kept(&self) -> Result<Kept> {
        let key = self.read(places::KEY, KEY_FILE_BYTES_MAX)?;
        let key = key.map(|found| {
            let remedy = "remove it: another is made, and its certificate is asked for anew";
            Key::from_pem(&found.text).with_context(|| format!("{}: {remedy}", found.file))
        });
        let models = !self.path(places::MODELS).exists();
        Ok(Kept {
            texts: Texts {
                wish: self.read(places::WISH, CONFIGURATION_BYTES_MAX)?,
                ca: self.read(places::CA, KEY_FILE_BYTES_MAX)?,
                ingest: self.read(places::INGEST, KEY_FILE_BYTES_MAX)?,
                operators: self.read(places::OPERATORS, KEY_FILE_BYTES_MAX)?,
                certificate: self.read(places::CERTIFICATE, KEY_FILE_BYTES_MAX)?,
                meters: self.read(places::METERS, CONFIGURATION_BYTES_MAX)?,
                passwords: BTreeMap::new(),
            },
            agent: self.read(places::AGENT, CONFIGURATION_BYTES_MAX)?,
            key: key.transpose()?,
            networks: self.networks(),
            has_store: self.path(places::STORE).exists(),
            models: models.then(|| places::SHIPPED_MODELS.to_owned()),
        })
    }

    fn networks(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path(places::NETWORK))
            .into_iter()
            .flatten();
        let names = entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names
            .filter(|name| name.starts_with(NETWORK_FILE_BEGIN) && name.ends_with(NETWORK_FILE_END))
            .collect();
        names.sort();
        names
    }

    fn read(&self, place: &str, bytes_max: u64) -> Result<Option<Text>> {
        let path = self.path(place);
        if !path.exists() {
            return Ok(None);
        }
        let text = replace::read(
            &path,
            bytes_max,
            "use sudo, or remove it and bring it again",
        )?;
        let file = path.display().to_string();
        Ok(Some(Text { file, text }))
    }

    /// Makes the key, unless there is one.
    pub fn make_key(&self, after: After<'_>) -> Result<bool> {
        if self.path(places::KEY).exists() {
            return Ok(false);
        }
        let key = Key::generate()?;
        let file = Planned {
            path: places::KEY.to_owned(),
            text: key.to_pem(),
            is_private: true,
        };
        self.put(&file, after)?;
        Ok(true)
    }

    /// Writes and removes files, all or none. Gives back what was changed.
    pub fn change(
        &self,
        files: &[Planned],
        removed: &[String],
        after: After<'_>,
    ) -> Result<Changed> {
        let is_new = |file: &&Planned| {
            fs::read(self.path(&file.path)).ok().as_deref() != Some(file.text.as_bytes())
        };
        let change = Change {
            form: FORM.to_owned(),
            files: files.iter().filter(is_new).cloned().collect(),
            removed: removed
                .iter()
                .filter(|place| self.path(place).exists())
                .cloned()
                .collect(),
        };
        let changed = Changed {
            written: change.files.iter().map(|file| file.path.clone()).collect(),
            removed: change.removed.clone(),
        };
        if changed == Changed::default() {
            return Ok(changed);
        }
        let note = Planned {
            path: CHANGE.to_owned(),
            text: serde_json::to_string(&change)?,
            is_private: true,
        };
        self.put(&note, after)?;
        self.finish(after)?;
        Ok(changed)
    }

    /// A change has been written down and is not done.
    pub fn is_interrupted(&self) -> bool {
        self.path(CHANGE).exists()
    }

    /// Does what was written down, if something was.
    pub fn finish(&self, after: After<'_>) -> Result<bool> {
        let Some(note) = self.read(CHANGE, CHANGE_BYTES_MAX)? else {
            return Ok(false);
        };
        let change: Change = serde_json::from_str(&note.text)
            .ok()
            .filter(|change: &Change| change.form == FORM)
            .with_context(|| format!("{}: cannot be read; remove it and try again", note.file))?;
        for file in &change.files {
            self.put(file, after)?;
        }
        for place in &change.removed {
            self.remove(place, after)?;
        }
        self.remove(CHANGE, after)?;
        Ok(true)
    }

    fn put(&self, file: &Planned, after: After<'_>) -> Result<()> {
        self.put_file(file, after).with_context(|| {
            let path = self.path(&file.path);
            format!(
                "{}: cannot be written; use sudo, or look whether the disk is full",
                path.display()
            )
        })
    }

    fn put_file(&self, file: &Planned, after: After<'_>) -> io::Result<()> {
        let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        self.make_folder(folder, folder.starts_with("/etc/pmu"))?;
        let path = self.path(&file.path);
        let aside = self.path(&format!("{folder}/.{name}.pmuctl"));
        remove_file(&aside)?;
        let mut new = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&aside)?;
        new.write_all(file.text.as_bytes())?;
        after(Step::Written)?;
        if file.is_private {
            self.give_to_group(&aside)?;
        }
        let mode = if file.is_private { 0o640 } else { 0o644 };
        new.set_permissions(Permissions::from_mode(mode))?;
        new.sync_all()?;
        after(Step::Synced)?;
        fs::rename(&aside, &path)?;
        sync_folder_of(&path)?;
        after(Step::Renamed)
    }

    fn remove(&self, place: &str, after: After<'_>) -> Result<()> {
        let path = self.path(place);
        let removed = remove_file(&path).and_then(|()| sync_folder_of(&path));
        removed
            .and_then(|()| after(Step::Removed))
            .with_context(|| format!("{}: cannot be removed; use sudo", path.display()))
    }

    fn make_folder(&self, place: &str, is_private: bool) -> io::Result<()> {
        let path = self.path(place);
        if path.is_dir() {
            return Ok(());
        }
        let mode = if is_private { 0o750 } else { 0o755 };
        let parent = path.parent().unwrap_or(Path::new("/"));
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(parent)?;
        DirBuilder::new().mode(mode).create(&path)?;
        if is_private {
            self.give_to_group(&path)?;
        }
        sync_folder_of(&path)
    }

    fn give_to_group(&self, path: &Path) -> io::Result<()> {
        match self.group {
            // Whoever is not root keeps what is his: a root folder that is being tried out.
            Some(group) if rustix::process::geteuid().is_root() => {
                std::os::unix::fs::chown(path, None, Some(group))
            }
            _ => Ok(()),
        }
    }

    /// Lays a configuration out that is only looked at, with the passwords that stand and those
    /// that are brought beside it.
    pub fn write_draft(&self, text: &str, brought: &BTreeMap<String, String>) -> Result<PathBuf> {
        let folder = self.path(DRAFT);
        let laid_out = self.drop_draft().and_then(|()| {
            let passwords = folder.join("passwords");
            DirBuilder::new().mode(0o700).create(&folder)?;
            DirBuilder::new().mode(0o700).create(&passwords)?;
            for standing in fs::read_dir(self.path(places::PASSWORDS))
                .into_iter()
                .flatten()
            {
                let standing = standing?;
                fs::copy(standing.path(), passwords.join(standing.file_name()))?;
            }
            for (name, text) in brought {
                write_private(&passwords.join(name), text)?;
            }
            let path = folder.join("agent.toml");
            write_private(&path, text)?;
            Ok(path)
        });
        laid_out.with_context(|| format!("{}: cannot be written; use sudo", folder.display()))
    }

    /// Takes it away.
    pub fn drop_draft(&self) -> io::Result<()> {
        match fs::remove_dir_all(self.path(DRAFT)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    remove_file(path)?;
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

#[cfg(test)]
mod tests;
