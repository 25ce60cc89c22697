//! From a meter's settings and its model to what the planner of its bus must read.

mod dlms;
mod flag;

pub use flag::packet_time;

use crate::config::{BusSettings, MeterSettings, ModbusMeter, Speaks};
use metering::Obis;
use meters::catalogue::{Identify, Register};
use meters::planner::{BusTiming, PlannedMeter, Poll, PollId, PollKind, SessionMeter};
use std::time::Duration;

/// The poll that asks who the meter is.
pub const IDENTITY: PollId = PollId(0);
/// The poll that samples totals at interval ends.
pub const SAMPLE: PollId = PollId(1);
/// The poll of instantaneous values.
pub const INSTANT: PollId = PollId(2);

/// Registers, events and the load profile of a meter that is read in sessions.
pub const COLLECT: PollId = PollId(3);

/// A meter may be exchanged without anybody telling the gateway.
const IDENTITY_EVERY: Duration = Duration::from_hours(1);

/// What is read from one meter, and how its answers are understood.
#[derive(Debug, Clone)]
pub struct MeterPlan {
    /// For the planner.
    pub planned: PlannedMeter,
    /// The totals of the load profile, in the order of its columns.
    pub totals: Vec<Register>,
    /// The instantaneous values.
    pub instants: Vec<Register>,
    /// What tells one meter from another.
    pub identify: Vec<Identify>,
}

/// The plan of a meter. `found` are the registers of a `SunSpec` meter, once its chain has been
/// walked; before that nothing can be read from it.
pub fn plan(meter: &MeterSettings, modbus: &ModbusMeter, found: Option<&[Register]>) -> MeterPlan {
    let model = &modbus.model;
    let offered: Vec<&Register> = match (&model.sunspec, found) {
        (None, _) => model.offered().collect(),
        (Some(_), Some(found)) => found.iter().collect(),
        (Some(_), None) => Vec::new(),
    };
    let choose = |wanted: &[Obis]| -> Vec<Register> {
        let find = |obis: &Obis| {
            offered
                .iter()
                .find(|register| register.obis == *obis && !register.alternative)
        };
        wanted
            .iter()
            .filter_map(find)
            .map(|register| (*register).clone())
            .collect()
    };
    let totals = meter
        .profile
        .as_ref()
        .map_or_else(Vec::new, |found| choose(&found.totals));
    let instants = meter
        .instant
        .as_ref()
        .map_or_else(Vec::new, |found| choose(&found.values));
    let polls = polls(meter, modbus, &totals, &instants);
    let planned = PlannedMeter {
        id: meter.id.clone(),
        unit: modbus.unit,
        max_count: model.limits.max_count,
        min_gap: model.limits.min_gap,
        turnaround: model.limits.turnaround,
        holes: model.holes.clone(),
        probe: model.probe,
        polls,
    };
    MeterPlan {
        planned,
        totals,
        instants,
        identify: model.identify.clone(),
    }
}

fn polls(
    meter: &MeterSettings,
    modbus: &ModbusMeter,
    totals: &[Register],
    instants: &[Register],
) -> Vec<Poll> {
    let mut polls = Vec::new();
    if !modbus.model.identify.is_empty() {
        let wanted = modbus.model.identify.iter().map(|item| item.span).collect();
        polls.push(Poll {
            id: IDENTITY,
            kind: PollKind::Every(IDENTITY_EVERY),
            wanted,
        });
    }
    let spans = |registers: &[Register]| {
        let mut spans: Vec<_> = registers.iter().flat_map(Register::spans).collect();
        spans.sort_unstable();
        spans.dedup();
        spans
    };
    if let Some(profile) = meter.profile.as_ref().filter(|_| !totals.is_empty()) {
        let kind = PollKind::Sample {
            period: profile.period,
        };
        polls.push(Poll {
            id: SAMPLE,
            kind,
            wanted: spans(totals),
        });
    }
    if let Some(instant) = meter.instant.as_ref().filter(|_| !instants.is_empty()) {
        let kind = PollKind::Every(instant.every);
        polls.push(Poll {
            id: INSTANT,
            kind,
            wanted: spans(instants),
        });
    }
    polls
}

/// The plan as the forecast sees it: a `SunSpec` meter counts with the registers it will have.
pub fn forecast_plan(meter: &MeterSettings, modbus: &ModbusMeter) -> PlannedMeter {
    let offered: Vec<Register> = modbus.model.offered().cloned().collect();
    plan(meter, modbus, Some(&offered)).planned
}

/// A meter that is read in sessions, as the planner sees it.
pub fn session_meter(meter: &MeterSettings, bus: &BusSettings) -> Option<SessionMeter> {
    match &meter.speaks {
        Speaks::Modbus(_) => None,
        Speaks::Flag(flag) => Some(flag::session_meter(meter, flag, bus)),
        Speaks::Dlms(dlms) => Some(dlms::session_meter(meter, dlms, bus)),
    }
}

/// How fast the line of a bus is.
pub fn timing(bus: &BusSettings) -> BusTiming {
    bus.link
        .line()
        .map_or_else(BusTiming::stream, |line| BusTiming {
            character: line.character_time(),
            silence: line.silence(),
        })
}
