//! Meter models as data, one driver per protocol, and the planner of a bus.

mod clock_basis;
mod span;
mod sum;

pub mod catalogue;
pub mod collection;
pub mod cosem;
pub mod dlms;
pub mod doctor;
pub mod elster;
pub mod flag;
pub mod forecast;
pub mod limits;
pub mod meter_clock;
pub mod meter_log;
pub mod modbus;
pub mod planner;
pub mod profile_maker;
pub mod program;
pub mod vdew;

pub use clock_basis::{ClockBasis, Instants, InvalidClockBasis};
pub use span::{Span, Table};
