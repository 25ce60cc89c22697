//! A real mosquitto with TLS 1.3, client certificates and rules by topic.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{DESK, HEAD_END};
use crate::demo::child::Child;
use crate::demo::stage::Folder;

/// Where Debian puts it; a person's search path often lacks the second.
const PLACES: [&str; 3] = ["/usr/bin", "/usr/sbin", "/usr/local/sbin"];

/// The program, or how to get it.
pub(super) fn program() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(PLACES.iter().map(PathBuf::from));
    let mut found = folders.map(|folder| folder.join("mosquitto"));
    found.find(|program| program.is_file()).context(
        "the broker mosquitto is not installed; install it (Debian: `apt install mosquitto`), its own \
         service may stay switched off",
    )
}

/// Who may say and hear what: the contract's rules, a head-end, and people at their desks.
fn rules() -> String {
    format!(
        "pattern write gw/v1/%u/up/#\npattern read gw/v1/%u/dn/#\npattern read gw/v1/all/dn/#\n\n\
         user {HEAD_END}\ntopic read gw/v1/+/up/#\ntopic write gw/v1/+/dn/ack\n\
         topic write gw/v1/+/dn/req\ntopic write gw/v1/+/dn/blob/+\n\n\
         user {DESK}\ntopic read gw/v1/+/up/#\ntopic write gw/v1/+/dn/cmd\n\
         topic write gw/v1/all/dn/#\n"
    )
}

/// The broker, as a child of ours.
pub(super) struct Mosquitto {
    child: Child,
    port: u16,
}

impl Mosquitto {
    /// Starts it on a free port of this machine, with the keys in the folder.
    pub(super) fn start(program: &Path, folder: &Folder) -> Result<Self> {
        let port = free_port().context("127.0.0.1 has no free port")?;
        folder.write("broker/rules.acl", &rules())?;
        // Started by root it would become another user, who may not read the keys here.
        let user = if rustix::process::geteuid().is_root() {
            "user root\n"
        } else {
            ""
        };
        let text = format!(
            "per_listener_settings true\n{user}listener {port} 127.0.0.1\ncafile {}\n\
             certfile {}\nkeyfile {}\ntls_version tlsv1.3\nrequire_certificate true\n\
             use_identity_as_username true\nallow_anonymous false\nacl_file {}\n",
            folder.text("pki/ca.crt"),
            folder.text("pki/localhost.crt"),
            folder.text("pki/localhost.key"),
            folder.text("broker/rules.acl"),
        );
        folder.write("broker/mosquitto.conf", &text)?;
        let config = folder.text("broker/mosquitto.conf");
        let child = Child::start("mosquitto", program, &["-c", &config], folder.path())?;
        Ok(Self { child, port })
    }

    /// Where it listens.
    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn must_run(&mut self) -> Result<()> {
        self.child.must_run()
    }

    pub(super) async fn stop(&mut self, grace: Duration) -> Result<()> {
        self.child.stop(grace).await
    }
}

fn free_port() -> Result<u16> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port();
    if port == 0 {
        bail!("port 0 is none");
    }
    Ok(port)
}
