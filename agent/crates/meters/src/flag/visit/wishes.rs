//! What a visit is to bring.

use iec62056_21::codec::hex_of;
use metering::Obis;
use std::fmt;

/// What a visit is to bring, beside the meter's identity and its clock, which every session reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wishes {
    /// Totals, rates, demands, ratios.
    pub registers: bool,
    /// Status words, event counters and logs.
    pub events: bool,
    /// Historical billing sets.
    pub billing: BillingWish,
    /// Values of the moment; those of the model if the list is empty.
    pub instants: Option<Vec<Obis>>,
    /// The load profile.
    pub profile: Option<ProfileWish>,
    /// The instrumentation profile.
    pub instrumentation: Option<ProfileWish>,
    /// Every readable identity.
    pub backup: bool,
}

/// Which billing sets are read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum BillingWish {
    /// None.
    #[default]
    None,
    /// Those newer than the one with this mark; all that the meter has if none is known.
    New(Option<BillingMark>),
    /// All of them, daily ones too.
    All,
}

/// How a billing set is told from the next one: what it says of itself, in the meter's octets.
#[derive(Clone, PartialEq, Eq)]
pub struct BillingMark(pub Vec<u8>);

impl fmt::Display for BillingMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex_of(&self.0))
    }
}

impl fmt::Debug for BillingMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which days of a load profile are read, by the meter's calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileWish {
    /// All that the meter has.
    All,
    /// These days, the oldest first.
    Days(Vec<DayRange>),
}

/// Consecutive days of the meter's calendar, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayRange {
    /// The first one.
    pub first: u64,
    /// The last one.
    pub last: u64,
}

impl DayRange {
    /// How many days there are.
    pub fn days(self) -> u64 {
        (self.last + 1).saturating_sub(self.first)
    }
}
