//! What the octets of Elster meters mean. Pure: octets in, values out.
//!
//! A model file says which identity has which layout; here a layout becomes values. Numbers are
//! exact, and the octets that they were made of stay beside them.

pub mod profile;

mod billing;
mod clock;
mod content;
mod demand;
mod fault;
mod fuzz;
mod instant;
mod log;
pub(crate) mod octets;
mod periods;
mod ratio;
mod register;
mod scaling;
mod status;
mod window;

pub use billing::{BillingInfo, BillingPart, BillingSet};
pub use clock::{ClockFault, ClockStamp, SecondsStamp};
pub use content::{Battery, Content, ContentReader};
pub use demand::MaximumDemand;
pub use fault::{ContentFault, ContentRemedy};
pub use fuzz::{fuzz_content, fuzz_profile};
pub use instant::{InstantReading, InstantRequest, PhaseOrder, Selected};
pub use log::{EventLog, LogEntry};
pub use periods::ProfilePeriods;
pub use ratio::Ratio;
pub use register::RegisterValue;
pub use scaling::{Multiplier, Scaled, ScalingRule};
pub use status::{SetBit, StatusWord};
pub use window::{ProfileSize, ProfileWindow};
