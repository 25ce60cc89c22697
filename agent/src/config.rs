//! Configuration has two shapes: the file as a person writes it, and the settings as the program
//! trusts them. One door leads from one to the other.

mod commands;
mod complaint;
mod dlms_meter;
mod file;
mod flag_meter;
mod link;
mod meter;
mod number;
mod people;
mod private_file;
mod recovery;
mod settings;
mod settings_bus;
mod settings_dlms;
mod settings_flag;
mod settings_link;
mod settings_meter;
mod settings_session;
mod trial;
mod update;

pub use commands::CommandSettings;
pub use complaint::{Complaint, Complaints};
pub use dlms_meter::{DlmsMeter, DlmsPassword, DlmsProof};
pub use flag_meter::{Access, CollectSettings, FlagLine, FlagMeter, FlagParity, MeterClock};
pub use link::{
    CallSettings, CommandLine, Dialling, Dtr, HangUp, LinkSettings, ModemSettings, OpticalSettings,
    PadPlace, PadSettings, Recall, Rs485, SerialSettings,
};
pub use meter::{InstantSettings, MeterSettings, ModbusMeter, ProfileSettings, Speaks};
pub use number::{InvalidNumber, Number};
pub use recovery::boot_report_file;
pub use settings::{BusSettings, ClockSettings, Settings, StoreSettings, UplinkSettings};
pub use trial::{Trial, TrialState, count_start, judge, standing, standing_text};
pub use update::UpdateSettings;
