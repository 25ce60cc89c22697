//! Which marks have no row.

use super::Marks;
use metering::{Period, Timestamp};

/// Marks without rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MissingMarks {
    /// Oldest first, none next to each other.
    pub stretches: Vec<Marks>,
    /// How many marks these are.
    pub marks: u64,
}

/// The marks in `within` that are neither in `stored` (in order, each once) nor in `empty`:
/// stretches that are known to hold no rows, because the meter had no supply for instance.
pub fn missing_marks(
    stored: impl IntoIterator<Item = Timestamp>,
    empty: &[Marks],
    within: Marks,
    period: Period,
) -> MissingMarks {
    let step = period.duration();
    let mut missing = MissingMarks::default();
    let mut next = within.first;
    let mut leave_out = |from: Timestamp, before: Timestamp| {
        let mut mark = from;
        while mark < before {
            let known = empty
                .iter()
                .find(|known| (known.first..=known.last).contains(&mark));
            if let Some(known) = known {
                mark = known.last.after(step);
                continue;
            }
            let ends = empty.iter().map(|known| known.first);
            let end = ends.filter(|first| *first > mark).min();
            let end = end.map_or(before, |end| end.min(before));
            missing.add(mark, end, period);
            mark = end;
        }
    };
    for mark in stored {
        if mark > within.last {
            break;
        }
        if mark >= next {
            leave_out(next, mark);
            next = mark.after(step);
        }
    }
    leave_out(next, within.last.after(step));
    missing
}

impl MissingMarks {
    /// Marks from `from` on, before `before`.
    fn add(&mut self, from: Timestamp, before: Timestamp, period: Period) {
        let gap_s = before.seconds().saturating_sub(from.seconds());
        let count = gap_s.div_ceil(u64::from(period.seconds()));
        if count == 0 {
            return;
        }
        let length_s = (count - 1).saturating_mul(u64::from(period.seconds()));
        let last = Timestamp::from_seconds(from.seconds().saturating_add(length_s));
        self.marks += count;
        self.stretches.push(Marks { first: from, last });
    }
}
