//! Small values that the tasks keep in the store, by name.

use metering::MeterId;
use sha2::{Digest, Sha256};

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateKey {
    /// Number of connections made to the head-end.
    Sid,
    /// Number of starts.
    Boot,
    /// Serial number a person accepted for a meter.
    AcceptedSerial(MeterId),
    /// Latest time ever seen with a trusted clock.
    TrustedTime,
    /// The clock of a meter's profile was set back: there are rows after marks that have none.
    ProfileBehind(MeterId),
    /// What a meter said last in a session, and what was told of it.
    MeterMemory(MeterId),
    /// How far the load profile that a meter keeps has been collected.
    MeterCollect(MeterId),
    /// The load profile of a FLAG meter against its registers.
    FlagAdvance(MeterId),
}

impl StateKey {
    /// Kind and id in the store's table.
    pub fn key(&self) -> (u8, u32) {
        match self {
            Self::Sid => (1, 0),
            Self::Boot => (2, 0),
            Self::TrustedTime => (4, 0),
            Self::AcceptedSerial(meter) => (3, Self::id_of(meter)),
            Self::ProfileBehind(meter) => (5, Self::id_of(meter)),
            Self::MeterMemory(meter) => (6, Self::id_of(meter)),
            Self::MeterCollect(meter) => (7, Self::id_of(meter)),
            Self::FlagAdvance(meter) => (8, Self::id_of(meter)),
        }
    }

    fn id_of(meter: &MeterId) -> u32 {
        let digest = Sha256::digest(meter.as_str());
        let id = digest.first_chunk::<4>().copied().unwrap_or_default();
        u32::from_be_bytes(id)
    }

    /// A stored number; nothing stored is zero.
    pub fn number(bytes: Option<&[u8]>) -> u64 {
        bytes
            .and_then(|bytes| bytes.first_chunk::<8>())
            .map_or(0, |number| u64::from_be_bytes(*number))
    }
}
