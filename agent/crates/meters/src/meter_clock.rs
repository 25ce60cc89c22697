//! How far a meter's clock is off, and what to do about it.
//!
//! Nothing here writes to a meter: it measures, and advises. *Adjusting* moves a clock slowly and
//! tears no interval; *setting* jumps, may cut intervals and tariff times, and is a person's
//! decision.

mod policy;

pub use policy::{ClockAction, ClockAdvice, ClockGround, ClockSettings, advise, may_set_at};

use crate::catalogue::flag::ClockModel;
use crate::clock_basis::{ClockBasis, Instants};
use crate::elster::{ClockFault, ClockStamp};
use metering::{MeterTime, Timestamp};
use std::time::Duration;

/// How far a clock is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockError {
    /// Milliseconds that the meter's clock is ahead of the gateway's; negative where it is behind.
    pub ahead_ms: i64,
    /// By so many milliseconds that may be wrong: half of the round trip.
    pub uncertainty_ms: u64,
}

impl ClockError {
    /// From what the clock showed in an answer: the middle between request and answer is taken for
    /// the instant at which it did.
    ///
    /// It shows whole seconds, so it is up to one second further ahead than it shows. Where an hour
    /// comes twice, the nearer one is meant.
    pub fn measured(
        shown: MeterTime,
        basis: &ClockBasis,
        sent: Timestamp,
        received: Timestamp,
    ) -> Self {
        let round_trip_ms = received.millis().saturating_sub(sent.millis());
        let middle = sent.after(Duration::from_millis(round_trip_ms / 2));
        let ahead = |at: Timestamp| at.millis_since(middle);
        let ahead_ms = match basis.instants_of(shown) {
            Instants::Once(at) | Instants::Never(at) => ahead(at),
            Instants::Twice(first, second) => {
                let (first, second) = (ahead(first), ahead(second));
                if first.unsigned_abs() <= second.unsigned_abs() {
                    first
                } else {
                    second
                }
            }
        };
        Self {
            ahead_ms,
            uncertainty_ms: round_trip_ms.div_ceil(2),
        }
    }

    /// How far it is off, either way.
    pub fn off_ms(self) -> u64 {
        self.ahead_ms.unsigned_abs()
    }
}

/// What is written to set a clock: identity and octets. `at` is the instant at which the meter will
/// have the request: now, and half of the round trip measured before.
pub fn set_request(
    model: &ClockModel,
    basis: &ClockBasis,
    at: Timestamp,
) -> Result<(u16, [u8; 7]), ClockFault> {
    // The clock shows whole seconds: the nearer one.
    let at = at.after(Duration::from_millis(500));
    let octets = ClockStamp::encode(basis.shown_at(at))?;
    Ok((model.identity, octets))
}

/// What is written to adjust a clock slowly: identity, and an argument in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdjustRequest {
    /// Where it is written to.
    pub identity: u16,
    /// The argument that a source writes.
    pub argument: String,
    /// Whether more than one source knows what it does.
    pub is_proven: bool,
}

/// The adjustment that a model's sources know; nothing where none does. How far it moves the clock
/// is the meter's own doing: the argument of another distance is known to nobody.
pub fn adjust_request(model: &ClockModel) -> Option<AdjustRequest> {
    Some(AdjustRequest {
        identity: model.adjust?,
        argument: model.adjust_arguments.first()?.clone(),
        is_proven: !model.adjust_fact.certainty.is_doubtful(),
    })
}

#[cfg(test)]
mod tests;
