//! Watermarks: up to where the head-end has committed. The only thing that frees the outbox.

use crate::fault::{DecodeError, EncodeError};
use crate::limits::{MARK_ISLANDS_MAX, NUMBER_MAX, WATERMARK_BYTES_MAX};
use crate::presence::ByStream;
use crate::stream::are_ascending;
use crate::{Epoch, Range, Stream, strict};
use authority::AuthenticWatermark;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::ByteArray;
use std::collections::BTreeMap;
use std::fmt;

/// What the head-end has of one stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mark {
    /// Every number up to and with this.
    pub upto: u64,
    /// Runs beyond it, ascending.
    pub islands: Vec<Range>,
}

/// What the head-end has of one store of a gateway; the payload that is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watermarks {
    /// Of which store.
    pub epoch: Epoch,
    /// For each stream.
    pub marks: BTreeMap<Stream, Mark>,
}

#[derive(Serialize)]
struct Wire<'a> {
    e: ByteArray<8>,
    w: &'a BTreeMap<Stream, Mark>,
}

#[derive(Deserialize)]
struct WireRead {
    e: ByteArray<8>,
    w: MarkMap,
}

struct MarkMap(BTreeMap<Stream, Mark>);

impl<'de> Deserialize<'de> for MarkMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ByStream::new()).map(MarkMap)
    }
}

impl Serialize for Mark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.islands.is_empty() {
            (self.upto,).serialize(serializer)
        } else {
            (self.upto, &self.islands).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Mark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts;
        impl<'de> Visitor<'de> for Parts {
            type Value = Mark;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("[upto] or [upto, islands]")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Mark, A::Error> {
                let upto = seq.next_element()?;
                let upto = upto.ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let islands = seq.next_element()?.unwrap_or_default();
                Ok(Mark { upto, islands })
            }
        }
        deserializer.deserialize_seq(Parts)
    }
}

impl Mark {
    fn is_proper(&self) -> bool {
        self.upto <= NUMBER_MAX
            && self.islands.len() <= MARK_ISLANDS_MAX
            && are_ascending(&self.islands)
            && self
                .islands
                .first()
                .is_none_or(|island| island.0 > self.upto)
    }

    /// The highest number it speaks of.
    fn highest(&self) -> u64 {
        self.islands.last().map_or(self.upto, |island| island.1)
    }
}

impl Watermarks {
    /// The bytes to sign with [`authority::sign_watermark`].
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        strict::ensure(self.marks.values().all(Mark::is_proper), "w")?;
        let wire = Wire {
            e: ByteArray::new(self.epoch),
            w: &self.marks,
        };
        strict::encode(&wire, WATERMARK_BYTES_MAX)
    }

    /// Reads a payload. Only [`confirmations`] makes something of it that frees space, and that
    /// asks for an authentic one.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let wire: WireRead = strict::decode(bytes, WATERMARK_BYTES_MAX)?;
        let marks = wire.w.0;
        strict::check(marks.values().all(Mark::is_proper), "w")?;
        Ok(Self {
            epoch: wire.e.into_array(),
            marks,
        })
    }
}

/// How far a stream of the gateway's store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Every number up to this is confirmed already.
    pub confirmed: u64,
    /// The next number to be written.
    pub next: u64,
}

/// Numbers of one stream that the outbox may let go. Made only from an authentic watermark that
/// fits the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    stream: Stream,
    mark: Mark,
}

impl Confirmation {
    /// Of which stream.
    pub const fn stream(&self) -> Stream {
        self.stream
    }

    /// Every number up to and with this.
    pub const fn upto(&self) -> u64 {
        self.mark.upto
    }

    /// Runs beyond it, ascending.
    pub fn islands(&self) -> &[Range] {
        &self.mark.islands
    }
}

/// A watermark that was signed properly and cannot be true. Nothing of it is applied.
#[derive(Debug, thiserror::Error)]
pub enum WatermarkFault {
    /// Its payload is not the contract's.
    #[error("the signed watermark cannot be read")]
    Payload(#[source] DecodeError),
    /// It is about another store: one that this gateway had before.
    #[error("the watermark is about another store of this gateway")]
    OtherEpoch,
    /// It confirms what was never written: another gateway under this name, or a store that was
    /// put back from a copy.
    #[error("the watermark confirms {stream} {highest}, but the next to be written is {next}")]
    NeverWritten {
        /// Of which stream.
        stream: Stream,
        /// The highest number it confirms.
        highest: u64,
        /// The next number to be written.
        next: u64,
    },
}

/// What an authentic watermark confirms in a store: all of it or, if any part cannot be true,
/// nothing. Streams about which it says nothing new are left out.
pub fn confirmations(
    watermark: &AuthenticWatermark,
    epoch: &Epoch,
    extent: impl Fn(Stream) -> Extent,
) -> Result<Vec<Confirmation>, WatermarkFault> {
    let found = Watermarks::decode(watermark.payload()).map_err(WatermarkFault::Payload)?;
    if found.epoch != *epoch {
        return Err(WatermarkFault::OtherEpoch);
    }
    let mut confirmations = Vec::new();
    for (stream, mark) in found.marks {
        let Extent { confirmed, next } = extent(stream);
        let highest = mark.highest();
        if highest >= next {
            return Err(WatermarkFault::NeverWritten {
                stream,
                highest,
                next,
            });
        }
        if highest > confirmed {
            confirmations.push(Confirmation {
                stream,
                mark: beyond(mark, confirmed),
            });
        }
    }
    Ok(confirmations)
}

/// A mark that arrives late says less than is known: watermarks never go back.
fn beyond(mark: Mark, confirmed: u64) -> Mark {
    let upto = mark.upto.max(confirmed);
    let islands = mark.islands.into_iter().filter(|island| island.1 > upto);
    Mark {
        upto,
        islands: islands
            .map(|(first, last)| (first.max(upto + 1), last))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use authority::{IngestKeys, SigningKey, sign_watermark};

    const EPOCH: Epoch = *b"epoch--1";

    fn authentic(payload: &[u8]) -> AuthenticWatermark {
        let gateway = "pmu-001".parse().unwrap();
        let key = SigningKey::from_seed(&[1; 32]);
        let keys = IngestKeys::parse(&key.public_pem().unwrap()).unwrap();
        let bytes = sign_watermark(&key, &gateway, payload).unwrap();
        keys.open_watermark(&gateway, &bytes).unwrap()
    }

    fn watermark(upto: u64, islands: &[Range]) -> AuthenticWatermark {
        let islands = islands.to_vec();
        let marks = [(Stream::Profile, Mark { upto, islands })].into();
        authentic(
            &Watermarks {
                epoch: EPOCH,
                marks,
            }
            .encode()
            .unwrap(),
        )
    }

    /// A store whose numbers 1 to 20 are written and 1 to 5 confirmed.
    #[track_caller]
    fn check(mark: &AuthenticWatermark, expected: &str) {
        let extent = |_| Extent {
            confirmed: 5,
            next: 21,
        };
        let found = match confirmations(mark, &EPOCH, extent) {
            Ok(list) => list
                .iter()
                .map(|c| format!("{} {} {:?}", c.stream(), c.upto(), c.islands()))
                .collect::<Vec<_>>()
                .join("; "),
            Err(fault) => fault.to_string(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_watermark_frees_what_it_says_and_no_more() {
        check(&watermark(9, &[]), "lp 9 []");
        check(&watermark(20, &[]), "lp 20 []");
        check(
            &watermark(9, &[(11, 12), (20, 20)]),
            "lp 9 [(11, 12), (20, 20)]",
        );
    }

    #[test]
    fn a_watermark_never_goes_back() {
        check(&watermark(5, &[]), "");
        check(&watermark(2, &[]), "");
        check(&watermark(2, &[(4, 5)]), "");
        check(&watermark(2, &[(4, 7), (9, 9)]), "lp 5 [(6, 7), (9, 9)]");
    }

    #[test]
    fn what_was_never_written_is_not_confirmed() {
        let complaint = "the watermark confirms lp 21, but the next to be written is 21";
        check(&watermark(21, &[]), complaint);
        check(&watermark(9, &[(12, 21)]), complaint);
    }

    #[test]
    fn a_watermark_for_another_store_is_refused() {
        let marks = [(
            Stream::Profile,
            Mark {
                upto: 9,
                islands: Vec::new(),
            },
        )]
        .into();
        let other = Watermarks {
            epoch: [0; 8],
            marks,
        };
        check(
            &authentic(&other.encode().unwrap()),
            "the watermark is about another store of this gateway",
        );
        check(&authentic(b"\xa0"), "the signed watermark cannot be read");
    }

    #[test]
    fn streams_of_a_later_contract_are_ignored_and_none_is_named_twice() {
        let later = b"\xa2\x61e\x48epoch--1\x61w\xa2\x62lp\x81\x09\x62xy\x81\x18\x63";
        check(&authentic(later), "lp 9 []");
        let twice = b"\xa2\x61e\x48epoch--1\x61w\xa2\x62lp\x81\x09\x62lp\x81\x08";
        assert!(Watermarks::decode(twice).is_err());
    }

    #[test]
    fn islands_ascend_beyond_the_mark() {
        for islands in [&[(9, 9)][..], &[(12, 11)], &[(12, 12), (11, 11)]] {
            let islands = islands.to_vec();
            let marks = [(Stream::Profile, Mark { upto: 9, islands })].into();
            assert!(
                Watermarks {
                    epoch: EPOCH,
                    marks
                }
                .encode()
                .is_err()
            );
        }
    }

    #[test]
    fn the_largest_watermark_fits_its_envelope() {
        let top = 1 << 62;
        let islands: Vec<Range> = (0..128).map(|n| (top + 2 * n, top + 2 * n)).collect();
        let mark = |stream| {
            (
                stream,
                Mark {
                    upto: 1 << 61,
                    islands: islands.clone(),
                },
            )
        };
        let marks = Stream::ALL.map(mark).into();
        let payload = Watermarks {
            epoch: EPOCH,
            marks,
        }
        .encode()
        .unwrap();
        assert_eq!(authentic(&payload).payload(), payload);
    }
}
