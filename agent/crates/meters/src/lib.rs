//! Meter models as data, one driver per protocol, and the planner of a bus.

mod span;

pub mod catalogue;
pub mod flag;
pub mod forecast;
pub mod limits;
pub mod modbus;
pub mod planner;
pub mod profile_maker;

pub use span::{Span, Table};
