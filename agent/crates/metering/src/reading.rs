//! Values as they were on the meter at one instant.

use crate::{ClockQuality, MeterId, Obis, Quantity, Timestamp};

/// One value of one quantity. `None`: the meter answered, and said it has no such value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Which quantity.
    pub obis: Obis,
    /// How much, or nothing where the meter says "not available".
    pub quantity: Option<Quantity>,
}

/// What one poll of one meter brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterReadings {
    /// Whose values.
    pub meter: MeterId,
    /// Middle between request and answer of the last exchange, by the gateway's clock.
    pub taken_at: Timestamp,
    /// How far that clock could be trusted.
    pub clock: ClockQuality,
    /// The values, in the order of the model.
    pub values: Vec<Reading>,
}
