//! Importing a network map: all of it is looked at before anything is changed.

use super::map::{SiteMap, clashes};
use super::meter::SiteMeter;
use super::row;
use crate::complaint::{Complaints, Notebook};
use crate::sheet::{self, Row};
use metering::MeterId;
use std::collections::{HashMap, HashSet};
use std::fmt;

/// What a file would do to a map. Nothing is done yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportPlan {
    /// Meters that are new, in the order of the file.
    pub added: Vec<MeterId>,
    /// Meters that would be described in another way.
    pub changed: Vec<Change>,
    /// Meters that are as the map has them.
    pub unchanged: Vec<MeterId>,
    /// Meters of the map that the file does not name: they are left as they are.
    pub untouched: Vec<MeterId>,
    after: SiteMap,
}

/// How one meter would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub meter: MeterId,
    /// Column, what stands there, what would stand there.
    pub cells: Vec<(&'static str, String, String)>,
}

impl ImportPlan {
    /// Reads a file and compares it with the map there is. One mistake in one line, and there is
    /// no plan: a map half imported is worse than none.
    pub fn of(file: &str, bytes: &[u8], existing: &SiteMap) -> Result<Self, Complaints> {
        let mut notes = Notebook::new(file);
        let rows = sheet::read(bytes, &row::COLUMNS, &mut notes);
        let plan = rows.map(|rows| Self::of_rows(&rows, existing, &mut notes));
        notes.finish(plan)
    }

    /// The same, of what was read from a file of either form.
    pub(crate) fn of_rows(rows: &[Row], existing: &SiteMap, notes: &mut Notebook<'_>) -> Self {
        let read = read(rows, notes);
        note_clashes(&read, existing, notes);
        Self::compare(&read, existing)
    }

    fn compare(read: &[(&Row, SiteMeter)], existing: &SiteMap) -> Self {
        let mut plan = Self {
            added: Vec::new(),
            changed: Vec::new(),
            unchanged: Vec::new(),
            untouched: Vec::new(),
            after: existing.clone(),
        };
        for (_, meter) in read {
            let name = meter.name.clone();
            match existing.get(&name) {
                None => plan.added.push(name),
                Some(old) if old == meter => plan.unchanged.push(name),
                Some(old) => plan.changed.push(Change {
                    meter: name,
                    cells: differences(old, meter),
                }),
            }
            plan.after.insert(meter.clone());
        }
        let named: HashSet<&MeterId> = read.iter().map(|(_, meter)| &meter.name).collect();
        let rest = existing.meters().map(|meter| &meter.name);
        plan.untouched = rest.filter(|name| !named.contains(name)).cloned().collect();
        plan
    }

    /// Nothing would be changed.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty()
    }

    /// The map as it is afterwards.
    pub fn after(self) -> SiteMap {
        self.after
    }
}

/// What an operator reads before saying yes.
impl fmt::Display for ImportPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for meter in &self.added {
            writeln!(f, "add     {meter}")?;
        }
        for change in &self.changed {
            for (column, old, new) in &change.cells {
                writeln!(f, "change  {}: {column} `{old}` -> `{new}`", change.meter)?;
            }
        }
        let (added, changed) = (self.added.len(), self.changed.len());
        let (same, rest) = (self.unchanged.len(), self.untouched.len());
        writeln!(
            f,
            "{added} added, {changed} changed, {same} unchanged, {rest} not in the file and left alone"
        )
    }
}

/// The meters of the rows that are sound; a name that stands twice is noted.
fn read<'r>(rows: &'r [Row], notes: &mut Notebook<'_>) -> Vec<(&'r Row, SiteMeter)> {
    let mut lines: HashMap<String, usize> = HashMap::new();
    let mut read = Vec::new();
    for row in rows {
        let name = row.cell("name").to_owned();
        let first = *lines.entry(name.clone()).or_insert(row.line);
        let meter = row::meter(row, notes);
        if first != row.line && !name.is_empty() {
            let problem = format!("the name stands in line {first} too");
            row.note(notes, "name", problem, "give each meter a name of its own");
        } else if let Some(meter) = meter {
            read.push((row, meter));
        }
    }
    read
}

/// What stands twice, in the file or in what remains of the map.
fn note_clashes(read: &[(&Row, SiteMeter)], existing: &SiteMap, notes: &mut Notebook<'_>) {
    let rows: HashMap<&MeterId, &Row> = read
        .iter()
        .map(|(row, meter)| (&meter.name, *row))
        .collect();
    let rest = existing
        .meters()
        .filter(|meter| !rows.contains_key(&meter.name));
    for clash in clashes(rest.chain(read.iter().map(|(_, meter)| meter))) {
        // Two meters that are left alone were so before.
        let Some(row) = rows.get(&clash.meter) else {
            continue;
        };
        let other = match rows.get(&clash.other) {
            Some(other) => format!("{} in line {}", clash.other, other.line),
            None => format!("{}, which the map has already", clash.other),
        };
        let problem = format!("{}: see {other}", clash.problem);
        row.note(
            notes,
            clash.column,
            problem,
            "correct the one that is wrong",
        );
    }
}

fn differences(old: &SiteMeter, new: &SiteMeter) -> Vec<(&'static str, String, String)> {
    let cells = row::cells(old).into_iter().zip(row::cells(new));
    let columns = row::COLUMNS.known.iter().copied().zip(cells);
    let changed = columns.filter(|(_, (old, new))| old != new);
    changed
        .map(|(column, (old, new))| (column, old.into_owned(), new.into_owned()))
        .collect()
}

/// For the fuzzer: what is imported is exported and imported as the same; a refusal says why.
///
/// # Panics
///
/// If that is not so.
pub fn fuzz_site_csv(bytes: &[u8]) {
    match ImportPlan::of("fuzz.csv", bytes, &SiteMap::default()) {
        Ok(plan) => {
            let map = plan.after();
            let text = map.to_csv();
            let again = ImportPlan::of("again.csv", text.as_bytes(), &map);
            assert!(
                again.is_ok_and(|again| again.is_empty()),
                "what was written reads back"
            );
        }
        Err(complaints) => assert!(!complaints.to_string().is_empty(), "a refusal says why"),
    }
}

#[cfg(test)]
mod tests;
