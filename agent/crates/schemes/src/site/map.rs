//! All meters of a site, and the file they are kept in.

use super::meter::SiteMeter;
use super::place::Folder;
use super::row;
use super::tree::Tree;
use crate::sheet;
use metering::{BusId, MeterId};
use std::collections::{BTreeMap, HashMap};

/// The columns of a network map, in the order in which they are written.
pub const CSV_COLUMNS: &[&str] = row::COLUMNS.known;

/// Those without which there is no map.
pub(crate) const NEEDED_COLUMNS: &[&str] = row::COLUMNS.needed;

/// All meters of a site, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SiteMap {
    meters: BTreeMap<MeterId, SiteMeter>,
}

/// Two meters that cannot both be as they are described.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Clash {
    /// The one that comes later by name, or in a file by line.
    pub meter: MeterId,
    /// The other one.
    pub other: MeterId,
    /// The column that should differ, or be the same.
    pub column: &'static str,
    /// What is the same, or differs.
    pub problem: String,
}

impl SiteMap {
    /// The meter of this name.
    pub fn get(&self, name: &MeterId) -> Option<&SiteMeter> {
        self.meters.get(name)
    }

    /// All meters, by name.
    pub fn meters(&self) -> impl Iterator<Item = &SiteMeter> {
        self.meters.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.meters.len()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.meters.is_empty()
    }

    /// Adds a meter, or takes it for the one of its name; nothing is changed where it clashes.
    pub fn put(&mut self, meter: SiteMeter) -> Result<(), Clash> {
        let mut tried = self.clone();
        let name = meter.name.clone();
        tried.meters.insert(name, meter);
        if let Some(clash) = tried.clashes().into_iter().next() {
            return Err(clash);
        }
        *self = tried;
        Ok(())
    }

    /// Takes a meter out.
    pub fn remove(&mut self, name: &MeterId) -> Option<SiteMeter> {
        self.meters.remove(name)
    }

    pub(crate) fn insert(&mut self, meter: SiteMeter) {
        self.meters.insert(meter.name.clone(), meter);
    }

    /// The meters of a place, by name.
    pub fn in_folder<'a>(&'a self, folder: &'a Folder) -> impl Iterator<Item = &'a SiteMeter> {
        self.meters().filter(|meter| meter.is_in(folder))
    }

    /// The line each meter hangs on: meters of one line are spoken to one after the other.
    pub fn lines(&self) -> BTreeMap<MeterId, BusId> {
        self.meters()
            .map(|meter| (meter.name.clone(), meter.link.bus.clone()))
            .collect()
    }

    /// By area, substation, feeder and name.
    pub(crate) fn by_place(&self) -> Vec<&SiteMeter> {
        let mut meters: Vec<&SiteMeter> = self.meters().collect();
        meters.sort_by_key(|meter| (&meter.area, &meter.substation, &meter.feeder, &meter.name));
        meters
    }

    /// The map as a tree.
    pub fn tree(&self) -> Tree<'_> {
        Tree::of(self)
    }

    /// The map as a CSV file that reads back as the same map. Cells that a spreadsheet would run
    /// as a formula begin with an apostrophe.
    pub fn to_csv(&self) -> String {
        sheet::write(CSV_COLUMNS, self.by_place().into_iter().map(row::cells))
    }

    /// Meters that cannot both be right.
    pub(crate) fn clashes(&self) -> Vec<Clash> {
        clashes(self.meters())
    }
}

/// Serial numbers, metering points and addresses that stand twice, lines that are described in two
/// ways. Each meter is compared with the first that has the same.
pub(crate) fn clashes<'a>(meters: impl Iterator<Item = &'a SiteMeter>) -> Vec<Clash> {
    let mut found = Vec::new();
    let mut seen: HashMap<(&'static str, String), &SiteMeter> = HashMap::new();
    let mut lines: HashMap<&BusId, &SiteMeter> = HashMap::new();
    for meter in meters {
        for (column, same, problem) in identifiers(meter) {
            let other = *seen.entry((column, same)).or_insert(meter);
            if other.name != meter.name {
                found.push(Clash {
                    meter: meter.name.clone(),
                    other: other.name.clone(),
                    column,
                    problem,
                });
            }
        }
        let other = *lines.entry(&meter.link.bus).or_insert(meter);
        if let Some(column) = difference(meter, other) {
            let bus = &meter.link.bus;
            found.push(Clash {
                meter: meter.name.clone(),
                other: other.name.clone(),
                column,
                problem: format!("bus {bus} is described in two ways"),
            });
        }
    }
    found
}

/// What only one meter may have.
fn identifiers(meter: &SiteMeter) -> impl Iterator<Item = (&'static str, String, String)> {
    let serial = meter.serial.as_ref().map(|serial| {
        // Numbers of two makers may be the same by chance; of one model they are not.
        let same = format!(
            "{}/{}",
            meter.model,
            serial.as_str().trim_start_matches('0')
        );
        (
            "serial",
            same,
            format!(
                "serial number {serial} of model {} stands twice",
                meter.model
            ),
        )
    });
    let utility = meter.utility_serial.as_ref().map(|serial| {
        (
            "utility-serial",
            serial.to_string(),
            format!("utility serial number {serial} stands twice"),
        )
    });
    let mpan = meter.mpan.as_ref().map(|mpan| {
        // Main and check meter share a metering point, two main meters do not; a map cannot tell.
        let same = format!("{mpan}/{:?}", meter.serial);
        (
            "mpan",
            same,
            format!("metering point {mpan} with the same serial number stands twice"),
        )
    });
    let bus = &meter.link.bus;
    let own = if meter.link.connection.is_for_one_meter() {
        (
            "bus",
            bus.to_string(),
            format!("an optical head reads one meter, and bus {bus} has two"),
        )
    } else {
        let same = format!("{bus}/{}", meter.line_name());
        let problem = match (&meter.address, &meter.number) {
            (Some(address), _) => format!("address {address} stands twice on bus {bus}"),
            (None, Some(_)) => format!("one number without an address stands twice on bus {bus}"),
            (None, None) => format!("two meters of bus {bus} have no address"),
        };
        ("address", same, problem)
    };
    [serial, utility, mpan, Some(own)].into_iter().flatten()
}

/// The first column in which the lines of two meters of one bus differ.
fn difference(one: &SiteMeter, other: &SiteMeter) -> Option<&'static str> {
    let (one, other) = (&one.link, &other.link);
    let differs = [
        ("connection", one.connection != other.connection),
        ("device", one.device != other.device),
        ("host", one.host != other.host),
        ("baud", one.baud != other.baud),
        ("framing", one.framing != other.framing),
    ];
    differs
        .into_iter()
        .find_map(|(column, differs)| differs.then_some(column))
}
