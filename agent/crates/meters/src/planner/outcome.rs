//! What an exchange's end means for its meter and its job.

use super::job::Job;
use super::meter_state::MeterPlan;
use super::words::Purpose;
use super::{Exchange, Happening, InFlight, Now, Outcome, Planner, Why};
use crate::Span;
use crate::limits::{BUSY_WAIT, LINE_GONE_WAIT, PROBE_SPACING, PROBE_SPACING_BUSY};
use metering::Moment;
use std::time::Duration;

/// Where a job lives.
#[derive(Debug, Clone, Copy)]
enum Slot {
    Poll(usize),
    Command(usize),
}

/// What came back for the front piece of a job.
#[derive(Debug)]
enum Reply<'a> {
    Words { words: &'a [u16], taken: Moment },
    Exception(u8),
    Damaged,
}

impl Planner {
    pub(super) fn settle(&mut self, flight: InFlight, outcome: &Outcome, now: Now) {
        let took = now.moment.since(flight.started);
        let exchange = flight.exchange;
        self.shares
            .account(took, Some(exchange.class), flight.waiting);
        self.load.add(took, now.moment);
        self.line_gone = *outcome == Outcome::LineGone;
        let Some(place) = self.place_of(&exchange.meter) else {
            return;
        };
        if let Some(plan) = self.meters.get_mut(place) {
            plan.load.add(took, now.moment);
        }
        match outcome {
            Outcome::LineGone => self.line_lost(place, &exchange, now),
            // Exceptions 10 and 11 come from a gateway on behalf of a silent meter.
            Outcome::Silent | Outcome::Exception(10 | 11) => {
                self.silent(place, &exchange, took, now);
            }
            Outcome::Words {
                words,
                left_at,
                arrived_at,
            } if words.len() == usize::from(exchange.span.count) => {
                if let Some(plan) = self.meters.get_mut(place) {
                    plan.learn_turnaround(took, exchange.span.count);
                }
                let answer = self.rules.timing.answer(exchange.span.count);
                let thinking = arrived_at.since(*left_at).saturating_sub(answer);
                let taken = left_at.after(thinking / 2);
                self.replied(place, &exchange, &Reply::Words { words, taken }, now);
            }
            Outcome::Exception(code) => {
                self.replied(place, &exchange, &Reply::Exception(*code), now);
            }
            Outcome::Words { .. } | Outcome::Damaged => {
                self.replied(place, &exchange, &Reply::Damaged, now);
            }
        }
    }

    fn replied(&mut self, place: usize, exchange: &Exchange, reply: &Reply<'_>, now: Now) {
        match exchange.purpose {
            Purpose::Probe if matches!(reply, Reply::Damaged) => {
                if let Some(plan) = self.meters.get_mut(place) {
                    plan.health.probe_unclear(now.moment);
                }
                // A command would probe again at once, and for ever.
                self.skip_cycle(place, Why::Damaged, now);
            }
            Purpose::Probe => self.restore(place, now),
            Purpose::Between => {}
            Purpose::Read { job, pad } => {
                let Some((slot, mut work)) = self.take_job(place, job) else {
                    return;
                };
                let Some(plan) = self.meters.get_mut(place) else {
                    return;
                };
                if let (Reply::Words { .. }, Slot::Poll(at), Some(piece)) =
                    (reply, slot, work.front())
                    && let Some(state) = plan.polls.get_mut(at)
                {
                    state.pardon(piece.span());
                }
                let refused = apply(&mut work, plan, exchange.span, pad, reply, now.moment);
                for (span, exception) in refused {
                    self.told.push(Happening::AddressRefused {
                        meter: plan.meter.id.clone(),
                        span,
                        exception,
                    });
                }
                self.put_back(place, slot, work, now);
            }
        }
    }

    /// The meter answers its probe: its polls go on, from now.
    fn restore(&mut self, place: usize, now: Now) {
        let was_dark = !self.meters.iter().any(|plan| plan.health.is_sound());
        let Some(plan) = self.meters.get_mut(place) else {
            return;
        };
        for state in &mut plan.polls {
            state.resume(now.moment);
        }
        if plan.health.answered() {
            let meter = plan.meter.id.clone();
            self.told.push(Happening::MeterBack { meter });
        }
        if was_dark {
            // Nobody answered and one does again: the line was at fault, so ask all.
            self.ask_all_silent(now);
        }
    }

    pub(super) fn ask_all_silent(&mut self, now: Now) {
        for plan in &mut self.meters {
            plan.health.probe_now(now.moment);
        }
        self.probes_from = now.moment;
        self.probes_from_when_busy = now.moment;
    }

    fn silent(&mut self, place: usize, exchange: &Exchange, took: Duration, now: Now) {
        let Some(plan) = self.meters.get_mut(place) else {
            return;
        };
        plan.silence_cost = took;
        if exchange.purpose == Purpose::Probe {
            if plan.health.probe_silent(now.moment) {
                let meter = plan.meter.id.clone();
                self.told.push(Happening::MeterSilent { meter });
            }
            self.probes_from = now.moment.after(took.saturating_mul(PROBE_SPACING));
            self.probes_from_when_busy = now.moment.after(took.saturating_mul(PROBE_SPACING_BUSY));
        } else {
            plan.health.request_silent(now.moment);
            if let Purpose::Read { job, .. } = exchange.purpose {
                plan.strike(job, now.moment);
            }
        }
        self.skip_cycle(place, Why::Silent, now);
    }

    /// Ends what a meter has in progress; samples wait, because the meter may be back in time.
    fn skip_cycle(&mut self, place: usize, why: Why, now: Now) {
        let Some(plan) = self.meters.get_mut(place) else {
            return;
        };
        for state in &mut plan.polls {
            if let Some(job) = state.job.as_mut().filter(|job| job.mark.is_none()) {
                job.abandon(why);
                state.finish(&plan.meter.id, now, &mut self.told);
            }
        }
        let id = plan.meter.id.clone();
        self.fail_commands(why, |command| command.meter == id);
    }

    fn line_lost(&mut self, place: usize, exchange: &Exchange, now: Now) {
        self.hold_until = Some(now.moment.after(LINE_GONE_WAIT));
        if let Some(plan) = self.meters.get_mut(place) {
            plan.health.line_lost(now.moment);
        }
        if let Purpose::Read { job, .. } = exchange.purpose
            && let Some((slot, mut work)) = self.take_job(place, job)
        {
            if work.mark.is_none() {
                work.abandon(Why::LineGone);
            }
            self.put_back(place, slot, work, now);
        }
    }

    fn take_job(&mut self, place: usize, serial: u64) -> Option<(Slot, Job)> {
        let plan = self.meters.get_mut(place)?;
        for (at, state) in plan.polls.iter_mut().enumerate() {
            if state.job.as_ref().is_some_and(|job| job.serial == serial) {
                return Some((Slot::Poll(at), state.job.take()?));
            }
        }
        let mut commands = self.commands.iter_mut().enumerate();
        let (at, command) = commands.find(|(_, command)| command.job.serial == serial)?;
        Some((Slot::Command(at), std::mem::take(&mut command.job)))
    }

    fn put_back(&mut self, place: usize, slot: Slot, job: Job, now: Now) {
        let is_done = job.is_done();
        match slot {
            Slot::Poll(at) => {
                let Some(plan) = self.meters.get_mut(place) else {
                    return;
                };
                if let Some(state) = plan.polls.get_mut(at) {
                    state.job = Some(job);
                    if is_done {
                        state.finish(&plan.meter.id, now, &mut self.told);
                    }
                }
            }
            Slot::Command(at) if is_done => {
                if let Some(command) = self.commands.remove(at) {
                    self.told.push(command.done(job));
                }
            }
            Slot::Command(at) => {
                if let Some(command) = self.commands.get_mut(at) {
                    command.job = job;
                }
            }
        }
    }
}

impl MeterPlan {
    /// Notes that the front block of a job was not answered.
    fn strike(&mut self, serial: u64, now: Moment) {
        for state in &mut self.polls {
            let front = state
                .job
                .as_ref()
                .filter(|job| job.serial == serial)
                .and_then(Job::front)
                .map(super::piece::Piece::span);
            if let Some(span) = front {
                state.strike(span, now);
            }
        }
    }
}

/// Carries a reply into the job. Gives back the values that are now known to be refused, and
/// with which exception.
fn apply(
    job: &mut Job,
    plan: &mut MeterPlan,
    asked: Span,
    pad: Option<Span>,
    reply: &Reply<'_>,
    now: Moment,
) -> Vec<(Span, u8)> {
    match *reply {
        Reply::Words { words, taken } => job.answered(asked, words, taken, &mut plan.ground),
        Reply::Damaged => job.damaged(),
        Reply::Exception(1) => {
            let refused = job.table_refused(&mut plan.ground);
            return refused.into_iter().map(|span| (span, 1)).collect();
        }
        Reply::Exception(code @ (2 | 3)) => {
            let refused = job.refused(pad, code, &mut plan.ground);
            return refused.into_iter().map(|span| (span, code)).collect();
        }
        Reply::Exception(code @ (5 | 6)) => match job.busy() {
            Some(times) => {
                let doublings = u32::from(times).saturating_sub(1);
                plan.not_before = now.after(BUSY_WAIT.saturating_mul(1 << doublings));
            }
            None => job.give_up(Why::Exception(code)),
        },
        Reply::Exception(code) => job.give_up(Why::Exception(code)),
    }
    Vec::new()
}
