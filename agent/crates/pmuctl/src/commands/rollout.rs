//! Roll-outs: one order to many gateways.

use super::dispatch::{command_topic, keep, receipt_in};
use super::order::{action, claimed, ordered, signed};
use super::{print, runtime};
use crate::StillOpen;
use crate::adapters::clock::utc;
use crate::adapters::files::{read_text, write_new};
use crate::adapters::key_file::operator_key;
use crate::adapters::post::{Delivery, Post};
use crate::adapters::replace;
use crate::adapters::signals::Wishes;
use crate::arguments::{BrokerArguments, Order, RolloutCommand, Terms};
use crate::limits::{
    BIRTH_WITHIN, KEY_FILE_BYTES_MAX, POST_WITHIN, ROLLOUT_AGAIN_AFTER, ROLLOUT_FILE_BYTES_MAX,
    ROLLOUT_GATEWAYS_MAX, ROLLOUT_LOOK_EVERY,
};
use crate::rollout::{Pace, Progress, RememberedRollOut, RollOut, Stage, Target, Witnesses};
use crate::table::{Side, Table};
use anyhow::{Context, Result, bail};
use authority::{CommandState, ReceiptKeys};
use head_end::{Birth, Presence, Stream, Subject, Topic, ingest_filter};
use metering::GatewayId;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use tokio::time::Instant;

pub(super) fn run(command: &RolloutCommand, json: bool) -> Result<bool> {
    match command {
        RolloutCommand::Sign {
            terms,
            gateways,
            folder,
            broker,
            order,
        } => sign(terms, gateways, folder, broker, order, json),
        RolloutCommand::Run {
            folder,
            state,
            keys,
            receipts,
            waves,
            stop,
            at_a_time,
            within,
            broker,
        } => {
            let pace = Pace {
                waves: waves.clone(),
                stop_percent: stop.unwrap_or(5),
                in_flight_max: (*at_a_time).max(1),
                again_after: ROLLOUT_AGAIN_AFTER,
                within: *within,
            };
            let receipts = receipts.clone();
            let places = Places {
                folder,
                state,
                keys,
                receipts: receipts.unwrap_or_else(|| state.with_extension("receipts")),
            };
            roll_out(&places, pace, *stop, broker, json)
        }
    }
}

fn sign(
    terms: &Terms,
    gateways: &Path,
    folder: &Path,
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
        let number = last.unwrap_or(0).saturating_add(1);
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

/// The commands of a folder, by the names of their files.
fn letters(folder: &Path) -> Result<Vec<(Target, Vec<u8>)>> {
    let cannot = || {
        format!(
            "{}: cannot be read; name the folder of commands",
            folder.display()
        )
    };
    let entries = fs::read_dir(folder).with_context(cannot)?;
    let paths: std::io::Result<Vec<PathBuf>> = entries.map(|one| Ok(one?.path())).collect();
    let mut paths = paths.with_context(cannot)?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "cbor"));
    paths.sort();
    if paths.is_empty() || paths.len() > ROLLOUT_GATEWAYS_MAX {
        bail!(
            "{}: holds {} commands (*.cbor); 1 to {ROLLOUT_GATEWAYS_MAX} are possible",
            folder.display(),
            paths.len()
        );
    }
    let (mut letters, mut seen) = (Vec::new(), BTreeSet::new());
    for path in paths {
        let (bytes, _, command) = claimed(&path)?;
        if !seen.insert(command.id) {
            bail!(
                "{}: this command is there twice; remove one file",
                path.display()
            );
        }
        let target = Target {
            gateway: command.gateway,
            id: command.id,
            stage: Stage::Waiting,
            code: None,
        };
        letters.push((target, bytes));
    }
    Ok(letters)
}

/// Where a roll-out finds and keeps its files.
struct Places<'a> {
    folder: &'a Path,
    state: &'a Path,
    keys: &'a Path,
    receipts: PathBuf,
}

/// The key of every gateway: one that could not prove its end is not begun with.
fn witnesses(folder: &Path, letters: &[(Target, Vec<u8>)]) -> Result<Witnesses> {
    let mut witnesses = Witnesses::default();
    for (target, _) in letters {
        let file = folder.join(format!("{}.pub", target.gateway));
        let text = read_text(&file, KEY_FILE_BYTES_MAX).with_context(|| {
            format!("nothing was sent; {} needs its public key", target.gateway)
        })?;
        let keys = ReceiptKeys::parse(target.gateway.clone(), &text)
            .with_context(|| file.display().to_string())?;
        witnesses.add(keys);
    }
    Ok(witnesses)
}

fn roll_out(
    places: &Places<'_>,
    pace: Pace,
    stop: Option<u8>,
    broker: &BrokerArguments,
    json: bool,
) -> Result<bool> {
    let state = places.state;
    let letters = letters(places.folder)?;
    let witnesses = witnesses(places.keys, &letters)?;
    let rollout = if state.exists() {
        let text = read_text(state, ROLLOUT_FILE_BYTES_MAX)?;
        let name = || state.display().to_string();
        let known = RememberedRollOut::read(&text).with_context(name)?;
        let rollout = known.restore(stop).with_context(name)?;
        let same = rollout.targets().iter().map(|one| one.id);
        if !same.eq(letters.iter().map(|letter| letter.0.id)) {
            bail!(
                "{}: this is the state of another roll-out; name its own folder, or a new file",
                state.display()
            );
        }
        rollout
    } else {
        RollOut::new(
            pace,
            letters.iter().map(|letter| letter.0.clone()).collect(),
        )
    };
    let mut run = Run {
        rollout,
        letters: letters.into_iter().map(|letter| letter.1).collect(),
        state: state.to_owned(),
        witnesses,
        receipts: places.receipts.clone(),
        is_quiet: json,
    };
    run.remember()?;
    let wishes = Wishes::default();
    let ended = runtime()?.block_on(async {
        let post = Post::open(
            broker.address()?,
            vec![ingest_filter(Subject::Records(Stream::Receipt), None)],
            POST_WITHIN,
        );
        let heard = wishes.watch().context("signals cannot be waited for")?;
        tokio::select! {
            biased;
            done = async { run.follow(post.await?).await } => done.map(|()| true),
            () = wishes.stop.cancelled() => Ok(false),
            never = heard => match never {},
        }
    })?;
    run.remember()?;
    run.conclude(ended, json)
}

struct Run {
    rollout: RollOut,
    letters: Vec<Vec<u8>>,
    state: PathBuf,
    witnesses: Witnesses,
    receipts: PathBuf,
    is_quiet: bool,
}

impl Run {
    async fn follow(&mut self, mut post: Post) -> Result<()> {
        while self.rollout.progress() != Progress::Finished {
            let sends = self.rollout.to_send(utc());
            // First remembered, then sent: after a cut it is sent again and does nothing twice.
            self.remember_news()?;
            for place in sends {
                let target = self.rollout.targets().get(place);
                let Some((target, bytes)) = target.zip(self.letters.get(place)) else {
                    continue;
                };
                let topic = command_topic(&target.gateway);
                post.send(&topic, bytes.clone(), POST_WITHIN).await?;
            }
            let until = Instant::now() + ROLLOUT_LOOK_EVERY;
            if let Delivery::Message(message) = post.next(until).await?
                && let Some((gateway, signed)) = receipt_in(message.topic(), message.payload())
                && let Some(proven) = self.witnesses.prove(&gateway, signed.bytes())
                && self.rollout.hear(&gateway, proven.receipt())
            {
                let state = proven.receipt().state;
                if state.is_final() || state == CommandState::Partial {
                    // The proof first: an end that is remembered has its receipt in the folder.
                    keep(&self.receipts, &gateway, signed.bytes(), proven.receipt())?;
                    self.remember_news()?;
                }
                self.show()?;
            }
        }
        post.close().await
    }

    /// Writes the file anew.
    fn remember(&mut self) -> Result<()> {
        let text = self.rollout.whole()?;
        let written = replace::place(&self.state, text.as_bytes(), 0o666, true);
        self.must_keep(written)
    }

    /// Adds what came since.
    fn remember_news(&mut self) -> Result<()> {
        let news = self.rollout.news()?;
        if news.is_empty() {
            return Ok(());
        }
        self.must_keep(replace::add(&self.state, news.as_bytes()))
    }

    fn must_keep(&self, written: std::io::Result<()>) -> Result<()> {
        written.with_context(|| {
            format!(
                "{}: the state cannot be kept; make room",
                self.state.display()
            )
        })
    }

    fn show(&self) -> Result<()> {
        if self.is_quiet {
            return Ok(());
        }
        let all = self.rollout.targets();
        let (done, failed) = self.rollout.counts();
        let (wave, waves) = self.rollout.wave();
        print(&format!(
            "wave {wave} of {waves}: {done} done, {failed} failed, of {}\n",
            all.len()
        ))
    }

    fn conclude(&self, is_ended: bool, json: bool) -> Result<bool> {
        let all = self.rollout.targets();
        let word = |stage: Stage| match stage {
            Stage::Waiting => "waiting",
            Stage::Sent { .. } => "sent",
            Stage::Open { state, .. } | Stage::Ended(state) => state.word(),
            Stage::Silent => "silent",
        };
        if json {
            let rows = all.iter().map(|one| {
                json!({"gateway": one.gateway.to_string(), "id": one.id.to_string(),
                       "state": word(one.stage), "code": one.code})
            });
            let stopped = self.rollout.stopped();
            let value = json!({"ended": is_ended, "stopped-in-wave": stopped.map(|one| one.0),
                               "gateways": rows.collect::<Vec<_>>()});
            print(&format!("{value}\n"))?;
        } else {
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            let mut table = Table::new(&[
                ("GATEWAY", Side::Left),
                ("STATE", Side::Left),
                ("CODE", Side::Left),
            ]);
            for one in all {
                let count = counts.entry(word(one.stage)).or_default();
                *count = count.saturating_add(1);
                let code = one.code.clone().unwrap_or_default();
                table.row(&[one.gateway.to_string(), word(one.stage).to_owned(), code]);
            }
            let sums: Vec<String> = counts
                .iter()
                .map(|(word, n)| format!("{n} {word}"))
                .collect();
            print(&format!("{table}{}\n", sums.join(", ")))?;
        }
        if let Some((wave, failed)) = self.rollout.stopped() {
            bail!(
                "stopped in wave {wave}: {failed} failed; find out why, then go on with the same \
                 --state and a higher --stop"
            );
        }
        if !is_ended {
            let text = "interrupted; the same call with the same --state goes on";
            return Err(StillOpen(text.to_owned()).into());
        }
        Ok(all.iter().all(|one| one.stage.is_done()))
    }
}
