//! What was there, and what should be: kept by its owner, on the disk before the first write.

use super::fingerprint::Digest;
use super::place::Place;
use super::plan::{PagePlan, Subject};
use crate::dlms::WriteRecord;

/// One page of the backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupPage {
    /// What it is.
    pub name: String,
    /// Where it stood.
    pub place: Place,
    /// What stood there, or why the meter does not say.
    pub held: Result<Vec<u8>, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PageRecord {
    pub(super) plan: PagePlan,
    /// What each item's place, or its witness, held before.
    pub(super) before: Vec<Vec<u8>>,
    pub(super) backup: Vec<BackupPage>,
    pub(super) counter_before: Option<u32>,
    pub(super) is_restoring: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum RecordWork {
    Pages(Box<PageRecord>),
    Dlms(Box<WriteRecord>),
}

/// A meter before it is programmed, and what it should hold then. It has no memory of what was sent:
/// the meter tells that.
#[derive(Debug, Clone, PartialEq)]
pub struct ProgramRecord {
    pub(super) subject: Subject,
    pub(super) work: RecordWork,
}

impl ProgramRecord {
    /// Which meter it is of.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The same, to write back what was there before.
    #[must_use]
    pub fn turned_back(self) -> Self {
        let work = match self.work {
            RecordWork::Pages(pages) => RecordWork::Pages(Box::new(PageRecord {
                is_restoring: true,
                ..*pages
            })),
            RecordWork::Dlms(record) => RecordWork::Dlms(Box::new(record.turned_back())),
        };
        Self { work, ..self }
    }

    /// Whether it is turned back.
    pub fn is_restoring(&self) -> bool {
        match &self.work {
            RecordWork::Pages(pages) => pages.is_restoring,
            RecordWork::Dlms(record) => record.is_restoring(),
        }
    }

    /// Frames that carry once what it writes; none of a record of DLMS.
    pub fn packets(&self) -> usize {
        match &self.work {
            RecordWork::Pages(pages) => {
                let items = pages.plan.items.iter();
                items.map(|item| item.place.pieces().len()).sum()
            }
            RecordWork::Dlms(_) => 0,
        }
    }

    /// Whether stored load profiles are lost by it, or by turning it back: then they have to be read first.
    pub fn clears_profile(&self) -> bool {
        match &self.work {
            RecordWork::Pages(pages) => pages.plan.items.iter().any(|item| item.clears_profile),
            RecordWork::Dlms(record) => record.loses_rows(),
        }
    }

    /// The backup; a record of DLMS keeps its own.
    pub fn backup(&self) -> &[BackupPage] {
        match &self.work {
            RecordWork::Pages(pages) => &pages.backup,
            RecordWork::Dlms(_) => &[],
        }
    }
}

impl PageRecord {
    /// Stands for what the places held before.
    pub(super) fn digest(&self) -> Digest {
        digest_of(&self.plan, &self.before)
    }
}

/// Stands for what the places of a plan hold.
pub(super) fn digest_of(plan: &PagePlan, held: &[Vec<u8>]) -> Digest {
    let names = plan.items.iter().map(|item| item.name.as_bytes());
    let parts = names.zip(held.iter().map(Vec::as_slice));
    Digest::of(parts.flat_map(|(name, octets)| [name, octets]))
}
