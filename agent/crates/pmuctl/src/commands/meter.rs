//! Work at a meter.

use super::{add, backup, keys, profile};
use crate::adapters::clock::utc;
use crate::adapters::files::read_text;
use crate::arguments::{CollectArguments, DirectArguments, MeterCommand};
use crate::direct::DIRECT;
use crate::errand::Errand;
use crate::limits::{COLLECT_DAYS, DOCUMENT_BYTES_MAX, WATCH_EVERY_MIN};
use crate::show;
use anyhow::{Result, bail};
use desk::{GatewayDesk, JobState, Request, Work};
use metering::{MeterId, Timestamp};
use std::path::Path;
use std::time::Duration;
use tokio::time::sleep;

pub(super) async fn run<D: GatewayDesk>(
    errand: &mut Errand<'_, D>,
    command: &MeterCommand,
    direct: &DirectArguments,
) -> Result<bool> {
    if direct.direct.is_some() {
        check_direct(command, direct)?;
    }
    match command {
        MeterCommand::List => errand.simple(Request::Meters).await,
        MeterCommand::Add(arguments) => add::run(errand, arguments).await,
        MeterCommand::Ping { meter } => {
            let meter = meter.to_string();
            errand.work_and_show(Work::Ping { meter }).await
        }
        MeterCommand::Poll { meter } => {
            let meter = meter.to_string();
            errand.work_and_show(Work::Poll { meter }).await
        }
        MeterCommand::Read { meter, part: None } => {
            let meter = meter.to_string();
            errand.simple(Request::ReadMeter { meter }).await
        }
        MeterCommand::Read {
            meter,
            part: Some(part),
        } => {
            let (meter, part) = (meter.to_string(), (*part).into());
            errand.work_and_show(Work::Read { meter, part }).await
        }
        MeterCommand::Instant {
            meter,
            watch: false,
            ..
        } => {
            let meter = meter.to_string();
            errand.work_and_show(Work::Instant { meter }).await
        }
        MeterCommand::Instant { meter, every, .. } => watch(errand, meter, *every).await,
        MeterCommand::Clock { meter } => {
            let meter = meter.to_string();
            errand.work_and_show(Work::Clock { meter }).await
        }
        MeterCommand::DryRun { meter, scheme } => {
            errand.work_and_show(look_by(meter, scheme)?).await
        }
        MeterCommand::Objects { meter } => {
            let meter = meter.to_string();
            errand.work_and_show(Work::Objects { meter }).await
        }
        MeterCommand::Collect(arguments) => errand.work_and_show(collection(arguments)).await,
        MeterCommand::Accept { meter } => {
            let meter = meter.to_string();
            errand.simple(Request::AcceptMeter { meter }).await
        }
        MeterCommand::Keys(command) => keys::run(errand, command).await,
        MeterCommand::Profile(arguments) => {
            profile::run(errand, arguments, direct.direct.is_some()).await
        }
        MeterCommand::Backup { meter, out, force } => {
            backup::take(errand, meter, out, *force).await
        }
        MeterCommand::Compare {
            backup,
            other,
            meter,
        } => {
            let meter = meter.as_ref().map(MeterId::as_str);
            let meter = meter.or_else(|| direct.direct.as_ref().map(|_| DIRECT));
            backup::compare(errand, backup, other.as_deref(), meter).await
        }
    }
}

/// What programming it would write: nothing is written.
fn look_by(meter: &MeterId, scheme: &Path) -> Result<Work> {
    Ok(Work::DryRun {
        meter: meter.to_string(),
        scheme: read_text(scheme, DOCUMENT_BYTES_MAX)?,
    })
}

/// A private gateway has one meter, of one name, and has to be told what it is.
fn check_direct(command: &MeterCommand, direct: &DirectArguments) -> Result<()> {
    let named = match command {
        MeterCommand::List
        | MeterCommand::Add(_)
        | MeterCommand::Keys(_)
        | MeterCommand::Compare { other: Some(_), .. } => return Ok(()),
        MeterCommand::Compare { meter, .. } => meter.as_ref(),
        MeterCommand::Ping { meter }
        | MeterCommand::Poll { meter }
        | MeterCommand::Read { meter, .. }
        | MeterCommand::Instant { meter, .. }
        | MeterCommand::Clock { meter }
        | MeterCommand::Objects { meter }
        | MeterCommand::DryRun { meter, .. }
        | MeterCommand::Accept { meter }
        | MeterCommand::Backup { meter, .. } => Some(meter),
        MeterCommand::Collect(arguments) => Some(&arguments.meter),
        MeterCommand::Profile(arguments) => Some(&arguments.meter),
    };
    check_direct_meter(named, direct)
}

/// The same of a meter that any command names.
pub(super) fn check_direct_meter(named: Option<&MeterId>, direct: &DirectArguments) -> Result<()> {
    if direct.direct.is_none() {
        return Ok(());
    }
    if let Some(named) = named.filter(|named| named.as_str() != DIRECT) {
        bail!(
            "with --direct there is one meter, named `{DIRECT}`; write that instead of `{named}`"
        );
    }
    if direct.model.is_none() {
        bail!(
            "with --direct the meter's model has to be named: --model NAME; \
             `pmuctl --direct PORT bus scan {DIRECT}` says which may fit"
        );
    }
    Ok(())
}

fn collection(arguments: &CollectArguments) -> Work {
    let end = arguments.to.unwrap_or_else(utc);
    let days = Duration::from_hours(24 * COLLECT_DAYS);
    let from = match arguments.from {
        Some(from) => Some(from),
        None if arguments.all => None,
        None => Some(end.before(days)),
    };
    Work::Collect {
        meter: arguments.meter.to_string(),
        from: from.map(Timestamp::seconds),
        to: arguments.to.map(Timestamp::seconds),
        again: arguments.again,
    }
}

/// Looks again and again, until a person has seen enough or the meter fails.
async fn watch<D: GatewayDesk>(
    errand: &mut Errand<'_, D>,
    meter: &MeterId,
    every: Duration,
) -> Result<bool> {
    loop {
        let work = Work::Instant {
            meter: meter.to_string(),
        };
        let job = errand.work(work).await?;
        match &job.state {
            // Ctrl-C is how this ends.
            JobState::Cancelled(_) => return Ok(true),
            JobState::Done(_) if !errand.is_json => {
                let text = format!("{meter}  {}\n\n{}", utc(), show::job::text(&job));
                errand.console.say_anew(&text)?;
            }
            JobState::Done(_) => errand.say_json(&job)?,
            _ => return errand.show(&job),
        }
        tokio::select! {
            biased;
            () = errand.wishes.stop.cancelled() => return Ok(true),
            () = sleep(every.max(WATCH_EVERY_MIN)) => {}
        }
    }
}
