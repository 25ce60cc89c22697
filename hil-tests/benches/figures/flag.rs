//! Meters that speak IEC 62056-21.

mod decoder;
mod ground;

use crate::Ground;
use crate::table::Row;

pub(crate) fn rows(ground: &Ground) -> Vec<Row> {
    vec![decoder::row(ground)]
}
