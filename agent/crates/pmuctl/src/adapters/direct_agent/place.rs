//! Where a private gateway keeps what it needs: a folder in memory, for its owner only.

use super::tail;
use crate::direct::DirectPort;
use crate::words::{hex, plain_lines};
use anyhow::{Context, Result, bail};
use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How folders of private gateways begin.
pub(super) const PREFIX: &str = "pmu-direct-";
/// What a living `pmuctl` holds locked.
pub(super) const LOCK: &str = "lock";
/// File system type of memory that is used as a disk (`TMPFS_MAGIC` of the kernel).
const TMPFS: u64 = 0x0102_1994;

/// The folder; locked as long as this program lives.
#[derive(Debug)]
pub(super) struct Place {
    folder: PathBuf,
    _lock: File,
}

impl Place {
    pub(super) fn make() -> Result<Self> {
        let Some(base) = bases().into_iter().next() else {
            bail!(
                "no folder lies in memory, and nothing is to be written to a disk; mount a tmpfs \
                 at /dev/shm, or name one with XDG_RUNTIME_DIR"
            );
        };
        let mut random = [0_u8; 6];
        getrandom::fill(&mut random).context("the kernel gives no random bytes")?;
        let folder = base.join(format!("{PREFIX}{}", hex(&random)));
        let name = || format!("{}: this folder cannot be made", folder.display());
        // Without a lock it would look abandoned: it gets its name when it has one.
        let nameless = base.join(format!(".{PREFIX}{}", hex(&random)));
        DirBuilder::new()
            .mode(0o700)
            .create(&nameless)
            .with_context(name)?;
        let lock = new_file(&nameless.join(LOCK)).with_context(name)?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive)
            .with_context(name)?;
        fs::rename(&nameless, &folder).with_context(name)?;
        for part in ["data", "run"] {
            DirBuilder::new()
                .mode(0o700)
                .create(folder.join(part))
                .with_context(name)?;
        }
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("agent.log")
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        new_file(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("{}: cannot be written", path.display()))?;
        Ok(path)
    }

    /// What the gateway said last; its own files are of no interest to a person.
    pub(super) fn last_words(&self, bytes: usize) -> String {
        let said = fs::read(self.log()).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let file = self.folder.join("agent.toml");
        let said = said.replace(file.to_string_lossy().as_ref(), "--direct");
        if said.trim().is_empty() {
            "it said nothing".to_owned()
        } else {
            tail(&said, bytes)
        }
    }

    pub(super) fn remove(&self) -> Result<()> {
        fs::remove_dir_all(&self.folder).with_context(|| {
            format!(
                "{}: cannot be removed; do it by hand",
                self.folder.display()
            )
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.folder.exists() {
            // What cannot be removed now is found by the next private gateway.
            drop(fs::remove_dir_all(&self.folder));
        }
    }
}

fn new_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Folders in memory in which one may write.
pub(super) fn bases() -> Vec<PathBuf> {
    let named = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let all = named.into_iter().chain([PathBuf::from("/dev/shm")]);
    all.filter(|folder| is_in_memory(folder)).collect()
}

fn is_in_memory(folder: &Path) -> bool {
    let is_tmpfs = rustix::fs::statfs(folder)
        .is_ok_and(|found| u64::try_from(found.f_type).is_ok_and(|kind| kind == TMPFS));
    let may_write = rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok();
    folder.is_absolute() && is_tmpfs && may_write
}

/// A port that is not there is said before anything is started.
pub(super) fn check_port(port: &DirectPort) -> Result<()> {
    let DirectPort::Device(device) = port else {
        return Ok(());
    };
    if device.exists() {
        return Ok(());
    }
    let known = ["/dev/serial/by-path", "/dev/serial/by-id"];
    let mut names: Vec<String> = known
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|file| Some(file.ok()?.path().display().to_string()))
        .collect();
    names.sort();
    let remedy = if names.is_empty() {
        "this machine shows no USB serial adapter: look at its plug, and at `dmesg`".to_owned()
    } else {
        plain_lines(&format!("there are:\n  {}", names.join("\n  ")))
    };
    bail!("{}: there is no such port; {remedy}", device.display())
}

/// The folder of meter models: the one that is named, that of the installation, or that of the
/// tree this program was built in.
pub(super) fn model_folder(named: Option<&Path>) -> Result<PathBuf> {
    if let Some(folder) = named {
        return fs::canonicalize(folder).with_context(|| {
            format!(
                "{}: there is no such folder; name another",
                folder.display()
            )
        });
    }
    let here = env::current_exe().ok();
    let beside = here.as_deref().and_then(Path::parent);
    let mut folders = vec![PathBuf::from("/etc/pmu/meter-models")];
    folders.extend(beside.map(|folder| folder.join("meter-models")));
    let above = here.iter().flat_map(|path| path.ancestors());
    folders.extend(above.map(|folder| folder.join("config/meter-models")));
    let found = folders.into_iter().find(|folder| folder.is_dir());
    found.context(
        "no meter models are installed in /etc/pmu/meter-models; name their folder with \
         --model-folder",
    )
}
