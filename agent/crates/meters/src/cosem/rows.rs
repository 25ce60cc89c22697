//! Rows of a profile with everything in them that was left out.

use super::fault::CosemFault;
use super::setup::{ColumnRole, ProfileSetup};
use super::text::data_text;
use super::time::CosemTime;
use crate::catalogue::dlms::NullMeaning;
use crate::limits::COSEM_ROWS_MAX;
use dlms::codec::Data;

/// When a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RowTime {
    /// The meter says it.
    Said(CosemTime),
    /// One period from the row before.
    Counted,
    /// What the meter says is no time.
    None(String),
}

/// A row, one cell a column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WholeRow {
    /// Its place in the answer, from 1.
    pub(super) place: usize,
    pub(super) time: RowTime,
    pub(super) cells: Vec<Data>,
}

/// Puts in what null-data stands for. `begins_within`: there are rows before the first one, to
/// which it may refer.
pub(super) fn expand(
    setup: &ProfileSetup,
    nulls: NullMeaning,
    answer: &Data,
    begins_within: bool,
) -> Result<Vec<WholeRow>, CosemFault> {
    let Data::Array(items) = answer else {
        return Err(CosemFault::Form {
            part: "the buffer",
            found: data_text(answer),
            wanted: "array of rows",
        });
    };
    if items.len() > COSEM_ROWS_MAX {
        return Err(CosemFault::TooMany {
            part: "rows",
            found: items.len(),
            most: COSEM_ROWS_MAX,
        });
    }
    let (time_at, _) = setup.time_column().ok_or(CosemFault::NoClock)?;
    let mut rows: Vec<WholeRow> = Vec::with_capacity(items.len());
    for (place, item) in (1..).zip(items) {
        let said = item.items().unwrap_or_default();
        let wanted = setup.columns.len();
        if said.len() != wanted {
            let (row, found) = (place, said.len());
            return Err(CosemFault::Width { row, found, wanted });
        }
        let before = rows.last();
        let mut cells = Vec::with_capacity(wanted);
        for (at, (cell, column)) in said.iter().zip(&setup.columns).enumerate() {
            let repeats = *cell == Data::Null && at != time_at && {
                let is_value = matches!(column.role, ColumnRole::Value { .. });
                nulls == NullMeaning::Repeats || !is_value
            };
            let earlier = before.and_then(|row| row.cells.get(at));
            cells.push(match (repeats, earlier) {
                (true, Some(earlier)) => earlier.clone(),
                (true, None) if begins_within => return Err(CosemFault::FirstRow),
                _ => cell.clone(),
            });
        }
        let time = match said.get(time_at) {
            Some(Data::Null) | None if before.is_some() => RowTime::Counted,
            Some(Data::Null) | None if begins_within => return Err(CosemFault::FirstRow),
            Some(cell) => CosemTime::of(cell, "the time of a row")
                .map_or_else(|fault| RowTime::None(fault.to_string()), RowTime::Said),
            None => RowTime::None(String::new()),
        };
        rows.push(WholeRow { place, time, cells });
    }
    Ok(rows)
}
