//! What the store keeps: entries, each of which becomes one message.

use crate::Stream;
use metering::{ClockQuality, Event, MeterId, MeterReadings, ProfileId, ProfileRows, Timestamp};

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Load-profile intervals of one meter.
    Profile(ProfileRows),
    /// Instantaneous values of one commit window, sorted by meter, then by time.
    Readings(Vec<MeterReadings>),
    /// Something happened.
    Event(Event),
    /// The audit chain has grown to here.
    Audit(AuditHead),
    /// Something is missing, and will stay so.
    Gap(GapRecord),
    /// A state of a command: signed bytes, sent as they are.
    Receipt(Vec<u8>),
}

impl Body {
    /// The stream that carries it.
    pub const fn stream(&self) -> Stream {
        match self {
            Self::Profile(_) => Stream::Profiles,
            Self::Readings(_) => Stream::Telemetry,
            Self::Event(_) => Stream::Events,
            Self::Audit(_) => Stream::Audit,
            Self::Gap(_) => Stream::Gaps,
            Self::Receipt(_) => Stream::Receipts,
        }
    }
}

/// One entry of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its stream.
    pub stream: Stream,
    /// Its number there, without gaps from 1 within an epoch.
    pub number: u64,
    /// When it was committed.
    pub at: Timestamp,
    /// How far the gateway's clock could be trusted then.
    pub clock: ClockQuality,
    /// What it says.
    pub body: Body,
}

/// The newest link of the audit chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditHead {
    /// Number of the newest record; 0 = none yet.
    pub number: u64,
    /// Its hash, which covers every record before it.
    pub hash: [u8; 32],
}

/// Something that the head-end will not get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GapRecord {
    /// What.
    pub what: GapRange,
    /// Why.
    pub why: GapReason,
    /// The request this answers, by its id; empty if nobody asked.
    pub request: Vec<u8>,
}

/// What is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GapRange {
    /// Entries of a stream, first and last number of each run.
    Numbers {
        /// Their stream.
        stream: Stream,
        /// Their numbers.
        ranges: Vec<(u64, u64)>,
    },
    /// Intervals of a meter that end after `from`, up to and including `to`.
    Rows {
        /// Whose.
        meter: MeterId,
        /// Of which profile.
        profile: ProfileId,
        /// Excluded.
        from: Timestamp,
        /// Included.
        to: Timestamp,
    },
}

/// Why something is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GapReason {
    /// The outbox reached its limit of bytes.
    OutboxFull,
    /// It waited longer than entries may wait.
    TooOld,
    /// The disk was nearly full.
    DiskNearlyFull,
    /// The file that held it broke.
    FileBroken,
    /// Its own bytes were damaged.
    Damaged,
    /// The gateway does not hold it, or no longer.
    NotHeld,
    /// It belongs to a store that the gateway no longer has.
    OtherEpoch,
    /// The meter is not in the configuration.
    UnknownMeter,
    /// It cannot be delivered and was set aside; a person can release it.
    SetAside,
    /// These numbers are not written yet.
    NotYet,
    /// Too many requests; ask again later.
    Busy,
    /// Nothing is missing: all that is held was sent again.
    Sent,
    /// No value could be had from the meter at the time, and the meter keeps none.
    NotMeasured,
}

const REASONS: [(GapReason, u8, &str); 13] = [
    (GapReason::OutboxFull, 1, "outbox-full"),
    (GapReason::TooOld, 2, "too-old"),
    (GapReason::DiskNearlyFull, 3, "disk-nearly-full"),
    (GapReason::FileBroken, 4, "file-broken"),
    (GapReason::Damaged, 5, "damaged"),
    (GapReason::NotHeld, 6, "not-held"),
    (GapReason::OtherEpoch, 7, "other-epoch"),
    (GapReason::UnknownMeter, 8, "unknown-meter"),
    (GapReason::SetAside, 9, "set-aside"),
    (GapReason::NotYet, 10, "not-yet"),
    (GapReason::Busy, 11, "busy"),
    (GapReason::Sent, 12, "sent"),
    (GapReason::NotMeasured, 13, "not-measured"),
];

impl GapReason {
    /// The number kept on disk.
    pub fn number(self) -> u8 {
        REASONS
            .iter()
            .find(|row| row.0 == self)
            .map_or(0, |row| row.1)
    }

    /// The reason behind a number on disk.
    pub fn from_number(number: u8) -> Option<Self> {
        REASONS.iter().find(|row| row.1 == number).map(|row| row.0)
    }

    /// The word of the contract.
    pub fn word(self) -> &'static str {
        REASONS
            .iter()
            .find(|row| row.0 == self)
            .map_or("", |row| row.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_survives_its_number() {
        for (reason, number, word) in REASONS {
            assert_eq!(GapReason::from_number(number), Some(reason));
            assert_eq!(reason.number(), number);
            assert_eq!(reason.word(), word);
        }
    }
}
