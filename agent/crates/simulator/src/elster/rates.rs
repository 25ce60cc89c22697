//! Which rate is on when, by the meter's clock, and what each has summed up.

use super::civil::DAY;
use super::energy::{Energies, Source};
use super::history::History;
use super::model::{RATES, SWITCHES};

/// What has time-of-use registers.
const SOURCES: [Source; 4] = [Source::Import, Source::Export, Source::Q1, Source::VaImport];

/// Sums of one source, rate by rate.
type Sums = [u128; RATES];

/// A moment from which on a rate is on, and the sums up to it.
#[derive(Debug, Clone)]
struct Cut {
    utc: i64,
    rate: usize,
    sums: [Sums; SOURCES.len()],
}

/// The rates so far; it grows as it is asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Rates {
    cuts: Vec<Cut>,
}

impl Rates {
    /// What the register of a source and a rate has summed up. What the meter had counted before
    /// it was put to work belongs to the first rate.
    pub(super) fn total(
        &mut self,
        history: &History,
        energies: &Energies,
        (source, rate): (Source, usize),
        utc: i64,
    ) -> u128 {
        self.extend(history, energies, utc);
        let behind = self.cuts.partition_point(|cut| cut.utc <= utc);
        let cut = behind.checked_sub(1).and_then(|last| self.cuts.get(last));
        let Some(cut) = cut else {
            return 0;
        };
        let sums = SOURCES.iter().zip(&cut.sums).find(|(is, _)| **is == source);
        let sum = sums.and_then(|(_, sums)| sums.get(rate)).copied();
        let since = if cut.rate == rate {
            energies.total(source, utc) - energies.total(source, cut.utc)
        } else {
            0
        };
        sum.unwrap_or(0) + since
    }

    fn extend(&mut self, history: &History, energies: &Energies, until: i64) {
        if self.cuts.is_empty() {
            let start = |source: Source| {
                let mut sums = [0; RATES];
                if let Some(first) = sums.first_mut() {
                    *first = energies.total(source, history.begun);
                }
                sums
            };
            self.cuts.push(Cut {
                utc: history.begun,
                rate: rate_at(history.clock.local(history.begun)),
                sums: SOURCES.map(start),
            });
        }
        while let Some(last) = self.cuts.last() {
            let utc = next_switch(history, last.utc);
            if utc > until {
                return;
            }
            let mut sums = last.sums;
            for (source, sums) in SOURCES.iter().zip(&mut sums) {
                if let Some(sum) = sums.get_mut(last.rate) {
                    *sum += energies.total(*source, utc) - energies.total(*source, last.utc);
                }
            }
            let rate = rate_at(history.clock.local(utc));
            self.cuts.push(Cut { utc, rate, sums });
        }
    }
}

/// The next moment at which the rate may change: a switching time, or a turn of the clock.
fn next_switch(history: &History, utc: i64) -> i64 {
    let stretches = history.clock.stretches();
    let index = history.clock.index_at(utc);
    let turn = stretches.get(index + 1).map(|next| next.from);
    let Some(stretch) = stretches.get(index) else {
        return i64::MAX;
    };
    let local = stretch.local(utc);
    let midnight = local.div_euclid(DAY) * DAY;
    let times = SWITCHES.iter().map(|(second, _)| midnight + second);
    let next = times.chain([midnight + DAY]).find(|time| *time > local);
    let switch = next.map_or(i64::MAX, |next| stretch.reaches(next));
    turn.map_or(switch, |turn| turn.min(switch))
}

/// The rate of a moment of local time.
pub(super) fn rate_at(local: i64) -> usize {
    let second = local.rem_euclid(DAY);
    let begun = SWITCHES.iter().rev().find(|(begin, _)| *begin <= second);
    begun.map_or(0, |(_, rate)| *rate)
}
