//! DLMS meters on a wire in memory, under paused time: proven, looked at, read.

#![cfg(test)]

#[expect(dead_code, reason = "its own crate uses all of it")]
#[path = "../../dlms/tests/support/keeper.rs"]
mod keeper;
#[path = "../../dlms/tests/support/meter.rs"]
mod meter;
#[expect(dead_code, reason = "its own crate uses all of it")]
#[path = "../../dlms/tests/support/wire.rs"]
mod wire;

#[path = "dlms/visits.rs"]
mod visits;
