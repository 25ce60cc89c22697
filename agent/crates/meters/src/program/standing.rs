//! How a meter stands to a record, from what was read of it. Pure.

use super::plan::Subject;
use super::plan::{PlanItem, Role};
use super::record::{PageRecord, digest_of};
use super::report::{InForce, ProgramReport, Proof, StepReport, StepState};

/// What was read in one session: of each item its place or its witness.
#[derive(Debug, Clone, Default)]
pub(super) struct Image {
    pub(super) held: Vec<Vec<u8>>,
    pub(super) counter: Option<u32>,
}

/// A counter of two octets, low first.
pub(super) fn counter_of(octets: &[u8]) -> Option<u32> {
    let low = octets.first_chunk::<2>()?;
    Some(u32::from(u16::from_le_bytes(*low)))
}

/// The counter of a witness.
pub(super) fn witnessed(octets: &[u8], at: u16) -> Option<u16> {
    let rest = octets.get(usize::from(at)..)?;
    rest.first_chunk::<2>().copied().map(u16::from_le_bytes)
}

/// How something that is only done stands; a counter begins again behind 65,535.
fn done_state(before: Option<u16>, found: Option<u16>) -> StepState {
    match (before, found) {
        (Some(before), Some(found)) if before == found => StepState::Old,
        (Some(before), Some(found)) if before.wrapping_add(1) == found => StepState::New,
        _ => StepState::Foreign,
    }
}

/// How an item stands.
pub(super) fn state(item: &PlanItem, before: &[u8], found: &[u8], is_restoring: bool) -> StepState {
    match item.role {
        Role::Keep => kept_state(item, before, found),
        // What was done cannot be taken back: on the way back it stands as it is.
        Role::Act { .. } if is_restoring => StepState::Same,
        Role::Act { at, .. } => done_state(witnessed(before, at), witnessed(found, at)),
    }
}

fn kept_state(item: &PlanItem, before: &[u8], found: &[u8]) -> StepState {
    let wanted = item.wanted.as_slice();
    match (found == before, found == wanted) {
        (true, true) => StepState::Same,
        (false, true) => StepState::New,
        (true, false) => StepState::Old,
        (false, false) => {
            let mut pieces = item.place.pieces().into_iter();
            let is_mixed = pieces.all(|(_, range)| {
                let part = found.get(range.clone());
                part == before.get(range.clone()) || part == wanted.get(range)
            });
            if is_mixed {
                StepState::Between
            } else {
                StepState::Foreign
            }
        }
    }
}

/// A record beside what its meter holds.
pub(super) struct Standing<'a> {
    pub(super) subject: &'a Subject,
    pub(super) record: &'a PageRecord,
    pub(super) image: &'a Image,
}

impl<'a> Standing<'a> {
    /// All items with what they were, what they are, and how they stand.
    fn rows(&self) -> impl Iterator<Item = (&'a PlanItem, &'a [u8], &'a [u8], StepState)> {
        let (record, image) = (self.record, self.image);
        let held = image.held.iter().map(Vec::as_slice);
        let before = record.before.iter().map(Vec::as_slice);
        let rows = record.plan.items.iter().zip(before).zip(held);
        rows.map(|((item, before), found)| {
            let state = state(item, before, found, record.is_restoring);
            (item, before, found, state)
        })
    }

    /// What is still to be written, in order, with its octets.
    pub(super) fn todo(&self) -> Vec<(&'a PlanItem, &'a [u8])> {
        let rows = self.rows().filter_map(|(item, before, found, _)| {
            let state = state(item, before, found, self.record.is_restoring);
            match (item.role, self.record.is_restoring) {
                (Role::Keep, true) => (found != before).then_some((item, before)),
                (Role::Keep, false) => {
                    (found != item.wanted).then_some((item, item.wanted.as_slice()))
                }
                (Role::Act { .. }, true) => None,
                (Role::Act { .. }, false) => {
                    (state == StepState::Old).then_some((item, item.wanted.as_slice()))
                }
            }
        });
        rows.collect()
    }

    pub(super) fn has_foreign(&self) -> bool {
        self.rows().any(|(.., state)| state == StepState::Foreign)
    }

    /// Whether something was ever to be written: only then a word puts it in force.
    pub(super) fn has_work(&self) -> bool {
        self.rows().any(|(item, before, ..)| match item.role {
            Role::Keep => before != item.wanted,
            Role::Act { .. } => true,
        })
    }

    pub(super) fn report(&self, in_force: InForce, stopped: Option<String>) -> ProgramReport {
        let steps: Vec<StepReport> = self
            .rows()
            .map(|(item, _, _, state)| StepReport {
                name: item.name.clone(),
                phase: item.phase,
                state,
            })
            .collect();
        let acted = self.rows().filter(|(item, before, found, _)| {
            let Role::Act { at, .. } = item.role else {
                return false;
            };
            self.record.is_restoring && witnessed(before, at) != witnessed(found, at)
        });
        let remarks = acted
            .map(|(item, ..)| format!("{} was done and cannot be taken back", item.name))
            .collect();
        let (record, image) = (self.record, self.image);
        ProgramReport {
            verdict: ProgramReport::judged(&steps, in_force, record.is_restoring),
            steps,
            in_force,
            stopped,
            remarks,
            proof: Proof {
                subject: self.subject.clone(),
                plan: record.plan.digest(),
                before: record.digest(),
                after: digest_of(&record.plan, &image.held),
                counter_before: record.counter_before,
                counter_after: image.counter,
            },
        }
    }
}

#[cfg(test)]
mod tests;
