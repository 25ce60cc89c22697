//! Looks for meters on a line.

mod addresses;
mod modbus;
mod places;

pub use addresses::{InvalidAddresses, WishedAddresses};
pub use places::{Configured, ScanWish};
