//! The meter's side of the protocol: octets and time in, messages out.
//!
//! [`Machine`] keeps the protocol, a [`Store`] the contents of the meter. Neither does IO nor reads
//! a clock, so a simulated meter lives on a wire in memory as well as behind a port. What sources
//! leave open about real meters is a setting here, so that the gateway can be tried against each
//! possibility.

mod access;
mod fuzz;
pub mod limits;
mod machine;
mod opening;
mod sending;
mod session;
mod settings;
mod store;

#[cfg(test)]
mod tests;

pub use fuzz::fuzz_meter;
pub use machine::{Machine, Said};
pub use settings::{
    Dialect, HdlcSelect, Lapse, Lockout, Opening, OtherAddress, ParityBy, Push, Security, Settings,
    SignOnInSession, WrongPassword,
};
pub use store::{Level, Refused, Store};
