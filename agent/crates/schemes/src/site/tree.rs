//! The map as areas with substations with feeders with meters, for people.

use super::map::SiteMap;
use super::meter::SiteMeter;
use std::fmt;

/// A whole map, each level in the order of its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree<'a> {
    /// The areas.
    pub areas: Vec<AreaBranch<'a>>,
}

/// An area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AreaBranch<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its substations.
    pub substations: Vec<SubstationBranch<'a>>,
}

/// A substation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubstationBranch<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its feeders; the one without a name holds meters of the substation itself.
    pub feeders: Vec<FeederBranch<'a>>,
}

/// A feeder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeederBranch<'a> {
    /// Its name, or nothing.
    pub name: Option<&'a str>,
    /// Its meters.
    pub meters: Vec<&'a SiteMeter>,
}

impl<'a> Tree<'a> {
    pub(crate) fn of(map: &'a SiteMap) -> Self {
        let mut tree = Self { areas: Vec::new() };
        for meter in map.by_place() {
            tree.add(meter);
        }
        tree
    }

    fn add(&mut self, meter: &'a SiteMeter) {
        let area = branch(
            &mut self.areas,
            |area| area.name == meter.area.as_str(),
            || AreaBranch {
                name: meter.area.as_str(),
                substations: Vec::new(),
            },
        );
        let Some(area) = area else { return };
        let substation = branch(
            &mut area.substations,
            |substation| substation.name == meter.substation.as_str(),
            || SubstationBranch {
                name: meter.substation.as_str(),
                feeders: Vec::new(),
            },
        );
        let Some(substation) = substation else { return };
        let name = meter.feeder.as_ref().map(super::place::Label::as_str);
        let feeder = branch(
            &mut substation.feeders,
            |feeder| feeder.name == name,
            || FeederBranch {
                name,
                meters: Vec::new(),
            },
        );
        if let Some(feeder) = feeder {
            feeder.meters.push(meter);
        }
    }
}

/// The last branch if it is the wanted one, else a new one: meters come in the order of places.
fn branch<T>(
    branches: &mut Vec<T>,
    is_it: impl Fn(&T) -> bool,
    new: impl FnOnce() -> T,
) -> Option<&mut T> {
    if !branches.last().is_some_and(is_it) {
        branches.push(new());
    }
    branches.last_mut()
}

/// One line for each branch and each meter, indented.
impl fmt::Display for Tree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for area in &self.areas {
            writeln!(f, "{}", area.name)?;
            for substation in &area.substations {
                writeln!(f, "  {}", substation.name)?;
                for feeder in &substation.feeders {
                    let name = feeder.name.unwrap_or("(no feeder)");
                    writeln!(f, "    {name}")?;
                    for meter in &feeder.meters {
                        let (model, bus) = (&meter.model, &meter.link.bus);
                        let address = meter.address.as_deref().unwrap_or("-");
                        writeln!(
                            f,
                            "      {}  {model} on {bus}, address {address}",
                            meter.name
                        )?;
                    }
                }
            }
        }
        Ok(())
    }
}
