use super::*;
use crate::provision::network::{network_file, time_file};
use crate::provision::tests::WISH;
use proptest::prelude::*;

fn complaints(text: &str) -> Vec<String> {
    let complaints = Wish::parse("provision.toml", text).unwrap_err();
    complaints.0.iter().map(ToString::to_string).collect()
}

fn with(from: &str, to: &str) -> String {
    assert!(WISH.contains(from), "{from}");
    WISH.replace(from, to)
}

fn each_is_named(table: &[(String, &str)]) {
    for (text, expected) in table {
        assert_eq!(
            complaints(text),
            [format!("provision.toml:{expected}")],
            "{text}"
        );
    }
}

#[test]
fn a_wrong_name_or_port_is_named_with_line_key_problem_and_remedy() {
    let table = [
        (
            with("pmu-014", "PMU 14"),
            "2: gateway.id: `PMU 14` is not a name; use 4 to 40 of a-z, 0-9 and -, beginning with a letter or digit; give it such a name",
        ),
        (
            with("id = \"pmu-014\"", ""),
            "1: gateway.id: is missing; write id = \"pmu-001\", the name of this gateway",
        ),
        (
            with("id = \"pmu-014\"", "id = 14"),
            "2: gateway.id: is a number; write id = \"pmu-001\"",
        ),
        (
            with("id = ", "name = \"x\"\nid = "),
            "2: gateway.name: is not known; use id, or take it out",
        ),
        (
            with("\"enp1s0\"", "\"../x\""),
            "5: network.interface: `../x` is no port; write interface = \"enp1s0\" (networkctl names the ports), or \"en*\" for every wired port",
        ),
        (
            with("interface = \"enp1s0\"\n", ""),
            "4: network.interface: is missing; write interface = \"enp1s0\" (networkctl names the ports), or \"en*\" for every wired port",
        ),
        (
            with("address = ", "dhcp = true\naddress = "),
            "7: network.dhcp: a fixed address stands beside it; take dhcp = true out for a fixed address, or address and gateway for DHCP",
        ),
        (
            with("address = \"10.20.0.14/24\"\n", ""),
            "4: network.address: is missing; write dhcp = true, or address = \"10.0.0.7/24\" and gateway = \"10.0.0.1\"",
        ),
    ];
    each_is_named(&table);
}

#[test]
fn a_wrong_address_is_named_with_its_remedy() {
    let table = [
        (
            with("10.20.0.14/24", "10.20.0.14"),
            "6: network.address: `10.20.0.14` is no address with its network; write it as 10.0.0.7/24: the 24 stands for 255.255.255.0",
        ),
        (
            with("10.20.0.14/24", "10.20.0.14/33"),
            "6: network.address: `10.20.0.14/33` is no address with its network; write it as 10.0.0.7/24: the 24 stands for 255.255.255.0",
        ),
        (
            with("10.20.0.14/24", "10.20.0.255/24"),
            "6: network.address: 10.20.0.255 is no address of one host in a /24; ask who runs that network for one",
        ),
        (
            with("gateway = \"10.20.0.1\"", "gateway = \"10.21.0.1\""),
            "7: network.gateway: 10.21.0.1 cannot be reached from 10.20.0.14/24; name the router of the same network, or correct the figure behind the /",
        ),
        (
            with("dns = [\"10.20.0.1\"]", "dns = [\"router\"]"),
            "8: network.dns: `router` is no address; write it as 10.0.0.1, or as fd00::1",
        ),
        (
            with("dns = [\"10.20.0.1\"]\n", ""),
            "13: network.dns: nobody can be asked for the address of broker.example.org; write dns = [\"10.0.0.1\"] at a network, or addresses instead of names",
        ),
    ];
    each_is_named(&table);
}

#[test]
fn wrong_hosts_and_strange_keys_are_named_with_their_remedy() {
    let table = [
        (
            with(
                "servers = [\"10.20.0.1\", \"ntp.example.org\"]",
                "servers = []",
            ),
            "10: time.servers: names no server; write servers = [\"ntp.example.org\"], by name or address",
        ),
        (
            with("\"ntp.example.org\"", "true"),
            "11: time.servers: is only yes or no; write servers = [\"ntp.example.org\"]",
        ),
        (
            with("\"broker.example.org\"", "\"mqtts://broker\""),
            "14: broker.host: `mqtts://broker` is no host; write a name such as broker.example.org or an address such as 10.0.0.7, without a port and without ://",
        ),
        (
            with("\"broker.example.org\"", "\"10.0.0\""),
            "14: broker.host: `10.0.0` is no host; write a name such as broker.example.org or an address such as 10.0.0.7, without a port and without ://",
        ),
        (
            format!("{WISH}port = 0\n"),
            "15: broker.port: 0 is out of range; use 1 to 65535",
        ),
        (
            format!("{WISH}port = \"8883\"\n"),
            "15: broker.port: is a text; write a number, 1 to 65535",
        ),
        (
            format!("{WISH}[wlan]\n"),
            "15: wlan: is not known; use gateway, network, time, broker, or take it out",
        ),
        (
            format!("{WISH}[[network]]\ninterface = \"enp1s0\"\ndhcp = true\n"),
            "15: network.interface: enp1s0 is there twice; keep one [[network]] for each port",
        ),
    ];
    each_is_named(&table);
}

#[test]
fn an_empty_file_names_all_that_is_missing() {
    let keys: Vec<String> = complaints("")
        .iter()
        .map(|words| words.split(": ").nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(keys, ["gateway", "time", "broker"]);
}

#[test]
fn several_slips_of_the_pen_are_named_together() {
    let found = complaints("[gateway]\nid = pmu 014\n[time]\nservers = ntp\n");
    assert!(
        found.len() >= 2 && found[0].starts_with("provision.toml:2: "),
        "{found:?}"
    );
}

#[test]
fn a_foreign_text_does_not_command_the_terminal() {
    let found = complaints("[gateway]\nid = \"\\u001b[2J\"\n").join("\n");
    assert!(found.contains("`?[2J` is not a name"), "{found}");
}

#[test]
fn ports_become_files_of_systemd() {
    let wish = Wish::parse("provision.toml", WISH).unwrap();
    assert_eq!(
        network_file(&wish.networks[0], true),
        "# Written by pmuctl provision, and written anew with each of its runs.\n[Match]\n\
         Name=enp1s0\n\n[Network]\nAddress=10.20.0.14/24\nGateway=10.20.0.1\nDNS=10.20.0.1\n"
    );
    assert_eq!(
        time_file(&wish.time_servers),
        "# Written by pmuctl provision, and written anew with each of its runs.\n[Time]\n\
         NTP=10.20.0.1 ntp.example.org\nFallbackNTP=\n"
    );
    let text = WISH.replace(
        "address = \"10.20.0.14/24\"\ngateway = \"10.20.0.1\"",
        "dhcp = true",
    );
    let wish = Wish::parse("provision.toml", &text.replace("enp1s0", "en*")).unwrap();
    assert_eq!(wish.networks[0].file_name(), "50-pmu-enany.network");
    assert_eq!(
        network_file(&wish.networks[0], true),
        "# Written by pmuctl provision, and written anew with each of its runs.\n[Match]\n\
         Name=en*\n\n[Network]\nDHCP=yes\nDNS=10.20.0.1\n\n[DHCPv4]\nUseNTP=no\n\n[DHCPv6]\n\
         UseNTP=no\n"
    );
}

#[test]
fn addresses_of_every_size_are_weighed() {
    let table = [
        ("10.0.0.0/31", "10.0.0.1", true),
        ("10.0.0.1/32", "10.0.0.2", false),
        ("10.0.0.9/8", "10.255.0.1", true),
        ("fd00::7/64", "fd00::1", true),
        ("fd00::7/64", "fe80::1", true),
        ("fd00::7/64", "fd01::1", false),
        ("fd00::7/64", "10.0.0.1", false),
        ("10.0.0.7/24", "10.0.0.7", false),
    ];
    for (address, gateway, is_good) in table {
        let text = WISH
            .replace(
                "gateway = \"10.20.0.1\"",
                &format!("gateway = \"{gateway}\""),
            )
            .replace("10.20.0.14/24", address);
        assert_eq!(
            Wish::parse("", &text).is_ok(),
            is_good,
            "{address} {gateway}"
        );
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text: String) {
        fuzz_wish(&text);
    }

    #[test]
    fn no_change_of_a_good_file_makes_it_panic(at in 0..WISH.len(), to in "[a-z0-9\\[\\]\"./= \n]{0,4}") {
        let (before, behind) = WISH.split_at(at);
        fuzz_wish(&format!("{before}{to}{}", behind.get(1..).unwrap_or_default()));
    }
}
