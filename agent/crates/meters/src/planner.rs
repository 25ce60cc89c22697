//! Which request goes onto a line next: one planner a bus. Pure: no IO, no clock of its own.
//!
//! The bus task asks `next`, puts the exchange on the line, and hands its end to `done`. Whatever
//! happens meanwhile comes back from `done`, or from `next` as [`Next::Happened`].
//!
//! - **Three classes**: commands, samples at interval ends, background. Rank decides, but each
//!   has a guaranteed share, and a command waits for one exchange at most. Within a class the
//!   earliest deadline goes first, except that no meter is served twice in a row while another
//!   one of that class waits.
//! - **Samples straddle their mark**: the burst of all samples of a mark begins half its length
//!   before it. Nothing of the background begins that would not end before the burst. The order
//!   of meters is fixed, so that each meter is always sampled at about the same distance from its
//!   mark and its increments cover whole periods; turning the order would spoil all of them.
//! - **Silence**: the first request without an answer ends the meter's cycle; from then on only
//!   its one-register probe may go there, rarely, until it is answered.
//! - **Answer lengths**: no two requests in a row to one meter have answers of one length, and no
//!   request has the probe's. Where possible three lengths take turns. A block that cannot be
//!   padded is kept apart from its like by a probe; a single register between two forbidden ones
//!   cannot, and the status counts it as unvaried.
//! - **Refusals**: believed when repeated. A refused block is first asked for without padding,
//!   then halved down to the refused value, which is reported and left out from then on. If all
//!   its values answer one by one, the place between them is remembered and not read across.

mod choice;
mod ground;
mod health;
mod job;
mod load;
mod marks;
mod meter_state;
mod outcome;
mod piece;
mod poll_state;
mod requests;
mod session;
mod shares;
mod timing;
mod words;

pub use session::{Respect, SessionEnd, SessionMeter, SessionPoll, SessionRequest, SessionTurn};
pub use timing::BusTiming;
pub(crate) use timing::poll_cost;
pub use words::{
    Answered, Class, CommandRefused, CommandRequest, Exchange, Happening, MeterState, Next, Now,
    Outcome, PlannedMeter, PlannedMeterStatus, PlannerSettings, PlannerStatus, Poll, PollId,
    PollKind, Why,
};

use job::Job;
use load::Load;
use meter_state::MeterPlan;
use metering::{MeterId, Moment, Timestamp};
use poll_state::{Pace, Turn};
use session::{LastSession, SessionFlight, SessionPlan};
use shares::{Ready, Shares};
use std::collections::VecDeque;
use std::time::Duration;
use words::Rules;

/// The plan of one bus.
#[derive(Debug)]
pub struct Planner {
    rules: Rules,
    meters: Vec<MeterPlan>,
    commands: VecDeque<Command>,
    shares: Shares,
    load: Load,
    in_flight: Option<InFlight>,
    sessions: Vec<SessionPlan>,
    session_requests: VecDeque<SessionRequest>,
    session_flight: Option<SessionFlight>,
    last_session: LastSession,
    /// Silent session meters are tried again from here on.
    sign_ons_from: Moment,
    told: Vec<Happening>,
    serial: u64,
    number: u64,
    last_meter: Option<usize>,
    probes_from: Moment,
    probes_from_when_busy: Moment,
    /// Since when background work or a session is held back while the line is idle.
    held: Option<(Moment, Ready)>,
    hold_until: Option<Moment>,
    line_gone: bool,
    was_stepped: bool,
}

#[derive(Debug)]
struct InFlight {
    exchange: Exchange,
    started: Moment,
    waiting: Ready,
}

#[derive(Debug)]
struct Command {
    token: u64,
    meter: MeterId,
    job: Job,
}

impl Command {
    fn done(self, job: Job) -> Happening {
        Happening::CommandDone {
            token: self.token,
            meter: self.meter,
            words: job.got,
            failed: job.failed,
        }
    }
}

impl Planner {
    /// A planner whose first exchange is due now, and whose periodic polls are spread from there.
    pub fn new(
        meters: Vec<PlannedMeter>,
        timing: BusTiming,
        settings: PlannerSettings,
        now: Now,
    ) -> Self {
        let mut planner = Self {
            rules: Rules { timing, settings },
            meters: Vec::new(),
            commands: VecDeque::new(),
            shares: Shares::default(),
            load: Load::new(now.moment),
            in_flight: None,
            sessions: Vec::new(),
            session_requests: VecDeque::new(),
            session_flight: None,
            last_session: LastSession::default(),
            sign_ons_from: now.moment,
            told: Vec::new(),
            serial: 0,
            number: 0,
            last_meter: None,
            probes_from: now.moment,
            probes_from_when_busy: now.moment,
            held: None,
            hold_until: None,
            line_gone: false,
            was_stepped: false,
        };
        planner.meters = planner.plans(meters, now);
        planner
    }

    /// What to do now. An exchange that was given out and never reported done counts as
    /// lost, a session as broken.
    pub fn next(&mut self, now: Now) -> Next {
        if let Some(flight) = self.in_flight.take() {
            self.settle(flight, &Outcome::Silent, now);
        }
        if let Some(flight) = self.session_flight.take() {
            self.settle_session(&flight, &SessionEnd::Broken, now);
        }
        if let Some((since, waiting)) = self.held.take() {
            let held = now.moment.since(since);
            self.shares.account(held, None, waiting);
        }
        self.load.turn(now.moment);
        for plan in &mut self.meters {
            plan.load.turn(now.moment);
        }
        for plan in &mut self.sessions {
            plan.load.turn(now.moment);
        }
        let bursts = self.bursts(now);
        self.release(now, &bursts);
        if !self.told.is_empty() {
            return Next::Happened(std::mem::take(&mut self.told));
        }
        match self.hold_until.filter(|&until| until > now.moment) {
            Some(until) => Next::WaitUntil(until),
            None => self.choose(now, &bursts),
        }
    }

    /// The exchange ended. What happened by that.
    pub fn done(&mut self, exchange: &Exchange, outcome: &Outcome, now: Now) -> Vec<Happening> {
        if let Some(flight) = self
            .in_flight
            .take_if(|flight| flight.exchange.number == exchange.number)
        {
            self.settle(flight, outcome, now);
        }
        std::mem::take(&mut self.told)
    }

    /// The bus at one glance.
    pub fn status(&self) -> PlannerStatus {
        PlannerStatus {
            busy_per_mille: self.load.per_mille(),
            commands: self.commands.len(),
            meters: self
                .meters
                .iter()
                .map(MeterPlan::status)
                .chain(self.sessions.iter().map(SessionPlan::status))
                .collect(),
        }
    }

    fn place_of(&self, id: &MeterId) -> Option<usize> {
        self.meters.iter().position(|plan| plan.meter.id == *id)
    }

    /// Line time of all samples of each coming mark.
    fn bursts(&self, now: Now) -> Vec<(Timestamp, Duration)> {
        let mut bursts: Vec<(Timestamp, Duration)> = Vec::new();
        for plan in self.meters.iter().filter(|plan| plan.health.is_sound()) {
            for state in &plan.polls {
                let Pace::Marks(marks) = &state.pace else {
                    continue;
                };
                let job_mark = state.job.as_ref().and_then(|job| job.mark);
                let mark = job_mark.unwrap_or_else(|| marks.next(now.utc));
                match bursts.iter_mut().find(|burst| burst.0 == mark) {
                    Some(burst) => burst.1 = burst.1.saturating_add(state.cost),
                    None => bursts.push((mark, state.cost)),
                }
            }
        }
        bursts
    }

    fn release(&mut self, now: Now, bursts: &[(Timestamp, Duration)]) {
        let blame = match (self.line_gone, self.was_stepped) {
            (true, _) => Why::LineGone,
            (false, true) => Why::Clock,
            (false, false) => Why::Late,
        };
        self.was_stepped = false;
        let mut turn = Turn {
            now,
            bursts,
            blame,
            serial: &mut self.serial,
            told: &mut self.told,
        };
        for plan in &mut self.meters {
            plan.release(&mut turn);
        }
        for plan in &mut self.sessions {
            plan.release(now, blame, &mut self.told);
        }
        let just_probed: Vec<MeterId> = self
            .meters
            .iter()
            .filter(|plan| plan.health.was_just_probed(now.moment))
            .map(|plan| plan.meter.id.clone())
            .collect();
        self.fail_commands(Why::Silent, |command| just_probed.contains(&command.meter));
        self.fail_commands(Why::Silent, |command| command.job.is_done());
    }
}

#[cfg(test)]
mod tests;
