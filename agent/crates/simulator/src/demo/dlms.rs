//! The DLMS meters among the cast: each has keys of its own and a past, keeps a load profile of it,
//! and knows what it recorded.

use std::time::Duration;

use anyhow::{Context, Result};
use dlms::security::{Key, Keys, Suite};
use metering::{Obis, Quantity, Timestamp, Unit, rescale};
use simulator::dlms::{
    ClockSet, DlmsAccess, DlmsInstrument, DlmsPlace, DlmsScenario, Energy, Nulls, Recorded as Row,
    Sorting,
};
use simulator::elster::Zone;
use simulator::trouble::FlagTroubles;
use simulator::wire::Wire;

use super::keeper::{Keeper, Protocol};
use super::key_ring::MeterKeys;
use super::limits::{PAST_DAYS, REGISTER_REACH_S};
use super::own::Recorded;

/// Their model.
const MODEL: &str = "dlms-generic";
/// The association of that model that is ciphered and proves keys, and its client.
pub(crate) const ASSOCIATION: &str = "secured";
/// See [`ASSOCIATION`].
pub(crate) const CLIENT: u16 = 1;
/// Their intervals, in seconds.
const PERIOD_S: u32 = 900;
/// How long before the gateway met them they had no power, and for how long, in seconds.
const OUTAGE: (i64, i64) = (30_000, 4000);
/// What their load profiles capture.
const CAPTURED: [Energy; 2] = [Energy::Import, Energy::Export];

/// A role, before a meter plays it.
#[derive(Debug, Clone, Copy)]
struct Role {
    id: &'static str,
    suite: Suite,
    lower: u16,
    serial: &'static str,
    zone: Zone,
    /// The same for the gateway.
    basis: &'static str,
    /// How far its clock is ahead, seconds.
    ahead: i64,
    sorting: Sorting,
    nulls: Nulls,
}

const ROLES: [Role; 2] = [
    Role {
        id: "dlms-1",
        suite: Suite::Zero,
        lower: 17,
        serial: "41002217",
        zone: Zone::UTC,
        basis: "utc",
        ahead: 3,
        sorting: Sorting::OldestFirst,
        nulls: Nulls::InAnswer,
    },
    Role {
        id: "dlms-2",
        suite: Suite::Two,
        lower: 18,
        serial: "41002318",
        zone: Zone::CENTRAL_EUROPE,
        basis: "posix:CET-1CEST,M3.5.0,M10.5.0/3",
        ahead: -2,
        sorting: Sorting::NewestFirst,
        nulls: Nulls::Never,
    },
];

/// A DLMS meter on the wire.
#[derive(Debug)]
pub(crate) struct Dlms {
    /// Its lower address.
    pub(crate) lower: u16,
    /// The serial number that stands on it.
    pub(crate) serial: &'static str,
    /// By which calendar its clock runs, in the words of the configuration.
    pub(crate) basis: &'static str,
    /// The suite of its keys.
    pub(crate) suite: Suite,
    /// Its global unicast encryption key.
    pub(crate) encryption: Key,
    /// Its authentication key.
    pub(crate) authentication: Key,
    id: &'static str,
    ahead: i64,
    instrument: DlmsInstrument,
}

/// Puts them on the wire, whose time began then.
pub(crate) fn seat(wire: &Wire, began: Timestamp, seed: u64) -> Result<Vec<Dlms>> {
    let seated = (1..).zip(ROLES).map(|(number, role)| {
        let meter = Dlms::new(role, began, seed.wrapping_add(number))
            .with_context(|| format!("no DLMS meter {} can be made", role.id))?;
        let place = DlmsPlace {
            is_alone: false,
            ..DlmsPlace::alone(role.lower)
        };
        let on_wire = meter.instrument.on_hdlc(place);
        let on_wire = on_wire.with_context(|| format!("HDLC has no address {}", role.lower))?;
        wire.seat_dlms(on_wire, FlagTroubles::default());
        Ok(meter)
    });
    seated.collect()
}

impl Dlms {
    fn new(role: Role, began: Timestamp, seed: u64) -> Result<Self> {
        let encryption = Key::generate(role.suite)?;
        let authentication = Key::generate(role.suite)?;
        let keys = Keys::new(role.suite, encryption.reveal(), authentication.reveal())?;
        let mut scenario = DlmsScenario {
            starts_at: i64::try_from(began.seconds())?,
            days: PAST_DAYS,
            zone: role.zone,
            period_s: PERIOD_S,
            columns: CAPTURED.to_vec(),
            sorting: role.sorting,
            nulls: role.nulls,
            ..DlmsScenario::new(seed, role.serial)
        };
        let (before, lasted) = OUTAGE;
        let lost = scenario.starts_at - before;
        scenario.outages = vec![(lost, lost + lasted)];
        scenario.clock_sets = vec![ClockSet {
            at: scenario.begun(),
            ahead: role.ahead,
        }];
        let access = DlmsAccess {
            passwords: Vec::new(),
            keys: vec![(CLIENT, keys)],
        };
        Ok(Self {
            lower: role.lower,
            serial: role.serial,
            basis: role.basis,
            suite: role.suite,
            encryption,
            authentication,
            id: role.id,
            ahead: role.ahead,
            instrument: DlmsInstrument::new(scenario, access),
        })
    }

    /// What a person brings to the gateway.
    pub(crate) const fn keys(&self) -> MeterKeys<'_> {
        MeterKeys {
            id: self.id,
            suite: self.suite,
            encryption: &self.encryption,
            authentication: &self.authentication,
        }
    }

    /// True time when its clock showed this, in seconds.
    fn true_time(&self, shown: Timestamp) -> i64 {
        i64::try_from(shown.seconds()).unwrap_or(i64::MAX) - self.ahead
    }
}

impl Keeper for Dlms {
    fn id(&self) -> &'static str {
        self.id
    }

    fn model(&self) -> &'static str {
        MODEL
    }

    fn protocol(&self) -> Protocol {
        Protocol::Dlms {
            suite: self.suite.number(),
        }
    }

    fn address(&self) -> String {
        self.lower.to_string()
    }

    fn shown_at(&self, since_began: Duration) -> Timestamp {
        let shown = self.instrument.shown(self.instrument.utc(since_began));
        Timestamp::from_seconds(u64::try_from(shown).unwrap_or(0))
    }

    fn recorded(&self, until: Timestamp) -> Vec<Recorded> {
        let rows = self.instrument.rows(self.true_time(until)).into_iter();
        rows.filter_map(|row| recorded(&row)).collect()
    }

    /// Totals alone: what else is read is of a moment that nobody knows to the second.
    fn showed(&self, obis: Obis, quantity: Quantity, at: Timestamp) -> Option<bool> {
        let (energy, unit) = total(obis)?;
        let at = self.true_time(at);
        let shown = |utc| i64::from(self.instrument.total(energy, utc));
        let near = shown(at - REGISTER_REACH_S)..=shown(at + REGISTER_REACH_S);
        let found = rescale(quantity.digits, quantity.exponent, 0);
        let found = found.filter(|_| quantity.unit == unit);
        Some(found.is_some_and(|found| near.contains(&found)))
    }
}

/// Its status word is its maker's own and makes no flag.
fn recorded(row: &Row) -> Option<Recorded> {
    let values = CAPTURED.iter().zip(&row.values).map(|(energy, value)| {
        let (number, unit) = measured(*energy);
        let quantity = Quantity {
            digits: i64::from(*value),
            exponent: 0,
            unit,
        };
        (Obis::new([1, 0, number, 8, 0, 255]), quantity)
    });
    Some(Recorded {
        end: Timestamp::from_seconds(u64::try_from(row.end).ok()?),
        values: values.collect(),
        is_whole: true,
        flags: Vec::new(),
    })
}

/// What a total counts, by the standard's numbers of quantities (IEC 62056-6-1, value group C).
const fn measured(energy: Energy) -> (u8, Unit) {
    match energy {
        Energy::Import => (1, Unit::WattHour),
        Energy::Export => (2, Unit::WattHour),
        Energy::ReactiveImport => (3, Unit::VarHour),
        Energy::ReactiveExport => (4, Unit::VarHour),
        Energy::Quadrant1 => (5, Unit::VarHour),
        Energy::Quadrant2 => (6, Unit::VarHour),
        Energy::Quadrant3 => (7, Unit::VarHour),
        Energy::Quadrant4 => (8, Unit::VarHour),
    }
}

/// What the register of a total counts.
fn total(obis: Obis) -> Option<(Energy, Unit)> {
    let mut energies = Energy::ALL.into_iter();
    energies.find_map(|energy| {
        let (number, unit) = measured(energy);
        (obis == Obis::new([1, 0, number, 8, 0, 255])).then_some((energy, unit))
    })
}

#[cfg(test)]
mod tests;
