//! Meters that speak IEC 62056-21: how much of the line their load profiles take, what is left for
//! Modbus meters beside them, and whether an answer was ever taken for another's.

mod ground;
mod mixed;
mod transfer;
mod troubles;

use crate::Ground;
use crate::table::Row;

pub(crate) fn rows(ground: &Ground) -> Vec<Row> {
    let mut rows = mixed::rows(ground);
    rows.extend(transfer::rows());
    rows.push(troubles::row(ground));
    rows
}
