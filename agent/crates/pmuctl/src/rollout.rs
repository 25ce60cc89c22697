//! A roll-out to many gateways: in waves, with a rule that stops it. Pure: time is handed in, and
//! what is to be sent is handed out.

mod remembered;

pub use remembered::{RememberedRollOut, UnfitState};

use authority::{CommandId, CommandState, Receipt};
use metering::{GatewayId, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How a roll-out goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// Gateways of the first waves; the last number holds for all that follow.
    pub waves: Vec<usize>,
    /// More than so many percent of a wave failed, and nothing more is sent.
    pub stop_percent: u8,
    /// Commands that were sent and have not ended, at most.
    pub in_flight_max: usize,
    /// Sent again to a gateway that said nothing; the same command does nothing twice.
    pub again_after: Duration,
    /// A gateway that has not ended by then counts as failed.
    pub within: Duration,
}

/// How it stands with one gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Which.
    pub gateway: GatewayId,
    /// Its command.
    pub id: CommandId,
    /// How far.
    pub stage: Stage,
    /// The gateway's code for what went wrong.
    pub code: Option<String>,
}

/// How far it is with one gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing was sent.
    Waiting,
    /// Sent first then.
    Sent {
        /// When.
        since: Timestamp,
    },
    /// The gateway has it, and has not ended it.
    Open {
        /// When it was sent first.
        since: Timestamp,
        /// Its last word.
        state: CommandState,
    },
    /// It ended, or waits for a person.
    Ended(CommandState),
    /// Nothing was heard within the time.
    Silent,
}

impl Stage {
    /// Whether the command was done.
    pub const fn is_done(self) -> bool {
        matches!(self, Self::Ended(CommandState::Succeeded))
    }

    /// Whether it counts against the rule that stops.
    pub const fn is_failed(self) -> bool {
        matches!(self, Self::Silent) || (matches!(self, Self::Ended(_)) && !self.is_done())
    }

    const fn since(self) -> Option<Timestamp> {
        match self {
            Self::Sent { since } | Self::Open { since, .. } => Some(since),
            _ => None,
        }
    }
}

/// How the whole stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It goes on.
    Running,
    /// Too many failed: nothing more is sent, and what was sent is still listened to.
    Stopped {
        /// The wave, from 1.
        wave: usize,
        /// Gateways of it that failed.
        failed: usize,
    },
    /// Nothing is left to be sent or heard.
    Finished,
}

/// The roll-out.
#[derive(Debug, Clone)]
pub struct RollOut {
    pace: Pace,
    targets: Vec<Target>,
    places: BTreeMap<CommandId, usize>,
    /// The first gateway behind each wave.
    ends: Vec<usize>,
    /// Those that wait to be sent, of the wave that runs.
    queue: VecDeque<usize>,
    wave: usize,
    in_flight: BTreeMap<usize, Timestamp>,
    stopped: Option<(usize, usize)>,
}

impl RollOut {
    /// A roll-out to gateways in this order, as far as it had come.
    pub fn new(pace: Pace, targets: Vec<Target>) -> Self {
        let ends = wave_ends(&pace.waves, targets.len());
        let places = targets.iter().map(|target| target.id).zip(0..).collect();
        let mut rollout = Self {
            pace,
            targets,
            places,
            ends,
            queue: VecDeque::new(),
            wave: 0,
            in_flight: BTreeMap::new(),
            stopped: None,
        };
        // What was on its way is sent again: nobody knows what was heard meanwhile.
        for (place, target) in rollout.targets.iter().enumerate() {
            if target.stage.since().is_some() {
                rollout.in_flight.insert(place, Timestamp::default());
            }
        }
        rollout.begin_wave();
        rollout.judge();
        rollout
    }

    /// What is to be sent now; the caller sends all of it.
    pub fn to_send(&mut self, now: Timestamp) -> Vec<usize> {
        self.end_silent(now);
        self.judge();
        let mut sent = Vec::new();
        let again = self.pace.again_after;
        for (place, last) in &mut self.in_flight {
            if last.after(again) <= now {
                *last = now;
                sent.push(*place);
            }
        }
        if self.stopped.is_some() {
            return sent;
        }
        while self.in_flight.len() < self.pace.in_flight_max {
            let Some(place) = self.queue.pop_front() else {
                break;
            };
            if let Some(target) = self.targets.get_mut(place) {
                target.stage = Stage::Sent { since: now };
                self.in_flight.insert(place, now);
                sent.push(place);
            }
        }
        sent
    }

    /// Sends again at once what is on its way to a gateway, or to all: it has not heard what was sent
    /// while it was away, or nobody has heard it.
    pub fn send_again(&mut self, gateway: Option<&GatewayId>) {
        for (place, last) in &mut self.in_flight {
            let target = self.targets.get(*place).map(|target| &target.gateway);
            if gateway.is_none() || gateway == target {
                *last = Timestamp::default();
            }
        }
    }

    /// Takes what a gateway said. `true`: it was news.
    pub fn hear(&mut self, gateway: &GatewayId, receipt: &Receipt) -> bool {
        let place = self.places.get(&receipt.id).copied();
        let Some(place) = place else { return false };
        let Some(target) = self.targets.get_mut(place) else {
            return false;
        };
        let before = target.stage;
        let is_over = matches!(before, Stage::Ended(state) if state.is_final());
        if target.gateway != *gateway || is_over {
            return false;
        }
        let state = receipt.state;
        // `partial` waits for a person: for the roll-out it is an end, and a bad one.
        let is_end = state.is_final() || state == CommandState::Partial;
        target.stage = match before.since() {
            _ if is_end => Stage::Ended(state),
            Some(since) => Stage::Open { since, state },
            // Too late, or before it was sent by this roll-out: only an end counts.
            None => return false,
        };
        target.code.clone_from(&receipt.code);
        if is_end {
            self.in_flight.remove(&place);
            self.queue.retain(|waiting| *waiting != place);
            self.judge();
        }
        target_changed(before, self.targets.get(place))
    }

    fn end_silent(&mut self, now: Timestamp) {
        let within = self.pace.within;
        let targets = &mut self.targets;
        self.in_flight.retain(|place, _| {
            let Some(target) = targets.get_mut(*place) else {
                return false;
            };
            let is_late = |since: Timestamp| since.after(within) <= now;
            let is_silent = target.stage.since().is_some_and(is_late);
            if is_silent {
                target.stage = Stage::Silent;
            }
            !is_silent
        });
    }

    /// Looks at the wave that runs: stops, waits, or begins the next.
    fn judge(&mut self) {
        while self.stopped.is_none() && self.wave < self.ends.len() {
            let of_wave = self.of_wave();
            let failed = of_wave.iter().filter(|one| one.stage.is_failed()).count();
            let limit = of_wave
                .len()
                .saturating_mul(usize::from(self.pace.stop_percent));
            if failed.saturating_mul(100) > limit {
                self.stopped = Some((self.wave.saturating_add(1), failed));
                return;
            }
            let is_ended = |one: &Target| one.stage.is_done() || one.stage.is_failed();
            if !of_wave.iter().all(is_ended) {
                return;
            }
            self.wave = self.wave.saturating_add(1);
            self.begin_wave();
        }
    }

    fn range(&self) -> std::ops::Range<usize> {
        let before = self
            .wave
            .checked_sub(1)
            .and_then(|wave| self.ends.get(wave));
        let begin = before.copied().unwrap_or(0);
        begin..self.ends.get(self.wave).copied().unwrap_or(begin)
    }

    fn of_wave(&self) -> &[Target] {
        self.targets.get(self.range()).unwrap_or_default()
    }

    fn begin_wave(&mut self) {
        let waits = |place: &usize| {
            let target = self.targets.get(*place);
            target.is_some_and(|target| target.stage == Stage::Waiting)
        };
        self.queue = self.range().filter(waits).collect();
    }

    /// How the whole stands.
    pub fn progress(&self) -> Progress {
        match self.stopped {
            Some((wave, failed)) if !self.in_flight.is_empty() => {
                Progress::Stopped { wave, failed }
            }
            None if self.wave < self.ends.len() => Progress::Running,
            _ => Progress::Finished,
        }
    }

    /// The wave that was stopped and how many of it failed, if too many did.
    pub const fn stopped(&self) -> Option<(usize, usize)> {
        self.stopped
    }

    /// The wave that runs, from 1, and of how many.
    pub fn wave(&self) -> (usize, usize) {
        let waves = self.ends.len();
        (self.wave.saturating_add(1).min(waves), waves)
    }

    /// All gateways, in the order of the roll-out.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// How it goes.
    pub const fn pace(&self) -> &Pace {
        &self.pace
    }
}

fn target_changed(before: Stage, now: Option<&Target>) -> bool {
    now.is_some_and(|target| target.stage != before)
}

fn wave_ends(waves: &[usize], count: usize) -> Vec<usize> {
    let mut ends = Vec::new();
    let (mut end, mut sizes) = (0_usize, waves.iter().copied());
    let mut size = 1;
    while end < count {
        size = sizes.next().unwrap_or(size).max(1);
        end = end.saturating_add(size).min(count);
        ends.push(end);
    }
    ends
}

#[cfg(test)]
mod tests;
