//! What is known of a meter's profile beside its rows: marks for which the meter has none, and what
//! was told of it already. Small enough to be kept.

use metering::{Period, Timestamp};
use meters::collection::Marks;
use sha2::{Digest, Sha256};

/// The first octet of what is stored.
const VERSION: u8 = 1;
/// Stretches without rows that are remembered; the oldest goes.
const EMPTY_MAX: usize = 120;
/// Things that were told and are recognised when they are read again; the oldest goes.
const TOLD_MAX: usize = 128;
/// Octets of one stretch: two times in seconds.
const STRETCH_OCTETS: usize = 8;
/// Octets by which something told is recognised.
const TOLD_OCTETS: usize = 4;

/// What is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Before this the meter has nothing.
    begins: Option<Timestamp>,
    period_s: u32,
    empty: Vec<Marks>,
    told: Vec<[u8; TOLD_OCTETS]>,
    /// What is stored may be older.
    pub(super) is_changed: bool,
}

impl Known {
    pub(super) fn decode(stored: &[u8]) -> Self {
        decode(stored).unwrap_or_default()
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let seconds = |at: Timestamp| u32::try_from(at.seconds()).unwrap_or(u32::MAX);
        let mut octets = vec![VERSION];
        octets.extend(self.begins.map_or(0, seconds).to_be_bytes());
        octets.extend(self.period_s.to_be_bytes());
        octets.push(u8::try_from(self.empty.len()).unwrap_or(0));
        for marks in &self.empty {
            octets.extend(seconds(marks.first).to_be_bytes());
            octets.extend(seconds(marks.last).to_be_bytes());
        }
        octets.extend(self.told.iter().flatten());
        octets
    }

    /// Before this the meter has nothing.
    pub(super) fn begins(&self) -> Option<Timestamp> {
        self.begins
    }

    pub(super) fn set_begins(&mut self, at: Timestamp) {
        if self.begins != Some(at) {
            self.begins = Some(at);
            self.is_changed = true;
        }
    }

    /// The period of the last rows.
    pub(super) fn period(&self) -> Option<Period> {
        Period::from_seconds(self.period_s).ok()
    }

    pub(super) fn set_period(&mut self, period: Period) {
        self.is_changed |= self.period_s != period.seconds();
        self.period_s = period.seconds();
    }

    /// Marks for which the meter has no rows.
    pub(super) fn empty(&self) -> &[Marks] {
        &self.empty
    }

    /// The meter has no rows for these marks. True if that is news.
    pub(super) fn add_empty(&mut self, marks: Marks) -> bool {
        let covers = |known: &Marks| known.first <= marks.first && marks.last <= known.last;
        if self.empty.iter().any(covers) {
            return false;
        }
        self.empty.retain(|known| {
            let is_inside = marks.first <= known.first && known.last <= marks.last;
            !is_inside
        });
        if self.empty.len() >= EMPTY_MAX {
            self.empty.remove(0);
        }
        self.empty.push(marks);
        self.empty.sort_unstable_by_key(|marks| marks.first);
        self.is_changed = true;
        true
    }

    /// Whether something is told for the first time.
    pub(super) fn is_news(&mut self, words: &str) -> bool {
        let digest = Sha256::digest(words);
        let short: [u8; TOLD_OCTETS] = digest.first_chunk().copied().unwrap_or_default();
        if self.told.contains(&short) {
            return false;
        }
        if self.told.len() >= TOLD_MAX {
            self.told.remove(0);
        }
        self.told.push(short);
        self.is_changed = true;
        true
    }
}

fn decode(stored: &[u8]) -> Option<Known> {
    let (&VERSION, rest) = stored.split_first()? else {
        return None;
    };
    let (begins, rest) = number(rest)?;
    let (period_s, rest) = number(rest)?;
    let (count, mut rest) = rest.split_first()?;
    let mut empty = Vec::new();
    for _ in 0..*count {
        let (marks, after) = rest.split_first_chunk::<STRETCH_OCTETS>()?;
        let (first, last) = number(marks)?;
        let (last, _) = number(last)?;
        empty.push(Marks {
            first: Timestamp::from_seconds(u64::from(first)),
            last: Timestamp::from_seconds(u64::from(last)),
        });
        rest = after;
    }
    let (told, _) = rest.as_chunks::<TOLD_OCTETS>();
    Some(Known {
        begins: (begins > 0).then(|| Timestamp::from_seconds(u64::from(begins))),
        period_s,
        empty,
        told: told.to_vec(),
        is_changed: false,
    })
}

fn number(octets: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = octets.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn marks(first: u64, last: u64) -> Marks {
        Marks {
            first: Timestamp::from_seconds(first),
            last: Timestamp::from_seconds(last),
        }
    }

    #[test]
    fn a_stretch_is_told_once() {
        let mut known = Known::default();
        assert!(known.add_empty(marks(1000, 2000)));
        assert!(!known.add_empty(marks(1000, 2000)));
        assert!(!known.add_empty(marks(1200, 1500)));
        assert!(known.add_empty(marks(500, 3000)), "a longer one");
        assert_eq!(known.empty(), [marks(500, 3000)]);
        assert!(known.is_news("cleared"));
        assert!(!known.is_news("cleared"));
        assert!(known.is_news("cleared again"));
    }

    #[test]
    fn what_is_known_survives_and_stays_small() {
        let mut known = Known::default();
        known.set_begins(Timestamp::from_seconds(1_800_000_000));
        known.set_period(Period::from_seconds(1800).unwrap());
        for number in 0..1000 {
            known.add_empty(marks(number * 100, number * 100 + 50));
            known.is_news(&format!("news {number}"));
        }
        let stored = known.encode();
        assert!(stored.len() <= storage::limits::STATE_BYTES_MAX);
        let again = Known::decode(&stored);
        assert_eq!(again.empty(), known.empty());
        assert_eq!(again.begins(), known.begins());
        assert_eq!(again.period(), known.period());
        let mut again = again;
        assert!(!again.is_news("news 999"));
    }

    proptest! {
        #[test]
        fn nothing_stored_makes_it_panic(stored: Vec<u8>) {
            let known = Known::decode(&stored);
            prop_assert_eq!(Known::decode(&known.encode()), known);
        }
    }
}
