//! A block of rows, column by column, in as few bytes as Rice codes allow.
//!
//! Each column has a header: what is missing, how it is predicted, and what the prediction
//! starts from. What the predictions miss follows for all columns in one stream of bits.

mod decoding;
mod encoding;

pub(crate) use decoding::decode;
pub(crate) use encoding::encode;

/// One column; `None` = no value in that row.
pub(crate) type Column = Vec<Option<i64>>;

/// All values are one: the value follows.
const CONSTANT: u8 = 0xFF;
/// All steps are one: first value and step follow.
const LINEAR: u8 = 0xFE;
/// No row has a value.
const EMPTY: u8 = 0xFD;
/// Runs of present and missing rows follow, then the header proper.
const HOLED: u8 = 0xFC;
/// Each value is exactly what the column before grew by; the first value follows.
const GROWTH: u8 = 0xFB;

/// How a column is predicted; the numbers are part of the disk format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// As the smallest value.
    Level,
    /// As the value before.
    Step,
    /// As far from the value before as that was from its own.
    Slope,
    /// As the smallest step from the value before: a running total.
    Climb,
    /// As what the column before grew by: an increment beside its total.
    Growth,
}

const MODES: [Mode; 5] = [
    Mode::Level,
    Mode::Step,
    Mode::Slope,
    Mode::Climb,
    Mode::Growth,
];

impl Mode {
    const fn number(self) -> u8 {
        match self {
            Self::Level => 0,
            Self::Step => 1,
            Self::Slope => 2,
            Self::Climb => 3,
            Self::Growth => 4,
        }
    }
}

/// What a column grew by from one row to the next; nothing where either has no value.
const fn grew(from: Option<i64>, to: Option<i64>) -> i64 {
    match (from, to) {
        (Some(from), Some(to)) => to.wrapping_sub(from),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
