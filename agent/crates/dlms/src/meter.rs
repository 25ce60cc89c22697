//! The meter's side: octets and time in, octets out.
//!
//! A [`Device`] keeps associations and their protection, a [`Store`] the objects; [`Station`] carries
//! APDUs over HDLC and [`WrapperServer`] over TCP. None does IO, reads a clock or has randomness of its
//! own, so a simulated meter lives on a wire in memory as well as behind a port.

mod association;
mod device;
mod services;
mod settings;
mod station;
mod store;
mod tcp;
#[cfg(test)]
mod tests;

pub use device::Device;
pub use settings::{Client, Level, LinkSettings, Settings};
pub use station::{Said, Station};
pub use store::Store;
pub use tcp::WrapperServer;
