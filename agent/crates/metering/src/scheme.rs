//! A scheme: what is programmed into meters, or read from them. Its form in files belongs to the
//! crate `schemes`, its way into a meter to `meters`.

mod calendar;
mod capability;
mod civil;
mod dst;
mod pages;
mod rates;
mod registers;
mod words;

pub use calendar::{
    Calendar, CalendarClock, DayType, Deferred, Exclusion, ExclusionDate, InvalidLabel, Label,
    Season, SeasonStart, Switch, WeekMap,
};
pub use capability::{Capability, ProfileCapacity};
pub use civil::{CivilDate, InvalidCivil, MonthDay, TimeOfDay, Weekday};
pub use dst::{DstEdge, DstRule, WeekOfMonth};
pub use pages::{
    Billing, BillingDate, Communications, DisplayItem, DisplayKind, DisplayList, Indicators,
    InputKind, LockoutKind, NewPassword, PhaseMark, ProfilePlan, PulseInput, PulseOutput, Reads,
    SealedPassword, TimeOrder,
};
pub use rates::RateSet;
pub use registers::{
    CustomerRegister, Demand, InvalidSource, MdRegister, Ratios, Sign, Source, Term, TotalRegister,
    TouRegister, Window,
};
pub use words::Word;

impl Word for Weekday {
    const ALL: &'static [Self] = &[
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Monday => "monday",
            Self::Tuesday => "tuesday",
            Self::Wednesday => "wednesday",
            Self::Thursday => "thursday",
            Self::Friday => "friday",
            Self::Saturday => "saturday",
            Self::Sunday => "sunday",
        }
    }
}

words::words!(
    /// What a scheme is for.
    Purpose {
        /// It reads.
        #[default]
        Read = "read",
        /// It programs.
        Program = "program",
        /// It programs, and reads afterwards.
        Both = "both",
    }
);

/// A named, reusable bundle of settings to program into meters, or of what to read from them. A
/// page that is absent is left as it is in the meter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scheme {
    /// Its name.
    pub name: Label,
    /// What it is for.
    pub purpose: Purpose,
    /// The model it was made for, as the catalogue names it.
    pub meter_type: Label,
    /// Beginnings of the model codes that it fits; empty = all.
    pub model_codes: Vec<Label>,
    /// Who made it.
    pub author: Option<Label>,
    /// Its version, from 1.
    pub version: u32,
    /// What people should know.
    pub notes: Option<String>,
    /// What is done with the meter's clock.
    pub time: TimeOrder,
    /// What is read.
    pub reads: Option<Reads>,
    /// Transformers.
    pub ratios: Option<Ratios>,
    /// Registers that count all the time.
    pub totals: Vec<TotalRegister>,
    /// Registers that the customer defines.
    pub customer: Vec<CustomerRegister>,
    /// Registers by rate.
    pub tou: Vec<TouRegister>,
    /// Demand.
    pub demand: Option<Demand>,
    /// The load profile.
    pub profile: Option<ProfilePlan>,
    /// The instrumentation profile.
    pub instruments: Option<ProfilePlan>,
    /// The calendar.
    pub calendar: Option<Calendar>,
    /// A calendar that waits for its date.
    pub deferred: Option<Deferred>,
    /// Billing dates and lockout.
    pub billing: Option<Billing>,
    /// Lists of the display.
    pub displays: Vec<DisplayList>,
    /// Signs and alarms.
    pub indicators: Option<Indicators>,
    /// Pulse outputs.
    pub outputs: Vec<PulseOutput>,
    /// Pulse inputs.
    pub inputs: Vec<PulseInput>,
    /// New passwords.
    pub passwords: Vec<NewPassword>,
    /// The meter's ports.
    pub communications: Option<Communications>,
}

impl Scheme {
    /// Whether it changes meters.
    pub fn programs(&self) -> bool {
        self.purpose != Purpose::Read
    }

    /// Whether it reads from meters.
    pub fn reads(&self) -> bool {
        self.purpose != Purpose::Program
    }
}
