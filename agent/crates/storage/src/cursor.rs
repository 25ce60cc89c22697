//! How far each stream has come: written, sealed, confirmed.

use crate::limits::ISLANDS_MAX;
use crate::wire::{Damage, Reader, Writer, place};
use crate::{StoreError, Stream};

const VERSION: u8 = 1;
const CURSOR_TABLE: u8 = b'C';

/// The state of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) stream: Stream,
    /// The number the next entry gets.
    pub(crate) next: u64,
    /// The head-end has everything up to here.
    pub(crate) confirmed: u64,
    /// And these runs beyond, in order and apart.
    pub(crate) islands: Vec<(u64, u64)>,
    /// The archive has everything up to here.
    pub(crate) sealed: u64,
    /// Rows up to here are no longer in the log.
    pub(crate) freed: u64,
}

impl Cursor {
    pub(crate) const fn new(stream: Stream) -> Self {
        Self {
            stream,
            next: 1,
            confirmed: 0,
            islands: Vec::new(),
            sealed: 0,
            freed: 0,
        }
    }

    /// The newest entry written.
    pub(crate) const fn newest(&self) -> u64 {
        self.next - 1
    }

    pub(crate) fn is_confirmed(&self, number: u64) -> bool {
        let within = |(first, last): &(u64, u64)| (*first..=*last).contains(&number);
        number <= self.confirmed || self.islands.iter().any(within)
    }

    /// Rows of the log up to here have done their work, apart from what people may look at.
    pub(crate) fn done(&self, kept: u64) -> u64 {
        let done = if self.stream.is_archived() {
            self.confirmed.min(self.sealed)
        } else {
            self.confirmed
        };
        match self.stream {
            Stream::Events => done.min(self.newest().saturating_sub(kept)),
            _ => done,
        }
    }

    /// Takes in a watermark and says which runs are new by it. Nothing changes on an error.
    pub(crate) fn confirm(
        &mut self,
        upto: u64,
        islands: &[(u64, u64)],
    ) -> Result<Vec<(u64, u64)>, StoreError> {
        let ends = islands.iter().map(|(_, last)| *last);
        let highest = ends.fold(upto, u64::max);
        if highest > self.newest() {
            return Err(StoreError::WatermarkBeyond {
                stream: self.stream,
                upto: highest,
                newest: self.newest(),
            });
        }
        let before = self.runs();
        let mut runs = before.clone();
        runs.push((0, upto));
        let mut runs = joined(runs);
        for island in islands.iter().filter(|(first, last)| first <= last) {
            let mut more = runs.clone();
            more.push(*island);
            let more = joined(more);
            if more.len() <= ISLANDS_MAX + 1 {
                runs = more;
            }
        }
        let fresh = without(&runs, &before);
        self.confirmed = runs.first().map_or(0, |(_, last)| *last);
        self.islands = runs.split_off(1);
        Ok(fresh)
    }

    /// Everything confirmed, as runs from 0 on.
    fn runs(&self) -> Vec<(u64, u64)> {
        let base = (0, self.confirmed);
        std::iter::once(base)
            .chain(self.islands.iter().copied())
            .collect()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.byte(VERSION);
        for number in [self.next, self.confirmed, self.sealed, self.freed] {
            out.varint(number);
        }
        out.count(self.islands.len());
        for (first, last) in &self.islands {
            out.varint(*first);
            out.varint(*last);
        }
        out.finish(&place(CURSOR_TABLE, u64::from(self.stream.code()), 0))
    }

    pub(crate) fn decode(stream: Stream, row: &[u8]) -> Result<Self, Damage> {
        let place = place(CURSOR_TABLE, u64::from(stream.code()), 0);
        let mut reader = Reader::open(row, &place, VERSION)?;
        let mut cursor = Self::new(stream);
        cursor.next = reader.varint()?;
        cursor.confirmed = reader.varint()?;
        cursor.sealed = reader.varint()?;
        cursor.freed = reader.varint()?;
        for _ in 0..reader.count(ISLANDS_MAX)? {
            cursor.islands.push((reader.varint()?, reader.varint()?));
        }
        reader.end()?;
        if cursor.next == 0 || cursor.confirmed >= cursor.next || cursor.sealed >= cursor.next {
            return Err(Damage::Content("order"));
        }
        Ok(cursor)
    }
}

/// The same runs in order, with those that touch joined.
pub(crate) fn joined(mut runs: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    runs.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::with_capacity(runs.len());
    for (first, last) in runs {
        match joined.last_mut() {
            Some(open) if first <= open.1.saturating_add(1) => open.1 = open.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    joined
}

/// What is in `runs` and not in `taken`; both in order and joined.
fn without(runs: &[(u64, u64)], taken: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut left = Vec::new();
    for (first, last) in runs {
        let mut from = *first;
        for (taken_first, taken_last) in taken {
            if *taken_last < from || taken_first > last {
                continue;
            }
            if *taken_first > from {
                left.push((from, taken_first - 1));
            }
            from = taken_last.saturating_add(1);
        }
        if from <= *last {
            left.push((from, *last));
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn cursor(next: u64) -> Cursor {
        Cursor {
            next,
            ..Cursor::new(Stream::Profiles)
        }
    }

    #[track_caller]
    fn check(cursor: &mut Cursor, upto: u64, islands: &[(u64, u64)], fresh: &[(u64, u64)]) {
        assert_eq!(cursor.confirm(upto, islands).unwrap(), fresh);
        assert_eq!(
            Cursor::decode(cursor.stream, &cursor.encode()).as_ref(),
            Ok(&*cursor)
        );
    }

    #[test]
    fn islands_join_the_watermark_when_it_reaches_them() {
        let mut cursor = cursor(20);
        check(&mut cursor, 3, &[(6, 8)], &[(1, 3), (6, 8)]);
        assert_eq!(
            (cursor.confirmed, cursor.islands.clone()),
            (3, vec![(6, 8)])
        );
        check(&mut cursor, 5, &[], &[(4, 5)]);
        assert_eq!((cursor.confirmed, cursor.islands.clone()), (8, vec![]));
        check(&mut cursor, 2, &[], &[]);
        assert_eq!(cursor.confirmed, 8, "a watermark never goes back");
    }

    #[test]
    fn a_watermark_beyond_what_was_written_changes_nothing() {
        let mut cursor = cursor(5);
        assert!(cursor.confirm(5, &[]).is_err());
        assert!(cursor.confirm(1, &[(3, 5)]).is_err());
        assert_eq!(cursor, self::cursor(5));
    }

    proptest! {
        #[test]
        fn runs_say_the_same_as_a_set_of_numbers(
            marks in prop::collection::vec((0_u64..60, prop::collection::vec((1_u64..60, 0_u64..9), 0..5)), 1..9),
        ) {
            let mut cursor = cursor(80);
            let mut confirmed: BTreeSet<u64> = BTreeSet::new();
            for (upto, islands) in marks {
                let islands: Vec<_> = islands.iter().map(|(first, more)| (*first, first + more)).collect();
                let fresh = cursor.confirm(upto, &islands).unwrap();
                let mut named: BTreeSet<u64> = (1..=upto).collect();
                named.extend(islands.iter().flat_map(|(first, last)| *first..=*last));
                let fresh: BTreeSet<u64> = fresh.iter().flat_map(|(first, last)| *first..=*last).collect();
                prop_assert_eq!(&fresh, &named.difference(&confirmed).copied().collect());
                confirmed.extend(named);
                for number in 1..80 {
                    prop_assert_eq!(cursor.is_confirmed(number), confirmed.contains(&number));
                }
            }
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes: Vec<u8>) {
            drop(Cursor::decode(Stream::Events, &bytes));
        }
    }
}
