//! `provision.toml`: what a gateway is to be called, and how it reaches the world.

use super::complaint::{Complaints, Notes};
use super::network::{Network, networks};
use super::section::Section;
use crate::limits::TIME_SERVERS_MAX;
use metering::GatewayId;
use std::net::IpAddr;
use std::ops::Range;
use toml::Spanned;
use toml::de::DeTable;

/// MQTT over TLS, as IANA has it.
const MQTT_PORT: u16 = 8883;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Name of the gateway, and common name of its certificate.
    pub gateway: GatewayId,
    /// Its wired ports; none: every port asks for an address by DHCP.
    pub networks: Vec<Network>,
    /// Time servers, by name or address.
    pub time_servers: Vec<String>,
    /// The broker, as in its certificate.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl Wish {
    /// Reads the file; `file` is what complaints call it.
    pub fn parse(file: &str, text: &str) -> Result<Self, Complaints> {
        let mut notes = Notes::new(file, text);
        // A text with several slips of the pen names the first few of them.
        let (table, faults) = DeTable::parse_recoverable(text);
        for fault in faults.iter().take(5) {
            let remedy = "write it as in the example of the page `Provision a gateway`";
            notes.note(&fault.span().unwrap_or(0..0), "", fault.message(), remedy);
        }
        if !faults.is_empty() {
            return notes.finish(None);
        }
        let whole = Section::new("", table.get_ref(), 0..0);
        let wish = read(whole, &mut notes);
        notes.finish(wish)
    }
}

fn read(mut whole: Section<'_>, notes: &mut Notes<'_>) -> Option<Wish> {
    let gateway = gateway(&mut whole, notes);
    let ports = whole.sections("network", notes);
    let networks = networks(ports, notes);
    let time_servers = time(&mut whole, notes);
    let broker = broker(&mut whole, notes);
    whole.end(notes);
    let (gateway, time_servers, (host, host_span, port)) = (gateway?, time_servers?, broker?);
    let wish = Wish {
        gateway,
        networks: networks?,
        time_servers,
        host,
        port,
    };
    if notes.is_empty() {
        names_can_be_looked_up(&wish, &host_span, notes);
    }
    Some(wish)
}

fn gateway(whole: &mut Section<'_>, notes: &mut Notes<'_>) -> Option<GatewayId> {
    const REMEDY: &str = "write id = \"pmu-001\", the name of this gateway";
    let Some(mut section) = whole.section("gateway", notes) else {
        whole.miss(
            "gateway",
            "write [gateway] and below it id = \"pmu-001\"",
            notes,
        );
        return None;
    };
    let id = section.text("id", "id = \"pmu-001\"", notes);
    if section.take("id").is_none() {
        section.miss("id", REMEDY, notes);
    }
    section.end(notes);
    let id = id?;
    let parsed: Result<GatewayId, _> = id.get_ref().parse();
    parsed
        .map_err(|error| {
            let remedy = "give it such a name";
            notes.note(&id.span(), "gateway.id", error.to_string(), remedy);
        })
        .ok()
}

fn time(whole: &mut Section<'_>, notes: &mut Notes<'_>) -> Option<Vec<String>> {
    const REMEDY: &str = "write servers = [\"ntp.example.org\"], by name or address";
    let Some(mut section) = whole.section("time", notes) else {
        whole.miss(
            "time",
            "write [time] and below it servers = [\"ntp.example.org\"]",
            notes,
        );
        return None;
    };
    let servers = section.texts("servers", "servers = [\"ntp.example.org\"]", notes);
    let span = section.span();
    section.end(notes);
    let Some(servers) = servers.filter(|servers| !servers.is_empty()) else {
        notes.note(&span, "time.servers", "names no server", REMEDY);
        return None;
    };
    if servers.len() > TIME_SERVERS_MAX {
        let problem = format!("{} are too many", servers.len());
        let remedy = format!("keep {TIME_SERVERS_MAX} of them");
        notes.note(&span, "time.servers", problem, remedy);
    }
    let hosts = servers
        .iter()
        .map(|server| host(server, "time.servers", notes));
    hosts.collect()
}

fn broker(whole: &mut Section<'_>, notes: &mut Notes<'_>) -> Option<(String, Range<usize>, u16)> {
    const REMEDY: &str = "write host = \"broker.example.org\", as it stands in its certificate";
    let Some(mut section) = whole.section("broker", notes) else {
        let remedy = "write [broker] and below it host = \"broker.example.org\"";
        whole.miss("broker", remedy, notes);
        return None;
    };
    let name = section.text("host", "host = \"broker.example.org\"", notes);
    if section.take("host").is_none() {
        section.miss("host", REMEDY, notes);
    }
    let port = match section.take("port") {
        None => Some(MQTT_PORT),
        Some(_) => section.port("port", notes),
    };
    section.end(notes);
    let name = name?;
    let span = name.span();
    Some((host(&name, "broker.host", notes)?, span, port?))
}

/// A host name of RFC 1123, or an address.
fn host(text: &Spanned<String>, key: &str, notes: &mut Notes<'_>) -> Option<String> {
    let name = text.get_ref();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    // Digits and dots only: an address with a slip of the pen.
    let is_number = name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let is_name = name.len() <= 253 && !is_number && name.split('.').all(is_label);
    if is_name || name.parse::<IpAddr>().is_ok() {
        return Some(name.clone());
    }
    let problem = format!("`{name}` is no host");
    let remedy = "write a name such as broker.example.org or an address such as 10.0.0.7, \
                  without a port and without ://";
    notes.note(&text.span(), key, problem, remedy);
    None
}

/// A fixed address comes without a server for names.
fn names_can_be_looked_up(wish: &Wish, host: &Range<usize>, notes: &mut Notes<'_>) {
    let all_fixed = !wish.networks.is_empty() && wish.networks.iter().all(Network::knows_no_names);
    let names = std::iter::once(&wish.host).chain(&wish.time_servers);
    let name = names
        .into_iter()
        .find(|host| host.parse::<IpAddr>().is_err());
    if let Some(name) = name.filter(|_| all_fixed) {
        let problem = format!("nobody can be asked for the address of {name}");
        let remedy = "write dns = [\"10.0.0.1\"] at a network, or addresses instead of names";
        notes.note(host, "network.dns", problem, remedy);
    }
}

/// For the fuzzer: a file to the parser. Panics only on a defect: what was taken makes files of
/// systemd with more lines than were asked for.
///
/// # Panics
/// On a defect.
pub fn fuzz_wish(text: &str) {
    let Ok(wish) = Wish::parse("provision.toml", text) else {
        return;
    };
    for network in &wish.networks {
        let file = super::network::network_file(network, true);
        let known = |line: &str| {
            let keys = [
                "Name=",
                "DHCP=yes",
                "Address=",
                "Gateway=",
                "DNS=",
                "UseNTP=no",
            ];
            line.is_empty()
                || line.starts_with(['#', '['])
                || keys.iter().any(|key| line.starts_with(key))
        };
        assert!(file.lines().all(known), "a line that nobody wrote: {file}");
    }
    let servers = super::network::time_file(&wish.time_servers);
    assert_eq!(
        servers.lines().count(),
        4,
        "a line that nobody wrote: {servers}"
    );
}

#[cfg(test)]
mod tests;
