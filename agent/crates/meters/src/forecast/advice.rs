//! What to change on a bus that has too much to carry.

use super::{Demand, Kind, Load, demands, meter_shares, per_mille, share_of};
use crate::limits::{BUSY_WARNING, SESSION_MARGIN};
use crate::planner::{BusTiming, PlannerSettings};
use metering::BusId;
use std::time::Duration;

/// Periods a person would choose, in seconds. Those from a minute to an hour divide the hour, so
/// that they serve for samples too.
const PERIODS: [u64; 19] = [
    1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 14_400, 43_200, 86_400,
];
/// Line speeds a person would choose.
const BAUDS: [u32; 8] = [1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200];
/// Modbus over Serial Line V1.02, 2.5.1.1: above 19200 baud the silence is fixed.
const SILENCE_MIN: Duration = Duration::from_micros(1750);

#[derive(Debug, Clone, Copy)]
pub(super) struct Advice<'a> {
    pub(super) bus: &'a BusId,
    pub(super) load: Load<'a>,
    pub(super) timing: BusTiming,
    pub(super) settings: PlannerSettings,
    pub(super) demands: &'a [Demand],
    pub(super) shares: &'a [u64],
    pub(super) silence: Duration,
}

impl Advice<'_> {
    pub(super) fn remedies(&self) -> String {
        let remedies: Vec<String> = [self.poll_less(), self.raise_baud(), self.move_meters()]
            .into_iter()
            .flatten()
            .collect();
        match remedies.split_last() {
            None => "read less of its meters".to_owned(),
            Some((only, [])) => only.clone(),
            Some((last, [first])) => format!("{first}, or {last}"),
            Some((last, rest)) => format!("{}, or {last}", rest.join(", ")),
        }
    }

    pub(super) fn sampled_meters(&self) -> usize {
        let is_sampled = |place: &usize| {
            self.demands
                .iter()
                .any(|d| d.kind == Kind::Sample && d.meter == *place)
        };
        (0..self.load.len()).filter(is_sampled).count()
    }

    pub(super) fn too_many_samples(&self, burst: Duration, capacity: usize) -> String {
        let sampled = self.sampled_meters();
        let tolerance = seconds(self.settings.late_after);
        let wider = seconds(Duration::from_secs((burst / 2).as_secs() + 1));
        format!(
            "bus {} samples {sampled} meters at one mark, which takes {}, and only {capacity} of \
             them can be within {tolerance} of it: move {} of them to another bus, or allow {wider}",
            self.bus,
            seconds(burst),
            sampled - capacity,
        )
    }

    /// A request without an answer that takes longer than the line has free in the shortest
    /// period makes the others miss a cycle.
    pub(super) fn silence_costs_a_cycle(&self, healthy: u32) -> Option<String> {
        let shortest = self.polls().map(|demand| demand.period).min()?;
        let free = shortest.saturating_mul(1000_u32.saturating_sub(healthy)) / 1000;
        (healthy <= BUSY_WARNING && self.silence > free && self.load.meters.len() > 1).then(|| {
            format!(
                "bus {} waits {} for a meter that does not answer, and has only {} free in its \
                 shortest period of {}: the others then miss a cycle; lengthen that period",
                self.bus,
                seconds(self.silence),
                seconds(free),
                seconds(shortest),
            )
        })
    }

    /// A session that does not fit between two cycles of a poll makes it miss one.
    pub(super) fn sessions_cost_a_cycle(&self) -> Option<String> {
        let hold = self
            .load
            .sessions
            .iter()
            .map(|meter| meter.hold_min)
            .max()?;
        let shortest = self.polls().map(|demand| demand.period).min()?;
        let cycle: Duration = self.polls().map(|demand| demand.cost).sum();
        let need = hold + cycle + SESSION_MARGIN;
        let mut longer = PERIODS.into_iter().map(Duration::from_secs);
        let longer = longer.find(|period| *period >= need)?;
        (shortest < need).then(|| {
            format!(
                "bus {} polls every {}, and a session with a meter takes {} at least: polls miss \
                 cycles meanwhile; poll every {} or move those meters to another bus",
                self.bus,
                seconds(shortest),
                seconds(hold),
                seconds(longer),
            )
        })
    }

    fn polls(&self) -> impl Iterator<Item = &Demand> {
        let is_poll = |demand: &&Demand| demand.kind == Kind::Poll;
        self.demands.iter().filter(is_poll)
    }

    fn total(&self) -> u64 {
        self.shares.iter().sum()
    }

    /// The polls of one period that weigh most, made rarer.
    fn poll_less(&self) -> Option<String> {
        let weight = |group: (Kind, Duration)| -> u64 {
            let in_group = |demand: &&Demand| (demand.kind, demand.period) == group;
            self.demands
                .iter()
                .filter(in_group)
                .map(Demand::share)
                .sum()
        };
        let groups = self
            .demands
            .iter()
            .map(|demand| (demand.kind, demand.period));
        let group = groups.max_by_key(|&group| weight(group))?;
        let (kind, period) = group;
        let others = self.total().saturating_sub(weight(group));
        let mine = |new: Duration| -> u64 {
            let in_group = |demand: &&Demand| (demand.kind, demand.period) == group;
            let costs = self
                .demands
                .iter()
                .filter(in_group)
                .map(|demand| demand.cost);
            costs.map(|cost| share_of(cost, new)).sum()
        };
        let longer = PERIODS
            .into_iter()
            .map(Duration::from_secs)
            .filter(|&new| new > period && suits(kind, new))
            .find(|&new| per_mille(others + mine(new)) <= BUSY_WARNING)?;
        let verb = match kind {
            Kind::Sample => "sample",
            Kind::Poll => "poll",
            Kind::Session => "read",
        };
        let names = self.names(|demand| (demand.kind, demand.period) == group);
        Some(format!(
            "{verb} {names} every {} instead of {}",
            seconds(longer),
            seconds(period)
        ))
    }

    /// `a to d` where they stand together in the configuration.
    fn names(&self, is_meant: impl Fn(&Demand) -> bool) -> String {
        let mut places: Vec<usize> = self
            .demands
            .iter()
            .filter(|demand| is_meant(demand))
            .map(|demand| demand.meter)
            .collect();
        places.dedup();
        let name = |place: &usize| {
            let id = self.load.ids().nth(*place);
            id.map(|id| id.to_string()).unwrap_or_default()
        };
        match &places[..] {
            [] => "its meters".to_owned(),
            [only] => name(only),
            [first, second] => format!("{} and {}", name(first), name(second)),
            [first, .., last] if last - first + 1 == places.len() => {
                format!("{} to {}", name(first), name(last))
            }
            [first, rest @ ..] => format!("{} and {} others", name(first), rest.len()),
        }
    }

    fn raise_baud(&self) -> Option<String> {
        let character = self.timing.character;
        if character.is_zero() {
            return None;
        }
        // A character has 10 or 11 bits, so its time gives the speed away.
        let bits = |baud: u32| u64::try_from((character * baud).as_millis()).unwrap_or(u64::MAX);
        let now = BAUDS
            .into_iter()
            .find(|&baud| (9_900..=12_100).contains(&bits(baud)))?;
        BAUDS
            .into_iter()
            .filter(|&baud| baud > now)
            .find_map(|baud| {
                let character = character * now / baud;
                let faster = BusTiming {
                    character,
                    silence: (character * 7 / 2).max(SILENCE_MIN),
                };
                let demands = demands(self.load, faster);
                let total = meter_shares(&demands, self.load.len()).iter().sum();
                (per_mille(total) <= BUSY_WARNING).then(|| format!("raise the line to {baud} baud"))
            })
    }

    /// How many of the meters that weigh most would have to go.
    fn move_meters(&self) -> Option<String> {
        let mut shares = self.shares.to_vec();
        shares.sort_unstable_by(|one, other| other.cmp(one));
        let mut left = self.total();
        let mut moved = 0_usize;
        for share in &shares {
            if per_mille(left) <= BUSY_WARNING {
                break;
            }
            left -= share;
            moved += 1;
        }
        match moved {
            1 if shares.len() > 1 => Some("move 1 meter to another bus".to_owned()),
            2.. if moved < shares.len() => Some(format!("move {moved} meters to another bus")),
            _ => None,
        }
    }
}

/// Whether a person would choose this period for such work.
fn suits(kind: Kind, period: Duration) -> bool {
    match kind {
        Kind::Sample => (60..=3600).contains(&period.as_secs()),
        Kind::Poll => period.as_secs() <= 3600,
        Kind::Session => period.as_secs() >= 60,
    }
}

/// Rounded up: what is refused never reads as 100 %.
pub(super) fn percent(per_mille: u32) -> u32 {
    per_mille.div_ceil(10)
}

/// `10 s`, `0.35 s`, `15 min`.
pub(super) fn seconds(length: Duration) -> String {
    let whole = length.as_secs();
    if length.subsec_millis() >= 10 && whole < 100 {
        let hundredths = length.subsec_millis() / 10;
        let text = format!("{whole}.{hundredths:02}");
        return format!("{} s", text.trim_end_matches('0'));
    }
    if whole >= 60 && whole.is_multiple_of(60) {
        format!("{} min", whole / 60)
    } else {
        format!("{whole} s")
    }
}
