//! Which marks of a sample are still to come, whatever the clock does.

use crate::limits::MARK_STRETCHES_MAX;
use metering::{Period, Timestamp};

/// The marks of one poll.
#[derive(Debug, Clone)]
pub(crate) struct Marks {
    period: Period,
    /// First and last mark of each stretch that is settled (sampled or reported as missed). One
    /// stretch, unless the clock was stepped.
    settled: Vec<(Timestamp, Timestamp)>,
    expected: Timestamp,
}

impl Marks {
    pub(crate) fn new(period: Period, now: Timestamp) -> Self {
        let mut marks = Self {
            period,
            settled: Vec::new(),
            expected: now,
        };
        marks.expected = marks.next(now);
        marks
    }

    pub(crate) fn period(&self) -> Period {
        self.period
    }

    /// The first mark that is not settled and not older than half a period.
    pub(crate) fn next(&self, now: Timestamp) -> Timestamp {
        let mut mark = self.period.mark_at_or_before(now);
        if now >= self.expiry(mark) {
            mark = mark.after(self.period.duration());
        }
        // Each turn leaves one stretch behind.
        for _ in 0..=self.settled.len() {
            match self.stretch_of(mark) {
                Some((_, last)) => mark = last.after(self.period.duration()),
                None => break,
            }
        }
        mark
    }

    /// From this instant a mark is no longer sampled.
    pub(crate) fn expiry(&self, mark: Timestamp) -> Timestamp {
        mark.after(self.period.duration() / 2)
    }

    /// Marks that passed unnoticed before `next`, first and last of one stretch; they count as
    /// settled then. To be asked until there are none.
    pub(crate) fn passed_over(&mut self, next: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let step = self.period.duration();
        while self.expected < next {
            let first = self.expected;
            if let Some((_, last)) = self.stretch_of(first) {
                self.expected = last.after(step);
                continue;
            }
            let later = self.settled.iter().map(|stretch| stretch.0);
            let end = later
                .filter(|&from| from > first)
                .fold(next, Timestamp::min);
            self.settle(first, end.before(step));
            return Some((first, end.before(step)));
        }
        self.expected = next;
        None
    }

    /// Marks from `first` to `last` are sampled, or known to be missed.
    pub(crate) fn settle(&mut self, first: Timestamp, last: Timestamp) {
        if self.stretch_of(first).is_some() && self.stretch_of(last).is_some() {
            return;
        }
        let next = last.after(self.period.duration());
        self.expected = next;
        let before = first.before(self.period.duration());
        match self.settled.iter_mut().find(|stretch| stretch.1 == before) {
            Some(stretch) => stretch.1 = last,
            None => self.settled.push((first, last)),
        }
        if self.settled.len() > MARK_STRETCHES_MAX {
            self.settled.remove(0);
        }
    }

    pub(crate) fn is_settled(&self, mark: Timestamp) -> bool {
        self.stretch_of(mark).is_some()
    }

    fn stretch_of(&self, mark: Timestamp) -> Option<(Timestamp, Timestamp)> {
        self.settled
            .iter()
            .copied()
            .find(|(first, last)| (first..=last).contains(&&mark))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn marks(now: u64) -> Marks {
        Marks::new(Period::from_seconds(60).unwrap(), at(now))
    }

    #[test]
    fn a_mark_can_be_sampled_until_half_the_period_is_over() {
        let marks = marks(0);
        assert_eq!(marks.next(at(59)), at(60));
        assert_eq!(marks.next(at(89)), at(60));
        assert_eq!(marks.next(at(90)), at(120));
    }

    #[test]
    fn a_clock_set_back_repeats_no_mark() {
        let mut marks = marks(50);
        marks.settle(at(60), at(60));
        marks.settle(at(120), at(120));
        assert_eq!(marks.next(at(55)), at(180));
        assert_eq!(marks.next(at(125)), at(180));
    }

    #[test]
    fn a_clock_that_was_far_ahead_blocks_nothing() {
        let mut marks = marks(60_000_010);
        marks.settle(at(60_000_000), at(60_000_000));
        assert_eq!(marks.next(at(605)), at(600));
        assert_eq!(marks.passed_over(at(600)), None);
        marks.settle(at(600), at(600));
        assert_eq!(marks.next(at(655)), at(660));
    }

    #[test]
    fn a_step_forward_reports_what_it_passed() {
        let mut marks = marks(50);
        marks.settle(at(60), at(60));
        let next = marks.next(at(1000));
        assert_eq!(next, at(1020));
        assert_eq!(marks.passed_over(next), Some((at(120), at(960))));
        assert_eq!(marks.passed_over(next), None);
        assert_eq!(
            marks.next(at(500)),
            at(1020),
            "reported as missed is settled"
        );
    }
}
