//! Demands, billing periods and the sets that a meter keeps of them.

use super::civil::DAY;
use super::contents::Contents;
use super::encode::{bcd_low_first, count, demand, energy, time, time_high_first};
use super::energy::Source;
use super::model::Family;

/// A demand and the local time of its interval's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Peak {
    pub(super) demand: u128,
    pub(super) local_end: i64,
}

/// A billing period that has ended, or the present one.
#[derive(Debug, Clone)]
pub(super) struct Period {
    /// The three highest of each demand register.
    pub(super) peaks: Vec<Vec<Peak>>,
}

/// Highest demands kept of each register.
const PEAKS: usize = 3;

impl Contents {
    /// The demands of a stretch of time that began with a billing reset or with the meter.
    fn period(&self, from: i64, until: i64) -> Period {
        let sources = self.model.demands();
        let intervals = self.recorder().demands(from, until, &sources);
        let peaks = (0..sources.len()).map(|register| {
            let mut peaks: Vec<Peak> = intervals
                .iter()
                .filter_map(|interval| {
                    let channel = interval.channels.get(register)?;
                    Some(Peak {
                        demand: demand(channel.energy, interval.period),
                        local_end: interval.local_end,
                    })
                })
                .collect();
            peaks.sort_by(|one, other| other.cmp(one));
            peaks.truncate(PEAKS);
            peaks
        });
        Period {
            peaks: peaks.collect(),
        }
    }

    /// The moments at which billing periods ended by now, oldest first.
    pub(super) fn ended(&self, utc: i64) -> Vec<(i64, u8)> {
        self.history.resets(utc).collect()
    }

    /// The peaks of the period that ended then.
    fn ended_period(&mut self, from: i64, end: i64) -> Period {
        if let Some(period) = self.periods.get(&end) {
            return period.clone();
        }
        let period = self.period(from, end);
        self.periods.insert(end, period.clone());
        period
    }

    /// The peaks of the present period.
    pub(super) fn present_period(&self, utc: i64) -> Period {
        self.period(self.period_begun(utc), utc)
    }

    /// When the present period began.
    pub(super) fn period_begun(&self, utc: i64) -> i64 {
        let last = self.history.resets(utc).next_back();
        last.map_or(self.history.begun, |(end, _)| end)
    }

    /// What the cumulative demand registers have summed up: the highest demand of each period that
    /// has ended.
    pub(super) fn cumulative_demands(&mut self, utc: i64) -> Vec<u128> {
        let mut sums = vec![0; self.model.demands().len()];
        let mut from = self.history.begun;
        for (end, _) in self.ended(utc) {
            let period = self.ended_period(from, end);
            for (sum, peaks) in sums.iter_mut().zip(&period.peaks) {
                *sum += peaks.first().map_or(0, |peak| peak.demand);
            }
            from = end;
        }
        sums
    }

    /// 510: time, source, demand; register by register.
    pub(super) fn peak_registers(&self, period: &Period) -> Vec<u8> {
        let sources = self.model.demands();
        let mut octets = Vec::new();
        for (source, peaks) in sources.iter().zip(&period.peaks) {
            for place in 0..PEAKS {
                let peak = peaks.get(place);
                octets.extend(time(peak.map_or(0, |peak| peak.local_end)));
                octets.push(self.model.code(Some(*source)));
                octets.extend(bcd_low_first(peak.map_or(0, |peak| peak.demand), 7));
            }
        }
        // Registers of an A1140 and an AS230 hold fewer than their identity has room for.
        octets.resize(self.peak_octets(), 0);
        octets
    }

    fn peak_octets(&self) -> usize {
        match self.model.family() {
            Family::A1700 => 288,
            Family::A1140 => 144,
            Family::As230 => 24,
        }
    }

    /// 509: demand, source.
    pub(super) fn cumulative_registers(&mut self, utc: i64) -> Vec<u8> {
        let sources = self.model.demands();
        let sums = self.cumulative_demands(utc);
        let registers = sums.into_iter().zip(sources);
        registers
            .flat_map(|(sum, source)| {
                let mut octets = bcd_low_first(sum, 8);
                octets.push(self.model.code(Some(source)));
                octets
            })
            .collect()
    }

    /// 511, of which our source tells the length only: for the highest demand of five registers,
    /// what another one had in the same interval.
    pub(super) fn coincident_registers(&self, period: &Period, from: i64, utc: i64) -> Vec<u8> {
        let pairs = [
            (Source::Import, Source::Q1),
            (Source::Import, Source::VaImport),
            (Source::Export, Source::Q1),
            (Source::Q1, Source::Import),
            (Source::VaImport, Source::Import),
        ];
        let sources = self.model.demands();
        let intervals = self.recorder().demands(from, utc, &sources);
        let mut octets = Vec::new();
        for (of, with) in pairs {
            let register = sources.iter().position(|source| *source == of);
            let peak = register
                .and_then(|register| period.peaks.get(register)?.first().copied())
                .unwrap_or(Peak {
                    demand: 0,
                    local_end: 0,
                });
            let then = intervals
                .iter()
                .find(|interval| interval.local_end == peak.local_end);
            let other = then.and_then(|interval| {
                let channel = interval
                    .channels
                    .iter()
                    .find(|channel| channel.source == with)?;
                Some(demand(channel.energy, interval.period))
            });
            for (source, value) in [(of, peak.demand), (with, other.unwrap_or(0))] {
                octets.extend(time(peak.local_end));
                octets.push(self.model.code(Some(source)));
                octets.extend(bcd_low_first(value, 7));
            }
        }
        octets
    }

    /// 543: the set of the period that ended so many periods ago, 0 for the last one.
    pub(super) fn billing_set(&mut self, index: usize, utc: i64) -> Vec<u8> {
        let ended = self.ended(utc);
        let number = ended.len().checked_sub(index + 1);
        let Some((number, (end, trigger))) =
            number.and_then(|number| Some((number, *ended.get(number)?)))
        else {
            return vec![0; self.set_octets()];
        };
        let before = number.checked_sub(1).and_then(|before| ended.get(before));
        let from = before.map_or(self.history.begun, |(end, _)| *end);
        let period = self.ended_period(from, end);
        match self.model.family() {
            Family::A1700 => {
                let mut set = self.set_of_a1700(&period, from, end);
                set.extend(count(number + 1));
                for moment in [from, end] {
                    set.extend(time(self.local_before(moment)));
                }
                set.push(trigger);
                set.extend(time(self.local_before(end)));
                set
            }
            Family::A1140 => self.set_of_a1140(&period, end, trigger),
            Family::As230 => self.set_of_as230(&period, end),
        }
    }

    /// 545: the registers at the midnight that began so many days ago, 0 for today.
    pub(super) fn daily_set(&mut self, index: usize, utc: i64) -> Vec<u8> {
        let back = i64::try_from(index).unwrap_or(i64::MAX / DAY);
        let begins = self.history.day_begins(self.history.date(utc) - back);
        let Some(begins) = begins.filter(|begins| *begins > self.history.begun) else {
            return vec![0; self.set_octets()];
        };
        let period = self.present_period(begins);
        match self.model.family() {
            Family::As230 => self.set_of_as230(&period, begins),
            Family::A1700 | Family::A1140 => self.set_of_a1140(&period, begins, 0),
        }
    }

    /// Octets of a billing set.
    pub(super) fn set_octets(&self) -> usize {
        let tou = 8 * self.model.tou();
        match self.model.family() {
            Family::A1700 if self.model.is_extended() => 80 + tou + 32 + 72 + 288 + 120 + 15,
            Family::A1700 => 80 + tou + 32 + 72 + 288 + 15,
            Family::A1140 => 457,
            Family::As230 => 302,
        }
    }

    fn set_of_a1700(&mut self, period: &Period, from: i64, end: i64) -> Vec<u8> {
        let mut set = self.total_registers(end);
        set.extend(self.tou_registers(end));
        set.extend(self.external_registers(end));
        set.extend(self.cumulative_registers(end));
        set.extend(self.peak_registers(period));
        if self.model.is_extended() {
            set.extend(self.coincident_registers(period, from, end));
        }
        set
    }

    fn set_of_a1140(&mut self, period: &Period, end: i64, trigger: u8) -> Vec<u8> {
        let mut set = self.total_registers(end);
        set.extend(self.tou_registers(end));
        set.resize(256, 0);
        set.extend(self.tou_sources());
        set.resize(272, 0xff);
        set.extend(self.cumulative_registers(end));
        set.extend(self.peak_registers(period));
        set.push(trigger);
        set.extend(time(self.local_before(end)));
        set
    }

    fn set_of_as230(&mut self, period: &Period, end: i64) -> Vec<u8> {
        let mut set = self.total_registers(end);
        set.extend(self.tou_registers(end));
        set.extend(self.peak_registers(period));
        set.extend(self.cumulative_registers(end));
        set.extend(time_high_first(self.local_before(end)));
        set
    }

    fn local_before(&self, utc: i64) -> i64 {
        self.history.clock.local(utc)
    }

    /// 507.
    pub(super) fn total_registers(&self, utc: i64) -> Vec<u8> {
        let totals = self.model.totals().into_iter();
        totals
            .flat_map(|source| energy(source.map_or(0, |source| self.energies.total(source, utc))))
            .collect()
    }

    /// 508.
    pub(super) fn tou_registers(&mut self, utc: i64) -> Vec<u8> {
        let registers = self.model.tou_registers().into_iter();
        let mut octets = Vec::new();
        for register in registers {
            let total = register.map_or(0, |register| self.tou(register, utc));
            octets.extend(energy(total));
        }
        octets
    }

    pub(super) fn tou(&mut self, register: (Source, usize), utc: i64) -> u128 {
        self.rates
            .total(&self.history, &self.energies, register, utc)
    }

    /// 667.
    pub(super) fn tou_sources(&self) -> Vec<u8> {
        let registers = self.model.tou_registers().into_iter();
        registers
            .map(|register| self.model.code(register.map(|(source, _)| source)))
            .collect()
    }

    /// 516.
    pub(super) fn external_registers(&self, utc: i64) -> Vec<u8> {
        let inputs = (1..=4).map(Source::External);
        inputs
            .flat_map(|input| energy(self.energies.total(input, utc)))
            .collect()
    }
}
