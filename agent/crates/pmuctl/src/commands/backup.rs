//! Backups of meters, and what changed since.

use crate::adapters::replace;
use crate::backup::{Backup, Identity};
use crate::compare::Comparison;
use crate::errand::{Errand, unexpected};
use crate::limits::BACKUP_BYTES_MAX;
use anyhow::{Context, Result, bail};
use desk::{GatewayDesk, Outcome, Work};
use metering::MeterId;
use std::path::Path;

/// Writes a backup to a file.
pub(super) async fn take<D: GatewayDesk>(
    errand: &mut Errand<'_, D>,
    meter: &MeterId,
    out: &Path,
    may_replace: bool,
) -> Result<bool> {
    // A meter is not to be read for minutes for the sake of this complaint.
    if out.exists() && !may_replace {
        bail!(
            "{}: this file exists; name another one, or replace it with --force",
            out.display()
        );
    }
    let Some(backup) = fresh(errand, meter.as_str()).await? else {
        return Ok(false);
    };
    replace::write_new(out, &backup.text()?, may_replace)?;
    if errand.is_json {
        errand.say_json(&backup)?;
        return Ok(true);
    }
    let count = |holds: &dyn Fn(&Identity) -> bool| {
        let identities = backup.identities.iter();
        identities.filter(|identity| holds(identity)).count()
    };
    let read = count(&Identity::was_read);
    let refused = count(&|identity| !identity.refused.is_empty());
    let left_out = match count(&|identity| !identity.left_out.is_empty()) {
        0 => String::new(),
        left_out => format!("; {left_out} are left out on purpose (secrets, rows of profiles)"),
    };
    errand.console.say(&format!(
        "{read} identities of {meter} are in {}; {refused} were refused{left_out}\n",
        out.display()
    ))?;
    Ok(true)
}

/// Compares a backup with a later one, or with the meter. `false`: settings differ.
pub(super) async fn compare<D: GatewayDesk>(
    errand: &mut Errand<'_, D>,
    before: &Path,
    after: Option<&Path>,
    meter: Option<&str>,
) -> Result<bool> {
    let before = read(before)?;
    let after = if let Some(after) = after {
        read(after)?
    } else {
        let meter = meter.unwrap_or(&before.meter).to_owned();
        let Some(backup) = fresh(errand, &meter).await? else {
            return Ok(false);
        };
        backup
    };
    let comparison = Comparison::of(&before, &after);
    if errand.is_json {
        errand.say_json(&comparison)?;
    } else {
        errand.console.say(&comparison.text())?;
    }
    Ok(comparison.is_same())
}

async fn fresh<D: GatewayDesk>(errand: &mut Errand<'_, D>, meter: &str) -> Result<Option<Backup>> {
    let meter = meter.to_owned();
    match errand.outcome(Work::Backup { meter }).await? {
        None => Ok(None),
        Some(Outcome::Backup(result)) => {
            let backup = Backup::taken(&result);
            Ok(Some(backup.context("the gateway's answer is no backup")?))
        }
        Some(_) => bail!(unexpected()),
    }
}

fn read(path: &Path) -> Result<Backup> {
    let remedy = "name a file that `pmuctl meter backup` wrote";
    let text = replace::read(path, BACKUP_BYTES_MAX, remedy)?;
    Backup::parse(&text).with_context(|| path.display().to_string())
}
