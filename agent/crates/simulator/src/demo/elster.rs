//! The Elster meters among the cast: each has a past, keeps a load profile of it, and knows what it
//! recorded.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use iec62056_21::meter::{ParityBy, Settings};
use metering::{Obis, Quantity, Timestamp, Unit, rescale};
use simulator::elster::{ElsterMeter, ElsterModel, Incident, Scenario, Source, TrueInterval, Zone};
use simulator::trouble::FlagTroubles;
use simulator::wire::Wire;

use super::keeper::{Keeper, Protocol};
use super::limits::{ELSTER_REACTION, PAST_DAYS, REGISTER_REACH_S};
use super::own::Recorded;

/// A role, before a meter plays it.
#[derive(Debug, Clone, Copy)]
struct Role {
    id: &'static str,
    model: &'static str,
    meter: ElsterModel,
    serial: &'static str,
    password: &'static str,
    zone: Zone,
    /// The same for the gateway.
    basis: &'static str,
    /// How far its clock is ahead, seconds.
    ahead: i64,
    transformers: Transformers,
}

/// What stands between the meter and what it measures.
#[derive(Debug, Clone, Copy)]
struct Transformers {
    /// Voltages, primary and secondary, hundredths of a volt.
    vt: (u32, u32),
    /// Currents, primary and secondary, hundredths of an ampere.
    ct: (u32, u32),
    /// What the meter counts is multiplied by this: both ratios, where it counts the secondary side.
    multiplier: i64,
}

/// Connected directly: what it counts is what flows.
const NONE: Transformers = Transformers {
    vt: (23_000, 23_000),
    ct: (500, 500),
    multiplier: 1,
};
/// 11 kV to 110 V, 200 A to 5 A.
const MEDIUM_VOLTAGE: Transformers = Transformers {
    vt: (1_100_000, 11_000),
    ct: (20_000, 500),
    multiplier: 4000,
};

const ROLES: [Role; 2] = [
    Role {
        id: "elster-1",
        model: "elster-a1140",
        meter: ElsterModel::A1140,
        serial: "90214117",
        password: "0001ABCD",
        zone: Zone::UTC,
        basis: "utc",
        ahead: 4,
        transformers: NONE,
    },
    Role {
        id: "elster-2",
        model: "elster-a1700",
        meter: ElsterModel::A1700,
        serial: "30406205",
        password: "7Q2M04XK",
        zone: Zone::CENTRAL_EUROPE,
        basis: "posix:CET-1CEST,M3.5.0,M10.5.0/3",
        ahead: -7,
        transformers: MEDIUM_VOLTAGE,
    },
];

/// Status bit of a record in which a phase failed, and the flag that it is.
const PHASE_FAILED: (u8, &str) = (0x40, "phase-fail");
/// Value group B of a register as the meter counts it, beside the one times the transformer ratios.
const AS_COUNTED: u8 = 65;
/// Rates of each source that has some.
const RATES: u8 = 4;
/// Sources with rates, in the order of their registers.
const RATED: [Source; 4] = [Source::Import, Source::Export, Source::Q1, Source::VaImport];

/// An Elster meter on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Elster {
    /// Its name in the configuration.
    pub(crate) id: &'static str,
    /// Its model's name.
    pub(crate) model: &'static str,
    /// Its password of level 1.
    pub(crate) password: &'static str,
    /// By which calendar its clock runs, in the words of the configuration.
    pub(crate) basis: &'static str,
    /// What it counts is multiplied by this.
    multiplier: i64,
    meter: ElsterMeter,
}

/// Puts them on the wire, whose time began then.
pub(crate) fn seat(wire: &Wire, began: Timestamp, seed: u64) -> Result<Vec<Elster>> {
    let seated = (1..).zip(ROLES).map(|(number, role)| {
        let elster = Elster::new(role, began, seed.wrapping_add(number))
            .with_context(|| format!("no meter of model {} can be made", role.model))?;
        let settings = elster.behaviour()?;
        let meter = elster.meter.on_wire_as(settings);
        wire.seat_flag(meter, FlagTroubles::default());
        Ok(elster)
    });
    seated.collect()
}

impl Elster {
    fn new(role: Role, began: Timestamp, seed: u64) -> Result<Self> {
        let began = i64::try_from(began.seconds())?;
        let mut scenario = Scenario {
            zone: role.zone,
            starts_at: began + role.ahead,
            days: PAST_DAYS,
            bills_monthly: false,
            vt: role.transformers.vt,
            ct: role.transformers.ct,
            ..Scenario::new(seed, role.serial)
        };
        if let Some(first) = scenario.passwords.first_mut() {
            role.password.clone_into(first);
        }
        scenario.incidents = Incident::eventful_day(scenario.begun(), 0);
        Ok(Self {
            id: role.id,
            model: role.model,
            password: role.password,
            basis: role.basis,
            multiplier: role.transformers.multiplier,
            meter: ElsterMeter::new(role.meter, scenario),
        })
    }

    /// Modbus meters share its line: eight bits, of which the meter makes the last its parity. So
    /// it can send its profile as a stream, too.
    fn behaviour(&self) -> Result<Settings> {
        let mut settings = self.meter.settings()?;
        settings.parity = ParityBy::Software;
        settings.reaction = ELSTER_REACTION;
        Ok(settings)
    }

    /// The serial number that stands on it.
    pub(crate) fn serial(&self) -> String {
        self.meter.serial()
    }
}

impl Keeper for Elster {
    fn id(&self) -> &'static str {
        self.id
    }

    fn model(&self) -> &'static str {
        self.model
    }

    fn protocol(&self) -> Protocol {
        Protocol::Flag
    }

    /// Its outstation number.
    fn address(&self) -> String {
        self.meter.address()
    }

    fn shown_at(&self, since_began: Duration) -> Timestamp {
        Timestamp::from_seconds(u64::try_from(self.meter.utc(since_began)).unwrap_or(0))
    }

    fn recorded(&self, until: Timestamp) -> Vec<Recorded> {
        let until = seconds(until);
        let intervals = self.meter.intervals(self.meter.begun(), until);
        let intervals = intervals.iter();
        intervals
            .filter_map(|interval| recorded(interval, self.multiplier))
            .collect()
    }

    /// Nothing is said of what is no register of an energy or a demand.
    fn showed(&self, obis: Obis, quantity: Quantity, at: Timestamp) -> Option<bool> {
        let [_, channel, _, kind, rate, storage] = obis.groups();
        let multiplier = match (channel, storage) {
            (0, 255) => self.multiplier,
            (AS_COUNTED, 255) if self.multiplier != 1 => 1,
            _ => return None,
        };
        let counted = |unit| {
            let found = milli(quantity, unit)?;
            (found % multiplier == 0).then_some(found / multiplier)
        };
        let (source, unit) = source(obis)?;
        let at = seconds(at);
        let is_near = |total: &dyn Fn(i64) -> Option<u128>| {
            let shown = |utc| i64::try_from(total(utc)? / 3600).ok();
            let (low, high) = (at - REGISTER_REACH_S, at + REGISTER_REACH_S);
            let found = counted(unit)?;
            Some((shown(low)?..=shown(high)?).contains(&found))
        };
        match (kind, rate) {
            (8, 0) => Some(is_near(&|utc| Some(self.meter.total(source, utc))).unwrap_or(false)),
            (8, 1..=RATES) => {
                let place = RATED.iter().position(|rated| *rated == source)?;
                let place = place * usize::from(RATES) + usize::from(rate) - 1;
                Some(is_near(&|utc| self.meter.tou_total(place, utc)).unwrap_or(false))
            }
            (6, 0) => {
                let found = counted(unit.as_power()?).and_then(|found| u128::try_from(found).ok());
                let local = self.meter.local(at);
                let peaks = self.meter.peaks(at + REGISTER_REACH_S);
                let own = peaks.iter().filter(|(of, _)| *of == source);
                let mut own = own.flat_map(|(_, peaks)| peaks);
                Some(own.any(|(demand, end)| Some(*demand) == found && *end == local))
            }
            _ => None,
        }
    }
}

fn recorded(interval: &TrueInterval, multiplier: i64) -> Option<Recorded> {
    let mut values = BTreeMap::new();
    for channel in &interval.channels {
        let (obis, unit) = measured(channel.source)?;
        let milli = i64::try_from(channel.shown).ok()?;
        let demand = Quantity {
            digits: milli,
            exponent: -3,
            unit: unit.as_power()?,
        };
        let energy = Quantity {
            digits: milli
                .checked_mul(interval.period)?
                .checked_mul(multiplier * 1000)?
                / 3600,
            exponent: -6,
            unit,
        };
        values.insert(obis.as_average(), demand);
        values.insert(obis.as_increment(), energy);
    }
    let (bit, flag) = PHASE_FAILED;
    Some(Recorded {
        end: Timestamp::from_seconds(u64::try_from(interval.end).ok()?),
        values,
        is_whole: interval.seconds == interval.period,
        flags: (interval.status & bit != 0)
            .then_some(flag)
            .into_iter()
            .collect(),
    })
}

/// What a channel measures, by the standard's numbers of quantities (IEC 62056-6-1, value group C).
fn measured(source: Source) -> Option<(Obis, Unit)> {
    let (number, unit) = match source {
        Source::Import => (1, Unit::WattHour),
        Source::Export => (2, Unit::WattHour),
        Source::Q1 => (5, Unit::VarHour),
        Source::Q2 => (6, Unit::VarHour),
        Source::Q3 => (7, Unit::VarHour),
        Source::Q4 => (8, Unit::VarHour),
        Source::VaImport => (9, Unit::VoltAmpereHour),
        Source::VaExport => (10, Unit::VoltAmpereHour),
        Source::Cd1 | Source::Cd2 | Source::Cd3 | Source::External(_) => return None,
    };
    Some((Obis::new([1, 0, number, 8, 0, 255]), unit))
}

fn source(obis: Obis) -> Option<(Source, Unit)> {
    let [medium, _, quantity, ..] = obis.groups();
    let known = [
        Source::Import,
        Source::Export,
        Source::Q1,
        Source::Q2,
        Source::Q3,
        Source::Q4,
        Source::VaImport,
        Source::VaExport,
    ];
    let mut named = known.into_iter().filter_map(|source| {
        let (known, unit) = measured(source)?;
        let [of, _, number, ..] = known.groups();
        ((of, number) == (medium, quantity)).then_some((source, unit))
    });
    named.next()
}

/// In thousandths of a unit.
fn milli(quantity: Quantity, unit: Unit) -> Option<i64> {
    let digits = rescale(quantity.digits, quantity.exponent, -3);
    digits.filter(|_| quantity.unit == unit)
}

fn seconds(at: Timestamp) -> i64 {
    i64::try_from(at.seconds()).unwrap_or(i64::MAX)
}

#[cfg(test)]
impl Elster {
    /// What its first register showed at this time of its clock, in milliwatt hours.
    pub(crate) fn import(&self, at: Timestamp) -> i64 {
        let total = self.meter.total(Source::Import, seconds(at)) / 3600;
        i64::try_from(total).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests;
