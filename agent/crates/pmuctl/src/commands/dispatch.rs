//! Orders on their way: sent, and followed to their end.

use super::following::{Following, REMEDY, birth_in, named_witnesses, receipt_in};
use super::order::claimed;
use super::runtime;
use crate::adapters::post::{Delivery, Post};
use crate::adapters::signals::Wishes;
use crate::arguments::{BrokerArguments, OrderCommand};
use crate::ending::{StillOpen, Unproven};
use crate::limits::{BIRTH_WITHIN, COMMANDS_MAX, POST_WITHIN};
use crate::orders::{AwaitedCommands, Heard};
use crate::table::{Side, Table};
use anyhow::{Context, Result, bail};
use authority::{CommandId, CommandState};
use head_end::{Birth, Presence, Stream, Subject, Topic, ingest_filter};
use metering::GatewayId;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

pub(super) fn run(command: &OrderCommand, json: bool) -> Result<bool> {
    let wishes = Wishes::default();
    let work = async {
        match command {
            OrderCommand::Send {
                files,
                within,
                no_wait,
                receipts,
                witness,
                broker,
            } => {
                let letters = letters(files)?;
                let gateways = letters.iter().map(|one| one.gateway.clone()).collect();
                let witnesses = named_witnesses(witness, &gateways)?;
                let mut follow = Following::new(json, receipts.clone(), witnesses);
                if *no_wait {
                    return leave(&letters, broker, json, &mut follow).await;
                }
                send(&letters, *within, broker, &mut follow).await
            }
            OrderCommand::Watch {
                gateway,
                stop_after,
                receipts,
                witness,
                broker,
            } => {
                let witnesses = named_witnesses(witness, &gateway.iter().cloned().collect())?;
                let mut follow = Following::new(json, receipts.clone(), witnesses);
                watch(gateway.as_ref(), *stop_after, broker, &mut follow).await
            }
            OrderCommand::Status {
                id,
                gateway,
                ask_with,
                within,
                witness,
                broker,
                ..
            } => {
                let letter = ask_with
                    .as_deref()
                    .map(|path| asking(*id, path))
                    .transpose()?;
                let named = letter.as_ref().map(|letter| letter.gateway.clone());
                let gateways: BTreeSet<GatewayId> = gateway.iter().cloned().chain(named).collect();
                if gateways.len() > 1 {
                    bail!(
                        "--ask-with is a command for another gateway than --gateway; leave one away"
                    );
                }
                let witnesses = named_witnesses(witness, &gateways)?;
                let mut follow = Following::new(json, None, witnesses);
                let asked = (*id, gateways.first());
                status(asked, letter, *within, broker, &mut follow).await
            }
            _ => bail!("no broker is needed for this"),
        }
    };
    runtime()?.block_on(async {
        let heard = wishes.watch().context("signals cannot be waited for")?;
        tokio::select! {
            biased;
            done = work => done,
            () = wishes.stop.cancelled() => {
                Err(StillOpen("interrupted; what was sent goes on at the gateway".to_owned()).into())
            }
            never = heard => match never {},
        }
    })
}

/// The topic on which commands for a gateway go.
pub(super) fn command_topic(gateway: &GatewayId) -> String {
    topic(gateway, Subject::Command)
}

fn topic(gateway: &GatewayId, subject: Subject) -> String {
    let gateway = gateway.clone();
    Topic { gateway, subject }.to_string()
}

/// The last birth of a gateway, which the broker keeps.
pub(super) async fn birth(broker: &BrokerArguments, gateway: &GatewayId) -> Result<Birth> {
    if !broker.is_named() {
        bail!(
            "epoch and number are not known; name the broker that keeps the birth of {gateway} \
             (--host and so on), or give --epoch and --number"
        );
    }
    let filter = topic(gateway, Subject::Presence);
    let mut post = Post::open(broker.address()?, vec![filter], POST_WITHIN).await?;
    let until = Instant::now() + BIRTH_WITHIN;
    let mut is_away = false;
    let found = loop {
        match post.next(until).await? {
            Delivery::Message(message) => match Presence::decode(message.payload()) {
                Ok(Presence::Birth(birth)) => break Some(birth),
                Ok(Presence::Recovery(_)) => {
                    bail!("{gateway} is in recovery and takes no commands; bring it back first")
                }
                Ok(Presence::Will(_)) => is_away = true,
                Err(_) => {}
            },
            Delivery::Reconnected => {}
            Delivery::TimeUp => break None,
        }
    };
    post.close().await?;
    let why = if is_away {
        "is away: its connection broke"
    } else {
        "has left no birth with this broker"
    };
    found.with_context(|| {
        format!("{gateway} {why}; wait until it is back, or give --epoch and --number")
    })
}

/// A command on its way.
struct Letter {
    id: CommandId,
    gateway: GatewayId,
    bytes: Vec<u8>,
}

impl Letter {
    async fn send(&self, post: &mut Post) -> Result<()> {
        let topic = command_topic(&self.gateway);
        post.send(&topic, self.bytes.clone(), POST_WITHIN).await
    }
}

fn letters(files: &[PathBuf]) -> Result<Vec<Letter>> {
    if files.len() > COMMANDS_MAX {
        bail!(
            "{} commands at once; send at most {COMMANDS_MAX}, or use `rollout`",
            files.len()
        );
    }
    files.iter().map(|file| letter(file)).collect()
}

fn letter(file: &Path) -> Result<Letter> {
    let (bytes, _, command) = claimed(file)?;
    Ok(Letter {
        id: command.id,
        gateway: command.gateway,
        bytes,
    })
}

/// The command with which its own state is asked for.
fn asking(id: CommandId, path: &Path) -> Result<Letter> {
    let letter = letter(path)?;
    if letter.id != id {
        bail!(
            "{}: this is command {}, not {id}",
            path.display(),
            letter.id
        );
    }
    Ok(letter)
}

/// Sends, and waits for nobody.
async fn leave(
    letters: &[Letter],
    broker: &BrokerArguments,
    is_json: bool,
    follow: &mut Following,
) -> Result<bool> {
    let mut post = Post::open(broker.address()?, Vec::new(), POST_WITHIN).await?;
    for letter in letters {
        letter.send(&mut post).await?;
    }
    post.close().await?;
    if is_json {
        super::print(&format!("{}\n", json!({"sent": letters.len()})))?;
    }
    follow.say(&format!(
        "{} sent; nobody waited for the gateways\n",
        letters.len()
    ))?;
    Ok(true)
}

async fn send(
    letters: &[Letter],
    within: Duration,
    broker: &BrokerArguments,
    follow: &mut Following,
) -> Result<bool> {
    let mut awaited = AwaitedCommands::default();
    let (mut filters, mut news) = (BTreeSet::new(), BTreeSet::new());
    for letter in letters {
        awaited.add(letter.gateway.clone(), letter.id);
        filters.insert(topic(&letter.gateway, Subject::Records(Stream::Receipt)));
        news.insert(topic(&letter.gateway, Subject::Presence));
    }
    let (filters, news) = (filters.into_iter().collect(), news.into_iter().collect());
    let mut post = Post::open_with_news(broker.address()?, filters, news, POST_WITHIN).await?;
    for letter in letters {
        letter.send(&mut post).await?;
    }
    let until = Instant::now() + within;
    while !awaited.are_all_ended() {
        follow.draw(&awaited)?;
        match post.next(until).await? {
            Delivery::TimeUp => break,
            Delivery::Message(message) => {
                // It was away, and has not heard what was sent meanwhile.
                if let Some(born) = birth_in(message.topic(), message.payload()) {
                    send_open(letters, &awaited, Some(&born), &mut post).await?;
                } else if let Some((gateway, signed)) =
                    receipt_in(message.topic(), message.payload())
                    && awaited.awaits(&gateway, signed.claimed().id)
                    && let Some(receipt) = follow.counted(&gateway, &signed)?
                    && awaited.hear(&gateway, &receipt) == Heard::News
                {
                    follow.take(&gateway, &signed)?;
                }
            }
            Delivery::Reconnected => send_open(letters, &awaited, None, &mut post).await?,
        }
    }
    post.close().await?;
    conclude(&awaited, within, follow)
}

/// Sends once more what has not ended, to one gateway or to all: the same command again does nothing
/// twice, and brings its receipt again.
async fn send_open(
    letters: &[Letter],
    awaited: &AwaitedCommands,
    gateway: Option<&GatewayId>,
    post: &mut Post,
) -> Result<()> {
    let open: BTreeSet<CommandId> = awaited.open().map(|one| one.id).collect();
    let is_meant = |one: &&Letter| gateway.is_none_or(|gateway| *gateway == one.gateway);
    for letter in letters.iter().filter(is_meant) {
        if open.contains(&letter.id) {
            letter.send(post).await?;
        }
    }
    Ok(())
}

fn conclude(awaited: &AwaitedCommands, within: Duration, follow: &mut Following) -> Result<bool> {
    follow.end()?;
    if awaited.0.len() > 1 {
        follow.say(&table(awaited).to_string())?;
    }
    let open = awaited.open().count();
    if open > 0 {
        let proven = if follow.proves() {
            " by a proven receipt"
        } else {
            ""
        };
        return Err(StillOpen(format!(
            "{open} of {} have not ended within {} s{proven}; send the same files again to hear of \
             them, they do nothing twice",
            awaited.0.len(),
            within.as_secs()
        ))
        .into());
    }
    judged(awaited.have_all_succeeded(), follow)
}

/// What nobody has proven is no success.
fn judged(has_succeeded: bool, follow: &Following) -> Result<bool> {
    if has_succeeded && !follow.proves() {
        let text = format!("said to be done, and not proven; {REMEDY}");
        return Err(Unproven(text).into());
    }
    Ok(has_succeeded)
}

fn table(awaited: &AwaitedCommands) -> Table {
    let mut table = Table::new(&[
        ("GATEWAY", Side::Left),
        ("COMMAND", Side::Left),
        ("STATE", Side::Left),
        ("CODE", Side::Left),
    ]);
    for one in &awaited.0 {
        let last = one.last.as_ref();
        table.row(&[
            one.gateway.to_string(),
            one.id.to_string(),
            one.state().map_or("silent", CommandState::word).to_owned(),
            last.and_then(|receipt| receipt.code.clone())
                .unwrap_or_default(),
        ]);
    }
    table
}

async fn watch(
    gateway: Option<&GatewayId>,
    stop_after: Option<Duration>,
    broker: &BrokerArguments,
    follow: &mut Following,
) -> Result<bool> {
    let subject = Subject::Records(Stream::Receipt);
    let filter = gateway.map_or_else(|| ingest_filter(subject, None), |one| topic(one, subject));
    let mut post = Post::open(broker.address()?, vec![filter], POST_WITHIN).await?;
    follow.remark_unproven()?;
    // Far away, where nobody said how long.
    let until = Instant::now() + stop_after.unwrap_or(Duration::from_hours(24 * 365));
    let mut seen = AwaitedCommands::default();
    loop {
        match post.next(until).await? {
            Delivery::TimeUp => break,
            Delivery::Reconnected => {}
            Delivery::Message(message) => {
                if let Some((gateway, signed)) = receipt_in(message.topic(), message.payload()) {
                    if follow.take(&gateway, &signed)? {
                        seen.watch(&gateway, signed.claimed());
                    }
                    follow.draw(&seen)?;
                }
            }
        }
    }
    follow.end()?;
    post.close().await?;
    Ok(true)
}

async fn status(
    (id, gateway): (CommandId, Option<&GatewayId>),
    letter: Option<Letter>,
    within: Duration,
    broker: &BrokerArguments,
    follow: &mut Following,
) -> Result<bool> {
    let subject = Subject::Records(Stream::Receipt);
    let filter = gateway.map_or_else(|| ingest_filter(subject, None), |one| topic(one, subject));
    let mut post = Post::open(broker.address()?, vec![filter], POST_WITHIN).await?;
    if let Some(letter) = letter {
        letter.send(&mut post).await?;
    }
    let until = Instant::now() + within;
    let mut last: Option<CommandState> = None;
    while !last.is_some_and(CommandState::is_final) {
        match post.next(until).await? {
            Delivery::TimeUp => break,
            Delivery::Reconnected => {}
            Delivery::Message(message) => {
                if let Some((gateway, signed)) = receipt_in(message.topic(), message.payload())
                    && signed.claimed().id == id
                    && let Some(receipt) = follow.counted(&gateway, &signed)?
                {
                    follow.take(&gateway, &signed)?;
                    last = Some(receipt.state);
                }
            }
        }
    }
    post.close().await?;
    let text = match last {
        Some(state) if state.is_final() => return judged(state == CommandState::Succeeded, follow),
        Some(state) => format!("the command is {state}; look again later"),
        None if follow.proves() => {
            "nothing that the gateway signed was heard of this command; send \
                                    it again with --ask-with and its file"
                .to_owned()
        }
        None => "nothing was heard of this command; send it again with --ask-with and its file"
            .to_owned(),
    };
    Err(StillOpen(text).into())
}
