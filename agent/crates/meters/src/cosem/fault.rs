//! What can be wrong with a meter's values.

use dlms::codec::DecodeFault;

/// A value that cannot be read as what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CosemFault {
    /// The value has another form.
    #[error("{part} is `{found}`, which is no {wanted}; compare the class in the model file")]
    Form {
        /// What it should tell.
        part: &'static str,
        /// As the meter says it.
        found: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A date and time that no clock shows.
    #[error("{part} is no time")]
    Time {
        /// What it should tell.
        part: &'static str,
        /// Why.
        #[source]
        fault: DecodeFault,
    },
    /// A date and time that lacks a part.
    #[error("{part} is a time without year, month, day, hour or minute; set the meter's clock")]
    PartialTime {
        /// What it should tell.
        part: &'static str,
    },
    /// A profile with columns nobody can place in time.
    #[error("the profile captures no clock; its rows cannot be placed in time")]
    NoClock,
    /// The period of a profile.
    #[error("a capture period of {seconds} s makes no grid of marks; read the profile as a log")]
    Period {
        /// As the meter says.
        seconds: u32,
    },
    /// The meter sent rows of other columns than it says.
    #[error("row {row} has {found} values for {wanted} columns; read the capture objects again")]
    Width {
        /// Which row, from 1.
        row: usize,
        /// Its values.
        found: usize,
        /// The columns.
        wanted: usize,
    },
    /// The first row of an answer leaves out what the row before it said.
    #[error("the first row refers to a row before it; read from one row earlier")]
    FirstRow,
    /// An object list longer than a named limit allows.
    #[error(
        "the object list has {found} objects, more than the {most} that are taken in; it is not shown"
    )]
    TooManyObjects {
        /// How many.
        found: usize,
        /// The limit.
        most: usize,
    },
    /// More rows or columns than a named limit allows.
    #[error("{found} {part}, more than {most}; ask for fewer")]
    TooMany {
        /// Of what.
        part: &'static str,
        /// How many.
        found: usize,
        /// The limit.
        most: usize,
    },
}
