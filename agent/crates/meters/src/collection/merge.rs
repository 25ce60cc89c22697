//! Rows read again against rows that are stored.

use metering::{Flag, Flags, Row};

/// Two rows of one mark that differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// As it is stored.
    pub stored: Row,
    /// As it was read now.
    pub read: Row,
}

/// What of rows that were read is new.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged {
    /// Rows of marks that had none.
    pub new: Vec<Row>,
    /// Rows that had been read before all of their parts or remarks were there; they replace the
    /// stored ones.
    pub completed: Vec<Row>,
    /// Rows that are stored already just so.
    pub same: usize,
    /// Rows that contradict stored ones. Neither is thrown away by itself.
    pub conflicts: Vec<Conflict>,
}

/// Sorts rows that were read; `stored` are those of the same columns, in the order of their marks.
pub fn merge(stored: &[Row], read: Vec<Row>) -> Merged {
    let mut merged = Merged::default();
    for row in read {
        let place = stored.binary_search_by_key(&row.end, |known| known.end);
        let known = place.ok().and_then(|place| stored.get(place));
        match known {
            None => merged.new.push(row),
            Some(known) if known.values == row.values && known.flags == row.flags => {
                merged.same += 1;
            }
            Some(known) if completes(known, &row) => merged.completed.push(row),
            Some(known) => merged.conflicts.push(Conflict {
                stored: known.clone(),
                read: row,
            }),
        }
    }
    merged
}

/// Whether `row` is `known` with more parts, or with more remarks: a meter writes the rest of an
/// interval that a power failure cut, and a marker behind an interval, only later.
fn completes(known: &Row, row: &Row) -> bool {
    let without = |flags: Flags| Flags::from_bits(flags.bits() & !Flags::from(Flag::Short).bits());
    let keeps_remarks = without(known.flags).union(row.flags) == row.flags;
    if known.values == row.values {
        return keeps_remarks && known.flags.bits() & !row.flags.bits() == 0;
    }
    let grows = known.values.len() == row.values.len()
        && known.values.iter().zip(&row.values).all(|pair| match pair {
            (Some(before), Some(now)) => now >= before,
            (None, _) => true,
            (Some(_), None) => false,
        });
    known.flags.has(Flag::Short) && keeps_remarks && grows
}
