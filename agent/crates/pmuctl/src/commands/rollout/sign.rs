//! One order signed for each of many gateways.

use super::super::order::{action, claimed, ordered, signed};
use super::super::{print, runtime};
use super::letter_files;
use crate::adapters::files::{read_text, write_new};
use crate::adapters::key_file::operator_key;
use crate::adapters::post::{Delivery, Post};
use crate::arguments::{BrokerArguments, Order, Terms};
use crate::limits::{BIRTH_WITHIN, POST_WITHIN, ROLLOUT_FILE_BYTES_MAX, ROLLOUT_GATEWAYS_MAX};
use crate::rollout::{RememberedRollOut, Stage};
use anyhow::{Context, Result, bail};
use authority::CommandId;
use head_end::{Birth, Presence, Subject, Topic, ingest_filter};
use metering::GatewayId;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use tokio::time::Instant;

/// What the same key has numbered since the births: a birth is of the last connection.
#[derive(Debug, Default)]
pub(super) struct Before(BTreeMap<(GatewayId, [u8; 8]), u64>);

impl Before {
    /// Reads the folders of earlier roll-outs. What their states know as never sent has used no number.
    pub(super) fn read(folders: &[PathBuf], states: &[PathBuf], key: &Path) -> Result<Self> {
        let mut before = Self::default();
        if folders.is_empty() {
            return Ok(before);
        }
        let key = operator_key(key)?.public().id();
        let mut unsent: BTreeSet<CommandId> = BTreeSet::new();
        for state in states {
            let text = read_text(state, ROLLOUT_FILE_BYTES_MAX)?;
            let name = || state.display().to_string();
            let known = RememberedRollOut::read(&text).with_context(name)?;
            let rollout = known.restore(None).with_context(name)?;
            let waiting = rollout.targets().iter();
            let waiting = waiting.filter(|one| one.stage == Stage::Waiting);
            unsent.extend(waiting.map(|one| one.id));
        }
        for path in folders.iter().map(|folder| letter_files(folder)) {
            for path in path? {
                let (_, signed, command) = claimed(&path)?;
                // Numbers are of whoever signed first.
                if signed.claimed_signers().first() == Some(&key) && !unsent.contains(&command.id) {
                    before.note(command.gateway, command.epoch, command.number);
                }
            }
        }
        Ok(before)
    }

    fn note(&mut self, gateway: GatewayId, epoch: [u8; 8], number: u64) {
        let last = self.0.entry((gateway, epoch)).or_default();
        *last = number.max(*last);
    }

    /// The next number, where the birth knows the last one of this store.
    fn next(&self, gateway: &GatewayId, epoch: [u8; 8], of_birth: u64) -> u64 {
        let noted = self.0.get(&(gateway.clone(), epoch)).copied();
        noted.unwrap_or(0).max(of_birth).saturating_add(1)
    }
}

pub(super) fn sign(
    terms: &Terms,
    (gateways, folder): (&Path, &Path),
    before: &Before,
    broker: &BrokerArguments,
    order: &Order,
    json: bool,
) -> Result<bool> {
    let names = gateway_names(gateways)?;
    let key = operator_key(&terms.key)?;
    let action = action(order)?;
    let births = runtime()?.block_on(births(broker, &names))?;
    let away: Vec<String> = names
        .iter()
        .filter(|name| !births.contains_key(name))
        .map(ToString::to_string)
        .collect();
    fs::create_dir(folder)
        .with_context(|| format!("{}: cannot be made; name a new folder", folder.display()))?;
    for (place, gateway) in names.iter().enumerate() {
        let Some(birth) = births.get(gateway) else {
            continue;
        };
        let last = birth.accepted.get(&key.public().id()).copied();
        let number = before.next(gateway, birth.epoch, last.unwrap_or(0));
        let command = ordered(terms, gateway, birth.epoch, number, action.clone())?;
        let bytes = signed(&command, &key, terms.shared)?;
        // In the order of the file: the first wave is what a person put first.
        write_new(
            &folder.join(format!("{place:05}-{gateway}.cbor")),
            &bytes,
            0o644,
        )?;
    }
    if json {
        let value = json!({"signed": births.len(), "away": away});
        print(&format!("{value}\n"))?;
    } else {
        print(&format!(
            "{} commands are in {}\n",
            births.len(),
            folder.display()
        ))?;
        if !away.is_empty() {
            print(&format!("without a birth, left out: {}\n", away.join(", ")))?;
        }
    }
    Ok(away.is_empty())
}

fn gateway_names(path: &Path) -> Result<Vec<GatewayId>> {
    let text = read_text(path, ROLLOUT_FILE_BYTES_MAX)?;
    let (mut names, mut seen) = (Vec::new(), BTreeSet::new());
    for (line, name) in (1..).zip(text.lines().map(str::trim)) {
        if name.is_empty() || name.starts_with('#') {
            continue;
        }
        let place = format!("{}:{line}", path.display());
        let gateway: GatewayId = name.parse().with_context(|| place.clone())?;
        if !seen.insert(gateway.clone()) {
            bail!("{place}: {gateway} stands here for the second time; remove the line");
        }
        names.push(gateway);
    }
    if names.is_empty() || names.len() > ROLLOUT_GATEWAYS_MAX {
        bail!(
            "{}: names {} gateways; 1 to {ROLLOUT_GATEWAYS_MAX} are possible",
            path.display(),
            names.len()
        );
    }
    Ok(names)
}

async fn births(
    broker: &BrokerArguments,
    names: &[GatewayId],
) -> Result<BTreeMap<GatewayId, Birth>> {
    let filter = ingest_filter(Subject::Presence, None);
    let mut post = Post::open(broker.address()?, vec![filter], POST_WITHIN).await?;
    let mut until = Instant::now() + BIRTH_WITHIN;
    let wanted: BTreeSet<&GatewayId> = names.iter().collect();
    let mut found = BTreeMap::new();
    while found.len() < names.len() {
        match post.next(until).await? {
            Delivery::TimeUp => break,
            Delivery::Reconnected => until = Instant::now() + BIRTH_WITHIN,
            Delivery::Message(message) => {
                let topic = std::str::from_utf8(message.topic()).ok();
                let Some(topic) = topic.and_then(|topic| topic.parse::<Topic>().ok()) else {
                    continue;
                };
                if let Ok(Presence::Birth(birth)) = Presence::decode(message.payload())
                    && wanted.contains(&topic.gateway)
                {
                    found.insert(topic.gateway, birth);
                }
            }
        }
    }
    post.close().await?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(gateway: &str, epoch: u8, of_birth: u64, expected: u64) {
        let mut before = Before::default();
        for number in [4, 7, 6] {
            before.note("pmu-001".parse().unwrap(), [1; 8], number);
        }
        let next = before.next(&gateway.parse().unwrap(), [epoch; 8], of_birth);
        assert_eq!(next, expected);
    }

    #[test]
    fn numbers_go_on_behind_the_roll_out_before_and_behind_the_birth() {
        check("pmu-001", 1, 3, 8);
        check("pmu-001", 1, 9, 10);
        check("pmu-001", 1, 0, 8);
        // Another store counts anew, and so does another gateway.
        check("pmu-001", 2, 0, 1);
        check("pmu-002", 1, 5, 6);
    }
}
