//! What the values of DLMS/COSEM meters mean. Pure: values in, quantities, times and rows out.
//!
//! The meter itself says what it sends: scaler and unit stand with a register, the columns of a
//! profile and its period with the profile. Nothing of that is assumed; what is not understood is
//! told, with the meter's own octets or numbers, and nothing is skipped in silence.

mod fault;
mod fuzz;
mod log;
mod number;
mod objects;
mod profile;
mod register;
mod rows;
mod setup;
mod text;
mod time;
mod timeline;
mod words;

pub use fault::CosemFault;
pub use fuzz::fuzz_profile;
pub use log::{LogEntry, LogReader};
pub use number::ScalerUnit;
pub use objects::{
    AttributePlan, BackupAttribute, ListedObject, Nature, OBJECT_LIST, backup_attributes,
    read_objects,
};
pub use profile::{CosemBlock, CosemHappening, CosemRow, ProfileRead, ProfileReader};
pub use register::{DemandPeriod, RegisterReading, read_register};
pub use setup::{CapturedColumn, ColumnRole, ProfileSetup, RowOrder, SetupAnswers};
pub use text::{data_text, identity_text};
pub use time::{ClockLook, CosemTime, SeenSense};
pub use words::attribute_words;
