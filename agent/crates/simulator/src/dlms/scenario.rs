//! What a simulated DLMS meter is, and what befalls it.

use dlms::codec::{Attribute, Column, LogicalName};

use crate::elster::{Source, Zone};

/// What a total counts, by the third group of its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Energy {
    /// 1-0:1.8.0, active import in watt-hours.
    Import,
    /// 1-0:2.8.0, active export in watt-hours.
    Export,
    /// 1-0:3.8.0, reactive import in var-hours.
    ReactiveImport,
    /// 1-0:4.8.0, reactive export in var-hours.
    ReactiveExport,
    /// 1-0:5.8.0, reactive energy of the first quadrant in var-hours.
    Quadrant1,
    /// 1-0:6.8.0, of the second.
    Quadrant2,
    /// 1-0:7.8.0, of the third.
    Quadrant3,
    /// 1-0:8.8.0, of the fourth.
    Quadrant4,
}

impl Energy {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Import,
        Self::Export,
        Self::ReactiveImport,
        Self::ReactiveExport,
        Self::Quadrant1,
        Self::Quadrant2,
        Self::Quadrant3,
        Self::Quadrant4,
    ];

    /// The third group of its code.
    pub(super) const fn quantity(self) -> u8 {
        match self {
            Self::Import => 1,
            Self::Export => 2,
            Self::ReactiveImport => 3,
            Self::ReactiveExport => 4,
            Self::Quadrant1 => 5,
            Self::Quadrant2 => 6,
            Self::Quadrant3 => 7,
            Self::Quadrant4 => 8,
        }
    }

    /// The one with this third group.
    pub(super) fn of(quantity: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.quantity() == quantity)
    }

    /// What it is the sum of.
    pub(super) const fn sources(self) -> [Option<Source>; 2] {
        match self {
            Self::Import => [Some(Source::Import), None],
            Self::Export => [Some(Source::Export), None],
            Self::ReactiveImport => [Some(Source::Q1), Some(Source::Q2)],
            Self::ReactiveExport => [Some(Source::Q3), Some(Source::Q4)],
            Self::Quadrant1 => [Some(Source::Q1), None],
            Self::Quadrant2 => [Some(Source::Q2), None],
            Self::Quadrant3 => [Some(Source::Q3), None],
            Self::Quadrant4 => [Some(Source::Q4), None],
        }
    }

    pub(super) const fn is_active(self) -> bool {
        matches!(self, Self::Import | Self::Export)
    }

    /// Its total, as a load profile captures it.
    pub(super) const fn column(self) -> Column {
        Column {
            attribute: Attribute {
                class: 3,
                name: LogicalName([1, 0, self.quantity(), 8, 0, 255]),
                number: 2,
            },
            index: 0,
        }
    }
}

/// How the rows of a profile lie in its buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sorting {
    /// As they came about.
    OldestFirst,
    /// The newest one first.
    NewestFirst,
}

/// Where null-data stands for what follows from the row before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Nulls {
    /// Nowhere.
    Never,
    /// In all rows of an answer but the first.
    InAnswer,
    /// In all rows but those of full hours: the first row of an answer may refer to one that was
    /// not asked for.
    InBuffer,
}

/// What happens to the waiting half of the calendar when it comes into force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activates {
    /// It stays as it is, and the other half becomes the same.
    Copying,
    /// Both halves change places.
    ChangingPlaces,
}

/// The clock is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSet {
    /// When, in true seconds since 1970-01-01 UTC.
    pub at: i64,
    /// Seconds by which it is ahead from then on; negative when it is behind.
    pub ahead: i64,
}

/// What a simulated DLMS meter is, and what befalls it. Moments are true seconds since 1970-01-01
/// UTC.
#[derive(Debug, Clone)]
pub struct DlmsScenario {
    /// Decides what it measures.
    pub seed: u64,
    /// Its serial number, up to 13 letters and digits.
    pub serial: String,
    /// The moment at which the time of its wire is zero.
    pub starts_at: i64,
    /// Days for which it has been at work by then.
    pub days: i64,
    /// The local time of its clock.
    pub zone: Zone,
    /// Settings of its clock, in order; before the first one it is right.
    pub clock_sets: Vec<ClockSet>,
    /// Times without power, in order, none touching another: nothing is counted, no row written.
    pub outages: Vec<(i64, i64)>,
    /// The base load in milliwatts.
    pub load_mw: u64,
    /// Seconds of a period of its load profile.
    pub period_s: u32,
    /// Rows that its load profile holds; older ones are overwritten.
    pub capacity: usize,
    /// What its load profile captures beside clock and status.
    pub columns: Vec<Energy>,
    /// Changes of that, in order. Each empties the profile.
    pub column_changes: Vec<(i64, Vec<Energy>)>,
    /// How its profiles are sorted.
    pub sorting: Sorting,
    /// How it says less.
    pub nulls: Nulls,
    /// Entries that its log holds; older ones are overwritten.
    pub log_capacity: usize,
    /// Seconds of a billing period; the periods end where these divide its clock's UTC.
    pub billing_every_s: i64,
    /// Billing sets that it holds; older ones are overwritten.
    pub billing_capacity: usize,
    /// Whether rows may be chosen by time.
    pub selects_range: bool,
    /// Whether rows may be chosen by place.
    pub selects_entries: bool,
    /// How its calendar comes into force.
    pub activates: Activates,
    /// Whether it fills in seconds and hundredths of times that are written to it.
    pub fills_in: bool,
    /// What it says it has taken, and does not keep.
    pub forgets: Option<Attribute>,
}

impl DlmsScenario {
    /// A meter in Central Europe that nothing befalls, from 2026-05-03 12:00 UTC on.
    pub fn new(seed: u64, serial: &str) -> Self {
        Self {
            seed,
            serial: serial.to_owned(),
            starts_at: 1_777_809_600,
            days: 12,
            zone: Zone::CENTRAL_EUROPE,
            clock_sets: Vec::new(),
            outages: Vec::new(),
            load_mw: 2_000_000,
            period_s: 900,
            capacity: 4000,
            columns: vec![Energy::Import, Energy::Export],
            column_changes: Vec::new(),
            sorting: Sorting::OldestFirst,
            nulls: Nulls::Never,
            log_capacity: 250,
            billing_every_s: 30 * crate::elster::DAY,
            billing_capacity: 15,
            selects_range: true,
            selects_entries: true,
            activates: Activates::Copying,
            fills_in: false,
            forgets: None,
        }
    }

    /// When it began to work.
    pub fn begun(&self) -> i64 {
        self.starts_at - self.days * crate::elster::DAY
    }
}
