//! Keys of the demonstration: the gateway's master key, and those of meters, which a person brings.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use dlms::security::{Key, Suite};

use super::child::run;
use super::programs::Programs;
use super::stage::Folder;

/// Where systemd would put what a service alone may read.
pub(crate) const CREDENTIALS: &str = "credentials";
/// The gateway looks for its master key under this name.
const MASTER_KEY: &str = "pmu-master-key";

/// Makes the gateway's master key: 32 octets of its own for each demonstration.
pub(crate) fn make_master_key(folder: &Folder) -> Result<()> {
    let path = folder.path().join(CREDENTIALS);
    let made = DirBuilder::new().mode(0o700).create(&path);
    made.with_context(|| format!("{}: cannot be made", path.display()))?;
    let key = Key::generate(Suite::Two).context("no master key can be made")?;
    let name = format!("{CREDENTIALS}/{MASTER_KEY}");
    folder.write_secret(&name, key.reveal(), 0o400)
}

/// The keys of a meter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MeterKeys<'a> {
    /// Its name in the configuration.
    pub(crate) id: &'a str,
    /// Their suite.
    pub(crate) suite: Suite,
    /// Its global unicast encryption key.
    pub(crate) encryption: &'a Key,
    /// Its authentication key.
    pub(crate) authentication: &'a Key,
}

/// Brings the keys of a meter to the gateway that runs, as a person does.
pub(crate) fn bring(folder: &Folder, programs: &Programs, meter: &MeterKeys<'_>) -> Result<()> {
    let encryption = KeyFile::write(folder, meter.id, "encryption", meter.encryption)?;
    let authentication = KeyFile::write(folder, meter.id, "authentication", meter.authentication)?;
    let (socket, suite) = (folder.desk(), meter.suite.number().to_string());
    let text = |path: &Path| path.display().to_string();
    let arguments = [
        "--socket",
        &text(&socket),
        "meter",
        "keys",
        "import",
        meter.id,
        "--suite",
        &suite,
        "--encryption-key-file",
        &text(&encryption.0),
        "--authentication-key-file",
        &text(&authentication.0),
    ];
    run("pmuctl meter keys import", &programs.pmuctl, &arguments).map(drop)
}

/// A key in a file, which is removed as soon as the gateway has the key.
struct KeyFile(PathBuf);

impl KeyFile {
    fn write(folder: &Folder, meter: &str, kind: &str, key: &Key) -> Result<Self> {
        let name = format!("{meter}.{kind}-key");
        let mut line = String::new();
        for octet in key.reveal() {
            write!(line, "{octet:02x}")?;
        }
        line.push('\n');
        folder.write_secret(&name, line.as_bytes(), 0o600)?;
        Ok(Self(folder.path().join(name)))
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        if let Err(fault) = fs::remove_file(&self.0) {
            log::error!("{}: cannot be removed: {fault}", self.0.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use metering::Timestamp;
    use simulator::wire::{Wire, WireSettings};

    use super::super::dlms::seat;
    use super::*;

    #[test]
    fn the_master_key_is_for_its_owner_alone() {
        let folder = Folder::open(None).unwrap();
        make_master_key(&folder).unwrap();
        let mode = |name: &str| {
            let about = fs::metadata(folder.path().join(name)).unwrap();
            about.permissions().mode() & 0o777
        };
        assert_eq!(mode(CREDENTIALS), 0o700);
        assert_eq!(mode("credentials/pmu-master-key"), 0o400);
        let key = fs::read(folder.path().join("credentials/pmu-master-key")).unwrap();
        assert_eq!(key.len(), 32);
    }

    #[test]
    fn keys_of_meters_lie_in_files_only_while_they_are_brought() {
        let folder = Folder::open(None).unwrap();
        let wire = Wire::new(WireSettings::serial(9600, 10), 1);
        let meters = seat(&wire, Timestamp::from_seconds(1_795_428_000), 1).unwrap();
        let file = KeyFile::write(&folder, "dlms-2", "encryption", &meters[1].encryption);
        let file = file.unwrap();
        let path = folder.path().join("dlms-2.encryption-key");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap().trim_end().len(), 64);
        drop(file);
        assert!(!path.exists());
    }
}
