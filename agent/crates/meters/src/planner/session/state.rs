//! One session meter over time: what is due, and whether it answers.

use super::{SessionMeter, SessionPoll};
use crate::limits::{
    RESTORE_WINDOW_MAX, SESSION_RETRY_MAX, SESSION_RETRY_MIN, STAGGER_MAX, WAIT_MIN,
};
use crate::planner::health::Health;
use crate::planner::load::Load;
use crate::planner::marks::Marks;
use crate::planner::meter_state::Stagger;
use crate::planner::poll_state::{Pace, next_due};
use crate::planner::{Happening, MeterState, Now, PlannedMeterStatus, PollId, PollKind, Why};
use metering::{MeterId, Moment, Timestamp};
use std::time::Duration;

#[derive(Debug, Clone)]
pub(crate) struct SessionPlan {
    pub(crate) meter: SessionMeter,
    pub(crate) health: Health,
    pub(crate) not_before: Moment,
    pub(crate) polls: Vec<PollState>,
    pub(crate) load: Load,
    /// What the last sign-on without an answer cost.
    pub(crate) silence_cost: Duration,
    /// Sessions that broke, in a row.
    breaks: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct PollState {
    pub(crate) poll: SessionPoll,
    pub(crate) pace: Pace,
    pub(crate) open: Option<Open>,
    /// From the beginning of a session to its end, as learned from cycles that needed one.
    pub(crate) cost: Duration,
    skipped_cycles: u64,
}

/// A cycle that is due and not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) mark: Option<Timestamp>,
    pub(crate) deadline: Moment,
}

impl SessionPlan {
    pub(crate) fn new(meter: SessionMeter, stagger: Stagger, now: Now) -> Self {
        let mut polls = Vec::new();
        for (place, poll) in (stagger.place..).zip(&meter.polls) {
            let pace = match poll.kind {
                PollKind::Every(period) => {
                    let part = |whole: Duration| whole.saturating_mul(place) / stagger.of.max(1);
                    Pace::Every {
                        period: period.max(WAIT_MIN),
                        due: now.moment.after(part(period.min(STAGGER_MAX))),
                        grid: now.moment.after(part(period)),
                    }
                }
                PollKind::Sample { period } => Pace::Marks(Marks::new(period, now.utc)),
            };
            polls.push(PollState {
                poll: *poll,
                pace,
                open: None,
                cost: poll.cost,
                skipped_cycles: 0,
            });
        }
        Self {
            silence_cost: meter.hold_min,
            meter,
            health: Health::default(),
            not_before: now.moment,
            polls,
            load: Load::new(now.moment),
            breaks: 0,
        }
    }

    pub(crate) fn release(&mut self, now: Now, blame: Why, told: &mut Vec<Happening>) {
        let blame = if self.health.is_sound() || blame == Why::LineGone {
            blame
        } else {
            Why::Silent
        };
        for state in &mut self.polls {
            state.release(&self.meter.id, self.health, now, blame, told);
        }
    }

    /// Polls with a cycle that is due.
    pub(crate) fn due(&self) -> impl Iterator<Item = (PollId, Open)> + '_ {
        let open = |state: &PollState| Some((state.poll.id, state.open?));
        self.polls.iter().filter_map(open)
    }

    /// A poll is due although its time has not come.
    pub(crate) fn make_due(&mut self, poll: PollId, now: Moment) -> bool {
        let state = self.polls.iter_mut().find(|state| state.poll.id == poll);
        match state {
            Some(state) if state.open.is_none() && matches!(state.pace, Pace::Every { .. }) => {
                state.open = Some(Open {
                    mark: None,
                    deadline: now,
                });
                true
            }
            _ => false,
        }
    }

    /// Ends the cycle of a poll.
    pub(crate) fn finish(&mut self, poll: PollId, now: Moment) {
        for state in self.polls.iter_mut().filter(|state| state.poll.id == poll) {
            state.finish(now);
        }
    }

    /// The cycle of a sample was not to be had.
    pub(crate) fn miss(&mut self, poll: PollId, mark: Timestamp, why: Why) -> Option<Happening> {
        let state = self.polls.iter_mut().find(|state| state.poll.id == poll)?;
        state.open.take().filter(|open| open.mark == Some(mark))?;
        if let Pace::Marks(marks) = &mut state.pace {
            marks.settle(mark, mark);
        }
        Some(state.missed(&self.meter.id, mark, mark, why))
    }

    /// A sampled mark took a session of this length.
    pub(crate) fn learn(&mut self, poll: PollId, took: Duration) {
        for state in self.polls.iter_mut().filter(|state| state.poll.id == poll) {
            state.cost = state.cost.saturating_mul(7).saturating_add(took) / 8;
        }
    }

    /// The session broke; the next one waits, longer with every one that breaks too.
    pub(crate) fn broke(&mut self, now: Moment) {
        let wait = SESSION_RETRY_MIN.saturating_mul(1 << self.breaks.min(16));
        self.breaks = self.breaks.saturating_add(1);
        self.not_before = now.after(wait.min(SESSION_RETRY_MAX));
    }

    pub(crate) fn held(&mut self) {
        self.breaks = 0;
    }

    /// What a meter's silence has in store for its successor at the same address.
    pub(crate) fn inherit_line_state(&mut self, old: &Self) {
        self.load = old.load;
        self.health = old.health;
        self.silence_cost = old.silence_cost;
        self.not_before = old.not_before;
        self.breaks = old.breaks;
    }

    /// A mark stays settled under new settings.
    pub(crate) fn inherit_marks(&mut self, old: &Self) {
        for state in &mut self.polls {
            let before = old
                .polls
                .iter()
                .find(|other| other.poll.id == state.poll.id);
            if let Some(before) = before
                && before.poll.kind == state.poll.kind
                && matches!(state.poll.kind, PollKind::Sample { .. })
            {
                state.pace = before.pace.clone();
            }
        }
    }

    pub(crate) fn status(&self) -> PlannedMeterStatus {
        let state = match (self.health.probe_at(), self.health.misses()) {
            (None, _) => MeterState::Healthy,
            (Some(probe_at), 0) => MeterState::Doubtful { probe_at },
            (Some(until), probes) => MeterState::BackingOff { until, probes },
        };
        PlannedMeterStatus {
            id: self.meter.id.clone(),
            state,
            refused: Vec::new(),
            busy_per_mille: self.load.per_mille(),
            turnaround: Duration::ZERO,
            skipped_cycles: self.polls.iter().map(|state| state.skipped_cycles).sum(),
            unvaried_requests: 0,
        }
    }
}

impl PollState {
    fn release(
        &mut self,
        id: &MeterId,
        health: Health,
        now: Now,
        blame: Why,
        told: &mut Vec<Happening>,
    ) {
        match &mut self.pace {
            Pace::Every { period, due, .. } => {
                if self.open.is_none() && *due <= now.moment {
                    self.open = Some(Open {
                        mark: None,
                        deadline: due.after(*period),
                    });
                }
            }
            Pace::Marks(_) => self.release_sample(id, health, now, blame, told),
        }
    }

    fn release_sample(
        &mut self,
        id: &MeterId,
        health: Health,
        now: Now,
        blame: Why,
        told: &mut Vec<Happening>,
    ) {
        let lead = self.lead();
        let Pace::Marks(marks) = &mut self.pace else {
            return;
        };
        if let Some(mark) = self.open.and_then(|open| open.mark) {
            // After a step back the mark comes again.
            if mark > now.utc.after(lead.saturating_mul(2)) {
                self.open = None;
            } else if now.utc >= marks.expiry(mark) || is_hopeless(marks, mark, health, now) {
                self.open = None;
                marks.settle(mark, mark);
                told.push(self.missed(id, mark, mark, blame));
            }
            return;
        }
        let next = marks.next(now.utc);
        let mut passed = Vec::new();
        while let Some(stretch) = marks.passed_over(next) {
            passed.push(stretch);
        }
        if now.utc >= next.before(lead) {
            self.open = Some(Open {
                mark: Some(next),
                deadline: now.moment_of(next),
            });
        }
        for (first, mark) in passed {
            told.push(self.missed(id, first, mark, blame));
        }
    }

    /// How long before its mark a session begins, so that it reads at about the mark.
    pub(crate) fn lead(&self) -> Duration {
        match &self.pace {
            Pace::Marks(marks) => self.cost.min(marks.period().duration() / 4),
            Pace::Every { .. } => Duration::ZERO,
        }
    }

    fn finish(&mut self, now: Moment) {
        let Some(open) = self.open.take() else {
            return;
        };
        match (&mut self.pace, open.mark) {
            (Pace::Marks(marks), Some(mark)) => marks.settle(mark, mark),
            (Pace::Every { period, due, grid }, _) => {
                let (next, skipped) = next_due(*due, *grid, *period, now);
                *due = next;
                *grid = next;
                self.skipped_cycles += skipped;
            }
            (Pace::Marks(_), None) => {}
        }
    }

    fn missed(&self, id: &MeterId, first: Timestamp, mark: Timestamp, why: Why) -> Happening {
        Happening::MarkMissed {
            meter: id.clone(),
            poll: self.poll.id,
            first,
            mark,
            why,
        }
    }
}

/// Whether a silent meter will not be tried again soon enough after the mark.
fn is_hopeless(marks: &Marks, mark: Timestamp, health: Health, now: Now) -> bool {
    let window = (marks.period().duration() / 4).min(RESTORE_WINDOW_MAX);
    let end = mark.after(window);
    let is_too_late = |at: Moment| now.utc >= end || at > now.moment_of(end);
    now.utc >= mark && health.probe_at().is_some_and(is_too_late)
}
