//! Configuration has two shapes: the file as a person writes it, and the settings as the program
//! trusts them. One door leads from one to the other.

mod complaint;
mod file;
mod meter;
mod settings;
mod settings_bus;
mod settings_meter;

pub use complaint::{Complaint, Complaints};
pub use meter::{InstantSettings, MeterSettings, ModbusMeter, ProfileSettings, Speaks};
pub use settings::{
    BusSettings, ClockSettings, LinkSettings, Rs485, SerialSettings, Settings, StoreSettings,
    UplinkSettings,
};
