//! What the meter has recorded, as a function of its scenario and the time.

use super::scenario::{DlmsScenario, Energy};
use crate::elster::{Energies, MilliSeconds};

/// Bit of the status word of a row in whose period the power failed.
pub(super) const POWER_FAILED: u16 = 0x0080;

/// Milliwatt seconds of a watt-hour.
const PER_WATT_HOUR: MilliSeconds = 3_600_000;

/// A row of the load profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// What the meter's clock took for UTC when it wrote the row: the end of its interval.
    pub end: i64,
    /// When that truly was.
    pub at: i64,
    /// Its status word.
    pub status: u16,
    /// Totals in watt-hours or var-hours, as the columns are.
    pub values: Vec<u32>,
}

/// A moment at which a row was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) end: i64,
    pub(super) at: i64,
    pub(super) status: u16,
}

/// The scenario, and what is counted in it.
#[derive(Debug)]
pub(super) struct Recorder {
    pub(super) scenario: DlmsScenario,
    energies: Energies,
}

impl Recorder {
    pub(super) fn new(scenario: DlmsScenario) -> Self {
        let mut energies = Energies::new(scenario.seed, scenario.begun(), scenario.load_mw);
        energies.set_outages(scenario.outages.clone());
        Self { scenario, energies }
    }

    /// What the clock takes for UTC at a true time.
    pub(super) fn shown(&self, utc: i64) -> i64 {
        let sets = self.scenario.clock_sets.iter();
        let last = sets.take_while(|set| set.at <= utc).last();
        utc + last.map_or(0, |set| set.ahead)
    }

    /// A total in watt-hours or var-hours at a true time.
    pub(super) fn total(&self, energy: Energy, utc: i64) -> u32 {
        let wh = self.milli_seconds(energy, utc) / PER_WATT_HOUR;
        u32::try_from(wh).unwrap_or(u32::MAX)
    }

    /// The average of a time, in watts or vars.
    pub(super) fn average(&self, energy: Energy, from: i64, to: i64) -> u32 {
        let counted = self.milli_seconds(energy, to) - self.milli_seconds(energy, from);
        let seconds = u128::try_from(to - from).unwrap_or(0).max(1);
        u32::try_from(counted / seconds / 1000).unwrap_or(u32::MAX)
    }

    fn milli_seconds(&self, energy: Energy, utc: i64) -> MilliSeconds {
        let sources = energy.sources().into_iter().flatten();
        sources.map(|source| self.energies.total(source, utc)).sum()
    }

    /// What the load profile captures at a true time.
    pub(super) fn columns(&self, utc: i64) -> &[Energy] {
        let last = self.changes(utc).last();
        last.map_or(&self.scenario.columns, |(_, columns)| columns)
    }

    fn changes(&self, utc: i64) -> impl Iterator<Item = &(i64, Vec<Energy>)> {
        let changes = self.scenario.column_changes.iter();
        changes.take_while(move |(at, _)| *at <= utc)
    }

    /// The rows that the load profile holds at a true time, oldest first.
    pub(super) fn held(&self, utc: i64) -> Vec<Mark> {
        let mut marks = self.marks(utc);
        if let Some((emptied, _)) = self.changes(utc).last() {
            marks.retain(|mark| mark.at > *emptied);
        }
        let over = marks.len().saturating_sub(self.scenario.capacity);
        marks.split_off(over)
    }

    /// All rows that were written up to a true time.
    pub(super) fn marks(&self, utc: i64) -> Vec<Mark> {
        let step = self.step();
        let sets = &self.scenario.clock_sets;
        let mut marks = Vec::new();
        let mut begin = self.scenario.begun();
        let mut ahead = 0;
        let ends = sets.iter().map(|set| (set.at, set.ahead));
        for (end, next) in ends.chain([(i64::MAX, 0)]) {
            let until = end.min(utc);
            let mut mark = ((begin + ahead).div_euclid(step) + 1) * step;
            while mark - ahead <= until {
                marks.extend(self.mark(mark, mark - ahead));
                mark += step;
            }
            (begin, ahead) = (end.max(begin), next);
            if begin >= utc {
                break;
            }
        }
        marks
    }

    /// A row; none without power.
    fn mark(&self, end: i64, at: i64) -> Option<Mark> {
        let outages = &self.scenario.outages;
        let over = outages.partition_point(|(_, power)| *power <= at);
        if outages.get(over).is_some_and(|(begin, _)| *begin <= at) {
            return None;
        }
        let before = over.checked_sub(1).and_then(|place| outages.get(place));
        let failed = before.is_some_and(|(_, power)| *power > at - self.step());
        let status = if failed { POWER_FAILED } else { 0 };
        Some(Mark { end, at, status })
    }

    pub(super) fn step(&self) -> i64 {
        i64::from(self.scenario.period_s.max(1))
    }

    /// A row with its values.
    pub(super) fn recorded(&self, mark: Mark, columns: &[Energy]) -> Recorded {
        let totals = columns.iter().map(|energy| self.total(*energy, mark.at));
        Recorded {
            end: mark.end,
            at: mark.at,
            status: mark.status,
            values: totals.collect(),
        }
    }

    /// The ends of billing periods that were recorded up to a true time, by its clock; those of them
    /// that it still holds.
    pub(super) fn billed(&self, utc: i64) -> Vec<Mark> {
        let every = self.scenario.billing_every_s.max(self.step());
        let mut ends = self.marks(utc);
        ends.retain(|mark| mark.end % every == 0);
        let over = ends.len().saturating_sub(self.scenario.billing_capacity);
        ends.split_off(over)
    }

    /// The highest average within a billing period, and the mark of its row.
    pub(super) fn highest(&self, energy: Energy, end: Mark) -> (u32, i64) {
        let begun = end.end - self.scenario.billing_every_s;
        let marks = self.marks(end.at).into_iter();
        let within = marks.filter(|mark| mark.end > begun);
        within.fold((0, end.end), |highest, mark| {
            let average = self.average(energy, mark.at - self.step(), mark.at);
            if average > highest.0 {
                (average, mark.end)
            } else {
                highest
            }
        })
    }

    /// The entries that its log holds at a true time.
    pub(super) fn logged(&self, utc: i64) -> Vec<(i64, u8)> {
        let mut events = self.events(utc);
        let over = events.len().saturating_sub(self.scenario.log_capacity);
        events.split_off(over)
    }

    /// What befell the meter up to a true time: when, and the code of its log.
    pub(super) fn events(&self, utc: i64) -> Vec<(i64, u8)> {
        let outages = self.scenario.outages.iter();
        let power = outages.flat_map(|(begin, end)| [(*begin, 1), (*end, 2)]);
        let sets = self.scenario.clock_sets.iter().map(|set| (set.at, 3));
        let mut events: Vec<(i64, u8)> = power.chain(sets).filter(|(at, _)| *at <= utc).collect();
        events.sort_unstable();
        events
    }
}
