//! What a consumer has committed of one stream, as a watermark with islands.

use crate::limits::{MARK_ISLANDS_MAX, NUMBER_MAX, TRACKED_ISLANDS_MAX};
use crate::{Mark, Range};
use std::collections::BTreeMap;

/// What became of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// Something of it was not noted before.
    New,
    /// All of it was noted before: a duplicate.
    Already,
    /// There are too many islands to note one more, or the number is none. It is not confirmed
    /// yet; the gateway sends it again, and then there may be room.
    NoRoom,
}

/// The committed numbers of one stream of one store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatermarkTracker {
    upto: u64,
    /// Runs beyond `upto` by their first number; they neither overlap nor touch.
    islands: BTreeMap<u64, u64>,
}

impl WatermarkTracker {
    /// Begins with what a ledger says.
    pub fn from_committed(upto: u64, islands: &[Range]) -> Self {
        let mut tracker = Self {
            upto: upto.min(NUMBER_MAX),
            islands: BTreeMap::new(),
        };
        for &(first, last) in islands {
            tracker.settle(first, last);
        }
        tracker
    }

    /// Notes a committed number.
    pub fn commit(&mut self, number: u64) -> Noted {
        self.settle(number, number)
    }

    /// Notes a run of numbers: committed ones, or those that the gateway has declared lost.
    pub fn settle(&mut self, first: u64, last: u64) -> Noted {
        if first == 0 || first > last || last > NUMBER_MAX {
            return Noted::NoRoom;
        }
        if last <= self.upto || self.covers(first, last) {
            return Noted::Already;
        }
        if first <= self.upto + 1 {
            self.upto = last;
        } else if !self.join(first, last) {
            return Noted::NoRoom;
        }
        self.absorb();
        Noted::New
    }

    fn covers(&self, first: u64, last: u64) -> bool {
        let island = self.islands.range(..=first).next_back();
        island.is_some_and(|island| *island.1 >= last)
    }

    /// Makes the run an island, together with all it overlaps or touches.
    fn join(&mut self, mut first: u64, mut last: u64) -> bool {
        let near = self.islands.range(..=last + 1).rev();
        let near = near.take_while(|island| *island.1 + 1 >= first);
        let near: Vec<Range> = near.map(|island| (*island.0, *island.1)).collect();
        if near.is_empty() && self.islands.len() >= TRACKED_ISLANDS_MAX {
            return false;
        }
        for island in near {
            self.islands.remove(&island.0);
            first = first.min(island.0);
            last = last.max(island.1);
        }
        self.islands.insert(first, last);
        true
    }

    /// Islands that the mark has reached become part of it.
    fn absorb(&mut self) {
        while let Some(island) = self.islands.first_entry() {
            if *island.key() > self.upto + 1 {
                return;
            }
            self.upto = self.upto.max(island.remove());
        }
    }

    /// Whether a number is noted.
    pub fn has(&self, number: u64) -> bool {
        number <= self.upto || self.covers(number, number)
    }

    /// What to tell the gateway: the lowest islands, as many as a watermark takes.
    pub fn mark(&self) -> Mark {
        let islands = self.islands.iter().take(MARK_ISLANDS_MAX);
        Mark {
            upto: self.upto,
            islands: islands.map(|island| (*island.0, *island.1)).collect(),
        }
    }

    /// What is missing below the highest noted number: what to ask for when it stays away.
    pub fn holes(&self) -> impl Iterator<Item = Range> + '_ {
        let mut next = self.upto + 1;
        self.islands.iter().map(move |(first, last)| {
            let hole = (next, first - 1);
            next = last + 1;
            hole
        })
    }

    /// The highest noted number.
    pub fn highest(&self) -> u64 {
        self.islands
            .last_key_value()
            .map_or(self.upto, |island| *island.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[track_caller]
    fn check(tracker: &mut WatermarkTracker, number: u64, noted: Noted, expected: &str) {
        assert_eq!(tracker.commit(number), noted);
        let mark = tracker.mark();
        assert_eq!(format!("{} {:?}", mark.upto, mark.islands), expected);
    }

    #[test]
    fn numbers_out_of_order_become_islands_and_then_land() {
        let mut tracker = WatermarkTracker::default();
        check(&mut tracker, 1, Noted::New, "1 []");
        check(&mut tracker, 3, Noted::New, "1 [(3, 3)]");
        check(&mut tracker, 5, Noted::New, "1 [(3, 3), (5, 5)]");
        check(&mut tracker, 5, Noted::Already, "1 [(3, 3), (5, 5)]");
        check(&mut tracker, 4, Noted::New, "1 [(3, 5)]");
        check(&mut tracker, 1, Noted::Already, "1 [(3, 5)]");
        check(&mut tracker, 0, Noted::NoRoom, "1 [(3, 5)]");
        check(&mut tracker, 2, Noted::New, "5 []");
        check(&mut tracker, u64::MAX, Noted::NoRoom, "5 []");
    }

    #[test]
    fn what_is_declared_lost_closes_its_hole() {
        let mut tracker = WatermarkTracker::from_committed(10, &[(14, 15), (20, 20)]);
        assert_eq!(tracker.holes().collect::<Vec<_>>(), [(11, 13), (16, 19)]);
        assert_eq!(tracker.settle(5, 17), Noted::New);
        assert_eq!(tracker.holes().collect::<Vec<_>>(), [(18, 19)]);
        assert_eq!((tracker.mark().upto, tracker.highest()), (17, 20));
    }

    #[test]
    fn islands_are_bounded_and_room_comes_back() {
        let mut tracker = WatermarkTracker::default();
        let many = u64::try_from(TRACKED_ISLANDS_MAX).unwrap();
        for island in 1..=many {
            assert_eq!(tracker.commit(3 * island), Noted::New);
        }
        assert_eq!(tracker.commit(3 * many + 3), Noted::NoRoom);
        assert!(!tracker.has(3 * many + 3));
        assert_eq!(tracker.commit(3 * many + 1), Noted::New);
        assert_eq!(tracker.mark().islands.len(), MARK_ISLANDS_MAX);
        assert_eq!(tracker.settle(1, 2), Noted::New);
        assert_eq!(tracker.commit(3 * many + 3), Noted::New);
    }

    proptest! {
        #[test]
        fn it_says_the_same_as_a_set(runs in prop::collection::vec((1..60_u64, 0..6_u64), 0..60)) {
            let mut tracker = WatermarkTracker::default();
            let mut set = BTreeSet::new();
            for (first, length) in runs {
                let run = first..=first + length;
                let is_new = run.clone().any(|number| !set.contains(&number));
                set.extend(run);
                let noted = tracker.settle(first, first + length);
                prop_assert_eq!(noted == Noted::New, is_new);
            }
            let upto = (1..=u64::MAX).find(|number| !set.contains(number)).unwrap() - 1;
            let mark = tracker.mark();
            prop_assert_eq!(mark.upto, upto);
            prop_assert_eq!(tracker.highest(), set.last().copied().unwrap_or(0));
            let beyond = mark.islands.iter().flat_map(|island| island.0..=island.1);
            prop_assert!((1..=upto).chain(beyond).eq(set.iter().copied()));
            let holes: Vec<u64> = tracker.holes().flat_map(|hole| hole.0..=hole.1).collect();
            prop_assert!(holes.iter().all(|number| !set.contains(number) && !tracker.has(*number)));
            prop_assert!((1..=tracker.highest()).all(|n| set.contains(&n) || holes.contains(&n)));
        }
    }
}
