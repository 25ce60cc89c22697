//! What comes from outside beside the ends of exchanges: commands, second looks, new settings,
//! steps of the clock.

use super::job::Job;
use super::meter_state::{MeterPlan, Stagger};
use super::poll_state::{Pace, Turn};
use super::{Command, CommandRefused, CommandRequest, Now, PlannedMeter, Planner, PollId, Why};
use crate::limits::{COMMAND_VALUES_MAX, COMMANDS_MAX};
use metering::{MeterId, Moment, Timestamp};

impl Planner {
    /// A read that a person asked for.
    pub fn command(&mut self, request: CommandRequest) -> Result<(), CommandRefused> {
        if self.commands.len() >= COMMANDS_MAX {
            return Err(CommandRefused::Busy {
                waiting: self.commands.len(),
            });
        }
        if request.spans.len() > COMMAND_VALUES_MAX {
            return Err(CommandRefused::TooMuch {
                asked: request.spans.len(),
                most: COMMAND_VALUES_MAX,
            });
        }
        let plan = self
            .place_of(&request.meter)
            .and_then(|place| self.meters.get(place));
        let Some(plan) = plan else {
            return Err(CommandRefused::UnknownMeter(request.meter));
        };
        let (pieces, left_out) = plan.view().blocks(&request.spans);
        self.serial += 1;
        let job = Job::new(self.serial, None, Moment::default(), pieces, left_out);
        self.commands.push_back(Command {
            token: request.token,
            meter: request.meter,
            job,
        });
        Ok(())
    }

    /// Reads a poll once more, for a value that is hard to believe. False if that is not possible
    /// now: the mark is too old, or the poll is running again already.
    pub fn read_again(
        &mut self,
        meter: &MeterId,
        poll: PollId,
        mark: Option<Timestamp>,
        now: Now,
    ) -> bool {
        let Some(place) = self.place_of(meter) else {
            return false;
        };
        let Some(plan) = self.meters.get_mut(place) else {
            return false;
        };
        let view = plan.view();
        let Some(at) = plan.polls.iter().position(|state| state.poll.id == poll) else {
            return false;
        };
        let Some(mut state) = plan.polls.get(at).cloned() else {
            return false;
        };
        let is_in_time = match (&state.pace, mark) {
            (Pace::Marks(marks), Some(mark)) => now.utc < marks.expiry(mark),
            (Pace::Every { .. }, None) => true,
            _ => false,
        };
        if !is_in_time || state.job.is_some() || !view.health.is_sound() {
            return false;
        }
        let mut turn = Turn {
            now,
            bursts: &[],
            blame: Why::Late,
            serial: &mut self.serial,
            told: &mut self.told,
        };
        state.start(mark, now.moment, view, &mut turn);
        if let Some(slot) = plan.polls.get_mut(at) {
            *slot = state;
        }
        true
    }

    /// New settings: a meter that did not change is not disturbed. What is known of a meter's
    /// silence and of its last answers' lengths survives a change, because late answers do.
    pub fn replace(&mut self, meters: Vec<PlannedMeter>, now: Now) {
        let mut old = std::mem::take(&mut self.meters);
        let mut fresh = self.plans(meters, now);
        for plan in &mut fresh {
            if let Some(same) = old.iter().position(|old| old.meter == plan.meter) {
                *plan = old.swap_remove(same);
                continue;
            }
            let unit = plan.meter.unit;
            if let Some(old) = old.iter().find(|old| old.meter.unit == unit) {
                plan.inherit_line_state(old);
            }
            let id = &plan.meter.id;
            if let Some(old) = old.iter().find(|old| old.meter.id == *id) {
                plan.inherit_marks(old);
            }
        }
        let gone: Vec<MeterId> = old.into_iter().map(|old| old.meter.id).collect();
        self.meters = fresh;
        self.last_meter = None;
        self.fail_commands(Why::Replaced, |command| gone.contains(&command.meter));
    }

    /// The wall clock was set. Marks it passed over are reported with that reason; marks that
    /// come again are not sampled again.
    pub fn clock_stepped(&mut self, now: Now) {
        self.was_stepped = true;
        let bursts = self.bursts(now);
        self.release(now, &bursts);
    }

    /// The line was opened again: silent meters are asked without waiting.
    pub fn line_back(&mut self, now: Now) {
        self.hold_until = None;
        self.ask_all_silent(now);
    }

    /// Forgets what a meter refused, for instance because it was exchanged.
    pub fn forget_refusals(&mut self, meter: &MeterId) {
        if let Some(place) = self.place_of(meter)
            && let Some(plan) = self.meters.get_mut(place)
        {
            plan.ground.forget_refusals();
        }
    }

    pub(super) fn plans(&self, meters: Vec<PlannedMeter>, now: Now) -> Vec<MeterPlan> {
        let polls = |meter: &PlannedMeter| u32::try_from(meter.polls.len()).unwrap_or(u32::MAX);
        let of = meters.iter().map(polls).fold(0, u32::saturating_add);
        let mut place: u32 = 0;
        let mut plans = Vec::with_capacity(meters.len());
        for meter in meters {
            let stagger = Stagger { place, of };
            place = place.saturating_add(polls(&meter));
            plans.push(MeterPlan::new(meter, stagger, self.rules, now));
        }
        plans
    }

    pub(super) fn fail_commands(&mut self, why: Why, is_meant: impl Fn(&Command) -> bool) {
        for mut command in std::mem::take(&mut self.commands) {
            if is_meant(&command) {
                let mut job = std::mem::take(&mut command.job);
                job.abandon(why);
                self.told.push(command.done(job));
            } else {
                self.commands.push_back(command);
            }
        }
    }
}
