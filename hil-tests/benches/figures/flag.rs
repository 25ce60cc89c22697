//! Meters that speak IEC 62056-21: how much of the line their load profiles take, and whether an
//! answer was ever taken for another's.

mod ground;
mod transfer;
mod troubles;

use crate::Ground;
use crate::table::Row;

pub(crate) fn rows(ground: &Ground) -> Vec<Row> {
    let mut rows = transfer::rows();
    rows.push(troubles::row(ground));
    rows
}
