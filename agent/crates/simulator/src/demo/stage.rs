//! The folder of a demonstration and all that lies in it: keys, configuration, line and broker.

mod agent_file;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use simulator::broker::{Access, Broker, BrokerConfig, BrokerHandle, Overheard, Rights, ServerTls};
use simulator::pki::{IdentityFiles, Pki};
use simulator::wire::PtyWire;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::cast::Cast;
use super::child::{Child, run};
use super::key_ring::{self, CREDENTIALS};
use super::limits::FOLDER_OCTETS_MAX;
use super::programs::Programs;
pub(crate) use agent_file::quoted;
use agent_file::{agent_file, password_file};

/// Name of the gateway, in its certificate too.
pub(crate) const GATEWAY: &str = "pmu-demo";
/// Name of the head-end.
pub(crate) const HEAD_END: &str = "headend-ingest";

/// Where everything lies.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Removes it at the end, unless it is kept.
    _temporary: Option<TempDir>,
}

impl Folder {
    /// A new folder: of this name, to be kept, or a temporary one.
    pub(crate) fn open(keep: Option<&Path>) -> Result<Self> {
        let Some(keep) = keep else {
            let made = tempfile::Builder::new().prefix("pmu-demo-").tempdir();
            let made = made.context("no temporary folder can be made; name one with --keep")?;
            return Self::checked(made.path().to_path_buf(), Some(made));
        };
        let named = || format!("{}: this folder cannot be used", keep.display());
        fs::create_dir_all(keep).with_context(named)?;
        if fs::read_dir(keep).with_context(named)?.next().is_some() {
            bail!(
                "{}: this folder is not empty; name a new one",
                keep.display()
            );
        }
        Self::checked(keep.canonicalize().with_context(named)?, None)
    }

    fn checked(path: PathBuf, temporary: Option<TempDir>) -> Result<Self> {
        let Some(text) = path.to_str() else {
            bail!(
                "{}: this name is not UTF-8; name another folder with --keep",
                path.display()
            );
        };
        if text.len() > FOLDER_OCTETS_MAX {
            bail!(
                "{text}: this name is too long for the sockets in it; name a folder of at most \
                 {FOLDER_OCTETS_MAX} characters with --keep"
            );
        }
        Ok(Self {
            path,
            _temporary: temporary,
        })
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The gateway's local socket.
    pub(crate) fn desk(&self) -> PathBuf {
        self.path.join("run/desk.sock")
    }

    /// The path of something in it, for a configuration.
    pub(crate) fn text(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }

    /// Says that the clock can be trusted: gateway and meters go by one clock here.
    pub(crate) fn renew_clock_state(&self) -> Result<()> {
        self.write("clock-state", "synchronised\n")
    }

    /// Writes a line into a file that its owner alone may read.
    pub(crate) fn write_private(&self, name: &str, line: &str) -> Result<()> {
        self.write_secret(name, format!("{line}\n").as_bytes(), 0o600)
    }

    /// Writes a new file of this mode.
    pub(crate) fn write_secret(&self, name: &str, octets: &[u8], mode: u32) -> Result<()> {
        let path = self.path.join(name);
        let mut options = OpenOptions::new();
        let opened = options.write(true).create_new(true).mode(mode).open(&path);
        opened
            .and_then(|mut file| file.write_all(octets))
            .with_context(|| format!("{}: cannot be written", path.display()))
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path.join(name);
        fs::write(&path, text).with_context(|| format!("{}: cannot be written", path.display()))
    }
}

/// What plays beside the real programs; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Stage {
    broker: BrokerHandle,
    head_end: IdentityFiles,
    _line: PtyWire,
}

impl Stage {
    /// Makes keys, opens line and broker, and writes the gateway's configuration.
    pub(crate) fn set(folder: &Folder, cast: &Cast, programs: &Programs) -> Result<Self> {
        for name in ["pki", "run", "data"] {
            let path = folder.path().join(name);
            fs::create_dir(&path).with_context(|| format!("{}: cannot be made", path.display()))?;
        }
        let pki = Pki::new("pmu demonstration")?;
        let keys = folder.path().join("pki");
        pki.write(&keys)?;
        let server = pki.server("localhost")?;
        let gateway = pki.client(GATEWAY)?.write(&keys)?;
        let head_end = pki.client(HEAD_END)?.write(&keys)?;
        let signing_key = folder.text("pki/ingest.key");
        let keygen = ["head-end", "keygen", "--out", &signing_key];
        run("pmuctl head-end keygen", &programs.pmuctl, &keygen)?;

        let tls = ServerTls::new(pki.certificate_pem(), &server)?;
        let broker = Broker::start(broker_config(), Some(tls))
            .context("the broker gets no port on 127.0.0.1")?;
        let line = PtyWire::open(&cast.wire, &folder.path().join("line"))?;
        folder.renew_clock_state()?;
        key_ring::make_master_key(folder)?;
        for elster in &cast.elsters {
            folder.write_private(&password_file(elster), elster.password)?;
        }
        let file = agent_file(folder, cast, programs, broker.port(), &gateway);
        folder.write("agent.toml", &file)?;
        Ok(Self {
            broker,
            head_end,
            _line: line,
        })
    }

    /// Asks the gateway whether it takes this configuration.
    pub(crate) fn check(folder: &Folder, programs: &Programs) -> Result<()> {
        let config = folder.text("agent.toml");
        run(
            "pmu-agent check",
            &programs.agent,
            &["check", "--config", &config],
        )
        .map(drop)
    }

    /// Starts the gateway.
    pub(crate) fn start_agent(folder: &Folder, programs: &Programs) -> Result<Child> {
        let config = folder.text("agent.toml");
        let arguments = ["run", "--config", &config];
        let credentials = folder.path().join(CREDENTIALS);
        Child::start_with(
            "pmu-agent",
            &programs.agent,
            &arguments,
            folder.path(),
            &[("CREDENTIALS_DIRECTORY", &credentials)],
        )
    }

    /// Starts the head-end.
    pub(crate) fn start_head_end(&self, folder: &Folder, programs: &Programs) -> Result<Child> {
        let arguments = receive_arguments(folder, self.broker.port(), &self.head_end);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Child::start("head-end", &programs.pmuctl, &arguments, folder.path())
    }

    /// Copies of what is published under a filter from now on.
    pub(crate) fn overhear(&self, filter: &str) -> mpsc::Receiver<Overheard> {
        self.broker.broker().overhear(filter)
    }

    /// Who is connected to the broker.
    pub(crate) fn connected(&self) -> Vec<String> {
        self.broker.broker().clients()
    }
}

/// How `pmuctl` is told to be the head-end of this folder.
pub(crate) fn receive_arguments(
    folder: &Folder,
    port: u16,
    identity: &IdentityFiles,
) -> Vec<String> {
    let port = port.to_string();
    let (ca, signing_key) = (folder.text("pki/ca.crt"), folder.text("pki/ingest.key"));
    let ledger = folder.text("ledger");
    let certificate = identity.certificate.display().to_string();
    let key = identity.key.display().to_string();
    let arguments = [
        "head-end",
        "receive",
        "--json",
        "--host",
        "localhost",
        "--port",
        &port,
        "--ca",
        &ca,
        "--certificate",
        &certificate,
        "--key",
        &key,
        "--signing-key",
        &signing_key,
        "--ledger",
        &ledger,
        "--ack-every",
        "1s",
        "--gap-after",
        "10s",
    ];
    arguments.map(str::to_owned).to_vec()
}

/// The rights of the contract, and for the head-end what it takes to confirm and to ask.
fn broker_config() -> BrokerConfig {
    let rights = Rights::contract()
        .user(HEAD_END, Access::Write, "gw/v1/+/dn/ack")
        .user(HEAD_END, Access::Write, "gw/v1/+/dn/req");
    BrokerConfig {
        rights,
        ..BrokerConfig::default()
    }
}

/// Everything that the head-end booked, as CSV; it must have ended.
pub(crate) fn export(folder: &Folder, programs: &Programs) -> Result<String> {
    let ledger = folder.text("ledger");
    let arguments = [
        "head-end",
        "export",
        "--ledger",
        &ledger,
        "--gateway",
        GATEWAY,
    ];
    let text = run("pmuctl head-end export", &programs.pmuctl, &arguments)?;
    folder.write("export.csv", &text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_new_and_its_name_is_short() {
        let temporary = Folder::open(None).unwrap();
        let path = temporary.path().to_path_buf();
        let inside = path.join("kept");
        drop(Folder::open(Some(&inside)).unwrap());
        assert!(inside.is_dir(), "what is kept stays");
        fs::write(inside.join("ours"), "precious").unwrap();
        let refused = Folder::open(Some(&inside)).unwrap_err().to_string();
        assert!(refused.contains("not empty"), "{refused}");
        let long = path.join("x".repeat(FOLDER_OCTETS_MAX));
        assert!(Folder::open(Some(&long)).is_err());
        drop(temporary);
        assert!(!path.exists(), "what is temporary goes");
    }

    #[test]
    fn passwords_are_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt;

        let folder = Folder::open(None).unwrap();
        folder
            .write_private("elster-1.password", "0001ABCD")
            .unwrap();
        let path = folder.path().join("elster-1.password");
        assert_eq!(fs::read_to_string(&path).unwrap(), "0001ABCD\n");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(folder.write_private("elster-1.password", "other").is_err());
    }
}
