//! Which exchange is next, and when to look again if there is none.

use super::meter_state::MeterPlan;
use super::piece::{Piece, Shape};
use super::poll_state::Pace;
use super::session::{Candidate as SessionCandidate, SessionFlight, Sessions};
use super::shares::Ready;
use super::words::Purpose;
use super::{Class, Exchange, InFlight, Next, Now, Planner};
use crate::Span;
use crate::limits::{WAIT_MAX, WAIT_MIN};
use metering::{Moment, Timestamp};
use std::time::Duration;

/// Something that could go onto the line.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    meter: usize,
    what: What,
    deadline: Moment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Probe,
    Poll(usize),
    Command(usize),
}

/// The earliest deadline, and the earliest among meters that were not served last.
#[derive(Debug, Clone, Copy, Default)]
struct Earliest {
    any: Option<Candidate>,
    other: Option<Candidate>,
}

impl Earliest {
    fn offer(&mut self, candidate: Candidate, last_meter: Option<usize>) {
        let is_earlier =
            |best: &Option<Candidate>| best.is_none_or(|best| candidate.deadline < best.deadline);
        if is_earlier(&self.any) {
            self.any = Some(candidate);
        }
        if Some(candidate.meter) != last_meter && is_earlier(&self.other) {
            self.other = Some(candidate);
        }
    }

    /// No meter twice while another one of its class waits.
    fn best(self) -> Option<Candidate> {
        self.other.or(self.any)
    }
}

impl Planner {
    /// Chooses among what `release` has prepared.
    pub(super) fn choose(&mut self, now: Now, bursts: &[(Timestamp, Duration)]) -> Next {
        let burst_at = self.next_burst(now, bursts);
        let command = self.command_candidate(now);
        let scheduled = self.scheduled_candidate(now);
        let (background, is_held) =
            self.background_candidate(now, burst_at, command.is_some() || scheduled.is_some());
        let sessions = self.sessions_now(now, burst_at);
        let ready = Ready {
            command: command.is_some(),
            scheduled: scheduled.is_some() || sessions.sample.is_some(),
            background: background.is_some(),
            session: sessions.is_wanted,
        };
        let waiting = Ready {
            background: ready.background || is_held,
            ..ready
        };
        let class = self.shares.choose(ready);
        if let Some(order) = sessions.order
            && (class != Some(Class::Command) || self.shares.was_command())
            && let Some(next) = self.begin_session(order, waiting, now)
        {
            return next;
        }
        let exchange = match class {
            Some(Class::Command) => command,
            Some(Class::Scheduled) => scheduled,
            Some(Class::Background) if !sessions.is_entitled => background,
            Some(Class::Background) | None => None,
        };
        if let (Some(candidate), Some(class)) = (exchange, class)
            && let Some(next) = self.begin_exchange(candidate, class, waiting, now)
        {
            return next;
        }
        if let Some(candidate) = session(class, sessions)
            && let Some(next) = self.begin_session(candidate, waiting, now)
        {
            return next;
        }
        let idle = Ready {
            background: is_held,
            session: sessions.is_wanted,
            ..Ready::default()
        };
        self.held = (is_held || sessions.is_wanted).then_some((now.moment, idle));
        Next::WaitUntil(self.wake(now, bursts))
    }

    fn begin_exchange(
        &mut self,
        candidate: Candidate,
        class: Class,
        waiting: Ready,
        now: Now,
    ) -> Option<Next> {
        let exchange = self.exchange(candidate, class)?;
        self.held = None;
        self.last_meter = Some(candidate.meter);
        self.in_flight = Some(InFlight {
            exchange: exchange.clone(),
            started: now.moment,
            waiting,
        });
        Some(Next::Exchange(exchange))
    }

    fn begin_session(
        &mut self,
        candidate: SessionCandidate,
        waiting: Ready,
        now: Now,
    ) -> Option<Next> {
        let turn = self.session_turn(candidate)?;
        self.held = None;
        self.session_flight = Some(SessionFlight {
            turn: turn.clone(),
            started: now.moment,
            waiting,
        });
        Some(Next::Session(turn))
    }

    /// First come, first served.
    fn command_candidate(&self, now: Now) -> Option<Candidate> {
        self.commands
            .iter()
            .enumerate()
            .find_map(|(place, command)| {
                let meter = self.place_of(&command.meter)?;
                let plan = self.meters.get(meter)?;
                let what = if plan.health.is_sound() {
                    What::Command(place)
                } else {
                    What::Probe
                };
                (plan.not_before <= now.moment).then_some(Candidate {
                    meter,
                    what,
                    deadline: now.moment,
                })
            })
    }

    fn scheduled_candidate(&self, now: Now) -> Option<Candidate> {
        let mut earliest = Earliest::default();
        for (meter, plan) in self.ready_meters(now) {
            for (place, state) in plan.polls.iter().enumerate() {
                if let Some(mark) = state.job.as_ref().and_then(|job| job.mark) {
                    let limit = mark.after(self.rules.settings.late_after);
                    let candidate = Candidate {
                        meter,
                        what: What::Poll(place),
                        deadline: now.moment_of(limit),
                    };
                    earliest.offer(candidate, self.last_meter);
                }
            }
        }
        earliest.best()
    }

    /// A background exchange, and whether one is held back for a burst that begins soon.
    fn background_candidate(
        &self,
        now: Now,
        burst_at: Option<Moment>,
        others_wait: bool,
    ) -> (Option<Candidate>, bool) {
        let is_entitled = self.shares.is_background_entitled();
        let fits = |cost: Duration| {
            is_entitled || burst_at.is_none_or(|burst| now.moment.after(cost) <= burst)
        };
        let mut earliest = Earliest::default();
        let mut is_held = false;
        for (meter, plan) in self.ready_meters(now) {
            for (place, state) in plan.polls.iter().enumerate() {
                let Some(job) = state.job.as_ref().filter(|job| job.mark.is_none()) else {
                    continue;
                };
                if job
                    .front()
                    .is_none_or(|piece| fits(piece_cost(plan, piece)))
                {
                    let candidate = Candidate {
                        meter,
                        what: What::Poll(place),
                        deadline: job.deadline,
                    };
                    earliest.offer(candidate, self.last_meter);
                } else {
                    is_held = true;
                }
            }
        }
        let polls = earliest.best();
        if self.may_probe(now, polls.is_some() || is_held || others_wait)
            && let Some(probe) = self.due_probe(now)
        {
            let cost = self.meters.get(probe.meter).map(|plan| plan.silence_cost);
            if fits(cost.unwrap_or_default()) {
                return (Some(probe), is_held);
            }
            is_held = true;
        }
        (polls, is_held)
    }

    fn ready_meters(&self, now: Now) -> impl Iterator<Item = (usize, &MeterPlan)> {
        self.meters
            .iter()
            .enumerate()
            .filter(move |(_, plan)| plan.health.is_sound() && plan.not_before <= now.moment)
    }

    /// Probes keep a distance, a longer one while other work waits.
    fn may_probe(&self, now: Now, others_wait: bool) -> bool {
        now.moment >= self.probes_from && (!others_wait || now.moment >= self.probes_from_when_busy)
    }

    fn due_probe(&self, now: Now) -> Option<Candidate> {
        self.meters
            .iter()
            .enumerate()
            .filter_map(|(meter, plan)| {
                let deadline = plan.health.probe_at()?;
                (deadline <= now.moment).then_some(Candidate {
                    meter,
                    what: What::Probe,
                    deadline,
                })
            })
            .min_by_key(|candidate| candidate.deadline)
    }

    /// When the next burst of samples begins, if it lies ahead.
    fn next_burst(&self, now: Now, bursts: &[(Timestamp, Duration)]) -> Option<Moment> {
        self.meters
            .iter()
            .filter(|plan| plan.health.is_sound())
            .flat_map(|plan| &plan.polls)
            .filter(|state| state.job.is_none())
            .filter_map(|state| match &state.pace {
                Pace::Marks(marks) => {
                    let mark = marks.next(now.utc);
                    let lead = state.lead(mark, bursts, self.rules);
                    Some(now.moment_of(mark.before(lead)))
                }
                Pace::Every { .. } => None,
            })
            .filter(|&at| at > now.moment)
            .min()
    }

    fn exchange(&mut self, candidate: Candidate, class: Class) -> Option<Exchange> {
        let commands = &self.commands;
        let plan = self.meters.get_mut(candidate.meter)?;
        let job = match candidate.what {
            What::Probe => None,
            What::Poll(place) => plan.polls.get(place)?.job.as_ref(),
            What::Command(place) => commands.get(place).map(|command| &command.job),
        };
        let (span, purpose) = match job {
            None => (plan.meter.probe, Purpose::Probe),
            Some(job) => {
                let shape = job.front()?.shape(&plan.ground, plan.recent);
                if matches!(shape, Shape::Unvaried { .. }) {
                    plan.unvaried_requests += 1;
                }
                request(shape, plan.meter.probe, job.serial)
            }
        };
        plan.recent.push(span.count);
        self.number += 1;
        Some(Exchange {
            meter: plan.meter.id.clone(),
            unit: plan.meter.unit,
            span,
            min_gap: plan.meter.min_gap,
            class,
            number: self.number,
            purpose,
        })
    }

    /// The next instant at which something can change by itself.
    fn wake(&self, now: Now, bursts: &[(Timestamp, Duration)]) -> Moment {
        let mut wakes: Vec<Moment> = self.next_burst(now, bursts).into_iter().collect();
        self.session_wakes(now, &mut wakes);
        for plan in &self.meters {
            if plan.not_before > now.moment {
                wakes.push(plan.not_before);
            }
            if let Some(at) = plan.health.probe_at() {
                wakes.push(at.max(self.probes_from));
                wakes.push(at.max(self.probes_from_when_busy));
            }
            for state in &plan.polls {
                match &state.pace {
                    Pace::Every { due, .. } if plan.health.is_sound() => wakes.push(*due),
                    Pace::Every { .. } => {}
                    Pace::Marks(marks) => {
                        let job_mark = state.job.as_ref().and_then(|job| job.mark);
                        let mark = job_mark.unwrap_or_else(|| marks.next(now.utc));
                        let window = mark.after(state.restore_window());
                        for utc in [mark, window, marks.expiry(mark)] {
                            wakes.push(now.moment_of(utc));
                        }
                    }
                }
            }
        }
        let latest = now.moment.after(WAIT_MAX);
        let next = wakes.into_iter().filter(|&wake| wake > now.moment).min();
        next.map_or(latest, |wake| {
            wake.clamp(now.moment.after(WAIT_MIN), latest)
        })
    }
}

/// Which session may go where this class has the line.
fn session(class: Option<Class>, sessions: Sessions) -> Option<SessionCandidate> {
    match class {
        Some(Class::Command) => None,
        Some(Class::Scheduled) => sessions.sample,
        Some(Class::Background) | None => sessions.other,
    }
}

fn request(shape: Shape, probe: Span, job: u64) -> (Span, Purpose) {
    match shape {
        Shape::Read { span, pad } => (span, Purpose::Read { job, pad }),
        Shape::Unvaried { span } => (span, Purpose::Read { job, pad: None }),
        Shape::ProbeBetween => (probe, Purpose::Between),
    }
}

fn piece_cost(plan: &MeterPlan, piece: &Piece) -> Duration {
    plan.view().cost(std::slice::from_ref(piece))
}
