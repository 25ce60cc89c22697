//! `agent.toml` of a provisioned gateway: a head that provisioning writes, and below it the buses
//! and meters, which belong to the people who look after them.

use super::wish::Wish;
use crate::direct::quoted;
use crate::words::hex;
use sha2::{Digest, Sha256};
use std::ops::Range;

/// Where things lie on a gateway.
pub mod places {
    /// What the agent reads.
    pub const AGENT: &str = "/etc/pmu/agent.toml";
    /// What was asked for, as it was brought.
    pub const WISH: &str = "/etc/pmu/provision.toml";
    /// Root keys of the operators.
    pub const OPERATORS: &str = "/etc/pmu/operators.pem";
    /// The key; it never leaves.
    pub const KEY: &str = "/etc/pmu/tls/client.key";
    /// The certificate.
    pub const CERTIFICATE: &str = "/etc/pmu/tls/client.pem";
    /// The authority.
    pub const CA: &str = "/etc/pmu/tls/ca.pem";
    /// Keys that sign watermarks.
    pub const INGEST: &str = "/etc/pmu/tls/ingest-keys.pem";
    /// Passwords of meters, a file each.
    pub const PASSWORDS: &str = "/etc/pmu/passwords";
    /// Buses and meters that wait for the rest.
    pub const METERS: &str = "/etc/pmu/meters.toml";
    /// Meter models, where the agent looks for them by itself.
    pub const MODELS: &str = "/etc/pmu/meter-models";
    /// Meter models, where they are shipped.
    pub const SHIPPED_MODELS: &str = "/usr/share/pmu/meter-models";
    /// Files of systemd-networkd.
    pub const NETWORK: &str = "/etc/systemd/network";
    /// The file of systemd-timesyncd.
    pub const TIME: &str = "/etc/systemd/timesyncd.conf.d/50-pmu.conf";
    /// The store.
    pub const STORE: &str = "/var/lib/pmu/hot.redb";
}

const LINE: &str = "# ==== pmuctl provision: what stands below is kept ====";
const ABOVE: &str = "# above: ";
const TAKEN: &str = "# meters.toml: ";

/// The head.
pub(super) fn head(wish: &Wish, models: Option<&str>) -> String {
    let mut lines = vec![
        "# Written by `pmuctl provision`. Buses and meters belong below the long line; what stands"
            .to_owned(),
        "# above it is written anew, and is not to be changed by hand.".to_owned(),
        String::new(),
        "[gateway]".to_owned(),
        format!("id = {}", quoted(wish.gateway.as_str())),
    ];
    lines.extend(models.map(|folder| format!("model-folder = {}", quoted(folder))));
    lines.extend([
        String::new(),
        "[uplink]".to_owned(),
        format!("host = {}", quoted(&wish.host)),
        format!("port = {}", wish.port),
        format!("ca-file = {}", quoted(places::CA)),
        format!("certificate-file = {}", quoted(places::CERTIFICATE)),
        format!("key-file = {}", quoted(places::KEY)),
        format!("ingest-keys-file = {}", quoted(places::INGEST)),
        String::new(),
        "[commands]".to_owned(),
        format!("roots-file = {}", quoted(places::OPERATORS)),
        String::new(),
    ]);
    lines.push(String::new());
    lines.join("\n")
}

/// Names a text: enough of its SHA-256 to notice a change.
pub(super) fn mark(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
        .chars()
        .take(16)
        .collect()
}

/// The whole file; `taken` names the `meters.toml` that `meters` was first.
pub(super) fn whole(head: &str, meters: &str, taken: &str) -> String {
    let above = mark(head);
    format!("{head}{LINE}\n{ABOVE}{above}\n{TAKEN}{taken}\n{meters}")
}

/// The file as it stands on a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing<'a> {
    /// Buses and meters.
    pub meters: &'a str,
    /// The name of the `meters.toml` that they were first.
    pub taken: &'a str,
    /// Somebody has changed what stands above the line.
    pub is_head_changed: bool,
}

impl<'a> Standing<'a> {
    /// Takes a file apart; `None`: it was not written by provisioning.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        let at = text.find(LINE)?;
        let (head, rest) = text.split_at_checked(at)?;
        let rest = rest.strip_prefix(LINE)?.strip_prefix('\n')?;
        let (above, rest) = rest.strip_prefix(ABOVE)?.split_once('\n')?;
        let (taken, meters) = rest.strip_prefix(TAKEN)?.split_once('\n')?;
        let is_head_changed = mark(head) != above;
        Some(Self {
            meters,
            taken,
            is_head_changed,
        })
    }

    /// Buses or meters have been changed on the gateway since they were taken.
    pub(super) fn is_changed(&self) -> bool {
        let nothing_taken = self.taken == NOTHING_TAKEN && self.meters.trim().is_empty();
        !nothing_taken && mark(self.meters) != self.taken
    }
}

/// Whether provisioning wrote it.
pub fn is_ours(text: &str) -> bool {
    Standing::of(text).is_some()
}

/// Stands for the name of a `meters.toml` where none was brought.
pub(super) const NOTHING_TAKEN: &str = "none";

/// Which table of a `meters.toml` does not belong there: where it stands, and its name. A file that
/// is no TOML is judged by the agent, which says more.
pub(super) fn stranger(text: &str) -> Option<(Range<usize>, String)> {
    let table = toml::de::DeTable::parse(text).ok()?;
    let keys = table.get_ref().iter().map(|(key, _)| key);
    keys.filter(|key| !["bus", "meter", "store"].contains(&key.get_ref().as_ref()))
        .map(|key| (key.span(), key.get_ref().to_string()))
        .min_by_key(|(span, _)| span.start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_written_is_taken_apart_again(head in "[a-z\n]{0,40}", meters in "[a-z#\n]{0,60}") {
            let text = whole(&head, &meters, "none");
            let standing = Standing::of(&text).unwrap();
            prop_assert_eq!(standing.meters, meters.as_str());
            prop_assert!(!standing.is_head_changed);
            let changed = format!("x{text}");
            prop_assert!(Standing::of(&changed).unwrap().is_head_changed);
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let changed = Standing::of(&text).map(|standing| standing.is_changed());
            prop_assert!(changed.is_none() || text.contains(LINE));
            drop(stranger(&text));
        }
    }

    #[test]
    fn a_change_of_the_meters_is_noticed() {
        let taken = mark("a\n");
        let table = [
            (whole("h", "a\n", &taken), false),
            (whole("h", "a\nb\n", &taken), true),
            (whole("h", "", NOTHING_TAKEN), false),
            (whole("h", "\n", NOTHING_TAKEN), false),
            (whole("h", "a\n", NOTHING_TAKEN), true),
        ];
        for (text, changed) in table {
            assert_eq!(Standing::of(&text).unwrap().is_changed(), changed, "{text}");
        }
        assert_eq!(Standing::of("[gateway]\nid = \"pmu-001\"\n"), None);
    }

    #[test]
    fn only_buses_meters_and_the_store_may_be_brought() {
        assert_eq!(stranger("[[bus]]\nid = \"a\"\n[[meter]]\n[store]\n"), None);
        assert_eq!(
            stranger("[[bus]]\n[uplink]\n"),
            Some((9..15, "uplink".to_owned()))
        );
    }
}
