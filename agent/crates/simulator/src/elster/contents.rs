//! Everything a simulated meter holds.

use std::collections::BTreeMap;
use std::time::Duration;

use super::billing::Period;
use super::clock::MeterClock;
use super::energy::Energies;
use super::history::History;
use super::incident::{Incident, What};
use super::instant::Request;
use super::model::ElsterModel;
use super::pages::Pages;
use super::profile::{Recorder, Window};
use super::rates::Rates;
use super::scenario::Scenario;
use crate::dice::Dice;

/// The clock is planned for so many days ahead.
const AHEAD_DAYS: i64 = 800;

/// A meter's contents. Moments are true time in seconds of UTC.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(super) model: ElsterModel,
    pub(super) scenario: Scenario,
    pub(super) history: History,
    pub(super) energies: Energies,
    pub(super) rates: Rates,
    /// Finished billing periods, by the moment of their end.
    pub(super) periods: BTreeMap<i64, Period>,
    pub(super) window: Window,
    pub(super) instrument_days: i64,
    pub(super) request: Option<Request>,
    pub(super) operator: String,
    /// Whether this session has been noted as one that changes the meter.
    pub(super) is_noted: bool,
    pub(super) contactor: u8,
    pub(super) pages: Pages,
    pub(super) dice: Dice,
}

impl Contents {
    pub(super) fn new(model: ElsterModel, scenario: Scenario) -> Self {
        let begun = scenario.begun();
        let horizon = scenario.starts_at + AHEAD_DAYS * super::civil::DAY;
        let clock = MeterClock::new(scenario.zone, scenario.drift_ppm, begun, horizon);
        let mask = scenario.mask.unwrap_or([0, 3]);
        let first = (scenario.minutes, mask);
        let history = History::new(begun, clock, first, scenario.incidents.clone());
        let energies = Energies::new(scenario.seed, begun, scenario.load_mw);
        let dice = Dice::new(scenario.seed).fork(0x00e1_57e4);
        let mut contents = Self {
            model,
            scenario,
            history,
            energies,
            rates: Rates::default(),
            periods: BTreeMap::new(),
            window: Window::empty(),
            instrument_days: 0,
            request: None,
            operator: String::new(),
            is_noted: false,
            contactor: 0,
            pages: Pages::default(),
            dice,
        };
        let begun = contents.history.begun;
        contents.plan_billing(begun);
        contents.note_outages();
        contents
    }

    /// True time at an instant of the wire.
    pub(super) fn utc(&self, at: Duration) -> i64 {
        let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX / 2);
        self.scenario.starts_at + seconds
    }

    /// Lets something happen now.
    pub(super) fn happen(&mut self, utc: i64, what: What) -> bool {
        let done = self.history.add(Incident { at: utc, what });
        self.plan_billing(utc);
        self.note_outages();
        done
    }

    pub(super) fn recorder(&self) -> Recorder<'_> {
        Recorder {
            model: self.model,
            history: &self.history,
            energies: &self.energies,
            has_extended_status: self.scenario.has_extended_status,
            has_plain_numbers: self.scenario.has_plain_numbers,
        }
    }

    fn note_outages(&mut self) {
        let outages = self.history.outages().collect();
        self.energies.set_outages(outages);
    }

    /// A billing date at each beginning of a month behind this moment, or when the power comes back
    /// behind it. What was planned before is planned anew: the clock may go otherwise now.
    pub(super) fn plan_billing(&mut self, from: i64) {
        if !self.scenario.bills_monthly {
            return;
        }
        let planned = What::BillingReset { trigger: 1 };
        let keeps = |other: &Incident| other.at <= from || other.what != planned;
        self.history.incidents.retain(keeps);
        let horizon = self.scenario.starts_at + AHEAD_DAYS * super::civil::DAY;
        let mut at = from.max(self.history.begun);
        loop {
            let date = super::civil::Civil::of(self.history.clock.local(at));
            let (year, month) = if date.month == 12 {
                (date.year + 1, 1)
            } else {
                (date.year, date.month + 1)
            };
            let day = super::civil::days(year, month, 1);
            let Some(begins) = self.history.day_begins(day).filter(|day| *day <= horizon) else {
                return;
            };
            let cut = self.history.outages();
            let cut = cut.filter(|(begin, end)| (*begin..*end).contains(&begins));
            let due = cut.map(|(_, end)| end).next().unwrap_or(begins);
            let what = What::BillingReset { trigger: 1 };
            self.history.add(Incident { at: due, what });
            at = begins.max(at + 1);
        }
    }
}
