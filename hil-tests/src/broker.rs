//! A real mosquitto with TLS 1.3, client certificates and rules per topic.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use crate::clock::wait_until;
use crate::limits::START_WITHIN;
use crate::openssl::{Authority, Identity};
use crate::process::{Process, command, run};
use crate::skip::has_program;

/// What differs between one broker and another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokerSettings {
    /// Messages to and from one client that are not acknowledged yet.
    pub max_inflight: u16,
    /// Largest packet, announced to clients.
    pub max_packet: u32,
    /// Whether sessions and messages outlive it.
    pub persistence: bool,
}

impl Default for BrokerSettings {
    fn default() -> Self {
        Self {
            max_inflight: 100,
            max_packet: 262_144,
            persistence: false,
        }
    }
}

/// Rights of the clients that a test uses beside the gateways.
const RULES: &str = "\
pattern write gw/v1/%u/up/#
pattern read gw/v1/%u/dn/#
pattern read gw/v1/all/dn/#

user operations
topic read gw/v1/+/up/#
topic write gw/v1/+/dn/cmd
topic write gw/v1/all/dn/#

user headend
topic read gw/v1/+/up/#
topic write gw/v1/+/dn/ack
topic write gw/v1/+/dn/req
topic write gw/v1/+/dn/blob/+

user listener
topic read gw/v1/+/up/#
topic read gw/v1/+/dn/#

user intruder
topic readwrite #
";

/// The same, but no gateway may publish.
const RULES_WITHOUT_UP: &str = "\
pattern read gw/v1/%u/dn/#

user headend
topic read gw/v1/+/up/#
topic write gw/v1/+/dn/ack
topic write gw/v1/+/dn/req
";

/// A broker on a free port of this machine.
#[derive(Debug)]
pub struct Broker {
    folder: PathBuf,
    port: u16,
    authority: Authority,
    identity: Identity,
    process: Process,
}

/// Whether mosquitto and its clients can be used here.
pub fn is_installed() -> bool {
    ["mosquitto", "mosquitto_pub", "mosquitto_sub", "openssl"]
        .iter()
        .all(|name| has_program(name))
}

/// A port that nobody uses.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its number").port()
}

impl Broker {
    /// Starts a broker whose files lie in `folder`.
    pub fn start(folder: &Path, authority: &Authority, settings: BrokerSettings) -> Self {
        let folder = folder.join("broker");
        std::fs::create_dir_all(&folder).expect("a folder");
        let identity = authority.server("broker");
        let port = free_port();
        write_files(&folder, port, authority, &identity, settings);
        std::fs::write(folder.join("rules.acl"), RULES).expect("a file");
        let process = launch(&folder);
        let broker = Self {
            folder,
            port,
            authority: authority.clone(),
            identity,
            process,
        };
        broker.wait_until_open();
        broker
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// It stops answering, but its connections stay.
    pub fn stall(&mut self) {
        self.process.signal(Signal::STOP);
    }

    /// It goes on.
    pub fn go_on(&mut self) {
        self.process.signal(Signal::CONT);
    }

    /// `kill -9`: without persistence every session and message is gone.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Ends in order: with persistence sessions and messages are kept.
    pub fn stop(&mut self) {
        self.process.stop();
    }

    /// Starts it again on the same port.
    pub fn restart(&mut self, settings: BrokerSettings) {
        self.process.kill();
        write_files(
            &self.folder,
            self.port,
            &self.authority,
            &self.identity,
            settings,
        );
        self.process = launch(&self.folder);
        self.wait_until_open();
    }

    /// Withdraws or gives back the gateways' right to publish. mosquitto applies new rules at
    /// once to what is published from then on.
    pub fn allow_publishing(&mut self, allowed: bool) {
        let rules = if allowed { RULES } else { RULES_WITHOUT_UP };
        std::fs::write(self.folder.join("rules.acl"), rules).expect("a file");
        self.process.signal(Signal::HUP);
    }

    /// Gives somebody rights, in mosquitto's own words.
    pub fn grant(&mut self, who: &str, rules: &[&str]) {
        let rules = format!("{RULES}\nuser {who}\n{}\n", rules.join("\n"));
        std::fs::write(self.folder.join("rules.acl"), rules).expect("a file");
        self.process.signal(Signal::HUP);
    }

    /// Publishes bytes as somebody; the broker must take them.
    #[track_caller]
    pub fn publish(&self, who: &Identity, topic: &str, payload: &[u8], retain: bool) {
        let file = self.folder.join("payload.bin");
        std::fs::write(&file, payload).expect("a file");
        let mut publish = self.client("mosquitto_pub", who);
        publish.args(["-q", "1", "-t", topic]).arg("-f").arg(&file);
        if retain {
            publish.arg("-r");
        }
        run("mosquitto_pub", &mut publish);
    }

    /// One of mosquitto's own clients, connecting as somebody.
    pub fn client(&self, program: &str, who: &Identity) -> Command {
        let mut client = command(program);
        client.args([
            "-V",
            "mqttv5",
            "-h",
            "localhost",
            "-p",
            &self.port.to_string(),
        ]);
        client.arg("--cafile").arg(self.authority.certificate());
        client
            .arg("--cert")
            .arg(&who.certificate)
            .arg("--key")
            .arg(&who.key);
        client.args(["-i", &who.name]);
        client
    }

    /// What it logged.
    pub fn said(&self) -> String {
        self.process.said()
    }

    fn wait_until_open(&self) {
        let open = || TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok();
        wait_until("mosquitto listens", START_WITHIN, open);
    }
}

fn launch(folder: &Path) -> Process {
    let mut start = command("/usr/sbin/mosquitto");
    start.arg("-c").arg(folder.join("mosquitto.conf"));
    Process::start("mosquitto", &mut start, folder)
}

fn write_files(
    folder: &Path,
    port: u16,
    authority: &Authority,
    identity: &Identity,
    settings: BrokerSettings,
) {
    let mut lines = vec![
        "per_listener_settings true".to_owned(),
        "user root".to_owned(),
        "log_type all".to_owned(),
        "connection_messages true".to_owned(),
        format!("max_inflight_messages {}", settings.max_inflight),
        "max_queued_messages 100000".to_owned(),
        format!("max_packet_size {}", settings.max_packet),
        format!("persistence {}", settings.persistence),
        format!("persistence_location {}/", folder.display()),
        format!("listener {port} 127.0.0.1"),
        format!("cafile {}", authority.certificate().display()),
        format!("certfile {}", identity.certificate.display()),
        format!("keyfile {}", identity.key.display()),
        "tls_version tlsv1.3".to_owned(),
        "require_certificate true".to_owned(),
        "use_identity_as_username true".to_owned(),
        "use_username_as_clientid true".to_owned(),
        "allow_anonymous false".to_owned(),
        format!("acl_file {}/rules.acl", folder.display()),
    ];
    lines.push(String::new());
    std::fs::write(folder.join("mosquitto.conf"), lines.join("\n")).expect("a file");
}
