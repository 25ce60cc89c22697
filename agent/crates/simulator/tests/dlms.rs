//! The simulated DLMS meter, read by the gateway's own driver on a wire under paused time.

#![cfg(test)]

#[expect(dead_code, reason = "its own crate uses all of it")]
#[path = "../../dlms/tests/support/keeper.rs"]
mod keeper;

#[path = "dlms/reader.rs"]
mod reader;
#[path = "dlms/readings.rs"]
mod readings;
#[path = "dlms/soak.rs"]
mod soak;
#[path = "dlms/world.rs"]
mod world;
