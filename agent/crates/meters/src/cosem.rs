//! What the values of DLMS/COSEM meters mean. Pure: values in, quantities, times and rows out.
//!
//! The meter itself says what it sends: scaler and unit stand with a register, the columns of a
//! profile and its period with the profile. Nothing of that is assumed; what is not understood is
//! told, with the meter's own octets or numbers, and nothing is skipped in silence.

mod billing;
mod clock_setting;
mod compare;
mod fault;
mod fuzz;
mod log;
mod number;
mod objects;
mod profile;
mod register;
mod rows;
mod security;
mod setup;
mod tail;
mod tariff;
mod text;
mod time;
mod timeline;
mod words;

pub use billing::{BilledValue, billed_values};
pub use clock_setting::clock_setting;
pub use compare::{Likeness, compare};
pub use fault::CosemFault;
pub use fuzz::fuzz_profile;
pub use log::{LogEntry, LogReader};
pub use number::ScalerUnit;
pub use objects::{
    AttributePlan, BackupAttribute, ListedObject, Nature, OBJECT_LIST, backup_attributes,
    read_objects,
};
pub use profile::{
    CosemBlock, CosemHappening, CosemRow, ProfileRead, ProfileReader, StatusRun, bit_words,
};
pub use register::{DemandPeriod, RegisterReading, read_register};
pub use security::SecuritySetup;
pub use setup::{CapturedColumn, ColumnRole, ProfileSetup, RowOrder, SetupAnswers};
pub use tail::{OrderedRow, RowTail, rows_in_order};
pub use tariff::{
    CALENDAR_TIME, CalendarField, CalendarPart, DayAction, DayDate, DayPlan, Mask, NO_TIME,
    RegisterActivation, RegisterField, Script, ScriptAction, ScriptService, Season, SpecialDay,
    TariffComplaint, TariffRegister, TariffSet, WeekPlan, check,
};
pub use text::{data_text, identity_text};
pub use time::{ClockLook, CosemTime, SeenSense};
pub use words::attribute_words;
