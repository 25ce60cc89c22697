//! The streams of records and the numbers in them.

use crate::fault::DecodeError;
use crate::limits::NUMBER_MAX;
use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Made at random with each new store file of a gateway; numbers restart at 1 with it.
pub type Epoch = [u8; 8];

/// First and last number of a run, both included.
pub type Range = (u64, u64);

/// Records are numbered without gaps in each stream of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Load-profile blocks.
    Profile,
    /// Events of meters and gateway.
    Event,
    /// Instantaneous values.
    Telemetry,
    /// Heads of the audit chain.
    Audit,
    /// What is lost, and answers to requests.
    Gap,
    /// States of commands, signed by the gateway.
    Receipt,
}

impl Stream {
    /// Every stream.
    pub const ALL: [Self; 6] = [
        Self::Profile,
        Self::Event,
        Self::Telemetry,
        Self::Audit,
        Self::Gap,
        Self::Receipt,
    ];

    /// The word of the contract; also the last level of the topic.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Profile => "lp",
            Self::Event => "ev",
            Self::Telemetry => "tm",
            Self::Audit => "au",
            Self::Gap => "gap",
            Self::Receipt => "rs",
        }
    }

    /// The stream behind a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stream| stream.word() == word)
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Stream {
    type Err = DecodeError;
    fn from_str(word: &str) -> Result<Self, DecodeError> {
        Self::from_word(word).ok_or(DecodeError::UnknownStream)
    }
}

impl Serialize for Stream {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for Stream {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl Visitor<'_> for Word {
            type Value = Stream;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the word of a stream")
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<Stream, E> {
                Stream::from_word(word)
                    .ok_or_else(|| E::invalid_value(Unexpected::Other("another word"), &self))
            }
        }
        deserializer.deserialize_str(Word)
    }
}

/// Whether runs of numbers are proper ones and ascend without overlap.
pub(crate) fn are_ascending(ranges: &[Range]) -> bool {
    let proper = ranges
        .iter()
        .all(|&(first, last)| 0 < first && first <= last && last <= NUMBER_MAX);
    let apart = ranges
        .iter()
        .zip(ranges.iter().skip(1))
        .all(|(earlier, later)| earlier.1 < later.0);
    proper && apart
}
