//! What a meter measures: loads that differ from minute to minute, and totals that are their exact
//! sums.

use crate::dice::Dice;

/// A total in milliwatt seconds (or milli-var or milli-volt-ampere seconds): a register shows
/// 3600 of them as one in its last digit.
pub type MilliSeconds = u128;

/// What a register or a channel counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Active energy, import.
    Import,
    /// Active energy, export.
    Export,
    /// Reactive energy of the first quadrant.
    Q1,
    /// Reactive energy of the second quadrant.
    Q2,
    /// Reactive energy of the third quadrant.
    Q3,
    /// Reactive energy of the fourth quadrant.
    Q4,
    /// Apparent energy, import.
    VaImport,
    /// Apparent energy, export.
    VaExport,
    /// The first sum that a customer defines: import and export.
    Cd1,
    /// The second one: Q1 and Q4.
    Cd2,
    /// The third one: nothing.
    Cd3,
    /// A pulse input, 1 to 4.
    External(u8),
}

impl Source {
    /// What is measured; sums are made of these.
    const MEASURED: [(Self, u64, u64); 12] = [
        (Self::Import, 1, 1),
        (Self::Export, 1, 20),
        (Self::Q1, 1, 3),
        (Self::Q2, 1, 200),
        (Self::Q3, 1, 300),
        (Self::Q4, 1, 50),
        (Self::VaImport, 11, 10),
        (Self::VaExport, 1, 18),
        (Self::External(1), 1, 7),
        (Self::External(2), 1, 70),
        (Self::External(3), 1, 700),
        (Self::External(4), 1, 900),
    ];

    /// What it is the sum of.
    fn parts(self) -> [Option<Self>; 2] {
        match self {
            Self::Cd1 => [Some(Self::Import), Some(Self::Export)],
            Self::Cd2 => [Some(Self::Q1), Some(Self::Q4)],
            Self::Cd3 => [None, None],
            source => [Some(source), None],
        }
    }
}

/// One load over time. Integers only, so that a total is the exact sum at every second and never
/// falls.
#[derive(Debug, Clone)]
struct Curve {
    dice: Dice,
    start: MilliSeconds,
    /// The base load over a minute.
    per_minute: u64,
}

/// Minutes of a day in which the load is twice the base.
const BUSY: (u64, u64) = (7 * 60, 22 * 60);

impl Curve {
    /// Up to the beginning of this minute since the origin.
    fn minutes(&self, minute: u64) -> MilliSeconds {
        let (days, of_day) = (minute / 1440, minute % 1440);
        let busy = days * (BUSY.1 - BUSY.0) + of_day.clamp(BUSY.0, BUSY.1) - BUSY.0;
        // What the dice add at one end of a minute they take from the next one, so that the sum
        // needs no list.
        let extra = self.dice.fork(minute).roll() % self.per_minute.max(1);
        u128::from(minute + busy) * u128::from(self.per_minute) + u128::from(extra)
    }

    fn total(&self, seconds: i64) -> MilliSeconds {
        let seconds = u64::try_from(seconds).unwrap_or(0);
        let (minute, rest) = (seconds / 60, u128::from(seconds % 60));
        let before = self.minutes(minute);
        let behind = if rest == 0 {
            0
        } else {
            (self.minutes(minute + 1) - before) * rest / 60
        };
        self.start + before + behind
    }
}

/// All loads of one meter, and the times without power.
#[derive(Debug, Clone)]
pub(crate) struct Energies {
    origin: i64,
    curves: Vec<(Source, Curve)>,
    outages: Vec<(i64, i64)>,
    /// What would have been counted in all outages up to the end of each, curve by curve.
    lost: Vec<Vec<MilliSeconds>>,
}

impl Energies {
    /// From this moment on; `load_mw` is the base load of the import in milliwatts.
    pub(crate) fn new(seed: u64, origin: i64, load_mw: u64) -> Self {
        let dice = Dice::new(seed);
        let curves = (1..)
            .zip(Source::MEASURED)
            .map(|(part, (source, times, of))| {
                let mut dice = dice.fork(part);
                let per_minute = load_mw * times / of * 60;
                let start = u128::from(dice.between(&(100_000_000..=900_000_000_000)));
                let curve = Curve {
                    start: start * 3600 * u128::from(times) / u128::from(of),
                    per_minute,
                    dice,
                };
                (source, curve)
            });
        Self {
            origin,
            curves: curves.collect(),
            outages: Vec::new(),
            lost: Vec::new(),
        }
    }

    /// Says when there was no power; in order, none touching another.
    pub(crate) fn set_outages(&mut self, outages: Vec<(i64, i64)>) {
        let mut sum = vec![0; self.curves.len()];
        self.lost = outages
            .iter()
            .map(|(begin, end)| {
                for (sum, (_, curve)) in sum.iter_mut().zip(&self.curves) {
                    *sum += curve.total(end - self.origin) - curve.total(begin - self.origin);
                }
                sum.clone()
            })
            .collect();
        self.outages = outages;
    }

    /// The total at this true time.
    pub(crate) fn total(&self, source: Source, utc: i64) -> MilliSeconds {
        let parts = source.parts().into_iter().flatten();
        parts.map(|part| self.measured(part, utc)).sum()
    }

    fn measured(&self, source: Source, utc: i64) -> MilliSeconds {
        let found = (0..).zip(&self.curves).find(|(_, (is, _))| *is == source);
        let Some((index, (_, curve))) = found else {
            return 0;
        };
        let index: usize = index;
        let over = self.outages.partition_point(|(_, end)| *end <= utc);
        let lost = over
            .checked_sub(1)
            .and_then(|last| self.lost.get(last)?.get(index))
            .copied()
            .unwrap_or(0);
        let now = match self.outages.get(over) {
            Some((begin, _)) if *begin < utc => *begin,
            _ => utc,
        };
        curve.total(now - self.origin) - lost
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::civil::DAY;
    use super::*;

    fn energies() -> Energies {
        Energies::new(7, 1000, 100_000_000)
    }

    #[test]
    fn a_day_adds_what_the_load_says() {
        let energies = energies();
        let day = energies.total(Source::Import, 1000 + DAY) - energies.total(Source::Import, 1000);
        // Twice the base load in fifteen hours of the day.
        let mean = 100_000_000 * (24 + 15) * 3600;
        assert!(day.abs_diff(mean) < 100_000_000 * 60, "{day} {mean}");
    }

    #[test]
    fn nothing_is_counted_without_power() {
        let mut energies = energies();
        let before = energies.clone();
        energies.set_outages(vec![(5000, 6000), (8000, 8100)]);
        for source in [Source::Import, Source::Cd1, Source::External(4)] {
            let total = |utc| energies.total(source, utc);
            assert_eq!(total(5000), before.total(source, 5000));
            assert_eq!(total(5500), total(5000));
            assert_eq!(total(6000), total(5000));
            let grown = |utc: i64| before.total(source, utc) - before.total(source, 6000);
            assert_eq!(total(7000) - total(6000), grown(7000));
            assert_eq!(total(8050), total(8000));
            assert_eq!(total(8100), total(8000));
        }
        assert_eq!(energies.total(Source::Cd3, 7000), 0);
    }

    proptest! {
        #[test]
        fn no_total_ever_falls(at in 0_i64..100_000_000, step in 0_i64..10_000) {
            let energies = energies();
            for (source, ..) in Source::MEASURED {
                prop_assert!(energies.total(source, at) <= energies.total(source, at + step));
            }
        }
    }
}
