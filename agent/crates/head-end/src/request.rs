//! Backfill requests. They are not signed: they can only make the gateway send again what it
//! would send anyway, and the gateway limits how often.

use crate::fault::{DecodeError, EncodeError};
use crate::limits::{MILLIS_MAX, RANGES_MAX, REQUEST_BYTES_MAX, REQUEST_ID_BYTES_MAX};
use crate::stream::are_ascending;
use crate::{Epoch, Range, Stream, strict};
use metering::{MeterId, Obis, ProfileId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use std::fmt;

/// Names a request; the answer carries it back.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(Vec<u8>);

impl RequestId {
    /// An id of 1 to 32 bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, DecodeError> {
        strict::check((1..=REQUEST_ID_BYTES_MAX).contains(&bytes.len()), "id")?;
        Ok(Self(bytes.to_vec()))
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Records by number.
    Numbers {
        /// Of which store.
        epoch: Epoch,
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

/// A backfill request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Comes back with the answer.
    pub id: RequestId,
    /// What is asked for.
    pub wanted: Wanted,
}

#[derive(Default, Serialize, Deserialize)]
struct Wire {
    id: ByteBuf,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    e: Option<ByteArray<8>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    s: Option<Stream>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r: Option<Vec<Range>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    m: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p: Option<ByteArray<6>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<u64>,
}

impl Request {
    /// Its bytes.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let id = ByteBuf::from(self.id.bytes());
        let wire = match &self.wanted {
            Wanted::Numbers {
                epoch,
                stream,
                ranges,
            } => {
                let count = (1..=RANGES_MAX).contains(&ranges.len());
                strict::ensure(count && are_ascending(ranges), "r")?;
                Wire {
                    id,
                    e: Some(ByteArray::new(*epoch)),
                    s: Some(*stream),
                    r: Some(ranges.clone()),
                    ..Wire::default()
                }
            }
            Wanted::Intervals {
                meter,
                profile,
                from,
                to,
            } => {
                strict::ensure(from.seconds() < to.seconds(), "to")?;
                strict::ensure(to.millis() <= MILLIS_MAX, "to")?;
                Wire {
                    id,
                    m: Some(meter.to_string()),
                    p: Some(ByteArray::new(profile.groups())),
                    from: Some(from.seconds()),
                    to: Some(to.seconds()),
                    ..Wire::default()
                }
            }
        };
        strict::encode(&wire, REQUEST_BYTES_MAX)
    }

    /// Reads bytes that anybody may have sent.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let wire: Wire = strict::decode(bytes, REQUEST_BYTES_MAX)?;
        let id = RequestId::new(&wire.id)?;
        let by_number = (wire.e, wire.s, wire.r);
        let by_time = (wire.m, wire.p, wire.from, wire.to);
        let wanted = match (by_number, by_time) {
            ((Some(epoch), Some(stream), Some(ranges)), (None, None, None, None)) => {
                let count = (1..=RANGES_MAX).contains(&ranges.len());
                strict::check(count && are_ascending(&ranges), "r")?;
                let epoch = epoch.into_array();
                Wanted::Numbers {
                    epoch,
                    stream,
                    ranges,
                }
            }
            ((None, None, None), (Some(meter), Some(profile), Some(from), Some(to))) => {
                strict::check(from < to, "to")?;
                Wanted::Intervals {
                    meter: strict::text(&meter, "m")?,
                    profile: Obis::new(profile.into_array()),
                    from: strict::timestamp_of_seconds(from, "from")?,
                    to: strict::timestamp_of_seconds(to, "to")?,
                }
            }
            // Half of one form or both at once.
            _ => return Err(DecodeError::OutOfRange { key: "r" }),
        };
        Ok(Self { id, wanted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_number(ranges: &[Range]) -> Request {
        Request {
            id: RequestId::new(b"r1").unwrap(),
            wanted: Wanted::Numbers {
                epoch: [1; 8],
                stream: Stream::Profile,
                ranges: ranges.to_vec(),
            },
        }
    }

    #[track_caller]
    fn check(ranges: &[Range], good: bool) {
        let request = by_number(ranges);
        let bytes = request.encode();
        assert_eq!(bytes.is_ok(), good);
        if let Ok(bytes) = bytes {
            assert_eq!(Request::decode(&bytes).unwrap(), request);
        }
    }

    #[test]
    fn ranges_are_proper_and_ascend() {
        check(&[(1, 1)], true);
        check(&[(1, 4), (5, 9)], true);
        check(&[], false);
        check(&[(0, 4)], false);
        check(&[(4, 3)], false);
        check(&[(1, 4), (4, 9)], false);
        check(&[(1, u64::MAX)], false);
        let many: Vec<Range> = (1..=65).map(|n| (2 * n, 2 * n)).collect();
        check(&many, false);
        check(many.get(..64).unwrap(), true);
    }

    #[test]
    fn the_largest_request_fits_its_limit() {
        let top = 1 << 62;
        let ranges: Vec<Range> = (0..64).map(|n| (top + 2 * n, top + 2 * n)).collect();
        let bytes = by_number(&ranges).encode().unwrap();
        assert!(bytes.len() < REQUEST_BYTES_MAX / 2, "{}", bytes.len());
    }

    #[test]
    fn a_request_has_one_form_and_not_half_of_two() {
        let half = Wire {
            id: ByteBuf::from(*b"r1"),
            from: Some(1),
            to: Some(2),
            ..Wire::default()
        };
        let both = Wire {
            e: Some(ByteArray::new([1; 8])),
            s: Some(Stream::Profile),
            r: Some(vec![(1, 2)]),
            m: Some("a".to_owned()),
            p: Some(ByteArray::new([1; 6])),
            id: ByteBuf::from(*b"r1"),
            from: Some(1),
            to: Some(2),
        };
        for wire in [half, both] {
            let bytes = serde_cbor::to_vec(&wire).unwrap();
            assert!(Request::decode(&bytes).is_err());
        }
    }
}
