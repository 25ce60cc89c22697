//! What is there and what is not, in words.

use super::super::status::Part;
use super::Kept;
use super::inspect::{Certificate, Usable};
use authority::IngestKeys;

pub(super) fn parts(kept: &Kept, usable: &Usable, certificate: &Certificate) -> Vec<Part> {
    let ids = |keys: &IngestKeys| {
        let ids: Vec<String> = keys.ids().map(|id| id.to_string()).collect();
        ids.join(", ")
    };
    let wish = usable.wish.as_ref().map(|wish| {
        let networks: Vec<&str> = wish
            .networks
            .iter()
            .map(|port| port.interface.as_str())
            .collect();
        let networks = match networks.as_slice() {
            [] => "every wired port by DHCP".to_owned(),
            some => some.join(", "),
        };
        format!(
            "{}, {networks}, time of {}, broker {}:{}",
            wish.gateway,
            wish.time_servers.join(", "),
            wish.host,
            wish.port
        )
    });
    let roots = usable.roots.as_ref().map(|roots| {
        crate::words::counted(
            u64::try_from(roots.roots.len()).unwrap_or(u64::MAX),
            "certificate",
        )
    });
    let key = kept
        .key
        .as_ref()
        .map(|_| "made here, and never leaves".to_owned());
    vec![
        Part::of(
            "provision.toml",
            wish,
            "gateway, network, time servers, broker",
        ),
        Part::of("ca.pem", roots, "the authority's certificates"),
        Part::of(
            "ingest-keys.pem",
            usable.ingest.as_ref().map(ids),
            "the public keys that sign watermarks",
        ),
        Part::of(
            "operators.pem",
            usable.operators.as_ref().map(ids),
            "the operators' public root keys",
        ),
        Part::of("own key", key, "is made once provision.toml is there"),
        match certificate {
            Ok(fitting) => Part::of("client.pem", Some(fitting.words.clone()), ""),
            Err(why) => Part::of("client.pem", None, why),
        },
    ]
}
