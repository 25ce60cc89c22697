//! The daemon of the power master unit: wiring only. What a value, a frame or an entry is, the
//! crates below know; what one box does with them is here.

pub mod adapters;
pub mod alarms;
pub mod check;
pub mod config;
pub mod front;
pub mod health;
pub mod hex;
pub mod jobs;
pub mod limits;
pub mod metrics;
pub mod plan;
pub mod state;
pub mod supervisor;
pub mod tasks;
