//! Load profiles of Elster meters: a stream of octets in, intervals out.
//!
//! A profile is a row of records: an interval (status and one value a channel) or a marker (a new
//! day, power down, power up, a change of time and so on). Packets cut records anywhere. Intervals
//! carry no time: it is counted on from the last marker.
//!
//! - Time is counted in **UTC**: a marker's time becomes an instant by the clock basis of the meter,
//!   and each interval ends one period later. So the hour that comes twice in autumn is two hours,
//!   and that which is left out in spring is none, whether the meter marks the change or not.
//! - Where a marker cuts a period in parts, the parts **add up** (values are demand over the whole
//!   period), and flags say that the period was cut.
//! - **Nothing is skipped in silence.** What is not understood is kept as octets with its place, and
//!   reading goes on at the next marker whose time is plausible; what lies between is a gap.
//! - Marks without a record are no rows; they are gaps, with their cause where a marker tells it.

mod advance;
mod columns;
mod decoder;
mod energy;
mod records;
mod rows;
mod timeline;
mod values;

pub use advance::{AdvanceCheck, AdvanceResult, AdvanceVerdict, RegisterLook};
pub use columns::{InstrumentChannel, ProfileChannel, ProfileColumns, Storage};
pub use decoder::{ProfileDecoder, ProfileOptions, ProfileRead};
pub use energy::{ProfileConversion, ProfileOwner};

use metering::{Flags, MeterTime, Timestamp};
use std::fmt;
use std::sync::Arc;

/// One interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileRow {
    /// Its end.
    pub end: Timestamp,
    /// What the meter's clock showed at its end.
    pub shown_end: MeterTime,
    /// The octet of the profile, from 0, at which its first record begins.
    pub position: u64,
    /// One value a channel, as the meter counts: average demand over a whole period. `None`: no
    /// number.
    pub values: Vec<Option<i64>>,
    /// The same octets read in the other coding that a source names for them; empty where all
    /// sources agree.
    pub others: Vec<Option<i64>>,
    /// The status octets of its records; the extended one in the high octet.
    pub status: u16,
    /// Remarks.
    pub flags: Flags,
    /// Records that were added up.
    pub parts: u16,
    /// Seconds of the period for which there are records, as far as markers tell.
    pub covered_s: u32,
}

/// Rows with the same columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfilePiece {
    /// Channels and period.
    pub columns: Arc<ProfileColumns>,
    /// Oldest first.
    pub rows: Vec<ProfileRow>,
}

/// Why intervals are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GapCause {
    /// The meter had no supply.
    PowerDown,
    /// The meter's clock was put forward.
    TimeChange,
    /// The meter's profile was cleared.
    Cleared,
    /// Something in the profile was not understood.
    NotUnderstood,
    /// Nothing in the profile tells.
    Unknown,
}

impl GapCause {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::PowerDown => "the meter had no supply",
            Self::TimeChange => "the meter's clock was put forward",
            Self::Cleared => "the meter's profile was cleared",
            Self::NotUnderstood => "something in the profile was not understood",
            Self::Unknown => "nothing in the profile tells why",
        }
    }
}

/// Marks that have no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileGap {
    /// The first one.
    pub first: Timestamp,
    /// The last one.
    pub last: Timestamp,
    /// How many there are.
    pub marks: u64,
    /// Why.
    pub cause: GapCause,
}

/// Something that the profile tells beside its intervals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileEvent {
    /// The octet of the profile at which it stands.
    pub position: u64,
    /// When, where a time stands with it.
    pub at: Option<Timestamp>,
    /// What the meter's clock showed then.
    pub shown: Option<MeterTime>,
    /// What.
    pub what: ProfileHappening,
}

/// What a profile tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileHappening {
    /// Supply failed.
    PowerDown,
    /// Supply came back.
    PowerUp,
    /// Channels or period changed, or were written again.
    Configuration {
        /// Whether they differ from before.
        is_different: bool,
    },
    /// A demand period was ended early.
    ForcedEnd,
    /// The clock was changed; the event's time is the new one.
    TimeChange {
        /// The instant at which the running interval had begun.
        from: Option<Timestamp>,
    },
    /// The profile was cleared. Earlier rows of this profile do not count.
    Cleared {
        /// Rows that had not been handed over and were dropped for it.
        dropped: usize,
    },
    /// Daylight saving time began or ended.
    Daylight,
    /// Values from outside; where they lie in time is not known.
    External {
        /// The octets between the length and the closing marker.
        octets: Vec<u8>,
    },
    /// A marker nobody knows, or octets that fit nowhere; reading went on behind them.
    NotUnderstood {
        /// What they looked like.
        why: Puzzle,
        /// The first octets of them.
        octets: Vec<u8>,
        /// How many there are.
        count: u64,
    },
    /// The profile ends within a record.
    CutShort {
        /// The octets of the record.
        octets: Vec<u8>,
    },
    /// A marker lies before the end of intervals that there are already, and none says that the
    /// clock was set back: the meter's clock basis may be another one.
    Overlap {
        /// Seconds that it lies back.
        seconds: u64,
    },
    /// An interval came again for a mark that has its row; these are its values.
    Again {
        /// As the meter counts.
        values: Vec<Option<i64>>,
    },
    /// A part of an interval that no row could take, because the columns changed within it.
    PartKept {
        /// The channels and period before the change.
        columns: Arc<ProfileColumns>,
        /// As the meter counts.
        values: Vec<Option<i64>>,
    },
    /// The meter's own word on daylight saving time contradicts its clock basis.
    BasisContradicted,
    /// A value that is no decimal number; it is missing in its row. Only the first ones of a
    /// profile are told one by one; [`AdvanceCheck`] counts them all.
    NoNumber {
        /// Its channel, from 0.
        channel: usize,
        /// Its octets.
        octets: Vec<u8>,
    },
}

/// Why octets of a profile were not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Puzzle {
    /// A marker that the model does not name.
    Marker(u8),
    /// A marker whose time lies outside this century.
    Time(u8),
    /// A marker with a period or channels that do not exist.
    Columns(u8),
    /// Intervals before any marker said which channels there are.
    NoDay,
    /// Octets behind the end.
    BehindEnd,
    /// Intervals behind values from outside: when they were is not known.
    BehindExternal,
    /// A block that does not close.
    Block(u8),
}

impl fmt::Display for Puzzle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Marker(octet) => write!(f, "marker {octet:02X} is not known"),
            Self::Time(octet) => write!(f, "marker {octet:02X} has an impossible time"),
            Self::Columns(octet) => {
                write!(f, "marker {octet:02X} has impossible channels or period")
            }
            Self::NoDay => f.write_str("intervals before the first day"),
            Self::BehindEnd => f.write_str("octets behind the end"),
            Self::BehindExternal => f.write_str("intervals behind values from outside"),
            Self::Block(octet) => write!(f, "block {octet:02X} does not close"),
        }
    }
}

#[cfg(test)]
mod tests;
