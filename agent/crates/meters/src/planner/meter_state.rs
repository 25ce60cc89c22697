//! One meter over time: its registers, its health, its pace.

use super::ground::Ground;
use super::health::Health;
use super::load::Load;
use super::piece::Recent;
use super::poll_state::{PollState, Turn, View};
use super::words::Rules;
use super::{MeterState, Now, PlannedMeter, PlannedMeterStatus};
use crate::limits::{STAGGER_MAX, TURNAROUND_MAX};
use crate::planner::PollKind;
use metering::Moment;
use std::time::Duration;

#[derive(Debug, Clone)]
pub(crate) struct MeterPlan {
    pub(crate) meter: PlannedMeter,
    pub(crate) ground: Ground,
    pub(crate) health: Health,
    pub(crate) recent: Recent,
    pub(crate) turnaround: Duration,
    /// What the last request without an answer cost.
    pub(crate) silence_cost: Duration,
    pub(crate) not_before: Moment,
    pub(crate) polls: Vec<PollState>,
    pub(crate) unvaried_requests: u64,
    pub(crate) load: Load,
    rules: Rules,
}

/// The place of a poll among all polls of a bus, so that they do not all begin at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stagger {
    pub(crate) place: u32,
    pub(crate) of: u32,
}

impl MeterPlan {
    pub(crate) fn new(meter: PlannedMeter, stagger: Stagger, rules: Rules, now: Now) -> Self {
        let values = meter.polls.iter().flat_map(|poll| &poll.wanted).copied();
        let ground = Ground::new(meter.max_count, meter.holes.clone(), values.collect());
        let silence_cost = rules
            .timing
            .silent(meter.min_gap, meter.turnaround, meter.probe.count);
        let mut polls: Vec<PollState> = Vec::new();
        for (place, poll) in (stagger.place..).zip(&meter.polls) {
            let pause = match poll.kind {
                PollKind::Every(period) => period,
                PollKind::Sample { .. } => Duration::ZERO,
            };
            let part = |whole: Duration| whole.saturating_mul(place) / stagger.of.max(1);
            let first = now.moment.after(part(pause.min(STAGGER_MAX)));
            let grid = now.moment.after(part(pause));
            polls.push(PollState::new(poll.clone(), first, grid, now));
        }
        let mut plan = Self {
            turnaround: meter.turnaround,
            meter,
            ground,
            health: Health::default(),
            recent: Recent::default(),
            silence_cost,
            not_before: now.moment,
            polls,
            unvaried_requests: 0,
            load: Load::new(now.moment),
            rules,
        };
        plan.estimate();
        plan
    }

    /// What each poll will cost, before it has run.
    fn estimate(&mut self) {
        let (view, polls) = self.parts();
        for state in polls {
            let (pieces, _) = view.blocks(&state.poll.wanted);
            state.cost = view.cost(&pieces);
        }
    }

    fn parts(&mut self) -> (View<'_>, &mut Vec<PollState>) {
        let view = View {
            id: &self.meter.id,
            ground: &self.ground,
            health: self.health,
            min_gap: self.meter.min_gap,
            turnaround: self.turnaround,
            rules: self.rules,
        };
        (view, &mut self.polls)
    }

    pub(crate) fn view(&self) -> View<'_> {
        View {
            id: &self.meter.id,
            ground: &self.ground,
            health: self.health,
            min_gap: self.meter.min_gap,
            turnaround: self.turnaround,
            rules: self.rules,
        }
    }

    pub(crate) fn release(&mut self, turn: &mut Turn<'_>) {
        let (view, polls) = self.parts();
        for poll in polls {
            poll.release(view, turn);
        }
    }

    /// What this meter's silence already has in store for its successor under the same name or
    /// address: late answers do not care about configurations.
    pub(crate) fn inherit_line_state(&mut self, old: &Self) {
        self.recent = old.recent;
        self.load = old.load;
        self.health = old.health;
        self.silence_cost = old.silence_cost;
        self.not_before = old.not_before;
    }

    /// A mark stays settled under new settings, if the poll kept its name and period.
    pub(crate) fn inherit_marks(&mut self, old: &Self) {
        for state in &mut self.polls {
            let before = old.polls.iter().find(|poll| poll.poll.id == state.poll.id);
            if let Some(before) = before
                && before.poll.kind == state.poll.kind
                && matches!(state.poll.kind, PollKind::Sample { .. })
            {
                state.pace = before.pace.clone();
            }
        }
    }

    /// Learns from an exchange of `count` registers that took `took` in all.
    pub(crate) fn learn_turnaround(&mut self, took: Duration, count: u16) {
        let line = self
            .rules
            .timing
            .without_turnaround(self.meter.min_gap, count);
        let seen = took.saturating_sub(line).min(TURNAROUND_MAX);
        self.turnaround = self.turnaround.saturating_mul(7).saturating_add(seen) / 8;
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
            refused: self.ground.refused().collect(),
            busy_per_mille: self.load.per_mille(),
            turnaround: self.turnaround,
            skipped_cycles: self.polls.iter().map(|poll| poll.skipped_cycles).sum(),
            unvaried_requests: self.unvaried_requests,
        }
    }
}
