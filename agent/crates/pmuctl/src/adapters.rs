//! The only files of this program that touch the world.

pub mod clock;
pub mod files;
pub mod local;
pub mod mqtt;
pub mod signals;
pub mod terminal;
pub mod tls;
