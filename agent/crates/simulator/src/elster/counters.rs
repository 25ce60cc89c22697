//! Event counters, logs and status words.

use super::contents::Contents;
use super::encode::{count, text, time, time_high_first};
use super::incident::{Incident, Port, What};
use super::model::Family;

/// What a counter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// Phase failures.
    PhaseFailure,
    /// Reverse running.
    ReverseRun,
    /// Power cuts.
    PowerCut,
    /// Sessions that changed the meter.
    Programming,
    /// Ends of billing periods.
    Billing,
    /// Transient resets.
    Transient,
    /// Errors of the meter.
    MeterError,
    /// Failures of the battery.
    Battery,
    /// Openings of the terminal cover.
    TerminalCover,
    /// Openings of the main cover.
    MainCover,
    /// Changes of the current transformers' ratio.
    CtChange,
}

impl Counter {
    fn counts(self, what: &What) -> bool {
        match self {
            Self::PhaseFailure => matches!(what, What::PhaseFailure { .. }),
            Self::ReverseRun => matches!(what, What::ReverseRun { .. }),
            Self::PowerCut => matches!(what, What::PowerCut { .. }),
            Self::Programming => matches!(what, What::Programming { .. }),
            Self::Billing => matches!(what, What::BillingReset { .. }),
            Self::Transient => matches!(what, What::Transient),
            Self::MeterError => matches!(what, What::MeterError),
            Self::Battery => matches!(what, What::BatteryFails),
            Self::TerminalCover => matches!(what, What::TerminalCover { .. }),
            Self::MainCover => matches!(what, What::MainCover { .. }),
            Self::CtChange => matches!(what, What::CtChange { .. }),
        }
    }
}

/// Stamps of the short forms, and of the long ones.
const SHORT: usize = 3;
const LONG: usize = 5;
/// Places of a log of an AS230.
const LOG: usize = 10;

impl Contents {
    /// What a counter has counted, newest first.
    pub(super) fn counted(&self, counter: Counter, utc: i64) -> Vec<&Incident> {
        let past = self.history.past(utc, move |what| counter.counts(what));
        past.rev().collect()
    }

    /// The local time at which something began, as the meter's clock was then.
    fn stamp(&self, incident: Option<&&Incident>) -> i64 {
        incident.map_or(0, |incident| self.history.clock.local(incident.at))
    }

    fn stop(&self, incident: Option<&&Incident>, utc: i64) -> i64 {
        let over = incident.filter(|incident| incident.end() <= utc);
        over.map_or(0, |incident| self.history.clock.local(incident.end()))
    }

    /// Count and three stamps, newest first.
    pub(super) fn short(&self, counter: Counter, utc: i64) -> Vec<u8> {
        self.stamped(counter, utc, SHORT)
    }

    fn stamped(&self, counter: Counter, utc: i64, stamps: usize) -> Vec<u8> {
        let counted = self.counted(counter, utc);
        let mut octets = count(counted.len()).to_vec();
        octets.extend((0..stamps).flat_map(|place| time(self.stamp(counted.get(place)))));
        octets
    }

    fn phases(&self, utc: i64, places: usize) -> Vec<u8> {
        let counted = self.counted(Counter::PhaseFailure, utc);
        let phases = |place: usize| match counted.get(place).map(|incident| &incident.what) {
            Some(What::PhaseFailure { phases, .. }) => *phases,
            _ => 0,
        };
        (0..places).map(phases).collect()
    }

    /// 693.
    pub(super) fn phase_failures(&self, utc: i64) -> Vec<u8> {
        if self.model.family() == Family::As230 {
            return self.log(Counter::PhaseFailure, utc);
        }
        if !self.model.is_extended() {
            let mut octets = self.short(Counter::PhaseFailure, utc);
            octets.extend(self.phases(utc, SHORT));
            return octets;
        }
        let counted = self.counted(Counter::PhaseFailure, utc);
        let of_phase = |phase: u8| {
            let fits = move |incident: &&&Incident| match incident.what {
                What::PhaseFailure { phases, .. } => phases & phase != 0,
                _ => false,
            };
            counted.iter().filter(fits)
        };
        let mut octets = Vec::new();
        for phase in [1, 2, 4] {
            octets.extend(count(of_phase(phase).count()));
        }
        for phase in [1, 2, 4] {
            octets.extend(time(lasted(of_phase(phase).copied(), utc)));
        }
        octets.extend(self.starts_and_stops(&counted, utc));
        octets.extend(self.phases(utc, LONG));
        octets
    }

    /// 694.
    pub(super) fn reverse_runs(&self, utc: i64) -> Vec<u8> {
        if self.model.family() == Family::As230 {
            return self.log(Counter::ReverseRun, utc);
        }
        if !self.model.is_extended() {
            return self.short(Counter::ReverseRun, utc);
        }
        let counted = self.counted(Counter::ReverseRun, utc);
        let mut octets = count(counted.len()).to_vec();
        octets.extend(time(lasted(counted.iter().copied(), utc)));
        octets.extend(self.starts_and_stops(&counted, utc));
        octets
    }

    /// 695.
    pub(super) fn power_cuts(&self, utc: i64) -> Vec<u8> {
        match self.model.family() {
            Family::As230 => self.log(Counter::PowerCut, utc),
            _ if self.model.is_extended() => self.stamped(Counter::PowerCut, utc, LONG),
            Family::A1700 | Family::A1140 => self.short(Counter::PowerCut, utc),
        }
    }

    fn starts_and_stops(&self, counted: &[&Incident], utc: i64) -> Vec<u8> {
        let starts = (0..LONG).map(|place| self.stamp(counted.get(place)));
        let stops = (0..LONG).map(|place| self.stop(counted.get(place), utc));
        starts.chain(stops).flat_map(time).collect()
    }

    /// A log of an AS230: the place of the newest, a count, ten starts and stops.
    pub(super) fn log(&self, counter: Counter, utc: i64) -> Vec<u8> {
        self.ring(counter, utc, 8, |incident| {
            let start = self.history.clock.local(incident.at);
            let mut octets = time(start).to_vec();
            octets.extend(time(self.stop(Some(&incident), utc)));
            octets
        })
    }

    fn ring(
        &self,
        counter: Counter,
        utc: i64,
        octets: usize,
        entry: impl Fn(&Incident) -> Vec<u8>,
    ) -> Vec<u8> {
        let counted = self.counted(counter, utc);
        let newest = counted.len().checked_sub(1).map_or(0, |last| last % LOG);
        let mut ring = vec![u8::try_from(newest).unwrap_or(0)];
        ring.extend(count(counted.len()));
        for place in 0..LOG {
            // So many entries ago this place was written.
            let back = (newest + LOG - place) % LOG;
            match counted.get(back) {
                Some(incident) => ring.extend(entry(incident)),
                None => ring.extend(vec![0; octets]),
            }
        }
        ring
    }

    /// 680.
    pub(super) fn programming(&self, utc: i64) -> Vec<u8> {
        match self.model.family() {
            Family::A1700 => self.short(Counter::Programming, utc),
            Family::A1140 => {
                let counted = self.counted(Counter::Programming, utc);
                let origins = (0..SHORT).map(|place| origin(counted.get(place).copied()));
                let mut octets = self.short(Counter::Programming, utc);
                octets.extend(origins.clone().map(|(port, _)| port));
                octets.extend(origins.flat_map(|(_, name)| text(name, 12)));
                octets
            }
            Family::As230 => self.ring(Counter::Programming, utc, 17, |incident| {
                let (port, name) = origin(Some(incident));
                let local = self.history.clock.local(incident.at);
                let mut octets = time_high_first(local).to_vec();
                octets.push(port);
                octets.extend(text(name, 12));
                octets
            }),
        }
    }

    /// 699.
    pub(super) fn billings(&self, utc: i64) -> Vec<u8> {
        let cause = |incident: Option<&&Incident>| match incident.map(|other| &other.what) {
            Some(What::BillingReset { trigger }) => *trigger,
            _ => 0,
        };
        if self.model.family() == Family::As230 {
            return self.ring(Counter::Billing, utc, 5, |incident| {
                let mut octets = time(self.history.clock.local(incident.at)).to_vec();
                octets.push(cause(Some(&incident)));
                octets
            });
        }
        let counted = self.counted(Counter::Billing, utc);
        let mut octets = self.short(Counter::Billing, utc);
        octets.extend((0..SHORT).map(|place| cause(counted.get(place))));
        octets
    }

    /// 544: what the counters said when the period ended so many periods ago; 0 for the last one.
    pub(super) fn event_set(&self, index: usize, utc: i64) -> Vec<u8> {
        let octets = self.event_set_octets();
        let then = self.history.resets(utc).rev().nth(index);
        let Some((then, _)) = then else {
            return vec![0; octets];
        };
        let mut set = Vec::with_capacity(octets);
        if self.model.family() == Family::A1700 {
            set.extend(self.short(Counter::PhaseFailure, then));
            set.extend(self.phases(then, SHORT));
            set.extend(self.short(Counter::PowerCut, then));
            set.extend(self.short(Counter::ReverseRun, then));
            // Over-current, of which there is none, and the battery's seconds.
            set.resize(62, 0);
            set.extend(BATTERY_SECONDS.to_le_bytes());
            return set;
        }
        set.extend(self.short(Counter::ReverseRun, then));
        set.extend(self.short(Counter::PhaseFailure, then));
        set.extend(self.phases(then, SHORT));
        set.extend(self.short(Counter::PowerCut, then));
        set.extend(self.programming(then));
        set.extend(self.short(Counter::CtChange, then));
        set.resize(151, 0);
        set.extend(self.billings(then));
        for counter in [
            Counter::Transient,
            Counter::MeterError,
            Counter::TerminalCover,
            Counter::MainCover,
            Counter::Battery,
        ] {
            set.extend(self.short(counter, then));
        }
        set.resize(octets, 0);
        set
    }

    pub(super) fn event_set_octets(&self) -> usize {
        match self.model.family() {
            Family::A1700 => 66,
            Family::A1140 | Family::As230 => 280,
        }
    }

    /// 724 of an A1700: what is true now, low octet first.
    pub(super) fn status_now(&self, utc: i64) -> [u8; 4] {
        let bit = |is_on: bool, bit: u32| u32::from(is_on) << bit;
        let mut status = 0;
        for incident in self.history.past(utc, |_| true) {
            let lasts = utc < incident.end();
            status |= match incident.what {
                What::BatteryFails => bit(true, 29),
                What::Transient => bit(true, 28),
                What::MeterError => bit(true, 27),
                What::PowerCut { .. } => bit(true, 26),
                What::ReverseRun { .. } => bit(lasts, 14),
                What::PhaseFailure { phases, .. } if lasts => u32::from(phases & 7) << 8,
                What::Programming { .. } => bit(true, 2),
                _ => 0,
            };
        }
        status.to_le_bytes()
    }
}

/// How long incidents have lasted together.
fn lasted<'a>(incidents: impl Iterator<Item = &'a Incident>, utc: i64) -> i64 {
    let lasted = incidents.map(|incident| incident.end().min(utc) - incident.at);
    lasted.sum::<i64>().max(0)
}

/// The port and the name of a programming session.
fn origin(incident: Option<&Incident>) -> (u8, &str) {
    match incident.map(|incident| &incident.what) {
        Some(What::Programming { port, name }) => (u8::from(*port == Port::Remote), name),
        _ => (0, ""),
    }
}

/// For how long the battery of a simulated meter supports its clock.
pub(super) const BATTERY_SECONDS: u32 = 94_608_000;
