//! Roll-outs: one order to many gateways.

mod sign;

use self::sign::Before;
use super::dispatch::command_topic;
use super::following::{birth_in, keep, receipt_in};
use super::order::claimed;
use super::{print, runtime};
use crate::adapters::clock::utc;
use crate::adapters::files::read_text;
use crate::adapters::post::{Delivery, Post};
use crate::adapters::replace;
use crate::adapters::signals::Wishes;
use crate::adapters::terminal;
use crate::adapters::witness_files::witnesses_of;
use crate::arguments::{BrokerArguments, RolloutCommand};
use crate::console::Console;
use crate::ending::StillOpen;
use crate::limits::{
    POST_WITHIN, ROLLOUT_AGAIN_AFTER, ROLLOUT_FILE_BYTES_MAX, ROLLOUT_GATEWAYS_MAX,
    ROLLOUT_LOOK_EVERY,
};
use crate::rollout::{Pace, Progress, RememberedRollOut, RollOut, Stage, Target};
use crate::table::{Side, Table};
use crate::witnesses::Witnesses;
use anyhow::{Context, Result, bail};
use authority::CommandState;
use head_end::{Stream, Subject, ingest_filter};
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
            after,
            after_state,
            broker,
            order,
        } => {
            let before = Before::read(after, after_state, &terms.key)?;
            sign::sign(terms, (gateways, folder), &before, broker, order, json)
        }
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

/// The files of commands in a folder, by their names.
fn letter_files(folder: &Path) -> Result<Vec<PathBuf>> {
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
    Ok(paths)
}

/// The commands of a folder, by the names of their files.
fn letters(folder: &Path) -> Result<Vec<(Target, Vec<u8>)>> {
    let (mut letters, mut seen) = (Vec::new(), BTreeSet::new());
    for path in letter_files(folder)? {
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

fn roll_out(
    places: &Places<'_>,
    pace: Pace,
    stop: Option<u8>,
    broker: &BrokerArguments,
    json: bool,
) -> Result<bool> {
    let state = places.state;
    let letters = letters(places.folder)?;
    let witnesses = witnesses_of(places.keys, letters.iter().map(|letter| &letter.0.gateway))?;
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
    let console = terminal::console();
    let mut run = Run {
        rollout,
        letters: letters.into_iter().map(|letter| letter.1).collect(),
        state: state.to_owned(),
        witnesses,
        receipts: places.receipts.clone(),
        console: if json { console.quiet() } else { console },
        wave: 0,
    };
    run.remember()?;
    let wishes = Wishes::default();
    let ended = runtime()?.block_on(async {
        let post = Post::open_with_news(
            broker.address()?,
            vec![ingest_filter(Subject::Records(Stream::Receipt), None)],
            vec![ingest_filter(Subject::Presence, None)],
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
    console: Console,
    /// The wave that was spoken of last.
    wave: usize,
}

impl Run {
    async fn follow(&mut self, mut post: Post) -> Result<()> {
        self.show()?;
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
            match post.next(until).await? {
                Delivery::Message(message) => self.hear(message.topic(), message.payload())?,
                Delivery::Reconnected => self.rollout.send_again(None),
                Delivery::TimeUp => {}
            }
        }
        post.close().await
    }

    fn hear(&mut self, topic: &[u8], payload: &[u8]) -> Result<()> {
        if let Some(gateway) = birth_in(topic, payload) {
            self.rollout.send_again(Some(&gateway));
        } else if let Some((gateway, signed)) = receipt_in(topic, payload)
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
        Ok(())
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

    /// A bar on a terminal; elsewhere one line a wave.
    fn show(&mut self) -> Result<()> {
        let all = self.rollout.targets();
        let (done, failed) = self.rollout.counts();
        let (wave, waves) = self.rollout.wave();
        let count = all.len();
        let words = format!("wave {wave} of {waves}: {done} done, {failed} failed, of {count}");
        let ended = u64::try_from(done.saturating_add(failed))?;
        self.console.bar(ended, u64::try_from(count)?, &words)?;
        if wave != self.wave {
            self.wave = wave;
            self.console.mark(&words)?;
        }
        Ok(())
    }

    fn conclude(&mut self, is_ended: bool, json: bool) -> Result<bool> {
        self.console.end_progress()?;
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
