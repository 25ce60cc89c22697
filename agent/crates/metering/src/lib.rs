//! The words of the field, shared by every other crate: which meter, which quantity, which
//! interval, how good.
//!
//! Nothing here does IO, reads a clock, or knows a wire or disk format: whoever owns a format
//! converts (rule D3 of `docs/architecture.md`).

mod event;
mod flags;
mod name;
mod obis;
mod profile;
mod quantity;
mod reading;
pub mod scheme;
mod time;
mod unit;

pub use event::{Event, EventCode, Severity};
pub use flags::{Flag, Flags};
pub use name::{BusId, GatewayId, InvalidName, MeterId};
pub use obis::{InvalidObis, Obis};
pub use profile::{
    Channel, ChannelKind, InvalidPeriod, Period, ProfileId, ProfileRows, ProfileShape, Row,
};
pub use quantity::{Quantity, decimal_text, rescale};
pub use reading::{MeterReadings, Reading};
pub use time::{ClockQuality, MeterTime, Moment, Timestamp};
pub use unit::{InvalidUnit, Unit};
