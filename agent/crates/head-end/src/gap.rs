//! What is lost, said explicitly, and the ends of answers to requests.

use crate::fault::{DecodeError, EncodeError};
use crate::limits::{BODY_BYTES_MAX, MILLIS_MAX, RANGES_MAX, WORD_BYTES_MAX};
use crate::stream::are_ascending;
use crate::{Epoch, Range, RequestId, Stream, strict};
use metering::{MeterId, Obis, ProfileId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

/// What a gap record is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GapRange {
    /// Records by number.
    Numbers {
        /// Of which store, where it is not the one the record itself is numbered in.
        epoch: Option<Epoch>,
        /// Of which stream.
        stream: Stream,
        /// Which, ascending.
        ranges: Vec<Range>,
    },
    /// Intervals by time.
    Intervals {
        /// Of which meter.
        meter: MeterId,
        /// Of which profile.
        profile: ProfileId,
        /// Interval ends after this, whole seconds …
        from: Timestamp,
        /// … up to and with this.
        to: Timestamp,
    },
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $reason:ident, $word:literal, $lost:literal;)*) => {
        /// Why records or intervals are missing, or how a request ended.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum GapReason {
            $($(#[$doc])* $reason,)*
            /// A word that is newer than this program.
            Other {
                /// The word.
                word: String,
                /// Whether the gateway says that what is missing will never come.
                is_lost: bool,
            },
        }

        impl GapReason {
            /// The word of the contract.
            pub fn word(&self) -> &str {
                match self { $(Self::$reason => $word,)* Self::Other { word, .. } => word }
            }

            /// Whether what is missing will never come: permanently lost.
            pub const fn is_lost(&self) -> bool {
                match self { $(Self::$reason => $lost,)* Self::Other { is_lost, .. } => *is_lost }
            }

            fn from_wire(word: String, is_lost: bool) -> Self {
                match (word.as_str(), is_lost) {
                    $(($word, $lost) => Self::$reason,)*
                    _ => Self::Other { word, is_lost },
                }
            }

            /// Every reason this program knows.
            pub const KNOWN: &[Self] = &[$(Self::$reason,)*];
        }
    };
}

reasons! {
    /// The outbox had reached its limit of bytes, and the written order says that these go first.
    OutboxFull, "outbox-full", true;
    /// They had waited longer than records may wait.
    TooOld, "too-old", true;
    /// The gateway's disk was nearly full, and the written order says that these go first.
    DiskNearlyFull, "disk-nearly-full", true;
    /// The file that held them broke and is set aside.
    FileBroken, "file-broken", true;
    /// Their own bytes were damaged.
    Damaged, "damaged", true;
    /// The gateway does not hold them, or no longer.
    NotHeld, "not-held", true;
    /// They belong to a store that the gateway no longer has.
    OtherEpoch, "other-epoch", true;
    /// No value could be had from the meter at the time, and the meter keeps none.
    NotMeasured, "not-measured", true;
    /// The meter's own memory had been written over before it could be read.
    MeterOverwrote, "meter-overwrote", true;
    /// The meter is not in this gateway's configuration.
    UnknownMeter, "unknown-meter", true;
    /// The record cannot be delivered and was set aside; a person can release it.
    SetAside, "set-aside", false;
    /// The gateway has not written these numbers yet.
    NotYet, "not-yet", false;
    /// The gateway has too many requests; ask again later.
    Busy, "busy", false;
    /// All that the gateway has in this range was sent again.
    Sent, "sent", false;
}

/// A gap record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// What it is about.
    pub range: GapRange,
    /// Why, and whether it is lost for good.
    pub reason: GapReason,
    /// The request this answers, if it answers one.
    pub request: Option<RequestId>,
}

#[derive(Default, Serialize, Deserialize)]
struct Wire {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<ByteBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    e: Option<ByteArray<8>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    s: Option<Stream>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    q: Option<Vec<Range>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    m: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p: Option<ByteArray<6>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<u64>,
    why: String,
    lost: bool,
}

impl Gap {
    pub(crate) fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        strict::ensure(self.reason.word().len() <= WORD_BYTES_MAX, "why")?;
        let mut wire = Wire {
            id: self.request.as_ref().map(|id| ByteBuf::from(id.bytes())),
            why: self.reason.word().to_owned(),
            lost: self.reason.is_lost(),
            ..Wire::default()
        };
        match &self.range {
            GapRange::Numbers {
                epoch,
                stream,
                ranges,
            } => {
                let count = (1..=RANGES_MAX).contains(&ranges.len());
                strict::ensure(count && are_ascending(ranges), "q")?;
                wire.e = epoch.map(ByteArray::new);
                wire.s = Some(*stream);
                wire.q = Some(ranges.clone());
            }
            GapRange::Intervals {
                meter,
                profile,
                from,
                to,
            } => {
                strict::ensure(from.seconds() < to.seconds(), "to")?;
                strict::ensure(to.millis() <= MILLIS_MAX, "to")?;
                wire.m = Some(meter.to_string());
                wire.p = Some(ByteArray::new(profile.groups()));
                wire.from = Some(from.seconds());
                wire.to = Some(to.seconds());
            }
        }
        strict::encode(&wire, BODY_BYTES_MAX)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let wire: Wire = strict::decode(bytes, BODY_BYTES_MAX)?;
        strict::check(wire.why.len() <= WORD_BYTES_MAX, "why")?;
        let by_number = (wire.s, wire.q);
        let by_time = (wire.m, wire.p, wire.from, wire.to);
        let range = match (by_number, by_time) {
            ((Some(stream), Some(ranges)), (None, None, None, None)) => {
                let count = (1..=RANGES_MAX).contains(&ranges.len());
                strict::check(count && are_ascending(&ranges), "q")?;
                let epoch = wire.e.map(ByteArray::into_array);
                GapRange::Numbers {
                    epoch,
                    stream,
                    ranges,
                }
            }
            ((None, None), (Some(meter), Some(profile), Some(from), Some(to))) => {
                strict::check(from < to && wire.e.is_none(), "to")?;
                GapRange::Intervals {
                    meter: strict::text(&meter, "m")?,
                    profile: Obis::new(profile.into_array()),
                    from: strict::timestamp_of_seconds(from, "from")?,
                    to: strict::timestamp_of_seconds(to, "to")?,
                }
            }
            _ => return Err(DecodeError::OutOfRange { key: "q" }),
        };
        let request = wire.id.map(|id| RequestId::new(&id));
        Ok(Self {
            range,
            reason: GapReason::from_wire(wire.why, wire.lost),
            request: request.transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(gap: &Gap) {
        let bytes = gap.encode().unwrap();
        assert_eq!(&Gap::decode(&bytes).unwrap(), gap);
    }

    #[test]
    fn every_reason_survives_in_both_forms() {
        let other = GapReason::Other {
            word: "eaten-by-a-dog".to_owned(),
            is_lost: true,
        };
        // A known word that says the opposite of what we know about it is not the known reason.
        let contrary = GapReason::Other {
            word: "sent".to_owned(),
            is_lost: true,
        };
        for reason in GapReason::KNOWN.iter().chain([&other, &contrary]) {
            check(&Gap {
                range: GapRange::Numbers {
                    epoch: None,
                    stream: Stream::Telemetry,
                    ranges: vec![(3, 3), (7, 900)],
                },
                reason: reason.clone(),
                request: None,
            });
            check(&Gap {
                range: GapRange::Intervals {
                    meter: "feeder-3".parse().unwrap(),
                    profile: "1-0:99.1.0".parse().unwrap(),
                    from: Timestamp::from_seconds(1_700_000_000),
                    to: Timestamp::from_seconds(1_700_003_600),
                },
                reason: reason.clone(),
                request: Some(RequestId::new(&[7; 16]).unwrap()),
            });
        }
    }
}
