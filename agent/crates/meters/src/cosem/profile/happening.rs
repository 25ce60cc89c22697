//! What a profile tells beside its rows.

use metering::{Obis, Timestamp};
use std::fmt;

/// Something that a profile tells beside its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CosemHappening {
    /// Rows lie the other way than the profile's order says; their stamps are believed.
    OrderContradicted,
    /// A stamp lies before the one of the row before: the clock was set back.
    SetBack {
        /// The stamp behind it.
        at: Timestamp,
        /// How far.
        seconds: u64,
    },
    /// A row came again for a mark that has its row; these are its values.
    Again {
        /// The mark.
        end: Timestamp,
        /// In the scales of the channels.
        values: Vec<Option<i64>>,
    },
    /// A part of an interval whose averages cannot be added to those of the next part.
    Part {
        /// The mark.
        end: Timestamp,
        /// In the scales of the channels.
        values: Vec<Option<i64>>,
    },
    /// A row without a time.
    NoTime {
        /// Its place in the answer, from 1.
        place: usize,
        /// What is wrong with it.
        found: String,
    },
    /// A column whose unit is not known here; it is left out.
    NoUnit {
        /// Which.
        obis: Obis,
        /// The meter's code.
        code: u8,
    },
    /// A column whose scaler and unit the meter does not tell; it is left out.
    NoScaler {
        /// Which.
        obis: Obis,
    },
    /// A value that is no number, or none in the scale of its column. Only the first ones are told.
    NoNumber {
        /// Its mark.
        end: Timestamp,
        /// Its column.
        obis: Obis,
        /// As the meter says it.
        found: String,
    },
    /// Rows whose stamps the clock itself calls doubtful.
    DoubtfulClock {
        /// The first one.
        first: Timestamp,
        /// How many.
        rows: usize,
    },
    /// Rows that may lie in the other hour of an autumn change: nothing tells.
    UnsureHour {
        /// The first stamp.
        first: Timestamp,
        /// The last one.
        last: Timestamp,
    },
    /// Bits of the status that the model does not name.
    UnknownBits(u64),
}

impl CosemHappening {
    pub(super) fn is_no_number(&self) -> bool {
        matches!(self, Self::NoNumber { .. })
    }
}

impl fmt::Display for CosemHappening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OrderContradicted => f.write_str(
                "rows lie the other way than the profile says; their stamps are believed",
            ),
            Self::SetBack { at, seconds } => {
                write!(f, "the clock was set back by {seconds} s, to {at}")
            }
            Self::Again { end, values } => {
                write!(
                    f,
                    "mark {end} came again with {values:?}; its first row stays"
                )
            }
            Self::Part { end, values } => {
                write!(
                    f,
                    "mark {end} has a part with {values:?} that cannot be added"
                )
            }
            Self::NoTime { place, found } => write!(f, "row {place} has no time: {found}"),
            Self::NoUnit { obis, code } => {
                write!(
                    f,
                    "{obis} has unit code {code}, which is not known; it is left out"
                )
            }
            Self::NoScaler { obis } => {
                write!(
                    f,
                    "the meter does not tell scaler and unit of {obis}; it is left out"
                )
            }
            Self::NoNumber { end, obis, found } => {
                write!(
                    f,
                    "{obis} at {end} is `{found}`, which is no number of its scale"
                )
            }
            Self::DoubtfulClock { first, rows } => {
                write!(
                    f,
                    "{rows} rows from {first} on have a time that the meter doubts"
                )
            }
            Self::UnsureHour { first, last } => write!(
                f,
                "rows from {first} to {last} may lie an hour later; read more rows around them"
            ),
            Self::UnknownBits(bits) => {
                let have = if bits.is_power_of_two() {
                    "has"
                } else {
                    "have"
                };
                write!(
                    f,
                    "status {} {have} no meaning in the model file",
                    bit_words(*bits)
                )
            }
        }
    }
}

/// `bit 7`, `bits 7, 9`, `no bit`.
pub fn bit_words(bits: u64) -> String {
    let set = (0_u8..64).filter(|bit| bits & (1_u64 << bit) != 0);
    let set: Vec<String> = set.map(|bit| bit.to_string()).collect();
    match set.as_slice() {
        [] => "no bit".to_owned(),
        [one] => format!("bit {one}"),
        all => format!("bits {}", all.join(", ")),
    }
}
