//! Addresses of this machine, from what the kernel shows of its routes.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Addresses that are read; what is shown is far less.
const ADDRESSES_MAX: usize = 64;

/// A port of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// `eth0`.
    pub name: String,
    /// There is somebody at the other end.
    pub has_link: bool,
    /// `10.0.2.15/24`.
    pub addresses: Vec<String>,
}

/// A network that lies directly behind an interface.
struct Route {
    interface: String,
    network: u32,
    mask: u32,
}

/// IPv4 addresses, each with its interface: from `/proc/net/fib_trie` and `/proc/net/route`. An
/// address of no interface's network is left away.
pub fn v4_addresses(trie: &str, routes: &str) -> Vec<(String, String)> {
    let routes: Vec<Route> = routes.lines().skip(1).filter_map(route).collect();
    let mut found: Vec<(String, String)> = Vec::new();
    let mut candidate = None;
    for line in trie.lines() {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            candidate = address.parse::<Ipv4Addr>().ok();
            continue;
        }
        if line != "/32 host LOCAL" {
            continue;
        }
        let Some(address) = candidate.filter(|address| !address.is_loopback()) else {
            continue;
        };
        let bits = u32::from(address);
        let Some(route) = routes
            .iter()
            .filter(|route| bits & route.mask == route.network)
            .max_by_key(|route| route.mask)
        else {
            continue;
        };
        let entry = (
            route.interface.clone(),
            format!("{address}/{}", route.mask.count_ones()),
        );
        // The kernel shows the table of local addresses twice where no rule separates it.
        if !found.contains(&entry) && found.len() < ADDRESSES_MAX {
            found.push(entry);
        }
    }
    found
}

/// `eth0 0002000A 00000000 0001 0 0 0 00FFFFFF …`: addresses as the machine stores them.
fn route(line: &str) -> Option<Route> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [interface, network, gateway, _, _, _, _, mask, ..] = fields.as_slice() else {
        return None;
    };
    let bits = |hex: &str| {
        u32::from_str_radix(hex, 16)
            .ok()
            .map(|stored| u32::from_be_bytes(stored.to_ne_bytes()))
    };
    let (network, gateway, mask) = (bits(network)?, bits(gateway)?, bits(mask)?);
    (gateway == 0 && mask != 0).then(|| Route {
        interface: (*interface).to_owned(),
        network,
        mask,
    })
}

/// IPv6 addresses that are valid beyond the cable, each with its interface: from
/// `/proc/net/if_inet6`.
pub fn v6_addresses(text: &str) -> Vec<(String, String)> {
    let entries = text.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [address, _, prefix, "00", _, interface] = fields.as_slice() else {
            return None;
        };
        let address = Ipv6Addr::from(u128::from_str_radix(address, 16).ok()?);
        let prefix = u8::from_str_radix(prefix, 16).ok()?;
        Some(((*interface).to_owned(), format!("{address}/{prefix}")))
    });
    entries.take(ADDRESSES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRIE: &str = "\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 10.0.2.0/24 2 0 2
        |-- 10.0.2.0
           /24 link UNICAST
        |-- 10.0.2.15
           /32 host LOCAL
        |-- 10.0.2.255
           /32 link BROADCAST
     |-- 127.0.0.1
        /32 host LOCAL
     |-- 192.168.7.1
        /32 host LOCAL
Local:
        |-- 10.0.2.15
           /32 host LOCAL
";
    const ROUTES: &str = "\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0202000A\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
";

    #[test]
    #[cfg(target_endian = "little")]
    fn an_address_is_found_once_with_its_interface() {
        let expected = vec![("eth0".to_owned(), "10.0.2.15/24".to_owned())];
        assert_eq!(v4_addresses(TRIE, ROUTES), expected);
    }

    #[test]
    fn only_addresses_that_reach_beyond_the_cable_are_shown() {
        let text = "\
fe800000000000005054 02 40 20 80 eth0
20010db8000000000000000000000007 02 40 00 00 eth0
00000000000000000000000000000001 01 80 10 80 lo
";
        let expected = vec![("eth0".to_owned(), "2001:db8::7/64".to_owned())];
        assert_eq!(v6_addresses(text), expected);
    }

    proptest! {
        #[test]
        fn nothing_the_kernel_may_write_makes_it_fail(trie: String, routes: String, six: String) {
            prop_assert!(v4_addresses(&trie, &routes).len() <= ADDRESSES_MAX);
            prop_assert!(v6_addresses(&six).len() <= ADDRESSES_MAX);
        }
    }
}
