//! What each command does.

use crate::adapters::clock::utc;
use crate::adapters::local::LocalDesk;
use crate::adapters::mqtt::BrokerAddress;
use crate::adapters::tls::{TlsFiles, common_name};
use crate::adapters::{files, signals, terminal};
use crate::arguments::{
    Arguments, BusCommand, Command, ExportArguments, HeadEndCommand, MeterCommand,
    ReceiveArguments, StoreCommand,
};
use crate::consumer::{Consumer, ReceiveSettings, Summary, View};
use crate::limits::{DESK_WAIT, VERIFY_WAIT};
use crate::{CsvLayout, ExportQuery, Form, ask, export, holes};
use anyhow::{Context, Result};
use desk::Request;
use metering::Timestamp;
use std::fs::File;
use std::io::{self, BufWriter, Write, stderr, stdout};
use std::path::Path;
use std::time::Duration;
use storage::ledger::Ledger;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

/// Does what was asked. `false`: it was done, and not all is well.
pub fn run(arguments: &Arguments) -> Result<bool> {
    match &arguments.command {
        Command::HeadEnd(command) => head_end(command, arguments.json),
        Command::Status => local(arguments, Request::Status, Form::Text),
        Command::Meter(command) => meter(arguments, command),
        Command::Store(StoreCommand::Stats) => local(arguments, Request::StoreStats, Form::Text),
        Command::Store(StoreCommand::Verify) => local(arguments, Request::StoreVerify, Form::Text),
        Command::Store(StoreCommand::SetAside) => local(arguments, Request::SetAside, Form::Text),
        Command::Store(StoreCommand::Release { stream, number }) => {
            let (stream, number) = (stream.clone(), *number);
            local(arguments, Request::Release { stream, number }, Form::Text)
        }
        Command::Bus(BusCommand::Trace { bus, switch }) => {
            let request = Request::Trace {
                bus: bus.to_string(),
                switch: (*switch).into(),
            };
            local(arguments, request, Form::Text)
        }
    }
}

fn meter(arguments: &Arguments, command: &MeterCommand) -> Result<bool> {
    let (request, form) = match command {
        MeterCommand::List => (Request::Meters, Form::Text),
        MeterCommand::Read { meter } => (
            Request::ReadMeter {
                meter: meter.to_string(),
            },
            Form::Text,
        ),
        MeterCommand::Accept { meter } => (
            Request::AcceptMeter {
                meter: meter.to_string(),
            },
            Form::Text,
        ),
        MeterCommand::Profile {
            meter,
            from,
            to,
            csv,
        } => {
            let to = to.unwrap_or_else(utc);
            let from = from.unwrap_or_else(|| to.before(Duration::from_hours(24)));
            let (meter, from, to) = (meter.to_string(), from.seconds(), to.seconds());
            let form = if *csv { Form::Csv } else { Form::Text };
            let profile = None;
            (
                Request::Profile {
                    meter,
                    from,
                    to,
                    profile,
                },
                form,
            )
        }
    };
    local(arguments, request, form)
}

fn local(arguments: &Arguments, request: Request, form: Form) -> Result<bool> {
    let wait = if request == Request::StoreVerify {
        VERIFY_WAIT
    } else {
        DESK_WAIT
    };
    let form = if arguments.json { Form::Json } else { form };
    let desk = LocalDesk::new(&arguments.socket(), wait);
    let said = runtime()?.block_on(ask(&desk, request, form))?;
    print(&said.text)?;
    Ok(said.is_well)
}

fn head_end(command: &HeadEndCommand, json: bool) -> Result<bool> {
    match command {
        HeadEndCommand::Receive(arguments) => receive(arguments, json)?,
        HeadEndCommand::Export(arguments) => export_csv(arguments)?,
        HeadEndCommand::Keygen { out } => {
            let (key, public) = files::make_signing_key(out)?;
            print(&format!(
                "key {} is in {}, for its owner only\n\
                 put {} into each gateway's file of ingest keys\n",
                key.id(),
                out.display(),
                public.display()
            ))?;
        }
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

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

fn print(text: &str) -> Result<()> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}
