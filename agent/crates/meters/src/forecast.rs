//! What a bus will have to carry, computed from its configuration before anything is sent.

mod advice;

use crate::limits::{BUSY_REFUSED, BUSY_WARNING, PROBE_SPACING, PROBE_WAIT_MIN, WAIT_MIN};
use crate::planner::{BusTiming, PlannedMeter, PlannerSettings, PollKind, SessionMeter, poll_cost};
use advice::{Advice, percent};
use metering::{BusId, MeterId};
use std::time::Duration;

/// The load of a bus. Shares are per mille of the line's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// With all meters answering.
    pub healthy: u32,
    /// With one, two and so on of its meters dead, for the worst choice of them, while they are
    /// still probed often.
    pub with_dead: Vec<u32>,
    /// How long it takes to sample all meters at a mark that all sampled polls share.
    pub sample_burst: Duration,
    /// How many meters such as these can be sampled within the tolerance; `None` if none is.
    pub sample_capacity: Option<usize>,
    /// What each meter takes, in the order of the configuration.
    pub meters: Vec<MeterLoad>,
    /// Whether the bus can be run so.
    pub verdict: Verdict,
    /// What is wrong and what to change; one sentence each. Empty if all is well.
    pub words: Vec<String>,
}

/// The load that one meter is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterLoad {
    /// Which.
    pub id: MeterId,
    /// Its share of the line, per mille.
    pub share: u32,
    /// Line time of one cycle of each of its polls.
    pub cycles: Vec<Duration>,
}

/// Whether a bus can be run as configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It can.
    Fine,
    /// It can, with a remark.
    Warning,
    /// It cannot.
    Refused,
}

/// The meters of a bus, in the order of the configuration within each kind.
#[derive(Debug, Clone, Copy)]
pub struct Load<'a> {
    /// Those that are polled.
    pub meters: &'a [PlannedMeter],
    /// Those that are read in sessions.
    pub sessions: &'a [SessionMeter],
}

impl Load<'_> {
    fn len(self) -> usize {
        self.meters.len() + self.sessions.len()
    }

    fn ids(self) -> impl Iterator<Item = MeterId> {
        let polled = self.meters.iter().map(|meter| &meter.id);
        let read = self.sessions.iter().map(|meter| &meter.id);
        polled.chain(read).cloned()
    }
}

/// One poll's demand.
#[derive(Debug, Clone, Copy)]
struct Demand {
    meter: usize,
    period: Duration,
    kind: Kind,
    cost: Duration,
}

/// What kind of work a demand is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Poll,
    Sample,
    Session,
}

impl Demand {
    /// Parts per million of the line.
    fn share(&self) -> u64 {
        share_of(self.cost, self.period)
    }
}

/// Computes what `bus` will have to carry, and says what to change where that is too much.
pub fn forecast(
    bus: &BusId,
    load: Load<'_>,
    timing: BusTiming,
    settings: PlannerSettings,
) -> Forecast {
    let demands = demands(load, timing);
    let shares = meter_shares(&demands, load.len());
    let total: u64 = shares.iter().sum();
    let silence = load
        .meters
        .iter()
        .map(|meter| timing.silent(meter.min_gap, meter.turnaround, 1))
        .max()
        .unwrap_or_default();
    let samples = || demands.iter().filter(|demand| demand.kind == Kind::Sample);
    let sample_burst = samples().map(|demand| demand.cost).sum();
    let sample_capacity = sample_capacity(load.len(), &demands, settings);
    let mut forecast = Forecast {
        healthy: per_mille(total),
        with_dead: with_dead(&shares, silence),
        sample_burst,
        sample_capacity,
        meters: loads(load, &demands, &shares),
        verdict: Verdict::Fine,
        words: Vec::new(),
    };
    forecast.judge(&Advice {
        bus,
        load,
        timing,
        settings,
        demands: &demands,
        shares: &shares,
        silence,
    });
    forecast
}

impl Forecast {
    fn judge(&mut self, advice: &Advice<'_>) {
        if self.healthy > BUSY_WARNING {
            let is_refused = self.healthy > BUSY_REFUSED;
            let verdict = if is_refused {
                Verdict::Refused
            } else {
                Verdict::Warning
            };
            self.verdict = verdict;
            let busy = percent(self.healthy);
            let remedies = advice.remedies();
            let words = format!("bus {} would be {busy} % busy: {remedies}", advice.bus);
            self.words.push(words);
        }
        if let Some(capacity) = self.sample_capacity
            && capacity < advice.sampled_meters()
        {
            self.verdict = self.verdict.max(Verdict::Warning);
            let words = advice.too_many_samples(self.sample_burst, capacity);
            self.words.push(words);
        }
        if let Some(words) = advice.sessions_cost_a_cycle() {
            self.verdict = self.verdict.max(Verdict::Warning);
            self.words.push(words);
        }
        if let Some(words) = advice.silence_costs_a_cycle(self.healthy) {
            self.verdict = self.verdict.max(Verdict::Warning);
            self.words.push(words);
        }
    }
}

fn demands(load: Load<'_>, timing: BusTiming) -> Vec<Demand> {
    let mut demands = Vec::new();
    for (place, meter) in load.meters.iter().enumerate() {
        for poll in &meter.polls {
            let kind = match poll.kind {
                PollKind::Sample { .. } => Kind::Sample,
                PollKind::Every(_) => Kind::Poll,
            };
            demands.push(Demand {
                meter: place,
                period: period(poll.kind),
                kind,
                cost: poll_cost(meter, poll, timing),
            });
        }
    }
    for (place, meter) in (load.meters.len()..).zip(load.sessions) {
        for poll in &meter.polls {
            demands.push(Demand {
                meter: place,
                period: period(poll.kind),
                kind: Kind::Session,
                cost: poll.cost,
            });
        }
    }
    demands
}

fn period(kind: PollKind) -> Duration {
    match kind {
        PollKind::Sample { period } => period.duration(),
        PollKind::Every(period) => period.max(WAIT_MIN),
    }
}

fn meter_shares(demands: &[Demand], meters: usize) -> Vec<u64> {
    let of = |place| {
        let own = demands.iter().filter(|demand| demand.meter == place);
        own.map(Demand::share).sum()
    };
    (0..meters).map(of).collect()
}

fn loads(load: Load<'_>, demands: &[Demand], shares: &[u64]) -> Vec<MeterLoad> {
    let one = |(place, (id, share)): (usize, (MeterId, &u64))| MeterLoad {
        id,
        share: per_mille(*share),
        cycles: demands
            .iter()
            .filter(|demand| demand.meter == place)
            .map(|demand| demand.cost)
            .collect(),
    };
    load.ids().zip(shares).enumerate().map(one).collect()
}

/// Dead meters give their own share back and cost probes. The worst choice are the meters that
/// ask for least.
fn with_dead(shares: &[u64], silence: Duration) -> Vec<u32> {
    let mut sorted = shares.to_vec();
    sorted.sort_unstable();
    let mut left: u64 = sorted.iter().sum();
    // After a probe of length 1 come 20 without one.
    let most = 1_000_000 / u64::from(PROBE_SPACING + 1);
    let mut found = Vec::with_capacity(sorted.len());
    for (dead, share) in (1_u64..).zip(sorted) {
        left -= share;
        let probes = share_of(silence, PROBE_WAIT_MIN).saturating_mul(dead);
        found.push(per_mille(left + probes.min(most)));
    }
    found
}

/// A burst may reach from the tolerance before its mark to the tolerance after it.
fn sample_capacity(meters: usize, demands: &[Demand], settings: PlannerSettings) -> Option<usize> {
    let samples = || demands.iter().filter(|demand| demand.kind == Kind::Sample);
    let sampled = (0..meters).filter(|&place| samples().any(|demand| demand.meter == place));
    let sampled = u128::try_from(sampled.count())
        .ok()
        .filter(|&count| count > 0)?;
    let burst: Duration = samples().map(|demand| demand.cost).sum();
    let window = settings.late_after.saturating_mul(2);
    let capacity = window.as_micros() * sampled / burst.as_micros().max(1);
    Some(usize::try_from(capacity).unwrap_or(usize::MAX))
}

/// Parts per million.
fn share_of(cost: Duration, period: Duration) -> u64 {
    let share = cost.as_nanos().saturating_mul(1_000_000) / period.as_nanos().max(1);
    u64::try_from(share).unwrap_or(u64::MAX / 1_000_000)
}

fn per_mille(share: u64) -> u32 {
    u32::try_from(share.div_ceil(1000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
