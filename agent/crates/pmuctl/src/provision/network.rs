//! Wired ports of a gateway, and the files of systemd for them.

use super::complaint::Notes;
use super::section::Section;
use crate::limits::{DNS_SERVERS_MAX, NETWORKS_MAX};
use std::net::{IpAddr, Ipv4Addr};
use toml::Spanned;

/// A wired port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Its name, `enp1s0`, or a pattern, `en*`.
    pub interface: String,
    /// Its own address; none: by DHCP.
    pub fixed: Option<Fixed>,
    /// Servers for names.
    pub dns: Vec<IpAddr>,
}

/// An address that is not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed {
    /// The address.
    pub address: IpAddr,
    /// Bits of it that all of its network share.
    pub prefix: u8,
    /// The way out of that network.
    pub gateway: Option<IpAddr>,
}

impl Network {
    /// Nobody can be asked for names through this port.
    pub(super) fn knows_no_names(&self) -> bool {
        self.fixed.is_some() && self.dns.is_empty()
    }

    /// Name of its file for systemd-networkd.
    pub fn file_name(&self) -> String {
        let name = self.interface.replace('*', "any");
        format!("{NETWORK_FILE_BEGIN}{name}{NETWORK_FILE_END}")
    }
}

/// How the names of our files begin: before those that are shipped, so that ours are used.
pub const NETWORK_FILE_BEGIN: &str = "50-pmu-";
/// How they end.
pub const NETWORK_FILE_END: &str = ".network";

pub(super) fn networks(sections: Vec<Section<'_>>, notes: &mut Notes<'_>) -> Option<Vec<Network>> {
    if let Some(surplus) = sections.get(NETWORKS_MAX) {
        let remedy = format!("keep {NETWORKS_MAX} of them");
        notes.note(&surplus.span(), "network", "is one too many", remedy);
    }
    let mut found: Vec<Network> = Vec::new();
    let mut is_whole = true;
    for section in sections {
        let span = section.span();
        let Some(port) = network(section, notes) else {
            is_whole = false;
            continue;
        };
        if found
            .iter()
            .any(|known| known.file_name() == port.file_name())
        {
            let problem = format!("{} is there twice", port.interface);
            let remedy = "keep one [[network]] for each port";
            notes.note(&span, "network.interface", problem, remedy);
        }
        found.push(port);
    }
    is_whole.then_some(found)
}

fn network(mut section: Section<'_>, notes: &mut Notes<'_>) -> Option<Network> {
    let interface = interface(&mut section, notes);
    let dhcp = section.flag("dhcp", notes);
    let address = section.text("address", "address = \"10.0.0.7/24\"", notes);
    let gateway = section.text("gateway", "gateway = \"10.0.0.1\"", notes);
    let dns = dns(&mut section, notes);
    let span = section.span();
    section.end(notes);
    if let (Some(true), Some(given)) = (dhcp, address.as_ref().or(gateway.as_ref())) {
        let remedy = "take dhcp = true out for a fixed address, or address and gateway for DHCP";
        notes.note(
            &given.span(),
            "network.dhcp",
            "a fixed address stands beside it",
            remedy,
        );
    } else if address.is_none() && dhcp != Some(true) {
        let remedy = "write dhcp = true, or address = \"10.0.0.7/24\" and gateway = \"10.0.0.1\"";
        notes.note(&span, "network.address", "is missing", remedy);
    }
    let fixed = address.map(|address| fixed(&address, gateway.as_ref(), notes));
    Some(Network {
        interface: interface?,
        // An address that is none has been complained about.
        fixed: fixed.flatten(),
        dns,
    })
}

fn interface(section: &mut Section<'_>, notes: &mut Notes<'_>) -> Option<String> {
    const REMEDY: &str = "write interface = \"enp1s0\" (networkctl names the ports), \
                          or \"en*\" for every wired port";
    if section.take("interface").is_none() {
        section.miss("interface", REMEDY, notes);
    }
    let name = section.text("interface", "interface = \"enp1s0\"", notes)?;
    let text = name.get_ref();
    // The kernel's names have 15 octets.
    let is_name = (1..=15).contains(&text.len())
        && !text.starts_with(['.', '-'])
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-*".contains(&b));
    if !is_name {
        let problem = format!("`{text}` is no port");
        notes.note(&name.span(), "network.interface", problem, REMEDY);
        return None;
    }
    Some(text.clone())
}

fn dns(section: &mut Section<'_>, notes: &mut Notes<'_>) -> Vec<IpAddr> {
    let servers = section.texts("dns", "dns = [\"10.0.0.1\"]", notes);
    let servers = servers.unwrap_or_default();
    if let Some(surplus) = servers.get(DNS_SERVERS_MAX) {
        let remedy = format!("keep {DNS_SERVERS_MAX} of them");
        notes.note(&surplus.span(), "network.dns", "is one too many", remedy);
    }
    let mut found = Vec::new();
    for server in &servers {
        found.extend(ip(server, "network.dns", notes));
    }
    found
}

fn ip(text: &Spanned<String>, key: &str, notes: &mut Notes<'_>) -> Option<IpAddr> {
    let parsed = text.get_ref().parse();
    if parsed.is_err() {
        let problem = format!("`{}` is no address", text.get_ref());
        notes.note(
            &text.span(),
            key,
            problem,
            "write it as 10.0.0.1, or as fd00::1",
        );
    }
    parsed.ok()
}

fn fixed(
    text: &Spanned<String>,
    gateway: Option<&Spanned<String>>,
    notes: &mut Notes<'_>,
) -> Option<Fixed> {
    const KEY: &str = "network.address";
    let way_out = gateway.map(|gateway| (gateway, ip(gateway, "network.gateway", notes)));
    let written = text.get_ref();
    let parts = written.split_once('/');
    let parsed = parts.and_then(|(address, prefix)| {
        let address: IpAddr = address.parse().ok()?;
        let prefix: u8 = prefix.parse().ok()?;
        (prefix >= 1 && prefix <= bits(address)).then_some((address, prefix))
    });
    let Some((address, prefix)) = parsed else {
        let problem = format!("`{written}` is no address with its network");
        let remedy = "write it as 10.0.0.7/24: the 24 stands for 255.255.255.0";
        notes.note(&text.span(), KEY, problem, remedy);
        return None;
    };
    if !is_for_one_host(address, prefix) {
        let problem = format!("{address} is no address of one host in a /{prefix}");
        notes.note(
            &text.span(),
            KEY,
            problem,
            "ask who runs that network for one",
        );
        return None;
    }
    if let Some((gateway, Some(way_out))) = way_out {
        let is_near = network_of(way_out, prefix) == network_of(address, prefix)
            && way_out.is_ipv4() == address.is_ipv4();
        // IPv6 routers are commonly named by an address of the link.
        let is_of_link = matches!(way_out, IpAddr::V6(way_out) if way_out.is_unicast_link_local());
        if way_out == address || !(is_near || is_of_link && address.is_ipv6()) {
            let problem = format!("{way_out} cannot be reached from {address}/{prefix}");
            let remedy = "name the router of the same network, or correct the figure behind the /";
            notes.note(&gateway.span(), "network.gateway", problem, remedy);
        }
    }
    let gateway = way_out.and_then(|(_, way_out)| way_out);
    Some(Fixed {
        address,
        prefix,
        gateway,
    })
}

const fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// Address bits of the network, left-aligned in 128.
fn network_of(address: IpAddr, prefix: u8) -> u128 {
    let number = match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => u128::from(address),
    };
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
    number & mask
}

fn is_for_one_host(address: IpAddr, prefix: u8) -> bool {
    let is_special = address.is_loopback() || address.is_multicast() || address.is_unspecified();
    let is_of_all = match address {
        // RFC 3021: a /31 has two hosts and nothing else.
        IpAddr::V4(address) if prefix <= 30 => {
            let host = u32::from(address) & (u32::MAX >> prefix);
            host == 0 || host == u32::MAX >> prefix || address == Ipv4Addr::BROADCAST
        }
        _ => false,
    };
    !is_special && !is_of_all
}

/// The file for systemd-networkd. Time servers that were named are not replaced by what DHCP says.
pub fn network_file(network: &Network, has_time_servers: bool) -> String {
    let mut lines = vec![
        "# Written by pmuctl provision, and written anew with each of its runs.".to_owned(),
        "[Match]".to_owned(),
        format!("Name={}", network.interface),
        String::new(),
        "[Network]".to_owned(),
    ];
    if let Some(fixed) = &network.fixed {
        lines.push(format!("Address={}/{}", fixed.address, fixed.prefix));
        lines.extend(fixed.gateway.map(|gateway| format!("Gateway={gateway}")));
    } else {
        lines.push("DHCP=yes".to_owned());
    }
    lines.extend(network.dns.iter().map(|server| format!("DNS={server}")));
    if network.fixed.is_none() && has_time_servers {
        for section in ["[DHCPv4]", "[DHCPv6]"] {
            lines.extend(["", section, "UseNTP=no"].map(ToOwned::to_owned));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The file for systemd-timesyncd: the servers that were named, and no others.
pub fn time_file(servers: &[String]) -> String {
    let mut text = "# Written by pmuctl provision, and written anew with each of its runs.\n\
                    [Time]\nNTP="
        .to_owned();
    text.push_str(&servers.join(" "));
    text.push_str("\nFallbackNTP=\n");
    text
}
