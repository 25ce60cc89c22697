//! What the octets of Elster meters mean. Pure: octets in, values out.
//!
//! A model file says which identity has which layout; here a layout becomes values. Numbers are
//! exact, and the octets that they were made of stay beside them.

pub mod profile;

pub(crate) mod octets;
