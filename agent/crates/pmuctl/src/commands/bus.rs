//! Work on a line.

use crate::adapters::replace;
use crate::arguments::{BusCommand, DirectArguments, Dtr, ScanArguments, whole_seconds};
use crate::direct::DirectPort;
use crate::errand::Errand;
use crate::show::{scan, trace};
use anyhow::{Result, bail};
use desk::{GatewayDesk, JobState, Outcome, Request, Work};
use std::path::Path;

pub(super) async fn run<D: GatewayDesk>(
    errand: &mut Errand<'_, D>,
    command: &BusCommand,
    direct: &DirectArguments,
) -> Result<bool> {
    match command {
        BusCommand::Scan(arguments) => scan_for_meters(errand, arguments, direct).await,
        BusCommand::Trace { bus, switch } => {
            let request = Request::Trace {
                bus: bus.to_string(),
                switch: (*switch).into(),
            };
            errand.simple(request).await
        }
        BusCommand::Listen {
            bus,
            length,
            out,
            force,
        } => {
            let work = Work::Listen {
                bus: bus.to_string(),
                seconds: whole_seconds(*length),
            };
            match out {
                None => errand.work_and_show(work).await,
                Some(file) => listen_to_file(errand, work, file, *force).await,
            }
        }
    }
}

async fn scan_for_meters<D: GatewayDesk>(
    errand: &mut Errand<'_, D>,
    arguments: &ScanArguments,
    direct: &DirectArguments,
) -> Result<bool> {
    let work = Work::Scan {
        bus: arguments.bus.to_string(),
        wish: arguments.wish(),
    };
    let job = errand.work(work).await?;
    let suggestion = match &direct.direct {
        None => scan::Suggestion::for_bus(arguments.bus.as_str()),
        Some(DirectPort::Server(address)) => scan::Suggestion::Direct {
            port: address.clone(),
            probe: None,
        },
        Some(DirectPort::Device(device)) => scan::Suggestion::Direct {
            port: device.to_string_lossy().into_owned(),
            probe: direct.optical.map(Dtr::word),
        },
    };
    match &job.state {
        JobState::Done(outcome) if !errand.is_json => {
            let Outcome::Scan(result) = outcome.as_ref() else {
                return errand.show(&job);
            };
            errand.console.say(&scan::text(result, &suggestion))?;
            Ok(true)
        }
        _ => errand.show(&job),
    }
}

async fn listen_to_file<D: GatewayDesk>(
    errand: &mut Errand<'_, D>,
    work: Work,
    file: &Path,
    may_replace: bool,
) -> Result<bool> {
    // Minutes of listening are not to end with this complaint.
    if file.exists() && !may_replace {
        bail!(
            "{}: this file exists; name another one, or replace it with --force",
            file.display()
        );
    }
    let Some(outcome) = errand.outcome(work).await? else {
        return Ok(false);
    };
    let Outcome::Heard(lines) = outcome else {
        bail!(crate::errand::unexpected());
    };
    replace::write_new(file, &trace::text(&lines), may_replace)?;
    let words = format!("{} runs of bytes are in {}\n", lines.len(), file.display());
    errand.console.remark(&words)?;
    if errand.is_json {
        errand.say_json(&lines.len())?;
    }
    Ok(true)
}
