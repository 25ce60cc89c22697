//! What a record says of a meter before anything is written: what it holds, where that differs, and
//! every write that there would be. Pure; nothing is sent.

use super::dlms::digest_of;
use super::fingerprint::{Digest, hex, whole_hex};
use super::listing::PlannedWrite;
use super::plan::Role;
use super::record::{PageRecord, ProgramRecord, RecordWork};
use crate::dlms::{Contents, WriteRecord};
use std::fmt;

/// One thing that is programmed, as each side has it, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparedItem {
    /// What it is: a setting of a page, or an attribute.
    pub name: String,
    /// What should be there.
    pub scheme: String,
    /// What is there.
    pub meter: String,
    /// What was there when it was last proven.
    pub known: Option<String>,
    /// Whether programming would change it.
    pub is_to_change: bool,
    /// Whether it is not what it was: someone else was there.
    pub is_foreign_change: bool,
}

impl fmt::Display for ComparedItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: scheme {}, meter {}",
            self.name, self.scheme, self.meter
        )?;
        if let Some(known) = &self.known {
            write!(f, ", last known {known}")?;
        }
        if self.is_foreign_change {
            f.write_str(" (changed by someone else)")?;
        }
        Ok(())
    }
}

/// One write that there would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DryWrite {
    /// `tariff`, `setting`, `along`: when.
    pub phase: String,
    /// What people call it.
    pub name: String,
    /// Where it goes.
    pub place: String,
    /// What is there; none where something is done and not kept.
    pub before: Option<String>,
    /// What is written or done.
    pub after: String,
    /// Whether stored load profiles are lost with it.
    pub clears_profile: bool,
}

impl fmt::Display for DryWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.phase, self.name)?;
        if self.place != self.name {
            write!(f, " at {}", self.place)?;
        }
        match &self.before {
            Some(before) => write!(f, ": {before} -> {}", self.after)?,
            None => write!(f, ": {}", self.after)?,
        }
        if self.clears_profile {
            f.write_str(" (the load profile is lost)")?;
        }
        Ok(())
    }
}

impl ProgramRecord {
    /// Stands for what the meter held when it was looked at: a precondition of the next command.
    pub fn held(&self) -> Digest {
        match &self.work {
            RecordWork::Pages(pages) => pages.digest(),
            RecordWork::Dlms(record) => {
                let contents = record.contents();
                digest_of(contents.iter().map(|one| (one.attribute, &one.held)))
            }
        }
    }

    /// The meter's own counter of programming sessions then, if it has one.
    pub fn programmings(&self) -> Option<u32> {
        match &self.work {
            RecordWork::Pages(pages) => pages.counter_before,
            RecordWork::Dlms(_) => None,
        }
    }

    /// Whether a layout of it is the simulator's own.
    pub fn is_provisional(&self) -> bool {
        matches!(&self.work, RecordWork::Pages(pages) if pages.plan.provisional.is_some())
    }

    /// Every write there would be, in order; none where the meter holds all of it.
    pub fn dry_run(&self) -> Vec<DryWrite> {
        match &self.work {
            RecordWork::Pages(pages) => {
                let writes = self.writes().into_iter();
                writes.map(|write| page_write(pages, write)).collect()
            }
            RecordWork::Dlms(record) => {
                let steps = record.dry_run().into_iter();
                let writes = steps.map(|step| DryWrite {
                    phase: "tariff".to_owned(),
                    name: step.place.clone(),
                    place: step.place,
                    before: step.before,
                    after: step.after,
                    clears_profile: step.loses_rows,
                });
                writes.collect()
            }
        }
    }

    /// All that it is about: what should be there, what is, and what was when `known`, a record that
    /// was carried out, was proven.
    pub fn compared(&self, known: Option<&Self>) -> Vec<ComparedItem> {
        match (&self.work, known.map(|known| &known.work)) {
            (RecordWork::Pages(pages), Some(RecordWork::Pages(known))) => {
                compared_pages(pages, Some(known))
            }
            (RecordWork::Pages(pages), _) => compared_pages(pages, None),
            (RecordWork::Dlms(record), Some(RecordWork::Dlms(known))) => {
                compared_attributes(record, Some(known))
            }
            (RecordWork::Dlms(record), _) => compared_attributes(record, None),
        }
    }
}

fn page_write(pages: &PageRecord, write: PlannedWrite) -> DryWrite {
    let rows = pages.plan.items.iter().zip(&pages.before);
    let mut rows = rows.filter(|(item, _)| write.phase.is_some() && item.name == write.name);
    let row = rows.next();
    let before = row.filter(|(item, _)| item.role == Role::Keep);
    let before = before.and_then(|(item, before)| {
        let pieces = item.place.pieces().into_iter();
        let mut pieces = pieces.filter(|(place, _)| *place == write.place);
        let (_, range) = pieces.next()?;
        // A packet has 64 octets at most: whoever signs sees all of them.
        before.get(range).map(whole_hex)
    });
    let phase = write.phase;
    DryWrite {
        phase: phase.map_or_else(|| "along".to_owned(), |phase| phase.to_string()),
        name: write.name,
        place: write.place.to_string(),
        before,
        after: write
            .octets
            .map_or_else(|| "the password".to_owned(), |octets| whole_hex(&octets)),
        clears_profile: row.is_some_and(|(item, _)| item.clears_profile),
    }
}

fn compared_pages(record: &PageRecord, known: Option<&PageRecord>) -> Vec<ComparedItem> {
    let rows = record.plan.items.iter().zip(&record.before);
    let kept = rows.filter(|(item, _)| item.role == Role::Keep);
    let compared = kept.map(|(item, held)| {
        let before = known.and_then(|known| {
            let mut items = known.plan.items.iter();
            items.find(|one| one.place == item.place && one.role == Role::Keep)
        });
        ComparedItem {
            name: item.name.clone(),
            scheme: format!("{} ({})", item.words, hex(&item.wanted)),
            meter: hex(held),
            known: before.map(|before| hex(&before.wanted)),
            is_to_change: item.wanted != *held,
            is_foreign_change: before.is_some_and(|before| before.wanted != *held),
        }
    });
    compared.collect()
}

fn compared_attributes(record: &WriteRecord, known: Option<&WriteRecord>) -> Vec<ComparedItem> {
    let known = known.map(WriteRecord::contents).unwrap_or_default();
    // What waits, and when it comes into force, goes when it has come: it says nothing of who was there.
    let is_kept = |class: u16, number: i8| class != 20 || (2..=5).contains(&number);
    let rows = record.contents().into_iter().map(|one| {
        let mut before = known.iter();
        let before = before.find(|before| {
            before.attribute == one.attribute && is_kept(one.attribute.class, one.attribute.number)
        });
        ComparedItem {
            name: one.attribute.to_string(),
            scheme: one.wanted_text(),
            meter: one.held_text(),
            is_to_change: !one.is_like(&one.wanted, &one.held),
            is_foreign_change: before.is_some_and(|before| !one.is_like(&before.wanted, &one.held)),
            known: before.map(Contents::wanted_text),
        }
    });
    rows.collect()
}
