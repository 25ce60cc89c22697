//! A bus in a plain loop: a virtual clock, and meters that answer, refuse, or do not.

use super::super::*;
use crate::{Span, Table};
use metering::Period;
use std::collections::BTreeSet;

pub(super) const SERIAL: BusTiming = BusTiming {
    character: Duration::from_micros(1146),
    silence: Duration::from_micros(4010),
};
/// A whole hour, so that all marks are far.
pub(super) const EPOCH: u64 = 1_800_000_000;

pub(super) fn span(address: u16, count: u16) -> Span {
    Span {
        table: Table::Input,
        address,
        count,
    }
}

pub(super) fn every(seconds: u64, wanted: &[(u16, u16)]) -> Poll {
    poll(PollKind::Every(Duration::from_secs(seconds)), wanted)
}

/// As often as the line allows.
pub(super) fn always(wanted: &[(u16, u16)]) -> Poll {
    poll(PollKind::Every(Duration::ZERO), wanted)
}

pub(super) fn sample(seconds: u32, wanted: &[(u16, u16)]) -> Poll {
    let period = Period::from_seconds(seconds).unwrap();
    poll(PollKind::Sample { period }, wanted)
}

fn poll(kind: PollKind, wanted: &[(u16, u16)]) -> Poll {
    Poll {
        id: PollId(0),
        kind,
        wanted: wanted
            .iter()
            .map(|&(address, count)| span(address, count))
            .collect(),
    }
}

pub(super) fn meter(unit: u8, polls: &[Poll]) -> PlannedMeter {
    let polls = (0..).zip(polls).map(|(id, poll)| Poll {
        id: PollId(id),
        ..poll.clone()
    });
    PlannedMeter {
        id: format!("m{unit}").parse().unwrap(),
        unit,
        max_count: 125,
        min_gap: Duration::ZERO,
        turnaround: Duration::from_millis(20),
        holes: Vec::new(),
        probe: span(0, 1),
        polls: polls.collect(),
    }
}

/// How a simulated meter behaves.
#[derive(Debug, Clone, Default)]
pub(super) struct Nature {
    pub(super) dead: Vec<(u64, u64)>,
    pub(super) bad: BTreeSet<u16>,
    pub(super) slow: bool,
}

/// What was put on the line, and when.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) at: Duration,
    pub(super) exchange: Exchange,
    pub(super) answered: bool,
}

/// How a simulated session meter behaves.
#[derive(Debug, Clone, Default)]
pub(super) struct SessionNature {
    pub(super) dead: Vec<(u64, u64)>,
    /// Its sessions break from one second to another.
    pub(super) breaks: Vec<(u64, u64)>,
    /// Work of one cycle, beside the sign-on.
    pub(super) work: Duration,
    pub(super) left: Option<Duration>,
}

/// A session that was held.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) at: Duration,
    pub(super) took: Duration,
    pub(super) turn: SessionTurn,
    pub(super) end: SessionEnd,
}

/// From the sign-on to the first value.
pub(super) const SIGN_ON: Duration = Duration::from_secs(2);

/// A meter that is read in sessions of 8 s.
pub(super) fn session_meter(number: u8, polls: &[PollKind]) -> SessionMeter {
    let polls = (0..).zip(polls).map(|(id, kind)| SessionPoll {
        id: PollId(id),
        kind: *kind,
        cost: SIGN_ON,
    });
    SessionMeter {
        id: format!("e{number}").parse().unwrap(),
        address: format!("{number:03}"),
        hold_min: Duration::from_secs(3),
        hold_max: Duration::from_secs(8),
        polls: polls.collect(),
    }
}

#[derive(Debug)]
pub(super) struct Bus {
    pub(super) planner: Planner,
    pub(super) now: Duration,
    /// What the wall clock shows at the origin, in milliseconds.
    pub(super) utc_origin: u64,
    natures: Vec<(u8, Nature)>,
    pub(super) sent: Vec<Sent>,
    pub(super) happened: Vec<(Duration, Happening)>,
    pub(super) looks: usize,
    session_natures: Vec<(MeterId, SessionNature)>,
    pub(super) held: Vec<Held>,
    /// Work that people still wait for, by token.
    pub(super) jobs: Vec<(u64, Duration)>,
}

impl Bus {
    pub(super) fn new(meters: Vec<PlannedMeter>) -> Self {
        let utc_origin = EPOCH * 1000 + 7_000;
        let now = Now {
            moment: Moment::default(),
            utc: Timestamp::from_millis(utc_origin),
        };
        Self {
            planner: Planner::new(meters, SERIAL, PlannerSettings::default(), now),
            now: Duration::ZERO,
            utc_origin,
            natures: Vec::new(),
            sent: Vec::new(),
            happened: Vec::new(),
            looks: 0,
            session_natures: Vec::new(),
            held: Vec::new(),
            jobs: Vec::new(),
        }
    }

    pub(super) fn with_sessions(mut self, meters: Vec<SessionMeter>) -> Self {
        let now = self.now();
        self.planner.replace_sessions(meters, now);
        self
    }

    pub(super) fn with_nature(mut self, number: u8, nature: SessionNature) -> Self {
        let id = format!("e{number}").parse().unwrap();
        self.session_natures.push((id, nature));
        self
    }

    /// Somebody wants this much work done at a session meter.
    pub(super) fn job(&mut self, number: u8, token: u64, work: u64) {
        let request = SessionRequest {
            meter: Some(format!("e{number}").parse().unwrap()),
            token,
            hold_min: Duration::from_secs(3),
            hold_max: Duration::from_secs(8),
            respect: Respect::Polls,
        };
        self.planner.ask_session(request).unwrap();
        self.jobs.push((token, Duration::from_secs(work)));
    }

    pub(super) fn run_session(&mut self, turn: &SessionTurn, took: Duration, end: &SessionEnd) {
        self.held.push(Held {
            at: self.now,
            took,
            turn: turn.clone(),
            end: end.clone(),
        });
        self.now += took;
        let happenings = self.planner.session_done(turn, end, self.now());
        self.hear(happenings);
    }

    /// What a session brings, and how long it takes.
    fn session(&mut self, turn: &SessionTurn) -> (Duration, SessionEnd) {
        let second = self.now.as_secs();
        let during = |times: &[(u64, u64)]| times.iter().any(|(a, b)| (*a..*b).contains(&second));
        let mut nature = SessionNature::default();
        let mut found = self.session_natures.iter_mut();
        let found = found.find(|(id, _)| Some(id) == turn.meter.as_ref());
        let nature = found.map_or(&mut nature, |(_, nature)| nature);
        if during(&nature.dead) {
            let tries = if turn.is_probe { 1 } else { 2 };
            return (Duration::from_millis(1500) * tries, SessionEnd::Silent);
        }
        if during(&nature.breaks) {
            return (turn.hold_max.min(SIGN_ON), SessionEnd::Broken);
        }
        let room = turn.hold_max.saturating_sub(SIGN_ON);
        let mut nothing = Duration::ZERO;
        let job = self.jobs.iter_mut().find(|job| Some(job.0) == turn.token);
        let left = match (job, turn.mark) {
            (Some((_, left)), _) => left,
            (None, Some(_)) => &mut nothing,
            (None, None) => nature.left.get_or_insert(nature.work),
        };
        let done = (*left).min(room);
        *left -= done;
        let more = !left.is_zero();
        if !more && turn.mark.is_none() && turn.token.is_none() {
            nature.left = None;
        }
        let unfinished = if more { turn.due.clone() } else { Vec::new() };
        (
            SIGN_ON.min(turn.hold_max) + done,
            SessionEnd::Worked { unfinished, more },
        )
    }

    /// Cycles of Modbus polls that were due in this window: how many, and how many of them ended
    /// within their period, by the pace of their grid.
    pub(super) fn in_time(&self, unit: u8, period: u64, from: u64, to: u64) -> (usize, usize) {
        let ends: Vec<Duration> = self
            .happened
            .iter()
            .filter(|(_, h)| {
                matches!(h, Happening::PollDone { meter, words, mark: None, .. }
                    if meter.as_str() == format!("m{unit}") && !words.is_empty())
            })
            .map(|(at, _)| *at)
            .collect();
        let windows = (from..to).step_by(usize::try_from(period).unwrap());
        let is_met = |from: &u64| {
            let from = Duration::from_secs(*from);
            let to = from + Duration::from_secs(period) * 2;
            ends.iter().filter(|at| (from..to).contains(*at)).count() >= 1
        };
        (windows.clone().count(), windows.filter(is_met).count())
    }

    pub(super) fn with(mut self, unit: u8, nature: Nature) -> Self {
        self.natures.push((unit, nature));
        self
    }

    /// Silent from one second to another.
    pub(super) fn dead(self, unit: u8, from: u64, to: u64) -> Self {
        let nature = Nature {
            dead: vec![(from, to)],
            ..Nature::default()
        };
        self.with(unit, nature)
    }

    pub(super) fn now(&self) -> Now {
        let millis = u64::try_from(self.now.as_millis()).unwrap();
        Now {
            moment: Moment::new(self.now),
            utc: Timestamp::from_millis(self.utc_origin + millis),
        }
    }

    pub(super) fn command(&mut self, unit: u8, token: u64) {
        let request = CommandRequest {
            meter: format!("m{unit}").parse().unwrap(),
            spans: vec![span(100, 2)],
            token,
        };
        self.planner.command(request).unwrap();
    }

    pub(super) fn run_until(&mut self, seconds: u64) {
        let end = Duration::from_secs(seconds);
        while self.now < end {
            self.step(end);
        }
    }

    /// One look at the planner. True if it sent something.
    pub(super) fn step(&mut self, end: Duration) -> bool {
        self.looks += 1;
        match self.planner.next(self.now()) {
            Next::Exchange(exchange) => {
                let (took, outcome) = self.answer(&exchange);
                self.run_exchange(&exchange, took, &outcome);
                return true;
            }
            Next::Session(turn) => {
                let (took, end) = self.session(&turn);
                self.run_session(&turn, took, &end);
                return true;
            }
            Next::Happened(happenings) => {
                assert!(!happenings.is_empty());
                self.hear(happenings);
            }
            Next::WaitUntil(until) => {
                assert!(until > Moment::new(self.now), "a busy loop");
                self.now = until.since_origin().min(end.max(self.now));
            }
        }
        false
    }

    pub(super) fn run_exchange(&mut self, exchange: &Exchange, took: Duration, outcome: &Outcome) {
        self.sent.push(Sent {
            at: self.now,
            exchange: exchange.clone(),
            answered: !matches!(outcome, Outcome::Silent),
        });
        self.now += took;
        let happenings = self.planner.done(exchange, outcome, self.now());
        self.hear(happenings);
    }

    fn hear(&mut self, happenings: Vec<Happening>) {
        let at = self.now;
        self.happened
            .extend(happenings.into_iter().map(|h| (at, h)));
    }

    fn answer(&self, exchange: &Exchange) -> (Duration, Outcome) {
        let default = Nature::default();
        let nature = self
            .natures
            .iter()
            .find(|nature| nature.0 == exchange.unit)
            .map_or(&default, |nature| &nature.1);
        let second = self.now.as_secs();
        let turnaround = Duration::from_millis(if nature.slow { 150 } else { 20 });
        let asked = exchange.span;
        if nature
            .dead
            .iter()
            .any(|(from, to)| (*from..*to).contains(&second))
        {
            let deadline = Duration::from_millis(300);
            return (
                SERIAL.exchange(exchange.min_gap, deadline, asked.count),
                Outcome::Silent,
            );
        }
        let registers = u32::from(asked.address)..asked.end();
        if registers
            .clone()
            .any(|at| nature.bad.contains(&u16::try_from(at).unwrap()))
        {
            let took = SERIAL.exchange(exchange.min_gap, turnaround, 0);
            return (took, Outcome::Exception(2));
        }
        let took = SERIAL.exchange(exchange.min_gap, turnaround, asked.count);
        let left = took.saturating_sub(turnaround + SERIAL.answer(asked.count));
        let outcome = Outcome::Words {
            words: registers.map(|at| u16::try_from(at).unwrap()).collect(),
            left_at: Moment::new(self.now + left),
            arrived_at: Moment::new(self.now + took),
        };
        (took, outcome)
    }

    /// Cycles of a meter that brought values, begun in this window.
    pub(super) fn cycles(&self, unit: u8, from: u64, to: u64) -> usize {
        let id: MeterId = format!("m{unit}").parse().unwrap();
        self.happened
            .iter()
            .filter(|(at, _)| (from..to).contains(&at.as_secs()))
            .filter(|(_, h)| {
                matches!(h, Happening::PollDone { meter, words, .. } if *meter == id && !words.is_empty())
            })
            .count()
    }

    /// Every mark that was settled: meter, seconds since the epoch, and why if it was missed.
    /// Without the one seven seconds before the start.
    pub(super) fn marks(&self) -> Vec<(String, u64, Option<Why>)> {
        let mut marks = Vec::new();
        for (_, happening) in &self.happened {
            match happening {
                Happening::PollDone {
                    meter,
                    mark: Some(mark),
                    ..
                } => {
                    marks.push((meter.to_string(), mark.seconds() - EPOCH, None));
                }
                Happening::MarkMissed {
                    meter, mark, why, ..
                } => {
                    marks.push((meter.to_string(), mark.seconds() - EPOCH, Some(*why)));
                }
                _ => {}
            }
        }
        marks.retain(|mark| mark.1 > 0);
        marks
    }

    /// Rules 3 and 5 of the line, over everything that was ever sent.
    pub(super) fn check_lengths(&self) {
        let mut unvaried = 0;
        let mut last: Vec<(u8, u16)> = Vec::new();
        for Sent { exchange, .. } in &self.sent {
            let count = exchange.span.count;
            let is_probe = exchange.is_probe();
            let before = last.iter().position(|entry| entry.0 == exchange.unit);
            let before = before.map(|at| last.swap_remove(at));
            // One register is the probe's length; who else has it must admit it, and probes may
            // follow each other.
            let is_same = count > 1 && before.is_some_and(|(_, length)| length == count);
            unvaried += u64::from(is_same || (count == 1 && !is_probe));
            last.push((exchange.unit, count));
        }
        let admitted: u64 = self
            .planner
            .status()
            .meters
            .iter()
            .map(|meter| meter.unvaried_requests)
            .sum();
        assert!(
            unvaried <= admitted,
            "{unvaried} requests alike, {admitted} admitted"
        );
    }

    /// Rule 3: after a request without an answer nothing but the probe, until one is answered.
    pub(super) fn check_only_probes_after_silence(&self) {
        let mut silent: BTreeSet<u8> = BTreeSet::new();
        for Sent {
            exchange, answered, ..
        } in &self.sent
        {
            if silent.contains(&exchange.unit) {
                assert!(exchange.is_probe(), "{exchange:?}");
            }
            if *answered {
                silent.remove(&exchange.unit);
            } else {
                silent.insert(exchange.unit);
            }
        }
    }
}
