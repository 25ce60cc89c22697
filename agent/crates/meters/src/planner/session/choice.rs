//! Which session could go now, and for how long.

use super::state::SessionPlan;
use super::{Respect, SessionRequest, SessionTurn};
use crate::limits::SESSION_MARGIN;
use crate::planner::poll_state::Pace;
use crate::planner::{Class, Now, Planner};
use metering::{Moment, Timestamp};
use std::time::Duration;

/// A session that could go now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) who: Who,
    pub(crate) class: Class,
    pub(crate) hold: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// A meter of the schedule, by its place; with its mark if it is sampled.
    Meter(usize, Option<Timestamp>),
    /// A request, by its place in the queue.
    Request(usize),
}

/// Whose session was the last one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LastSession {
    /// The last meter of the schedule.
    pub(crate) place: Option<usize>,
    pub(crate) was_asked_for: bool,
}

/// What sessions want just now.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sessions {
    /// A sample at an interval end.
    pub(crate) sample: Option<Candidate>,
    /// An order, which polls give way to.
    pub(crate) order: Option<Candidate>,
    /// Everything else.
    pub(crate) other: Option<Candidate>,
    /// It has waited so long that it goes before what is due.
    pub(crate) is_entitled: bool,
    /// One is due, whether it may go or not.
    pub(crate) is_wanted: bool,
}

/// A session that is due, before it is known whether it fits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    who: Who,
    class: Class,
    deadline: Moment,
    hold_min: Duration,
    hold_max: Duration,
    respect: Respect,
}

impl Planner {
    pub(crate) fn sessions_now(&self, now: Now, burst_at: Option<Moment>) -> Sessions {
        let sample = self.sample_wish(now).and_then(|wish| {
            let room = until(burst_at, now);
            (room >= wish.hold_min).then(|| wish.candidate(room))
        });
        let Some(wish) = self.wish(now) else {
            return Sessions {
                sample,
                ..Sessions::default()
            };
        };
        let samples_at = burst_at.into_iter().chain(self.next_session_sample(now));
        let samples_at = samples_at.min();
        let order = self.order(now, samples_at);
        let room = self.room(now, samples_at, wish.respect);
        let is_entitled = self.shares.sessions_owed() >= wish.hold_min;
        let fits = room >= wish.hold_min;
        let other = if fits {
            Some(wish.candidate(room))
        } else {
            is_entitled.then(|| wish.candidate(wish.hold_min))
        };
        Sessions {
            sample,
            order,
            other,
            is_entitled: is_entitled && other.is_some(),
            is_wanted: true,
        }
    }

    /// An order that may go now, whatever polls are due. Where they leave no room it has the shortest
    /// time that is of use.
    fn order(&self, now: Now, samples_at: Option<Moment>) -> Option<Candidate> {
        let is_order = |request: &SessionRequest| request.respect == Respect::SamplesAtOnce;
        let place = self.session_requests.iter().position(is_order)?;
        let request = self.session_requests.get(place)?;
        let room = self.room(now, samples_at, Respect::Samples);
        let is_sampled_now = self.sample_wish(now).is_some();
        if is_sampled_now || room < request.hold_min || !self.shares.may_order() {
            return None;
        }
        let polite = self.room(now, samples_at, Respect::Polls);
        let wish = Wish::of_request(place, request);
        Some(wish.candidate(polite.max(request.hold_min)))
    }

    fn sample_wish(&self, now: Now) -> Option<Wish> {
        let ready = self.ready_sessions(now);
        let samples = ready.flat_map(|(place, plan)| {
            plan.due().filter_map(move |(_, open)| {
                Some(Wish::of(plan, place, Some(open.mark?), open.deadline))
            })
        });
        samples.min_by_key(|wish| wish.deadline)
    }

    /// People and the schedule take turns, and so do the meters of the schedule.
    fn wish(&self, now: Now) -> Option<Wish> {
        let request = self.request_wish();
        let scheduled = self.scheduled_wish(now);
        let is_schedules_turn = self.last_session.was_asked_for;
        if is_schedules_turn {
            scheduled.or(request)
        } else {
            request.or(scheduled)
        }
    }

    fn request_wish(&self) -> Option<Wish> {
        let request = self.session_requests.front()?;
        Some(Wish::of_request(0, request))
    }

    pub(crate) fn scheduled_wish(&self, now: Now) -> Option<Wish> {
        let last = self.last_session.place;
        self.ready_sessions(now)
            .filter_map(|(place, plan)| {
                let due = plan.due().filter(|(_, open)| open.mark.is_none());
                let deadline = due.map(|(_, open)| open.deadline).min()?;
                Some((place, Wish::of(plan, place, None, deadline)))
            })
            .min_by_key(|(place, wish)| (Some(*place) == last, wish.deadline))
            .map(|(_, wish)| wish)
    }

    /// Meters that may be signed on to, silent ones when their next try is due.
    fn ready_sessions(&self, now: Now) -> impl Iterator<Item = (usize, &SessionPlan)> {
        let may_try = now.moment >= self.sign_ons_from;
        self.sessions.iter().enumerate().filter(move |(_, plan)| {
            let probe = plan.health.probe_at();
            plan.not_before <= now.moment && probe.is_none_or(|at| at <= now.moment && may_try)
        })
    }

    /// How long a session may last without harm to others.
    fn room(&self, now: Now, burst_at: Option<Moment>, respect: Respect) -> Duration {
        if self.is_sampling() {
            return Duration::ZERO;
        }
        let room = until(burst_at, now);
        match respect {
            Respect::Samples | Respect::SamplesAtOnce => room,
            Respect::Polls => room.min(self.slack(now).saturating_sub(SESSION_MARGIN)),
        }
    }

    /// A burst is under way.
    fn is_sampling(&self) -> bool {
        let sound = self.meters.iter().filter(|plan| plan.health.is_sound());
        sound
            .flat_map(|plan| &plan.polls)
            .any(|state| state.job.as_ref().is_some_and(|job| job.mark.is_some()))
    }

    /// For so long nothing may be sent, and still every poll ends within its period.
    fn slack(&self, now: Now) -> Duration {
        let sound = self.meters.iter().filter(|plan| plan.health.is_sound());
        let demand = |state: &crate::planner::poll_state::PollState| match (&state.pace, &state.job)
        {
            (Pace::Every { .. }, Some(job)) => Some((job.deadline, state.cost)),
            (Pace::Every { period, due, .. }, None) => Some((due.after(*period), state.cost)),
            (Pace::Marks(_), _) => None,
        };
        let mut demands: Vec<(Moment, Duration)> = sound
            .flat_map(|plan| &plan.polls)
            .filter_map(demand)
            .collect();
        demands.sort_unstable();
        let mut work = Duration::ZERO;
        let mut slack = Duration::MAX;
        for (deadline, cost) in demands {
            work = work.saturating_add(cost);
            slack = slack.min(deadline.since(now.moment).saturating_sub(work));
        }
        slack
    }

    /// When the next session samples, if that lies ahead.
    pub(crate) fn next_session_sample(&self, now: Now) -> Option<Moment> {
        let sound = self.sessions.iter().filter(|plan| plan.health.is_sound());
        let states = sound.flat_map(|plan| &plan.polls);
        let at = states.filter_map(|state| match &state.pace {
            Pace::Marks(marks) if state.open.is_none() => {
                Some(now.moment_of(marks.next(now.utc).before(state.lead())))
            }
            _ => None,
        });
        at.filter(|&at| at > now.moment).min()
    }

    /// The instants at which something can change for sessions.
    pub(crate) fn session_wakes(&self, now: Now, wakes: &mut Vec<Moment>) {
        wakes.extend(self.next_session_sample(now));
        for plan in &self.sessions {
            wakes.push(plan.not_before);
            if let Some(at) = plan.health.probe_at() {
                wakes.push(at.max(self.sign_ons_from));
            }
            for state in &plan.polls {
                match &state.pace {
                    Pace::Every { due, .. } if state.open.is_none() => wakes.push(*due),
                    Pace::Every { .. } => {}
                    Pace::Marks(marks) => {
                        let open = state.open.and_then(|open| open.mark);
                        let mark = open.unwrap_or_else(|| marks.next(now.utc));
                        wakes.push(now.moment_of(mark));
                        wakes.push(now.moment_of(marks.expiry(mark)));
                    }
                }
            }
        }
    }

    pub(crate) fn session_turn(&mut self, candidate: Candidate) -> Option<SessionTurn> {
        self.number += 1;
        let number = self.number;
        let (class, hold_max) = (candidate.class, candidate.hold);
        match candidate.who {
            Who::Request(place) => {
                let request = self.session_requests.get(place)?;
                let meter = request.meter.clone();
                Some(SessionTurn {
                    meter,
                    class,
                    hold_max,
                    due: Vec::new(),
                    mark: None,
                    token: Some(request.token),
                    is_probe: false,
                    number,
                })
            }
            Who::Meter(place, mark) => {
                let plan = self.sessions.get(place)?;
                let is_meant = |open: &super::state::Open| open.mark == mark;
                let due = plan.due().filter(|(_, open)| is_meant(open));
                Some(SessionTurn {
                    meter: Some(plan.meter.id.clone()),
                    class,
                    hold_max,
                    due: due.map(|(id, _)| id).collect(),
                    mark,
                    token: None,
                    is_probe: !plan.health.is_sound(),
                    number,
                })
            }
        }
    }
}

impl Wish {
    fn of(plan: &SessionPlan, place: usize, mark: Option<Timestamp>, deadline: Moment) -> Self {
        Self {
            who: Who::Meter(place, mark),
            class: if mark.is_some() {
                Class::Scheduled
            } else {
                Class::Background
            },
            deadline,
            hold_min: plan.meter.hold_min,
            hold_max: plan.meter.hold_max,
            respect: Respect::Polls,
        }
    }

    fn of_request(place: usize, request: &SessionRequest) -> Self {
        Self {
            who: Who::Request(place),
            class: Class::Command,
            deadline: Moment::default(),
            hold_min: request.hold_min,
            hold_max: request.hold_max,
            respect: request.respect,
        }
    }

    fn candidate(&self, room: Duration) -> Candidate {
        Candidate {
            who: self.who,
            class: self.class,
            hold: self.hold_max.min(room),
        }
    }
}

fn until(burst_at: Option<Moment>, now: Now) -> Duration {
    burst_at.map_or(Duration::MAX, |burst| {
        burst.since(now.moment).saturating_sub(SESSION_MARGIN)
    })
}
