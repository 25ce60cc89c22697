//! What the gateway programs meters with, and what it tells when the link or the power is cut anywhere.

#![cfg(test)]

#[expect(dead_code, reason = "the matrix of DLMS uses all of it")]
#[path = "dlms_writes/cut_line.rs"]
mod cut_line;
#[path = "program/flag.rs"]
mod flag;
#[path = "program/flag_cuts.rs"]
mod flag_cuts;
#[path = "program/flag_world.rs"]
mod flag_world;
#[path = "program/modbus.rs"]
mod modbus;
#[path = "program/modbus_cuts.rs"]
mod modbus_cuts;
#[path = "program/modbus_world.rs"]
mod modbus_world;
