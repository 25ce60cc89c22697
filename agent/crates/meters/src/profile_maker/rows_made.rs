//! Which marks have their rows, whatever the clock did.

use metering::{Period, Timestamp};

/// A frontier up to which every mark is settled, and stretches of rows beyond it: what was made
/// while the clock was ahead.
#[derive(Debug, Clone)]
pub(super) struct RowsMade {
    period: Period,
    up_to: Option<Timestamp>,
    /// From here up to the frontier every mark has a row.
    from: Option<Timestamp>,
    /// First and last mark of each stretch, in order, no two of them next to each other.
    ahead: Vec<(Timestamp, Timestamp)>,
}

impl RowsMade {
    pub(super) fn new(period: Period, up_to: Option<Timestamp>) -> Self {
        Self {
            period,
            up_to,
            from: up_to,
            ahead: Vec::new(),
        }
    }

    pub(super) fn has(&self, mark: Timestamp) -> bool {
        self.up_to.is_some_and(|up_to| mark <= up_to)
            || self
                .ahead
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&mark))
    }

    /// Up to here nothing is to come; `None` where there is no row yet.
    pub(super) fn up_to(&self) -> Option<Timestamp> {
        self.up_to
    }

    pub(super) fn is_ahead(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// This mark has its row now.
    pub(super) fn add(&mut self, mark: Timestamp) {
        if self.has(mark) {
            return;
        }
        if self.up_to.is_none() {
            self.settle_up_to(mark);
            self.from = Some(mark);
            return;
        }
        self.add_ahead(mark, mark);
        self.absorb();
    }

    fn add_ahead(&mut self, first: Timestamp, last: Timestamp) {
        let step = self.period.duration();
        let place = self.ahead.partition_point(|known| known.0 < first);
        self.ahead.insert(place, (first, last));
        self.ahead.dedup_by(|next, before| {
            let joins = before.1.after(step) >= next.0;
            if joins {
                before.1 = before.1.max(next.1);
            }
            joins
        });
    }

    /// Whatever lies up to here is settled, with rows or without.
    pub(super) fn settle_up_to(&mut self, mark: Timestamp) {
        if self.up_to < Some(mark) {
            self.up_to = Some(mark);
            self.from = Some(mark.after(self.period.duration()));
        }
        self.absorb();
    }

    /// Marks after this one are to come, but those that are known to have rows.
    pub(super) fn begin_after(&mut self, mark: Timestamp) {
        let next = mark.after(self.period.duration());
        let known = self.from.zip(self.up_to);
        self.up_to = Some(mark);
        self.from = Some(next);
        self.ahead.retain(|(_, last)| *last > mark);
        for (first, _) in &mut self.ahead {
            *first = next.max(*first);
        }
        if let Some((from, up_to)) = known.filter(|(from, up_to)| next.max(*from) <= *up_to) {
            self.add_ahead(next.max(from), up_to);
        }
        self.absorb();
    }

    /// The frontier takes in the stretches it reaches.
    fn absorb(&mut self) {
        let step = self.period.duration();
        while let (Some(up_to), Some((first, last))) = (self.up_to, self.ahead.first().copied())
            && first <= up_to.after(step)
        {
            self.up_to = Some(up_to.max(last));
            self.ahead.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: u64) -> Timestamp {
        Timestamp::from_seconds(number * 60)
    }

    #[track_caller]
    fn check(up_to: Option<u64>, added: &[u64], expected: (Option<u64>, &[(u64, u64)])) {
        let mut made = RowsMade::new(Period::from_seconds(60).unwrap(), up_to.map(at));
        for mark in added {
            made.add(at(*mark));
            assert!(made.has(at(*mark)));
        }
        let ahead: Vec<_> = expected.1.iter().map(|(a, b)| (at(*a), at(*b))).collect();
        assert_eq!((made.up_to, made.ahead), (expected.0.map(at), ahead));
    }

    #[test]
    fn rows_beyond_a_hole_are_remembered_until_it_is_closed() {
        check(None, &[5], (Some(5), &[]));
        check(Some(5), &[6, 7], (Some(7), &[]));
        check(Some(5), &[9, 8, 12], (Some(5), &[(8, 9), (12, 12)]));
        check(Some(5), &[8, 10, 9], (Some(5), &[(8, 10)]));
        check(Some(5), &[8, 7, 11, 6], (Some(8), &[(11, 11)]));
        check(Some(5), &[4, 5], (Some(5), &[]));
    }

    #[test]
    fn what_is_given_up_is_no_hole() {
        let mut made = RowsMade::new(Period::from_seconds(60).unwrap(), Some(at(5)));
        made.add(at(10));
        made.add(at(20));
        made.settle_up_to(at(9));
        assert_eq!((made.up_to, made.has(at(8))), (Some(at(10)), true));
        assert!(!made.has(at(11)) && made.has(at(20)));
        made.settle_up_to(at(3));
        assert_eq!(made.up_to, Some(at(10)));
        made.begin_after(at(2));
        let has: Vec<u64> = (1..=21).filter(|mark| made.has(at(*mark))).collect();
        assert_eq!(has, [1, 2, 10, 20], "what was given up may come again");
    }

    #[test]
    fn what_was_made_stays_made_when_the_clock_is_set_back() {
        let mut made = RowsMade::new(Period::from_seconds(60).unwrap(), None);
        (10..=14).for_each(|mark| made.add(at(mark)));
        made.add(at(17));
        made.begin_after(at(12));
        assert_eq!((made.up_to, made.ahead.len()), (Some(at(14)), 1));
        made.begin_after(at(3));
        made.add(at(4));
        let has: Vec<u64> = (4..=18).filter(|mark| made.has(at(*mark))).collect();
        assert_eq!(has, [4, 13, 14, 17], "the store tells of those before");
    }
}
