//! Configuration has two shapes: the file as a person writes it, and the settings as the program
//! trusts them. One door leads from one to the other.

mod complaint;
mod file;
mod link;
mod number;
mod settings;
mod settings_bus;
mod settings_link;
mod settings_meter;

pub use complaint::{Complaint, Complaints};
pub use link::{
    CallSettings, CommandLine, Dialling, Dtr, HangUp, LinkSettings, ModemSettings, OpticalSettings,
    PadPlace, PadSettings, Recall, Rs485, SerialSettings,
};
pub use number::{InvalidNumber, Number};
pub use settings::{
    BusSettings, ClockSettings, InstantSettings, MeterSettings, ProfileSettings, Settings,
    StoreSettings, UplinkSettings,
};
