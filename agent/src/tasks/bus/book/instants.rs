//! Instantaneous values: each is told with the time at which it was answered.

use super::{Book, Said, value};
use crate::adapters::clock::Clock;
use crate::limits::INSTANT_SPREAD_MAX;
use crate::tasks::storekeeper::Record;
use metering::{MeterReadings, Moment};
use meters::planner::Answered;

impl Book {
    /// One record for what was answered at about one time; a poll whose exchanges had to wait for
    /// others makes several.
    pub(super) fn hear_instants(&self, words: &[Answered], clock: &Clock, said: &mut Said) {
        if words.is_empty() || !self.identity.is_trusted() {
            return;
        }
        for (first, last) in times(words.iter().map(|answered| answered.taken).collect()) {
            let is_now = |answered: &&Answered| (first..=last).contains(&answered.taken);
            let registers = self.plan.instants.iter().filter(|register| {
                let own = words
                    .iter()
                    .find(|answered| answered.span == register.span());
                own.as_ref().is_some_and(is_now)
            });
            let values = registers.filter_map(|register| value(register, words));
            let readings = MeterReadings {
                meter: self.id().clone(),
                taken_at: clock.utc_at(last),
                clock: clock.now().quality,
                values: values.collect(),
            };
            if !readings.values.is_empty() {
                said.records.push(Record::Readings(readings));
            }
        }
    }
}

/// First and last of each group of instants that lie close enough together to be told as one.
fn times(mut instants: Vec<Moment>) -> Vec<(Moment, Moment)> {
    instants.sort_unstable();
    let mut groups: Vec<(Moment, Moment)> = Vec::new();
    for at in instants {
        match groups.last_mut() {
            Some((first, last)) if at.since(*first) <= INSTANT_SPREAD_MAX => *last = at,
            _ => groups.push((at, at)),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[track_caller]
    fn check(millis: &[u64], expected: &[(u64, u64)]) {
        let at = |millis| Moment::new(Duration::from_millis(millis));
        let found = times(millis.iter().copied().map(at).collect());
        let expected: Vec<_> = expected.iter().map(|(a, b)| (at(*a), at(*b))).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn values_of_one_second_are_told_as_one() {
        check(&[], &[]);
        check(&[500], &[(500, 500)]);
        check(&[1_500, 500, 900], &[(500, 1_500)]);
        check(
            &[500, 1_501, 1_600, 9_000],
            &[(500, 500), (1_501, 1_600), (9_000, 9_000)],
        );
    }
}
