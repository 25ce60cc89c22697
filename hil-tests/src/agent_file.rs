//! The configuration of a gateway under test, as an installer would write it.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::binaries::models;
use crate::flag::FlagLines;
use crate::openssl::Identity;

/// The road to the head-end.
#[derive(Debug, Clone)]
pub struct UplinkLines {
    /// Port of the broker, or of a proxy before it, on this machine.
    pub port: u16,
    /// The authority that signed the broker's certificate.
    pub authority: PathBuf,
    /// The gateway's certificate.
    pub identity: Identity,
    /// Keys that may sign watermarks.
    pub ingest_keys: PathBuf,
    /// Seconds.
    pub keep_alive: u16,
    /// Messages in flight.
    pub window: u16,
    /// Seconds until what is not committed is sent again.
    pub resend_after: u32,
    /// Longest pause between attempts, in seconds.
    pub back_off_max: u32,
}

/// A meter in the configuration.
#[derive(Debug, Clone)]
pub struct MeterLines {
    /// Its name.
    pub id: String,
    /// Its bus.
    pub bus: String,
    /// Its model.
    pub model: String,
    /// Its unit address.
    pub unit: u8,
    /// Length of its intervals; none = the shipped default.
    pub period_s: Option<u32>,
    /// Pace of its instantaneous values.
    pub instant_s: Option<u32>,
    /// More lines, as they stand.
    pub more: String,
}

/// A whole configuration.
#[derive(Debug, Clone)]
pub struct AgentFile {
    /// Name of the gateway.
    pub gateway: String,
    /// The folder of the models.
    pub models: PathBuf,
    /// Seconds between commits.
    pub commit_every_s: u32,
    /// More lines of the section `store`.
    pub store: String,
    /// The road to the head-end.
    pub uplink: Option<UplinkLines>,
    /// The sections of the lines, as they stand.
    pub buses: Vec<String>,
    /// The Modbus meters.
    pub meters: Vec<MeterLines>,
    /// The FLAG meters.
    pub flags: Vec<FlagLines>,
    /// More sections, as they stand.
    pub more: String,
}

impl AgentFile {
    /// A gateway without lines, that commits every second.
    pub fn new(gateway: &str) -> Self {
        Self {
            gateway: gateway.to_owned(),
            models: models(),
            commit_every_s: 1,
            store: String::new(),
            uplink: None,
            buses: Vec::new(),
            meters: Vec::new(),
            flags: Vec::new(),
            more: String::new(),
        }
    }

    /// Adds a serial line.
    pub fn serial(&mut self, id: &str, device: &Path, baud: u32) {
        let device = device.display();
        self.buses.push(format!(
            "id = \"{id}\"\nlink = \"serial\"\ndevice = \"{device}\"\nbaud = {baud}\n"
        ));
    }

    /// Adds a serial line of seven bits and even parity, as FLAG meters have it.
    pub fn serial_of_seven_bits(&mut self, id: &str, device: &Path, baud: u32) {
        self.serial(id, device, baud);
        if let Some(bus) = self.buses.last_mut() {
            bus.push_str("data-bits = 7\nparity = \"even\"\nsession-seconds-max = 60\n");
        }
    }

    /// Adds a TCP line of this kind.
    pub fn tcp(&mut self, id: &str, link: &str, port: u16, more: &str) {
        self.buses.push(format!(
            "id = \"{id}\"\nlink = \"{link}\"\naddress = \"127.0.0.1:{port}\"\n{more}\n"
        ));
    }

    /// Adds a serial server, or the Ethernet module of a meter, with eight bits without parity.
    pub fn serial_server(&mut self, id: &str, port: u16) {
        let more = "baud = 38400\nframing = \"8N1\"\nsession-seconds-max = 40";
        self.tcp(id, "serial-server", port, more);
    }

    /// The text of the file; store and sockets lie in `folder`.
    pub fn text(&self, folder: &Path) -> String {
        let mut text = format!(
            "[gateway]\nid = \"{}\"\ndata-folder = \"{}\"\nruntime-folder = \"{}\"\n\
             model-folder = \"{}\"\ndemonstration = true\n\n[store]\ncommit-every-seconds = {}\n{}\n",
            self.gateway,
            folder.join("data").display(),
            folder.join("run").display(),
            self.models.display(),
            self.commit_every_s,
            self.store,
        );
        write!(
            text,
            "\n[clock]\nstate-file = \"{}\"\n",
            folder.join("clock-state").display()
        )
        .expect("text");
        if let Some(uplink) = &self.uplink {
            text.push_str(&uplink.text());
        }
        for bus in &self.buses {
            write!(text, "\n[[bus]]\n{bus}").expect("text");
        }
        for meter in &self.meters {
            text.push_str(&meter.text());
        }
        for meter in &self.flags {
            text.push_str(&meter.text());
        }
        text.push_str(&self.more);
        text
    }
}

impl UplinkLines {
    fn text(&self) -> String {
        format!(
            "\n[uplink]\nhost = \"localhost\"\nport = {}\nca-file = \"{}\"\n\
             certificate-file = \"{}\"\nkey-file = \"{}\"\ningest-keys-file = \"{}\"\n\
             keep-alive-seconds = {}\nwindow = {}\nresend-after-seconds = {}\n\
             back-off-max-seconds = {}\n",
            self.port,
            self.authority.display(),
            self.identity.certificate.display(),
            self.identity.key.display(),
            self.ingest_keys.display(),
            self.keep_alive,
            self.window,
            self.resend_after,
            self.back_off_max,
        )
    }
}

impl MeterLines {
    fn text(&self) -> String {
        let mut text = format!(
            "\n[[meter]]\nid = \"{}\"\nbus = \"{}\"\nmodel = \"{}\"\nunit = {}\n",
            self.id, self.bus, self.model, self.unit
        );
        if let Some(seconds) = self.period_s {
            writeln!(text, "profile = {{ period-seconds = {seconds} }}").expect("text");
        }
        if let Some(seconds) = self.instant_s {
            writeln!(text, "instant = {{ every-seconds = {seconds} }}").expect("text");
        }
        text.push_str(&self.more);
        text
    }
}
