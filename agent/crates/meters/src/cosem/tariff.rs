//! What decides when a meter counts in which register: as values, to and from what it holds.
//!
//! [`CalendarPart`] is one half of an activity calendar (class 20): names, seasons, weeks and days.
//! [`SpecialDay`]s (class 11) are days that go by another plan, [`Script`]s (class 9) what a switching
//! time starts, and [`RegisterActivation`] (class 6) which registers a script lets count. Nothing is
//! sent that [`check`] complains about.

mod calendar;
mod check;
mod form;
mod register_activation;
mod scripts;
mod special_days;
#[cfg(test)]
mod tests;

pub use calendar::{
    CALENDAR_TIME, CalendarField, CalendarPart, DayAction, DayPlan, NO_TIME, Season, WeekPlan,
};
pub use check::{TariffComplaint, TariffSet, check};
pub use register_activation::{Mask, RegisterActivation, RegisterField, TariffRegister};
pub use scripts::{Script, ScriptAction, ScriptService};
pub use special_days::{DayDate, SpecialDay};
