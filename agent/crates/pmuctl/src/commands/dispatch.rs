//! Orders on their way: sent, and followed to their end.

use super::order::claimed;
use super::{print, runtime};
use crate::StillOpen;
use crate::adapters::files::write_new;
use crate::adapters::post::{Delivery, Post};
use crate::adapters::signals::Wishes;
use crate::arguments::{BrokerArguments, OrderCommand};
use crate::limits::{BIRTH_WITHIN, COMMANDS_MAX, POST_WITHIN};
use crate::orders::{AwaitedCommands, Heard, receipt_line, receipt_value};
use crate::table::{Side, Table};
use anyhow::{Context, Result, bail};
use authority::{CommandId, Receipt, SignedReceipt};
use head_end::{Birth, Body, Message, Presence, Stream, Subject, Topic, ingest_filter};
use metering::GatewayId;
use serde_json::{Value, json};
use std::fs;
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
                broker,
            } => {
                let follow = Following {
                    json,
                    receipts: receipts.clone(),
                };
                send(files, (!no_wait).then_some(*within), broker, &follow).await
            }
            OrderCommand::Watch {
                gateway,
                stop_after,
                receipts,
                broker,
            } => {
                let follow = Following {
                    json,
                    receipts: receipts.clone(),
                };
                watch(gateway.as_ref(), *stop_after, broker, &follow).await
            }
            OrderCommand::Status {
                id,
                ledger: Some(ledger),
                ..
            } => super::ledger_receipts::status(*id, ledger, json),
            OrderCommand::Status {
                id,
                ask_with,
                within,
                broker,
                ledger: None,
            } => status(*id, ask_with.as_deref(), *within, broker, json).await,
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

/// How receipts are shown and kept.
struct Following {
    json: bool,
    receipts: Option<PathBuf>,
}

impl Following {
    /// Shows one line for a receipt that came, and keeps it.
    fn take(&self, gateway: &GatewayId, bytes: &[u8], receipt: &Receipt) -> Result<()> {
        if let Some(folder) = &self.receipts {
            keep(folder, gateway, bytes, receipt)?;
        }
        if self.json {
            let mut value = receipt_value(receipt);
            if let Value::Object(map) = &mut value {
                map.insert("gateway".to_owned(), json!(gateway.to_string()));
            }
            return print(&format!("{value}\n"));
        }
        print(&format!("{gateway}  {}\n", receipt_line(receipt)))
    }
}

/// The same receipt again is the same file.
pub(super) fn keep(
    folder: &Path,
    gateway: &GatewayId,
    bytes: &[u8],
    receipt: &Receipt,
) -> Result<()> {
    fs::create_dir_all(folder)
        .with_context(|| format!("{}: this folder cannot be made", folder.display()))?;
    let at = receipt.at.millis();
    let name = format!("{gateway}-{}-{at}-{}.receipt", receipt.id, receipt.state);
    let path = folder.join(name);
    match fs::read(&path) {
        Ok(known) if known == bytes => Ok(()),
        Ok(_) => bail!(
            "{}: there is another receipt of this name and time; move it away and find out who \
             wrote it",
            path.display()
        ),
        Err(_) => write_new(&path, bytes, 0o644),
    }
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

/// A receipt in a message; nothing for anything else. What is damaged is no receipt.
pub(super) fn receipt_in(topic: &[u8], payload: &[u8]) -> Option<(GatewayId, SignedReceipt)> {
    let topic: Topic = std::str::from_utf8(topic).ok()?.parse().ok()?;
    if topic.subject != Subject::Records(Stream::Receipt) {
        return None;
    }
    let Ok(Body::Receipt(bytes)) = Message::decode(payload).ok()?.open() else {
        return None;
    };
    let receipt = SignedReceipt::parse(&bytes).ok()?;
    Some((topic.gateway, receipt))
}

async fn send(
    files: &[PathBuf],
    within: Option<Duration>,
    broker: &BrokerArguments,
    follow: &Following,
) -> Result<bool> {
    if files.len() > COMMANDS_MAX {
        bail!(
            "{} commands at once; send at most {COMMANDS_MAX}, or use `rollout`",
            files.len()
        );
    }
    let mut awaited = AwaitedCommands::default();
    let mut letters = Vec::new();
    for file in files {
        let (bytes, _, command) = claimed(file)?;
        awaited.add(command.gateway.clone(), command.id);
        letters.push((command.id, command_topic(&command.gateway), bytes));
    }
    let mut filters: Vec<String> = Vec::new();
    if within.is_some() {
        let of =
            |one: &crate::orders::Awaited| topic(&one.gateway, Subject::Records(Stream::Receipt));
        filters = awaited.0.iter().map(of).collect();
        filters.sort();
        filters.dedup();
    }
    let mut post = Post::open(broker.address()?, filters, POST_WITHIN).await?;
    for (_, topic, bytes) in &letters {
        post.send(topic, bytes.clone(), POST_WITHIN).await?;
    }
    let Some(within) = within else {
        if !follow.json {
            print(&format!(
                "{} sent; nobody waited for the gateways\n",
                letters.len()
            ))?;
        }
        post.close().await?;
        return Ok(true);
    };
    let until = Instant::now() + within;
    while !awaited.are_all_ended() {
        match post.next(until).await? {
            Delivery::TimeUp => break,
            Delivery::Message(message) => {
                if let Some((gateway, signed)) = receipt_in(message.topic(), message.payload())
                    && awaited.hear(&gateway, signed.claimed()) == Heard::News
                {
                    follow.take(&gateway, signed.bytes(), signed.claimed())?;
                }
            }
            // The same command again does nothing twice, and brings its receipt again.
            Delivery::Reconnected => {
                let open: Vec<CommandId> = awaited.open().map(|one| one.id).collect();
                for (id, topic, bytes) in &letters {
                    if open.contains(id) {
                        post.send(topic, bytes.clone(), POST_WITHIN).await?;
                    }
                }
            }
        }
    }
    post.close().await?;
    conclude(&awaited, within, follow)
}

fn conclude(awaited: &AwaitedCommands, within: Duration, follow: &Following) -> Result<bool> {
    if !follow.json && awaited.0.len() > 1 {
        print(&table(awaited).to_string())?;
    }
    let open = awaited.open().count();
    if open > 0 {
        return Err(StillOpen(format!(
            "{open} of {} have not ended within {} s; send the same files again to hear of them, \
             they do nothing twice",
            awaited.0.len(),
            within.as_secs()
        ))
        .into());
    }
    Ok(awaited.have_all_succeeded())
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
            one.state()
                .map_or("silent", authority::CommandState::word)
                .to_owned(),
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
    follow: &Following,
) -> Result<bool> {
    let subject = Subject::Records(Stream::Receipt);
    let filter = gateway.map_or_else(|| ingest_filter(subject, None), |one| topic(one, subject));
    let mut post = Post::open(broker.address()?, vec![filter], POST_WITHIN).await?;
    // Far away, where nobody said how long.
    let until = Instant::now() + stop_after.unwrap_or(Duration::from_hours(24 * 365));
    loop {
        match post.next(until).await? {
            Delivery::TimeUp => break,
            Delivery::Reconnected => {}
            Delivery::Message(message) => {
                if let Some((gateway, signed)) = receipt_in(message.topic(), message.payload()) {
                    follow.take(&gateway, signed.bytes(), signed.claimed())?;
                }
            }
        }
    }
    post.close().await?;
    Ok(true)
}

async fn status(
    id: CommandId,
    ask_with: Option<&Path>,
    within: Duration,
    broker: &BrokerArguments,
    json: bool,
) -> Result<bool> {
    let letter = match ask_with {
        Some(path) => {
            let (bytes, _, command) = claimed(path)?;
            if command.id != id {
                bail!(
                    "{}: this is command {}, not {id}",
                    path.display(),
                    command.id
                );
            }
            Some((command_topic(&command.gateway), bytes))
        }
        None => None,
    };
    let follow = Following {
        json,
        receipts: None,
    };
    let filter = ingest_filter(Subject::Records(Stream::Receipt), None);
    let mut post = Post::open(broker.address()?, vec![filter], POST_WITHIN).await?;
    if let Some((topic, bytes)) = letter {
        post.send(&topic, bytes, POST_WITHIN).await?;
    }
    let until = Instant::now() + within;
    let mut last = None;
    loop {
        match post.next(until).await? {
            Delivery::TimeUp => break,
            Delivery::Reconnected => {}
            Delivery::Message(message) => {
                let found = receipt_in(message.topic(), message.payload());
                let Some((gateway, signed)) = found.filter(|found| found.1.claimed().id == id)
                else {
                    continue;
                };
                follow.take(&gateway, signed.bytes(), signed.claimed())?;
                let state = signed.claimed().state;
                last = Some(state);
                if state.is_final() {
                    break;
                }
            }
        }
    }
    post.close().await?;
    match last {
        Some(state) if state.is_final() => Ok(state == authority::CommandState::Succeeded),
        Some(state) => Err(StillOpen(format!("the command is {state}; look again later")).into()),
        None => Err(StillOpen(
            "nothing was heard of this command; send it again with --ask-with and its file"
                .to_owned(),
        )
        .into()),
    }
}
