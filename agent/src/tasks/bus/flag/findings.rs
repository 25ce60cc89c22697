//! What was found wrong with a meter's load profile, its clock or its set-up, for the people who
//! look at it: in the doctor's own words.

use super::round::Sitting;
use super::{FlagBook, SessionSaid};
use crate::adapters::clock::Clock;
use crate::limits::{FINDINGS_MAX, FINDINGS_SHOWN_FOR, OVERWRITE_DAYS};
use crate::tasks::bus::work::said;
use desk::Diagnosis;
use line::Line;
use metering::{EventCode, Timestamp};
use meters::doctor::Finding;

/// What was found lately.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// What happened once, with the time at which it was found: L01 and L03.
    happened: Vec<(Timestamp, Finding)>,
    /// L01 of a profile without a row, as long as it is so.
    pub(super) empty: Option<Finding>,
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
        let lasting = self.book.lasting(self.desk.clock.now().utc);
        self.book.brought.found.extend(lasting);
    }
}

impl FlagBook {
    fn overwriting(&self, now: Timestamp) -> Option<Finding> {
        let left = self.memory.overwrite_in_days(now)?;
        (left <= OVERWRITE_DAYS).then_some(Finding::OverwriteIn {
            days: u64::from(left),
        })
    }

    /// Tells once that a meter will overwrite what nobody has read, and once that it may do so now.
    pub(super) fn tell_overwriting(&mut self, clock: &Clock, said: &mut SessionSaid) {
        let now = clock.now().utc;
        let Some(finding) = self.overwriting(now) else {
            return;
        };
        let last = self.memory.held().map(|(_, last)| last);
        let is_late = finding == Finding::OverwriteIn { days: 0 };
        let words = format!("overwrites {last:?} {is_late}");
        if self.known.is_news(&words)
            && let Some(message) = finding.message()
        {
            let code = EventCode::MeterProfileOverwrite;
            said.events.push(self.event(code, message.line(), clock));
        }
    }

    /// Profiles that are empty, L02 and L04, as long as they are so.
    fn lasting(&self, now: Timestamp) -> Vec<Diagnosis> {
        let sums = self.advance.told();
        let sums = sums.map(|verdict| verdict.finding(&self.flag.model));
        let overwriting = self.overwriting(now);
        let lasting = sums.iter().chain(&self.findings.empty);
        let lasting = lasting.chain(&overwriting);
        lasting.filter_map(Finding::message).map(said).collect()
    }

    /// Everything, for the status.
    pub(super) fn found(&self, now: Timestamp) -> Vec<Diagnosis> {
        let happened = self.findings.happened.iter().map(|(_, finding)| finding);
        let shown = happened.chain(&self.findings.clock);
        let mut found: Vec<Diagnosis> = shown.filter_map(Finding::message).map(said).collect();
        found.extend(self.lasting(now));
        found
    }
}
