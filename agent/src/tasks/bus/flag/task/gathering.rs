//! What a scheme wants read of a meter: the same steps as in the schedule's round, those that it names.

use super::super::round::{Round, Sitting, Step, StepEnd, words};
use super::super::steps::{is_history, is_register};
use super::Slice;
use crate::tasks::storekeeper::Record;
use desk::{GatherResult, GatherWish, Outcome, Progress};
use line::Line;
use meters::catalogue::flag::{FlagIdentity, FlagLayout};
use meters::flag::VisitFault;

/// Reading that goes on over sessions.
#[derive(Debug)]
pub(in super::super) struct Gathering {
    wish: GatherWish,
    round: Option<Round>,
    steps: usize,
    result: GatherResult,
}

impl Gathering {
    pub(super) fn new(wish: GatherWish) -> Self {
        Self {
            wish,
            round: None,
            steps: 0,
            result: GatherResult::default(),
        }
    }
}

impl<L: Line> Sitting<'_, '_, '_, L> {
    pub(super) async fn gathering(
        &mut self,
        gathering: &mut Gathering,
        progress: &mut Progress,
    ) -> Result<Slice, VisitFault> {
        let mut round = match gathering.round.take() {
            Some(round) => round,
            None => self.gather_round(gathering),
        };
        let end = self.gather_on(&mut round, gathering, progress).await;
        gathering.round = Some(round);
        Ok(match end? {
            StepEnd::Later => Slice::More,
            StepEnd::Done => {
                let result = std::mem::take(&mut gathering.result);
                Slice::Done(Outcome::Gathered(result))
            }
        })
    }

    /// The steps of a wish, and what the model cannot give of it.
    fn gather_round(&self, gathering: &mut Gathering) -> Round {
        let wish = gathering.wish;
        let result = &mut gathering.result;
        let mut round = Round::default();
        let sets = |row: &FlagIdentity| matches!(row.layout, FlagLayout::Set { .. });
        let has_sets = wish.billing_sets.is_some();
        if wish.registers || has_sets {
            // What values are multiplied with goes before them.
            let rows = self.rows_where(|row| row.sets == 1 && is_ground(row));
            round.steps.extend(rows.map(|row| Step::Watch(row.number)));
        }
        if wish.registers && self.is_given(is_register, "registers", result) {
            let rows = self.rows_where(is_register);
            round
                .steps
                .extend(rows.map(|row| Step::Register(row.number)));
            result.values = Some(0);
        }
        if wish.events && self.is_given(is_log, "event counters or logs", result) {
            let rows = self.rows_where(is_log);
            round.steps.extend(rows.map(|row| Step::Watch(row.number)));
            result.events = Some(0);
        }
        if has_sets && self.is_given(sets, "billing sets", result) {
            let rows = self.rows_where(sets);
            round
                .steps
                .extend(rows.map(|row| Step::Billing(row.number)));
            result.billing_sets = Some(0);
        }
        let profile = self.visit.model().profile.as_ref();
        let of_profile = |row: &FlagIdentity| {
            let place = profile.map(|profile| profile.identity);
            place == Some(row.number)
        };
        if wish.profile {
            result.has_profile = self.is_given(of_profile, "a load profile", result);
        }
        if wish.instruments {
            result.cannot.push(format!(
                "an instrumentation profile of model {} is not read by this version",
                self.visit.model().id
            ));
        }
        gathering.steps = round.steps.len();
        round
    }

    /// Identities of the model that this session may read.
    fn rows_where(
        &self,
        is_wanted: impl Fn(&FlagIdentity) -> bool,
    ) -> impl Iterator<Item = &FlagIdentity> {
        let rows = self.visit.model().identities_of(&self.visit.variant().id);
        rows.filter(move |row| {
            let is_open = row.read.is_some_and(|level| level <= self.level);
            is_open && is_wanted(row)
        })
    }

    /// Whether there is any such identity; what there is not is told.
    fn is_given(
        &self,
        is_wanted: impl Fn(&FlagIdentity) -> bool,
        what: &str,
        result: &mut GatherResult,
    ) -> bool {
        if self.rows_where(&is_wanted).next().is_some() {
            return true;
        }
        let model = self.visit.model();
        let mut rows = model.identities_of(&self.visit.variant().id);
        let level = rows.find(|row| is_wanted(row)).and_then(|row| row.read);
        result.cannot.push(match level {
            Some(level) => format!(
                "{what}: read from level {level} on, and the session has level {}",
                self.level
            ),
            None => format!("model {} has no {}", model.id, bare(what)),
        });
        false
    }

    async fn gather_on(
        &mut self,
        round: &mut Round,
        gathering: &mut Gathering,
        progress: &mut Progress,
    ) -> Result<StepEnd, VisitFault> {
        progress.total = u64::try_from(gathering.steps).unwrap_or(0);
        while let Some(step) = round.steps.front().cloned() {
            self.desk.pulse.beat();
            let left = u64::try_from(round.steps.len()).unwrap_or(0);
            progress.done = progress.total.saturating_sub(left);
            progress.words = words(&step);
            self.desk.report(progress);
            if !self.has_room(1) {
                return Ok(StepEnd::Later);
            }
            let before = (self.said.records.len(), self.said.events.len());
            let sets = self.sets_kept;
            let end = match step {
                Step::Billing(identity) => {
                    self.billing(identity, gathering.wish.billing_sets).await
                }
                _ => self.step(&step, round).await,
            };
            // Also what came before a fault is kept.
            self.count(&step, before, &mut gathering.result);
            add(&mut gathering.result.billing_sets, self.sets_kept - sets);
            match end {
                Ok(StepEnd::Done) => {}
                Ok(StepEnd::Later) => return Ok(StepEnd::Later),
                Err(fault) if fault.ends_session() => return Err(fault),
                Err(fault) => {
                    let remark = format!("{}: {fault}", words(&step));
                    gathering.result.remarks.push(remark);
                }
            }
            round.steps.pop_front();
        }
        Ok(StepEnd::Done)
    }

    fn count(&self, step: &Step, (records, events): (usize, usize), result: &mut GatherResult) {
        let events = self.said.events.len().saturating_sub(events);
        match step {
            Step::Register(_) => {
                let new = self.said.records.iter().skip(records);
                let values = new.map(|record| match record {
                    Record::Readings(readings) => readings.values.len(),
                    _ => 0,
                });
                add(&mut result.values, count(values.sum()));
            }
            Step::Watch(_) => add(&mut result.events, count(events)),
            Step::Clock | Step::Billing(_) | Step::Profile => {}
        }
    }
}

fn add(to: &mut Option<u64>, more: u64) {
    if let Some(so_far) = to {
        *so_far += more;
    }
}

fn count(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}

fn bare(what: &str) -> &str {
    what.strip_prefix("a ").unwrap_or(what)
}

/// What the values of registers depend on.
fn is_ground(row: &FlagIdentity) -> bool {
    matches!(
        row.layout,
        FlagLayout::Ratio { .. } | FlagLayout::SourceCodes | FlagLayout::SourceGroups { .. }
    )
}

fn is_log(row: &FlagIdentity) -> bool {
    is_history(row) && row.sets == 1
}
