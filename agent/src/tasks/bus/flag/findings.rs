//! What was found wrong with a meter's load profile, its clock or its set-up, for the people who
//! look at it: in the doctor's own words.

use super::FlagBook;
use super::round::Sitting;
use crate::limits::{FINDINGS_MAX, FINDINGS_SHOWN_FOR};
use crate::tasks::bus::work::said;
use desk::Diagnosis;
use line::Line;
use metering::Timestamp;
use meters::doctor::Finding;

/// What was found lately.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// What happened once, with the time at which it was found: L01 and L03.
    happened: Vec<(Timestamp, Finding)>,
    /// L01 of a profile without a row, as long as it is so.
    pub(super) empty: Option<Finding>,
    /// L04, as long as it is so.
    pub(super) overwriting: Option<Finding>,
    /// T01 to T03, as long as it is so.
    pub(super) clock: Option<Finding>,
}

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Something that happened was found. Returns its message in one line.
    pub(super) fn find(&mut self, finding: &Finding) -> Option<String> {
        let message = finding.message()?;
        let line = message.line();
        let now = self.desk.clock.now().utc;
        let happened = &mut self.book.findings.happened;
        happened.retain(|(at, known)| now < at.after(FINDINGS_SHOWN_FOR) && known != finding);
        if happened.len() >= FINDINGS_MAX {
            happened.remove(0);
        }
        happened.push((now, finding.clone()));
        let found = &mut self.book.brought.found;
        if found.len() < FINDINGS_MAX {
            found.push(said(message));
        }
        Some(line)
    }

    /// What is so, and not only happened, belongs to what a collection brought as well.
    pub(super) fn bring_findings(&mut self) {
        let lasting = self.book.lasting();
        self.book.brought.found.extend(lasting);
    }
}

impl FlagBook {
    /// Profiles that are empty, L02 and L04, as long as they are so.
    fn lasting(&self) -> Vec<Diagnosis> {
        let sums = self.advance.told();
        let sums = sums.map(|verdict| verdict.finding(&self.flag.model));
        let findings = &self.findings;
        let lasting = sums.iter().chain(&findings.empty);
        let lasting = lasting.chain(&findings.overwriting);
        lasting.filter_map(Finding::message).map(said).collect()
    }

    /// Everything, for the status.
    pub(super) fn found(&self) -> Vec<Diagnosis> {
        let happened = self.findings.happened.iter().map(|(_, finding)| finding);
        let shown = happened.chain(&self.findings.clock);
        let mut found: Vec<Diagnosis> = shown.filter_map(Finding::message).map(said).collect();
        found.extend(self.lasting());
        found
    }
}
