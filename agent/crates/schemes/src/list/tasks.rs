//! From pairs of a list to single meters.

use super::{Choice, MeterList, Pair};
use crate::site::{SchemeName, SiteMap, SiteMeter};
use metering::{BusId, MeterId};
use std::collections::HashMap;

/// One meter with one scheme, and the line it hangs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListTask {
    /// The meter.
    pub meter: MeterId,
    /// The scheme.
    pub scheme: SchemeName,
    /// Its line.
    pub line: BusId,
}

/// Why a list cannot be run on this map.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskFault {
    /// The map has no such meter.
    #[error("there is no meter {0}; add it, or take it out of the list")]
    Unknown(MeterId),
    /// Nothing is to be done.
    #[error("no meter of the map is in {0}; put the map, or correct the folder or its filter")]
    Empty(String),
    /// A meter can hold one scheme only.
    #[error("{meter} would be given both {one} and {other}; leave it in one pair")]
    TwoSchemes {
        /// The meter.
        meter: MeterId,
        /// What the first pair says.
        one: SchemeName,
        /// What a later one says.
        other: SchemeName,
    },
}

impl MeterList {
    /// The meters of this list in a map, each with its scheme, in the order of the list. A meter
    /// that two pairs name with one scheme is there once.
    pub fn tasks(&self, map: &SiteMap) -> Result<Vec<ListTask>, Vec<TaskFault>> {
        self.tasks_at(map, |meter| Some(map.get(meter)?.link.bus.clone()))
    }

    /// The same for a gateway, which knows itself on which line a meter hangs. A map may hold meters of
    /// other gateways: of a folder only those are taken that hang here.
    pub fn tasks_at(
        &self,
        map: &SiteMap,
        line_of: impl Fn(&MeterId) -> Option<BusId>,
    ) -> Result<Vec<ListTask>, Vec<TaskFault>> {
        let (mut tasks, mut faults) = (Vec::<ListTask>::new(), Vec::new());
        let mut schemes: HashMap<MeterId, Vec<SchemeName>> = HashMap::new();
        for pair in &self.pairs {
            for (meter, line) in chosen(pair, map, &line_of, &mut faults) {
                let known = schemes.entry(meter.clone()).or_default();
                if known.contains(&pair.scheme) {
                    continue;
                }
                if let Some(one) = known.first().filter(|_| self.action.writes()) {
                    faults.push(TaskFault::TwoSchemes {
                        meter: meter.clone(),
                        one: one.clone(),
                        other: pair.scheme.clone(),
                    });
                    continue;
                }
                known.push(pair.scheme.clone());
                tasks.push(ListTask {
                    meter,
                    scheme: pair.scheme.clone(),
                    line,
                });
            }
        }
        if faults.is_empty() {
            Ok(tasks)
        } else {
            Err(faults)
        }
    }
}

/// The meters of a pair, each with its line.
fn chosen(
    pair: &Pair,
    map: &SiteMap,
    line_of: &impl Fn(&MeterId) -> Option<BusId>,
    faults: &mut Vec<TaskFault>,
) -> Vec<(MeterId, BusId)> {
    let here = |name: &MeterId| Some((name.clone(), line_of(name)?));
    match &pair.meters {
        Choice::Named(names) => {
            let known = |name: &MeterId| {
                let meter = here(name);
                if meter.is_none() {
                    faults.push(TaskFault::Unknown(name.clone()));
                }
                meter
            };
            names.iter().filter_map(known).collect()
        }
        Choice::Folder {
            folder,
            protocol,
            model,
        } => {
            let fits = |meter: &&SiteMeter| {
                meter.is_in(folder)
                    && protocol.is_none_or(|protocol| meter.protocol == protocol)
                    && model.as_ref().is_none_or(|model| meter.model == *model)
            };
            let fitting = map.meters().filter(fits);
            let meters: Vec<_> = fitting.filter_map(|meter| here(&meter.name)).collect();
            if meters.is_empty() {
                faults.push(TaskFault::Empty(folder.to_string()));
            }
            meters
        }
    }
}
