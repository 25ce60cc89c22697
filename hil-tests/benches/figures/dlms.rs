//! Meters that speak DLMS: how much of the line's time their load profiles take, and what a session
//! costs the processor, beside a client that we did not write.

mod client;
mod cost;
mod transfer;

use crate::Ground;
use crate::table::Row;

pub(crate) fn rows(ground: &Ground) -> Vec<Row> {
    let mut rows = transfer::rows();
    rows.extend(cost::rows(ground));
    rows
}
