//! The clock of a meter: it drifts, keeps summer time by its own rule, is set and is adjusted.

use super::zone::Zone;

/// Why the clock goes otherwise from here on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is the beginning.
    Start,
    /// Summer time begins or ends.
    Summer,
    /// It was set.
    Set,
    /// A step of an adjustment.
    Step,
}

/// A stretch in which the clock goes on without a jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Its first second of true time (UTC).
    pub(super) from: i64,
    /// What the meter takes for UTC then.
    own_utc: i64,
    /// What it adds for local time.
    offset: i64,
    ppm: i64,
    pub(super) turn: Turn,
}

impl Stretch {
    fn own_utc(&self, utc: i64) -> i64 {
        let passed = utc - self.from;
        self.own_utc + passed + (passed * self.ppm).div_euclid(1_000_000)
    }

    /// The meter's local time at this true time.
    pub(super) fn local(&self, utc: i64) -> i64 {
        self.own_utc(utc) + self.offset
    }

    /// The first second of true time at which the meter's local time is `local` or later.
    pub(super) fn reaches(&self, local: i64) -> i64 {
        let ahead = local - self.local(self.from);
        let guess = (ahead * 1_000_000).div_euclid(1_000_000 + self.ppm.max(-999_999));
        let mut utc = self.from + guess;
        while self.local(utc) < local {
            utc += 1;
        }
        while utc > self.from && self.local(utc - 1) >= local {
            utc -= 1;
        }
        utc
    }
}

/// The clock as a function of true time, past and future.
#[derive(Debug, Clone)]
pub(super) struct MeterClock {
    zone: Zone,
    ppm: i64,
    /// In order of time; never empty.
    stretches: Vec<Stretch>,
    /// How far summer time is planned ahead.
    horizon: i64,
}

impl MeterClock {
    /// A clock that is right at `from` and gains `ppm` seconds in a million; it must go on to
    /// `horizon`.
    pub(super) fn new(zone: Zone, ppm: i64, from: i64, horizon: i64) -> Self {
        let mut clock = Self {
            zone,
            ppm,
            stretches: Vec::new(),
            horizon,
        };
        clock.go_on(from, from, Turn::Start);
        clock
    }

    /// The meter's local time, in seconds.
    pub(super) fn local(&self, utc: i64) -> i64 {
        self.stretch_at(utc)
            .map_or(utc, |stretch| stretch.local(utc))
    }

    /// How far it is ahead of the true local time.
    pub(super) fn error(&self, utc: i64) -> i64 {
        self.stretch_at(utc)
            .map_or(0, |stretch| stretch.own_utc(utc) - utc)
    }

    /// Whether summer time is on, by the meter's own reckoning.
    pub(super) fn is_summer(&self, utc: i64) -> bool {
        self.stretch_at(utc)
            .is_some_and(|stretch| stretch.offset != self.zone.offset)
    }

    /// Sets it to this local time; a time that summer time hides or doubles is the earlier one.
    pub(super) fn set(&mut self, utc: i64, local: i64) {
        let standard = local - self.zone.offset;
        let own_utc = if self.zone.offset_at(standard - 3600) == self.zone.offset {
            standard
        } else {
            standard - 3600
        };
        self.cut(utc);
        self.go_on(utc, own_utc, Turn::Set);
    }

    /// Moves it by so many seconds at once, as if it were set.
    pub(super) fn shift(&mut self, utc: i64, seconds: i64) {
        let own_utc = utc + self.error(utc) + seconds;
        self.cut(utc);
        self.go_on(utc, own_utc, Turn::Set);
    }

    /// Moves it by so many seconds, at most `step` in the middle of each `period`.
    pub(super) fn adjust(&mut self, utc: i64, seconds: i64, step: i64, period: i64) {
        let (step, period) = (step.max(1), period.max(2));
        let mut left = seconds;
        let mut at = utc;
        while left != 0 {
            let local = self.local(at);
            let middle = local.div_euclid(period) * period + period / 2;
            let next = if middle > local {
                middle
            } else {
                middle + period
            };
            let Some(stretch) = self.stretch_at(at) else {
                return;
            };
            at = stretch.reaches(next);
            let now = left.clamp(-step, step);
            left -= now;
            let own_utc = at + self.error(at) + now;
            self.cut(at);
            self.go_on(at, own_utc, Turn::Step);
        }
    }

    pub(super) fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// The stretch at this true time; the first one before it begins.
    pub(super) fn index_at(&self, utc: i64) -> usize {
        let behind = self
            .stretches
            .partition_point(|stretch| stretch.from <= utc);
        behind.saturating_sub(1)
    }

    fn stretch_at(&self, utc: i64) -> Option<&Stretch> {
        self.stretches.get(self.index_at(utc))
    }

    /// Forgets what was planned from here on.
    fn cut(&mut self, utc: i64) {
        self.stretches.retain(|stretch| stretch.from < utc);
    }

    /// Plans the clock ahead from this point.
    fn go_on(&mut self, from: i64, own_utc: i64, turn: Turn) {
        let mut next = Stretch {
            from,
            own_utc,
            offset: self.zone.offset_at(own_utc),
            ppm: self.ppm,
            turn,
        };
        loop {
            self.stretches.push(next);
            let Some(change) = self.zone.next_change(next.own_utc) else {
                return;
            };
            let from = next.reaches(change + next.offset);
            if from > self.horizon {
                return;
            }
            let own_utc = next.own_utc(from);
            next = Stretch {
                from,
                own_utc,
                offset: self.zone.offset_at(own_utc),
                ppm: self.ppm,
                turn: Turn::Summer,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::civil::Civil;
    use super::*;

    const FROM: i64 = Civil::date(2025, 1, 1).seconds();
    const HORIZON: i64 = Civil::date(2027, 1, 1).seconds();

    fn clock(ppm: i64) -> MeterClock {
        MeterClock::new(Zone::CENTRAL_EUROPE, ppm, FROM, HORIZON)
    }

    #[track_caller]
    fn check(clock: &MeterClock, utc: Civil, local: Civil) {
        assert_eq!(Civil::of(clock.local(utc.seconds())), local);
    }

    #[test]
    fn local_time_jumps_twice_a_year() {
        let clock = clock(0);
        check(
            &clock,
            Civil::date(2025, 1, 1),
            Civil::date(2025, 1, 1).at(1, 0),
        );
        let spring = Civil::date(2025, 3, 30);
        check(&clock, spring.at(0, 59), spring.at(1, 59));
        check(&clock, spring.at(1, 0), spring.at(3, 0));
        let autumn = Civil::date(2025, 10, 26);
        check(&clock, autumn.at(0, 59), autumn.at(2, 59));
        check(&clock, autumn.at(1, 0), autumn.at(2, 0));
        assert!(clock.is_summer(spring.at(1, 0).seconds()));
        assert!(!clock.is_summer(autumn.at(1, 0).seconds()));
        assert_eq!(clock.stretches().len(), 5);
    }

    #[test]
    fn it_drifts_until_it_is_set() {
        let mut clock = clock(50);
        let later = FROM + 10 * 86_400;
        assert_eq!(clock.error(later), 43);
        clock.set(later, later + 3600);
        assert_eq!(clock.error(later), 0);
        clock.shift(later + 10, -600);
        assert_eq!(clock.error(later + 10), -600);
        assert_eq!(clock.local(later + 10), later + 10 + 3000);
    }

    #[test]
    fn a_set_in_summer_means_summer_time() {
        let mut clock = clock(0);
        let summer = Civil::date(2025, 7, 1).at(10, 0);
        clock.set(summer.seconds(), summer.at(12, 7).seconds());
        assert_eq!(clock.error(summer.seconds()), 420);
        assert!(clock.is_summer(summer.seconds()));
    }

    #[test]
    fn an_adjustment_takes_a_step_in_each_period() {
        let mut clock = clock(0);
        clock.adjust(FROM, 12, 5, 1800);
        for (minutes, ahead) in [(0, 0), (14, 0), (15, 5), (45, 10), (75, 12), (300, 12)] {
            assert_eq!(clock.error(FROM + minutes * 60), ahead, "{minutes}");
        }
        clock.adjust(FROM + 18_000, -7, 5, 1800);
        assert_eq!(clock.error(FROM + 30_000), 5);
    }

    #[test]
    fn what_a_stretch_reaches_it_reaches_first_then() {
        for ppm in [-300, -7, 0, 7, 300] {
            let clock = clock(ppm);
            let stretch = clock.stretches()[0];
            for local in (FROM + 4000..FROM + 900_000).step_by(1800) {
                let utc = stretch.reaches(local);
                assert!(stretch.local(utc) >= local && stretch.local(utc - 1) < local);
            }
        }
    }
}
