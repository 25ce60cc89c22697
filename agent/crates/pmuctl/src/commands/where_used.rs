//! Which meters, and which meter lists, use a scheme.

use super::list::list;
use super::say;
use super::scheme::map;
use crate::table::{Side, Table};
use anyhow::{Context, Result, bail};
use metering::MeterId;
use schemes::list::{Choice, MeterList};
use schemes::scheme::where_used;
use schemes::site::{SchemeName, SiteMap};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// One place where it is used.
#[derive(Debug)]
struct Use {
    file: String,
    /// The list and what it does; none: the map, which says what a meter should hold.
    list: Option<(String, &'static str)>,
    meters: Vec<MeterId>,
}

pub(super) fn show(
    scheme: &SchemeName,
    map_file: Option<&Path>,
    lists: &[PathBuf],
    json: bool,
) -> Result<()> {
    let site = map_file.map(map).transpose()?;
    let mut uses = Vec::new();
    if let (Some(file), Some(site)) = (map_file, &site) {
        uses.push(Use {
            file: file.display().to_string(),
            list: None,
            meters: of_map(scheme, site),
        });
    }
    for file in lists {
        let list = list(file)?;
        let name = file.display().to_string();
        uses.push(Use {
            meters: of_list(scheme, &list, site.as_ref()).with_context(|| name.clone())?,
            list: Some((list.name.to_string(), list.action.word())),
            file: name,
        });
    }
    uses.retain(|one| !one.meters.is_empty());
    let meters: BTreeSet<&MeterId> = uses.iter().flat_map(|one| &one.meters).collect();
    let values = uses.iter().map(|one| {
        let names: Vec<String> = one.meters.iter().map(ToString::to_string).collect();
        json!({"file": one.file, "list": one.list.as_ref().map(|list| &list.0),
               "action": one.list.as_ref().map(|list| list.1), "meters": names})
    });
    let names: Vec<String> = meters.iter().map(ToString::to_string).collect();
    let value = json!({"scheme": scheme.to_string(), "meters": names,
                       "uses": values.collect::<Vec<_>>()});
    say(json, &value, &text(scheme, &uses, meters.len()))
}

fn text(scheme: &SchemeName, uses: &[Use], count: usize) -> String {
    if uses.is_empty() {
        return format!("nothing of this uses {scheme}\n");
    }
    let mut table = Table::new(&[
        ("METER", Side::Left),
        ("USE", Side::Left),
        ("FILE", Side::Left),
    ]);
    for one in uses {
        let what = match &one.list {
            None => "should hold it".to_owned(),
            Some((name, action)) => format!("{action} by list {name}"),
        };
        for meter in &one.meters {
            table.row(&[meter.to_string(), what.clone(), one.file.clone()]);
        }
    }
    format!("{table}{count} meters use {scheme}\n")
}

fn of_map(scheme: &SchemeName, site: &SiteMap) -> Vec<MeterId> {
    let pair = |meter: &schemes::site::SiteMeter| Some((meter.scheme.clone()?, meter.name.clone()));
    let pairs: Vec<(SchemeName, MeterId)> = site.meters().filter_map(pair).collect();
    where_used(scheme, &pairs)
}

/// A folder of a list is what the map has there; without a map only meters that are named are known.
fn of_list(scheme: &SchemeName, list: &MeterList, site: Option<&SiteMap>) -> Result<Vec<MeterId>> {
    let pairs: Vec<(SchemeName, MeterId)> = match site.map(|site| list.tasks(site)) {
        Some(Ok(tasks)) => tasks
            .into_iter()
            .map(|task| (task.scheme, task.meter))
            .collect(),
        Some(Err(faults)) => {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            bail!("{}", faults.join("; "))
        }
        None => {
            let mut pairs = Vec::new();
            for pair in list.pairs.iter().filter(|pair| pair.scheme == *scheme) {
                let Choice::Named(meters) = &pair.meters else {
                    bail!("the list takes a folder of the network map; name the map with --map");
                };
                pairs.extend(meters.iter().map(|meter| (scheme.clone(), meter.clone())));
            }
            pairs
        }
    };
    Ok(where_used(scheme, &pairs))
}
