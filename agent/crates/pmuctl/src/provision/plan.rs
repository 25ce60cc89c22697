//! What a gateway would have after a run: what it keeps, with what was brought laid over it.

mod inspect;
mod meters;
mod parts;

use super::agent_file::{head, places, whole};
use super::complaint::Complaints;
use super::identity::Key;
use super::network::{network_file, time_file};
use super::status::Part;
use super::wish::Wish;
use inspect::{Certificate, Usable, certificate, same_gateway, taken_once, usable};
use metering::GatewayId;
use meters::{Meters, meters};
use parts::parts;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A text, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// What complaints call it.
    pub file: String,
    /// What stands in it.
    pub text: String,
}

/// What is brought, or what was taken before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    /// `provision.toml`.
    pub wish: Option<Text>,
    /// `ca.pem`.
    pub ca: Option<Text>,
    /// `ingest-keys.pem`.
    pub ingest: Option<Text>,
    /// `operators.pem`.
    pub operators: Option<Text>,
    /// `client.pem`.
    pub certificate: Option<Text>,
    /// `meters.toml`.
    pub meters: Option<Text>,
    /// Passwords of meters, by the names of their files.
    pub passwords: BTreeMap<String, String>,
}

/// What the gateway has.
#[derive(Debug, Default)]
pub struct Kept {
    /// What was taken before.
    pub texts: Texts,
    /// `agent.toml`.
    pub agent: Option<Text>,
    /// Its key.
    pub key: Option<Key>,
    /// Our files of its network, by name.
    pub networks: Vec<String>,
    /// It has readings.
    pub has_store: bool,
    /// Where meter models are, if not where the agent looks by itself.
    pub models: Option<String>,
}

/// A file that is to be on the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// Where, from the root.
    pub path: String,
    /// What stands in it.
    pub text: String,
    /// The agent's group may read it; otherwise everybody may.
    pub is_private: bool,
}

/// What a run would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Whose it is, once that was said.
    pub id: Option<GatewayId>,
    /// Files, in the order in which they are written: the agent's last.
    pub files: Vec<Planned>,
    /// Files that are to go.
    pub removed: Vec<String>,
    /// What is there and what is not.
    pub parts: Vec<Part>,
    /// Buses and meters that nobody has checked yet, with the head that belongs to them.
    pub unchecked: Option<(Text, String)>,
    /// What else is to be known.
    pub remarks: Vec<String>,
}

impl Plan {
    /// Nothing is missing.
    pub fn is_complete(&self) -> bool {
        self.parts.iter().all(|part| part.is_there)
    }
}

/// Why nothing is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// All that is wrong.
    pub complaints: Complaints,
    /// Whose request for a certificate helps, because nothing but the certificate is wrong.
    pub request_for: Option<GatewayId>,
}

/// Looks at everything; `now` is UTC in seconds since 1970.
pub fn plan(brought: &Texts, kept: &Kept, now: u64) -> Result<Plan, Refusal> {
    let mut complaints = Vec::new();
    let texts = overlay(brought, &kept.texts);
    let usable = usable(&texts, &mut complaints);
    taken_once(brought, kept, &mut complaints);
    if let Some(wish) = &usable.wish {
        same_gateway(wish, &texts, kept, &mut complaints);
    }
    let meters = meters(&texts, kept, &mut complaints);
    let are_others_good = complaints.is_empty();
    let certificate = certificate(&texts, brought, kept, &usable, now, &mut complaints);
    if !complaints.is_empty() {
        let id = usable.wish.map(|wish| wish.gateway);
        return Err(Refusal {
            complaints: Complaints(complaints),
            request_for: id.filter(|_| are_others_good),
        });
    }
    Ok(assemble(
        &texts,
        brought,
        kept,
        &usable,
        &meters,
        &certificate,
    ))
}

fn overlay(brought: &Texts, kept: &Texts) -> Texts {
    let pick = |new: &Option<Text>, old: &Option<Text>| new.clone().or_else(|| old.clone());
    Texts {
        wish: pick(&brought.wish, &kept.wish),
        ca: pick(&brought.ca, &kept.ca),
        ingest: pick(&brought.ingest, &kept.ingest),
        operators: pick(&brought.operators, &kept.operators),
        certificate: pick(&brought.certificate, &kept.certificate),
        meters: pick(&brought.meters, &kept.meters),
        passwords: brought.passwords.clone(),
    }
}

fn assemble(
    texts: &Texts,
    brought: &Texts,
    kept: &Kept,
    usable: &Usable,
    meters: &Meters,
    certificate: &Certificate,
) -> Plan {
    let mut plan = Plan {
        id: usable.wish.as_ref().map(|wish| wish.gateway.clone()),
        files: Vec::new(),
        removed: Vec::new(),
        parts: parts(kept, usable, certificate),
        unchecked: None,
        remarks: Vec::new(),
    };
    let mut private = |path: &str, found: &Option<Text>| {
        let planned = |found: &Text| Planned::private(path, &found.text);
        plan.files.extend(found.as_ref().map(planned));
    };
    private(places::OPERATORS, &texts.operators);
    private(places::CA, &texts.ca);
    private(places::INGEST, &texts.ingest);
    if let Ok(fitting) = certificate {
        private(places::CERTIFICATE, &texts.certificate);
        if fitting.is_early {
            let words = "the certificate is not valid yet by this box's clock; the uplink waits \
                         for the time servers";
            plan.remarks.push(words.to_owned());
        }
    }
    let passwords = texts.passwords.iter();
    let place = |name: &str| format!("{}/{name}", places::PASSWORDS);
    plan.files
        .extend(passwords.map(|(name, text)| Planned::private(&place(name), text)));
    let is_waiting = !plan.is_complete();
    if let Some(wish) = &usable.wish {
        of_the_system(wish, &kept.networks, &mut plan);
        let head = head(wish, kept.models.as_deref());
        if let Some(found) = brought.meters.as_ref().filter(|_| meters.is_new) {
            let models = kept.models.as_deref().unwrap_or(places::MODELS);
            plan.unchecked = Some((found.clone(), self::head(wish, Some(models))));
        }
        plan.files.extend(
            texts
                .wish
                .as_ref()
                .map(|wish| Planned::private(places::WISH, &wish.text)),
        );
        if !is_waiting {
            let text = whole(&head, &meters.text, &meters.taken);
            plan.files.push(Planned::private(places::AGENT, &text));
        }
    }
    if is_waiting {
        let meters = texts.meters.as_ref();
        let waiting = meters.map(|found| Planned::private(places::METERS, &found.text));
        plan.files.extend(waiting);
    } else {
        plan.removed.push(places::METERS.to_owned());
    }
    plan
}

/// Network and time.
fn of_the_system(wish: &Wish, standing: &[String], plan: &mut Plan) {
    let public = |path: String, text: String| Planned {
        path,
        text,
        is_private: false,
    };
    let mut names = Vec::new();
    for network in &wish.networks {
        let name = network.file_name();
        let path = format!("{}/{name}", places::NETWORK);
        plan.files.push(public(path, network_file(network, true)));
        names.push(name);
    }
    let gone = standing.iter().filter(|name| !names.contains(name));
    plan.removed
        .extend(gone.map(|name| format!("{}/{name}", places::NETWORK)));
    let time = time_file(&wish.time_servers);
    plan.files.push(public(places::TIME.to_owned(), time));
}

impl Planned {
    fn private(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            is_private: true,
        }
    }
}
