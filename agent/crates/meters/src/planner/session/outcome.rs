//! What a session's end means, and what comes from outside beside it: requests, new settings.

use super::choice::LastSession;
use super::state::SessionPlan;
use super::{Respect, SessionEnd, SessionMeter, SessionRequest, SessionTurn};
use crate::limits::{LINE_GONE_WAIT, PROBE_SPACING, PROBE_SPACING_BUSY, SESSION_REQUESTS_MAX};
use crate::planner::meter_state::Stagger;
use crate::planner::shares::Ready;
use crate::planner::{CommandRefused, Happening, Now, Planner, Why};
use metering::{MeterId, Moment};
use std::time::Duration;

/// A session that has the line.
#[derive(Debug)]
pub(crate) struct SessionFlight {
    pub(crate) turn: SessionTurn,
    pub(crate) started: Moment,
    pub(crate) waiting: Ready,
}

impl Planner {
    /// The session ended. What happened by that.
    pub fn session_done(
        &mut self,
        turn: &SessionTurn,
        end: &SessionEnd,
        now: Now,
    ) -> Vec<Happening> {
        if let Some(flight) = self
            .session_flight
            .take_if(|flight| flight.turn.number == turn.number)
        {
            self.settle_session(&flight, end, now);
        }
        std::mem::take(&mut self.told)
    }

    pub(crate) fn settle_session(&mut self, flight: &SessionFlight, end: &SessionEnd, now: Now) {
        let took = now.moment.since(flight.started);
        self.shares.account_session(took, flight.waiting);
        let others_wait = flight.waiting.scheduled
            || flight.waiting.background
            || self.scheduled_wish(now).is_some();
        if others_wait && self.is_order(flight.turn.token) {
            self.shares.account_order(took);
        }
        self.load.add(took, now.moment);
        self.line_gone = *end == SessionEnd::LineGone;
        if self.line_gone {
            self.hold_until = Some(now.moment.after(LINE_GONE_WAIT));
        }
        let turn = &flight.turn;
        let place = turn.meter.as_ref().and_then(|id| self.session_place(id));
        self.last_session.was_asked_for = turn.token.is_some();
        match turn.token {
            Some(token) => {
                let more = matches!(end, SessionEnd::Worked { more: true, .. });
                self.requeue(token, more);
            }
            None => self.last_session.place = place,
        }
        let Some(plan) = place.and_then(|place| self.sessions.get_mut(place)) else {
            return;
        };
        plan.load.add(took, now.moment);
        match end {
            SessionEnd::Worked { unfinished, .. } => {
                plan.held();
                for id in turn.due.iter().filter(|id| !unfinished.contains(id)) {
                    plan.finish(*id, now.moment);
                    if turn.mark.is_some() {
                        plan.learn(*id, took);
                    }
                }
            }
            SessionEnd::Refused => {
                plan.held();
                for id in &turn.due {
                    let missed = turn
                        .mark
                        .and_then(|mark| plan.miss(*id, mark, Why::NotReadable));
                    self.told.extend(missed);
                    plan.finish(*id, now.moment);
                }
            }
            SessionEnd::Broken => plan.broke(now.moment),
            SessionEnd::Silent => return self.session_silent(turn, took, now),
            SessionEnd::LineGone => return plan.health.line_lost(now.moment),
        }
        if plan.health.answered() {
            let meter = plan.meter.id.clone();
            self.told.push(Happening::MeterBack { meter });
        }
    }

    fn session_silent(&mut self, turn: &SessionTurn, took: Duration, now: Now) {
        let place = turn.meter.as_ref().and_then(|id| self.session_place(id));
        let Some(plan) = place.and_then(|place| self.sessions.get_mut(place)) else {
            return;
        };
        plan.silence_cost = took;
        if plan.health.is_sound() {
            plan.health.request_silent(now.moment);
        } else if plan.health.probe_silent(now.moment) {
            let meter = plan.meter.id.clone();
            self.told.push(Happening::MeterSilent { meter });
        }
        let others_wait = self.sessions.iter().any(|plan| plan.health.is_sound())
            || self.meters.iter().any(|plan| plan.health.is_sound());
        let spacing = if others_wait {
            PROBE_SPACING_BUSY
        } else {
            PROBE_SPACING
        };
        if turn.is_probe {
            self.sign_ons_from = now.moment.after(took.saturating_mul(spacing));
        }
    }

    fn is_order(&self, token: Option<u64>) -> bool {
        let mut requests = self.session_requests.iter();
        requests.any(|request| {
            Some(request.token) == token && request.respect == Respect::SamplesAtOnce
        })
    }

    /// A request goes to the end of the queue if it wants another session, and leaves otherwise.
    fn requeue(&mut self, token: u64, more: bool) {
        let is_meant = |request: &SessionRequest| request.token == token;
        if let Some(at) = self.session_requests.iter().position(is_meant)
            && let Some(request) = self.session_requests.remove(at)
            && more
        {
            self.session_requests.push_back(request);
        }
    }

    /// Asks for sessions; one follows the other until the caller wants no more.
    pub fn ask_session(&mut self, request: SessionRequest) -> Result<(), CommandRefused> {
        if self.session_requests.len() >= SESSION_REQUESTS_MAX {
            return Err(CommandRefused::Busy {
                waiting: self.session_requests.len(),
            });
        }
        self.session_requests.push_back(request);
        Ok(())
    }

    /// Nobody wants these sessions any more.
    pub fn forget_session(&mut self, token: u64) {
        self.session_requests
            .retain(|request| request.token != token);
    }

    /// A poll of a session meter is due now, whatever its pace says. False if there is no such
    /// poll, or it is due already.
    pub fn session_due(&mut self, meter: &MeterId, poll: crate::planner::PollId, now: Now) -> bool {
        let place = self.session_place(meter);
        let plan = place.and_then(|place| self.sessions.get_mut(place));
        plan.is_some_and(|plan| plan.make_due(poll, now.moment))
    }

    /// New session meters: one that did not change is not disturbed.
    pub fn replace_sessions(&mut self, meters: Vec<SessionMeter>, now: Now) {
        let mut old = std::mem::take(&mut self.sessions);
        let mut fresh = session_plans(meters, now);
        for plan in &mut fresh {
            if let Some(same) = old.iter().position(|old| old.meter == plan.meter) {
                *plan = old.swap_remove(same);
                continue;
            }
            let address = &plan.meter.address;
            if let Some(old) = old.iter().find(|old| old.meter.address == *address) {
                plan.inherit_line_state(old);
            }
            let id = &plan.meter.id;
            if let Some(old) = old.iter().find(|old| old.meter.id == *id) {
                plan.inherit_marks(old);
            }
        }
        self.sessions = fresh;
        self.last_session = LastSession::default();
    }

    pub(crate) fn session_place(&self, id: &MeterId) -> Option<usize> {
        self.sessions.iter().position(|plan| plan.meter.id == *id)
    }
}

pub(crate) fn session_plans(meters: Vec<SessionMeter>, now: Now) -> Vec<SessionPlan> {
    let polls = |meter: &SessionMeter| u32::try_from(meter.polls.len()).unwrap_or(u32::MAX);
    let of = meters.iter().map(polls).fold(0, u32::saturating_add);
    let mut place: u32 = 0;
    let mut plans = Vec::with_capacity(meters.len());
    for meter in meters {
        let stagger = Stagger { place, of };
        place = place.saturating_add(polls(&meter));
        plans.push(SessionPlan::new(meter, stagger, now));
    }
    plans
}
