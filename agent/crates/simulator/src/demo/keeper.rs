//! Meters that keep a load profile themselves, whatever they speak.

use std::fmt::{self, Debug, Display};
use std::time::Duration;

use metering::{Obis, Quantity, Timestamp};

use super::own::Recorded;

/// What such a meter speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// FLAG (IEC 62056-21), as Elster's meters do.
    Flag,
    /// DLMS with keys of a suite.
    Dlms {
        /// 0 or 2.
        suite: u8,
    },
}

impl Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.pad("FLAG"),
            Self::Dlms { suite } => f.pad(&format!("DLMS {suite}")),
        }
    }
}

/// A meter that keeps its load profile itself, and knows what is in it.
pub(crate) trait Keeper: Debug {
    /// Its name in the configuration.
    fn id(&self) -> &'static str;

    /// Its model's name.
    fn model(&self) -> &'static str;

    /// What it speaks.
    fn protocol(&self) -> Protocol;

    /// Its address on the line.
    fn address(&self) -> String;

    /// Its time at an instant of its wire.
    fn shown_at(&self, since_began: Duration) -> Timestamp;

    /// The intervals that it recorded up to a time that its clock showed.
    fn recorded(&self, until: Timestamp) -> Vec<Recorded>;

    /// Whether a register showed this when the meter's clock showed `at`; `None` for what is not
    /// judged.
    fn showed(&self, obis: Obis, quantity: Quantity, at: Timestamp) -> Option<bool>;
}
