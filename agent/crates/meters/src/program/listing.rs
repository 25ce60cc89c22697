//! The dry run: all that would be written, and none of it sent.

use super::fingerprint::hex;
use super::place::Place;
use super::plan::{Announcement, PagePlan, PlanItem, PlanWork, ProgramPlan, Role};
use super::record::{PageRecord, ProgramRecord, RecordWork};
use super::standing::{Image, Standing};
use crate::catalogue::Phase;
use std::fmt;

/// One frame that would be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedWrite {
    /// What people call it.
    pub name: String,
    /// Its phase; none for words that open a meter or put something in force.
    pub phase: Option<Phase>,
    /// Where it goes.
    pub place: Place,
    /// Its octets; none for a password.
    pub octets: Option<Vec<u8>>,
}

impl fmt::Display for PlannedWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}: ", self.name, self.place)?;
        match &self.octets {
            Some(octets) => f.write_str(&hex(octets)),
            None => f.write_str("the password"),
        }
    }
}

impl ProgramRecord {
    /// What would be written to a meter that holds what it held when it was looked at: the dry run.
    /// A record of DLMS tells it attribute by attribute in [`ProgramRecord::lines`].
    pub fn writes(&self) -> Vec<PlannedWrite> {
        let RecordWork::Pages(pages) = &self.work else {
            return Vec::new();
        };
        let image = Image {
            held: pages.before.clone(),
            counter: pages.counter_before,
        };
        let standing = Standing {
            subject: &self.subject,
            record: pages,
            image: &image,
        };
        let todo = standing.todo();
        if todo.is_empty() {
            return Vec::new();
        }
        let word = |word: &Announcement| PlannedWrite {
            name: word.name.clone(),
            phase: None,
            place: word.place,
            octets: word.octets.clone(),
        };
        let writes = todo.into_iter().flat_map(|(item, octets)| {
            let pieces = match item.role {
                Role::Keep => item.place.pieces(),
                Role::Act { .. } => vec![(item.place, 0..item.wanted.len())],
            };
            let pieces = pieces.into_iter().map(|(place, range)| PlannedWrite {
                name: item.name.clone(),
                phase: Some(item.phase),
                place,
                octets: octets.get(range).map(<[u8]>::to_vec),
            });
            pieces.collect::<Vec<_>>()
        });
        let unlock = pages.plan.unlock.iter().map(word);
        let apply = pages.plan.apply.iter().map(word);
        unlock.chain(writes).chain(apply).collect()
    }

    /// The same for people, with what was there before.
    pub fn lines(&self) -> Vec<String> {
        match &self.work {
            RecordWork::Pages(pages) => page_lines(pages),
            RecordWork::Dlms(record) => record.lines(),
        }
    }
}

fn page_lines(record: &PageRecord) -> Vec<String> {
    let rows = record.plan.items.iter().zip(&record.before);
    let lines = rows.map(|(item, before)| match item.role {
        Role::Act { .. } => format!("{}: {} is done once", item.phase, item.name),
        Role::Keep if item.wanted == *before => {
            format!("{}: {} is {} already", item.phase, item.name, item.words)
        }
        Role::Keep => format!(
            "{}: {} becomes {}: {} -> {}",
            item.phase,
            item.name,
            item.words,
            hex(before),
            hex(&item.wanted)
        ),
    });
    lines.collect()
}

impl ProgramPlan {
    /// All steps in the order in which they are taken, for people. Nothing is asked of the meter.
    pub fn steps(&self) -> Vec<String> {
        let mut lines = vec![
            format!("identify: {} `{}`", self.subject.model, self.subject.meter),
            "check: model, firmware, ratios".to_owned(),
            "backup: all that is written, and what stands beside it".to_owned(),
        ];
        if self.clears_profile() {
            lines.push("profile: read it, as it is lost".to_owned());
        }
        lines.push("compare: what differs is written, nothing else".to_owned());
        match &self.work {
            PlanWork::Pages(pages) => lines.extend(pages.steps()),
            PlanWork::Dlms(plan) => lines.extend(plan.lines()),
        }
        lines.push("read back and compare: all of it".to_owned());
        lines.push("proof: before, after, programming counter".to_owned());
        lines
    }
}

impl PagePlan {
    fn steps(&self) -> Vec<String> {
        let word = |word: &Announcement| format!("along: {} -> {}", word.name, word.place);
        let write = |item: &PlanItem| {
            let loss = if item.clears_profile {
                ", which loses the load profile"
            } else {
                ""
            };
            format!(
                "{}: {} = {} -> {}{loss}",
                item.phase, item.name, item.words, item.place
            )
        };
        let unlock = self.unlock.iter().map(word);
        let items = self.items.iter().map(write);
        let apply = self.apply.iter().map(word);
        unlock.chain(items).chain(apply).collect()
    }
}
