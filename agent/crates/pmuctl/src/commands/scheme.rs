//! Schemes and network maps, offline.

use super::{print, say};
use crate::adapters::clock::utc;
use crate::adapters::files::{read_bytes, read_text, write_new};
use crate::arguments::{MetersCommand, SchemeCommand};
use crate::limits::DOCUMENT_BYTES_MAX;
use anyhow::{Context, Result};
use metering::scheme::{CivilDate, Scheme};
use schemes::scheme::{
    FindingSeverity, Tariff, canonical_text, clock_findings, compare, expand_year, fingerprint,
    may_be_transferred, parse_limits, parse_scheme, validate, zone_named,
};
use schemes::site::{ImportPlan, SiteMap};
use serde_json::json;
use std::path::Path;

/// A scheme to begin with; a test holds it against the reader.
const BEGINNING: &str = include_str!("../../../../../config/schemes/two-rate-all-year.toml");

fn scheme(path: &Path) -> Result<Scheme> {
    let text = read_text(path, DOCUMENT_BYTES_MAX)?;
    Ok(parse_scheme(&path.display().to_string(), &text)?)
}

pub(super) fn run(command: &SchemeCommand, json: bool) -> Result<bool> {
    match command {
        SchemeCommand::New { file } => {
            write_new(file, BEGINNING.as_bytes(), 0o644)?;
            let name = file.display();
            say(
                json,
                &json!({"file": name.to_string()}),
                &format!("{name}: change it, then look at it with `pmuctl scheme validate`\n"),
            )?;
        }
        SchemeCommand::Validate {
            file,
            limits,
            on,
            zone,
        } => return check(file, limits, *on, zone.as_deref(), json),
        SchemeCommand::Show { file } => {
            let scheme = scheme(file)?;
            let (text, print) = (canonical_text(&scheme), fingerprint(&scheme));
            let value = json!({"fingerprint": print.to_string(), "text": text});
            say(json, &value, &format!("{text}\n# fingerprint {print}\n"))?;
        }
        SchemeCommand::Diff { first, second } => return diff(first, second, json),
        SchemeCommand::RateAt { file, date, time } => {
            let scheme = scheme(file)?;
            let rates = Tariff::of(&scheme).rate_at(*date, *time);
            let rates = rates.with_context(|| file.display().to_string())?;
            let (energy, demand) = (rates.energy.to_string(), rates.demand.to_string());
            let why = rates.why.to_string();
            let value = json!({"energy": energy, "demand": demand, "why": why});
            let text = format!("energy {energy}, demand {demand}\n  {why}\n");
            say(json, &value, &text)?;
        }
        SchemeCommand::Year { file, year, zone } => year_of(file, *year, zone, json)?,
        SchemeCommand::Simulate {
            file,
            profile,
            channel,
            zone,
        } => {
            let found = super::simulate::simulate(&scheme(file)?, profile, *channel, zone)?;
            say(json, &found.0, &found.1)?;
            return Ok(found.2);
        }
    }
    Ok(true)
}

fn check(
    file: &Path,
    limits: &Path,
    on: Option<CivilDate>,
    zone: Option<&str>,
    json: bool,
) -> Result<bool> {
    let scheme = scheme(file)?;
    let text = read_text(limits, DOCUMENT_BYTES_MAX)?;
    let limits = parse_limits(&limits.display().to_string(), &text)?;
    let today = u32::try_from(utc().day())
        .ok()
        .and_then(CivilDate::from_day_number);
    let day = on
        .or(today)
        .context("this machine's clock is not set; name the day with --on")?;
    let mut findings = validate(&scheme, &limits.capability, day);
    if let Some(zone) = zone {
        findings.extend(clock_findings(&scheme, &zone_named(zone)?, day));
    }
    let word = |severity| match severity {
        FindingSeverity::Error => "error",
        FindingSeverity::Warning => "warning",
        FindingSeverity::Note => "note",
    };
    let may = may_be_transferred(&findings);
    let values = findings.iter().map(|finding| {
        json!({"severity": word(finding.severity), "page": finding.page, "field": finding.field,
               "problem": finding.problem, "remedy": finding.remedy})
    });
    let values: Vec<_> = values.collect();
    let mut text = String::new();
    for finding in &findings {
        text.extend([format!("{:<8} {finding}\n", word(finding.severity))]);
    }
    let verdict = if may {
        "it can be transferred to meters of this model"
    } else {
        "it must not be transferred: mend the errors first"
    };
    text.extend([format!("{}: {verdict}\n", file.display())]);
    say(
        json,
        &json!({"transferable": may, "findings": values}),
        &text,
    )?;
    Ok(may)
}

fn diff(first: &Path, second: &Path, json: bool) -> Result<bool> {
    let found = compare(&scheme(first)?, &scheme(second)?);
    let values = found.iter().map(|one| {
        json!({"page": one.page, "field": one.field, "first": one.first, "second": one.second})
    });
    let values: Vec<_> = values.collect();
    let mut text = String::new();
    for one in &found {
        let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let (from, to) = (side(&one.first), side(&one.second));
        text.extend([format!("{}.{}: {from} -> {to}\n", one.page, one.field)]);
    }
    if found.is_empty() {
        text.push_str("they say the same\n");
    }
    say(
        json,
        &json!({"same": found.is_empty(), "differences": values}),
        &text,
    )?;
    Ok(found.is_empty())
}

fn year_of(file: &Path, year: u16, zone: &str, json: bool) -> Result<()> {
    let scheme = scheme(file)?;
    let segments = expand_year(Tariff::of(&scheme), &zone_named(zone)?, year);
    let segments = segments.with_context(|| file.display().to_string())?;
    if json {
        let values = segments.iter().map(|one| {
            json!({"from": one.from.to_string(), "to": one.to.to_string(),
                   "energy": one.rates.energy.to_string(),
                   "demand": one.rates.demand.to_string(), "why": one.rates.why.to_string()})
        });
        return print(&format!("{}\n", json!(values.collect::<Vec<_>>())));
    }
    let mut text = String::new();
    for one in &segments {
        let (energy, demand) = (one.rates.energy.to_string(), one.rates.demand.to_string());
        let (from, to, why) = (one.from, one.to, &one.rates.why);
        text.extend([format!(
            "{from}  {to}  energy {energy}  demand {demand}  {why}\n"
        )]);
    }
    print(&text)
}

pub(super) fn meters(command: &MetersCommand, json: bool) -> Result<bool> {
    match command {
        MetersCommand::Import { file, into, out } => {
            let existing = match into {
                Some(path) => map(path)?,
                None => SiteMap::default(),
            };
            let bytes = read_bytes(file, DOCUMENT_BYTES_MAX)?;
            let plan = ImportPlan::of(&file.display().to_string(), &bytes, &existing)?;
            let value = json!({"added": plan.added.len(), "changed": plan.changed.len(),
                "unchanged": plan.unchanged.len(), "untouched": plan.untouched.len(),
                "written": out.as_ref().map(|path| path.display().to_string())});
            let mut text = plan.to_string();
            match out {
                Some(path) => {
                    write_new(path, plan.after().to_csv().as_bytes(), 0o644)?;
                    text.extend([format!("written to {}\n", path.display())]);
                }
                None => text.push_str("nothing was written; --out FILE writes the map\n"),
            }
            say(json, &value, &text)?;
        }
        MetersCommand::Tree { file } => {
            let map = map(file)?;
            let meters = map.meters().map(|meter| {
                json!({"area": meter.area.as_str(), "substation": meter.substation.as_str(),
                       "feeder": meter.feeder.as_ref().map(schemes::site::Label::as_str),
                       "meter": meter.name.to_string()})
            });
            let meters: Vec<_> = meters.collect();
            say(json, &json!(meters), &map.tree().to_string())?;
        }
    }
    Ok(true)
}

pub(super) fn map(path: &Path) -> Result<SiteMap> {
    let bytes = read_bytes(path, DOCUMENT_BYTES_MAX)?;
    let name = path.display().to_string();
    Ok(ImportPlan::of(&name, &bytes, &SiteMap::default())?.after())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_to_begin_with_is_one() {
        let scheme = parse_scheme("beginning.toml", BEGINNING).unwrap();
        let year = expand_year(
            Tariff::of(&scheme),
            &zone_named("Europe/London").unwrap(),
            2027,
        );
        assert!(year.unwrap().len() > 300);
    }
}
