//! A roll-out to many gateways: in waves, with a rule that stops it. Pure: time is handed in, and
//! what is to be sent is handed out.

mod remembered;

pub use remembered::{RememberedRollOut, UnfitState};

use authority::{CommandId, CommandState, Receipt};
use metering::{GatewayId, Timestamp};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
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

    /// Whether it is over: done or failed.
    const fn is_ended(self) -> bool {
        matches!(self, Self::Silent | Self::Ended(_))
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

/// Gateways of a wave that came to an end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    ended: usize,
    failed: usize,
}

impl Tally {
    fn add(&mut self, stage: Stage) {
        self.ended = self.ended.saturating_add(usize::from(stage.is_ended()));
        self.failed = self.failed.saturating_add(usize::from(stage.is_failed()));
    }

    fn take(&mut self, stage: Stage) {
        self.ended = self.ended.saturating_sub(usize::from(stage.is_ended()));
        self.failed = self.failed.saturating_sub(usize::from(stage.is_failed()));
    }
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
    /// How the wave that runs stands: kept, because counting it at each end would be a walk through all
    /// of it.
    tally: Tally,
    /// The same of all of them.
    whole_tally: Tally,
    /// Whose stage is not in the file yet.
    changed: BTreeSet<usize>,
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
            tally: Tally::default(),
            whole_tally: Tally::default(),
            changed: BTreeSet::new(),
            in_flight: BTreeMap::new(),
            stopped: None,
        };
        // What was on its way is sent again: nobody knows what was heard meanwhile.
        for (place, target) in rollout.targets.iter().enumerate() {
            rollout.whole_tally.add(target.stage);
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
            // It may have ended while it waited.
            let waits = |target: &&mut Target| target.stage == Stage::Waiting;
            if let Some(target) = self.targets.get_mut(place).filter(waits) {
                target.stage = Stage::Sent { since: now };
                self.changed.insert(place);
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
        let after = target.stage;
        self.count(place, before, after);
        if is_end {
            self.in_flight.remove(&place);
            self.judge();
        }
        before != after
    }

    fn end_silent(&mut self, now: Timestamp) {
        let within = self.pace.within;
        let is_late = |target: &Target| {
            let since = target.stage.since();
            since.is_some_and(|since| since.after(within) <= now)
        };
        let places = self.in_flight.keys().copied();
        let silent: Vec<usize> = places
            .filter(|place| self.targets.get(*place).is_some_and(is_late))
            .collect();
        for place in silent {
            self.in_flight.remove(&place);
            if let Some(target) = self.targets.get_mut(place) {
                let before = std::mem::replace(&mut target.stage, Stage::Silent);
                self.count(place, before, Stage::Silent);
            }
        }
    }

    /// A gateway came from one stage to another.
    fn count(&mut self, place: usize, before: Stage, after: Stage) {
        self.changed.insert(place);
        self.whole_tally.take(before);
        self.whole_tally.add(after);
        if self.range().contains(&place) {
            self.tally.take(before);
            self.tally.add(after);
        }
    }

    /// Looks at the wave that runs: stops, waits, or begins the next.
    fn judge(&mut self) {
        while self.stopped.is_none() && self.wave < self.ends.len() {
            let (size, tally) = (self.range().len(), self.tally);
            let limit = size.saturating_mul(usize::from(self.pace.stop_percent));
            if tally.failed.saturating_mul(100) > limit {
                self.stopped = Some((self.wave.saturating_add(1), tally.failed));
                return;
            }
            if tally.ended < size {
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

    fn begin_wave(&mut self) {
        self.queue.clear();
        self.tally = Tally::default();
        for place in self.range() {
            let Some(target) = self.targets.get(place) else {
                continue;
            };
            self.tally.add(target.stage);
            if target.stage == Stage::Waiting {
                self.queue.push_back(place);
            }
        }
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

    /// How many have done it, and how many failed.
    pub const fn counts(&self) -> (usize, usize) {
        let all = self.whole_tally;
        (all.ended.saturating_sub(all.failed), all.failed)
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
mod recount;
#[cfg(test)]
mod tests;
