//! What the gateway writes to a DLMS meter, and what it tells when the link is cut at any APDU.

#![cfg(test)]

#[expect(dead_code, reason = "its own crate uses all of it")]
#[path = "../../dlms/tests/support/keeper.rs"]
mod keeper;

#[path = "dlms_writes/clocks.rs"]
mod clocks;
#[path = "dlms_writes/cut_line.rs"]
mod cut_line;
#[path = "dlms_writes/cuts.rs"]
mod cuts;
#[path = "dlms_writes/plans.rs"]
mod plans;
#[path = "../../simulator/tests/dlms/reader.rs"]
mod reader;
#[path = "dlms_writes/tariff.rs"]
mod tariff;
#[path = "dlms_writes/world.rs"]
mod world;
#[path = "dlms_writes/writes.rs"]
mod writes;
