//! What a visit brings, piece by piece.

use super::visit::RawIdentity;
use crate::elster::profile::ProfileRead;
use crate::elster::{ClockStamp, Content, ContentFault, InstantReading};
use iec62056_21::codec::Identification;
use tokio::time::Instant;

/// Who the meter is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterIdentity {
    /// The line with which it answered the sign-on.
    pub identification: Identification,
    /// The variant of the model that it is.
    pub variant: String,
    /// Its serial number, without padding.
    pub serial: Option<String>,
    /// The name of its scheme, without padding.
    pub scheme: Option<String>,
}

/// Which of a meter's profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WhichProfile {
    /// Demand.
    Load,
    /// Voltages, currents and the like.
    Instrumentation,
}

/// One piece of what a visit brings. It is handed over as soon as it is there, and is valid
/// whatever comes later.
#[derive(Debug, Clone)]
pub enum Found {
    /// Who the meter is; once a session.
    Identity(Box<MeterIdentity>),
    /// The meter's clock; once a session.
    Clock {
        /// Its octets, and when they were asked for and came.
        raw: RawIdentity,
        /// What it showed.
        stamp: Result<ClockStamp, ContentFault>,
    },
    /// Rows of a profile, and what stands beside them.
    Profile {
        /// Of which one.
        which: WhichProfile,
        /// What is settled.
        read: ProfileRead,
    },
    /// An identity, and what it holds.
    Content {
        /// Its octets.
        raw: RawIdentity,
        /// What they mean.
        content: Box<Content>,
    },
    /// An identity whose octets could not be understood.
    NotUnderstood {
        /// Its octets.
        raw: RawIdentity,
        /// Why.
        fault: ContentFault,
    },
    /// An identity for a backup: its octets, whatever they mean.
    Backup(RawIdentity),
    /// An identity that the meter does not give.
    Refused {
        /// Which.
        number: u16,
        /// Which of its sets.
        set: u16,
        /// In the meter's words.
        words: String,
    },
    /// Values of the moment.
    Instants {
        /// The values.
        readings: Vec<InstantReading>,
        /// When they were true.
        at: Instant,
    },
    /// Something that a person should know.
    Remark(String),
}

/// Takes what a visit brings.
pub trait Sink: Send {
    /// Takes a piece.
    fn take(&mut self, found: Found);
}

impl Sink for Vec<Found> {
    fn take(&mut self, found: Found) {
        self.push(found);
    }
}

impl<F: FnMut(Found) + Send> Sink for F {
    fn take(&mut self, found: Found) {
        self(found);
    }
}
