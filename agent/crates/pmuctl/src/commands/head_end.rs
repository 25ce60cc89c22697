//! What belongs to the head-end: its consumer, its ledger, its keys.

use super::{ledger_receipts, print, runtime, say};
use crate::adapters::clock::utc;
use crate::adapters::image_folder::ImageFolder;
use crate::adapters::mqtt::BrokerAddress;
use crate::adapters::tls::{TlsFiles, common_name};
use crate::adapters::{files, signals, terminal};
use crate::arguments::{ExportArguments, HeadEndCommand, ReceiveArguments};
use crate::consumer::{Consumer, Images, ReceiptKeyRing, ReceiveSettings, Summary, View};
use crate::{CsvLayout, ExportQuery, export, holes};
use anyhow::{Context, Result, bail};
use metering::Timestamp;
use serde_json::json;
use std::fs::File;
use std::io::{BufWriter, stderr, stdout};
use std::path::Path;
use storage::ledger::Ledger;
use tokio_util::sync::CancellationToken;

pub(super) fn run(command: &HeadEndCommand, json: bool) -> Result<bool> {
    match command {
        HeadEndCommand::Receive(arguments) => receive(arguments, json)?,
        HeadEndCommand::Export(_) if json => {
            bail!("the export is a table for spreadsheets (CSV); leave --json away")
        }
        HeadEndCommand::Export(arguments) => export_csv(arguments)?,
        HeadEndCommand::Receipts(arguments) => return ledger_receipts::show(arguments, json),
        HeadEndCommand::Keygen { out } => keygen(out, json)?,
        HeadEndCommand::Holes { ledger } => {
            let ledger = files::open_existing_ledger(ledger)?;
            let holes = holes(&ledger)?;
            ledger.close()?;
            let text = if json {
                format!("{}\n", serde_json::to_string(&holes)?)
            } else {
                holes.text()
            };
            print(&text)?;
        }
    }
    Ok(true)
}

fn keygen(out: &Path, json: bool) -> Result<()> {
    let (key, public) = files::make_signing_key(out)?;
    let (id, out, public) = (key.id().to_string(), out.display(), public.display());
    let value = json!({"id": id, "file": out.to_string(), "public-file": public.to_string()});
    let text = format!(
        "key {id} is in {out}, for its owner only\n\
         put {public} into each gateway's file of ingest keys\n"
    );
    say(json, &value, &text)
}

fn export_csv(arguments: &ExportArguments) -> Result<()> {
    let mut layout = CsvLayout::default().separated_by(arguments.separator);
    if let Some(zone) = &arguments.local {
        layout = layout.local(zone)?;
    }
    let query = ExportQuery {
        gateway: arguments.gateway.clone(),
        meter: arguments.meter.clone(),
        from: arguments.from.unwrap_or_default(),
        to: arguments.to.unwrap_or(END_OF_TIME),
        at: utc(),
    };
    let ledger = files::open_existing_ledger(&arguments.ledger)?;
    let written = export(
        &ledger,
        &query,
        &layout,
        &mut BufWriter::new(stdout().lock()),
    );
    ledger.close()?;
    written.map(drop)
}

const END_OF_TIME: Timestamp = Timestamp::from_millis(u64::MAX);

fn receive(arguments: &ReceiveArguments, json: bool) -> Result<()> {
    let signing_key = match &arguments.signing_key {
        Some(path) if !arguments.no_ack => Some(files::signing_key(path)?),
        _ => None,
    };
    let settings = settings(arguments)?;
    let images = match &arguments.images {
        Some(folder) => Some(Images::new(
            ImageFolder::open(folder)?,
            arguments.image_rate * 1024,
        )),
        None => None,
    };
    let receipt_keys = match &arguments.receipt_keys {
        Some(folder) => ledger_receipts::keys(folder)?,
        None => ReceiptKeyRing::default(),
    };
    let ledger = files::open_ledger(&arguments.ledger)?;
    // With --json standard output is for a program; people look at the other one.
    let view = match terminal::lines() {
        _ if json => View::lines(Box::new(stderr())),
        Some(lines) => View::screen(Box::new(stdout()), lines),
        None => View::lines(Box::new(stdout())),
    };
    let at_end = |ledger: &Ledger| match &arguments.csv {
        Some(path) => write_csv(ledger, path),
        None => Ok(()),
    };
    let stop = CancellationToken::new();
    let consumer = Consumer::new(settings, signing_key, ledger, view, stop.clone());
    let consumer = consumer.serving(images).proving(receipt_keys);
    let summary: Summary = runtime()?.block_on(async {
        let work = consumer.run(at_end);
        tokio::pin!(work);
        // Signals are watched until the work ends; a second one changes nothing.
        tokio::select! {
            summary = &mut work => return summary,
            watched = signals::watch(stop) => watched.context("signals cannot be waited for")?,
        }
        work.await
    })?;
    if json {
        print(&format!("{}\n", serde_json::to_string(&summary)?))
    } else {
        print(&summary.text())
    }
}

fn settings(arguments: &ReceiveArguments) -> Result<ReceiveSettings> {
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => common_name(&arguments.certificate)?,
    };
    let files = TlsFiles {
        ca: arguments.ca.clone(),
        certificate: arguments.certificate.clone(),
        key: arguments.key.clone(),
    };
    let broker = BrokerAddress {
        host: arguments.host.clone(),
        port: arguments.port,
        name,
        files,
    };
    Ok(ReceiveSettings {
        broker,
        share: arguments.share.clone(),
        gateway: arguments.gateway.clone(),
        ack_every: arguments.ack_every,
        gap_after: arguments.gap_after,
        stop_after: arguments.stop_after,
    })
}

fn write_csv(ledger: &Ledger, path: &Path) -> Result<()> {
    let query = ExportQuery {
        gateway: None,
        meter: None,
        from: Timestamp::default(),
        to: END_OF_TIME,
        at: utc(),
    };
    let file = File::create(path)
        .with_context(|| format!("{}: cannot be written; name another file", path.display()))?;
    let mut out = BufWriter::new(file);
    export(ledger, &query, &CsvLayout::default(), &mut out)?;
    Ok(())
}
