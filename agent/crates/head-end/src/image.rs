//! System images on their way down, in chunks that the gateway asks for.
//!
//! Nothing here is signed and nothing here is believed: the order says hash and length, and the
//! image carries its own signature. Whoever writes these messages can only cost time.

use crate::fault::{DecodeError, EncodeError};
use crate::limits::{
    CHUNK_BYTES_MAX, CHUNK_MESSAGE_BYTES_MAX, NUMBER_MAX, WISH_BYTES_MAX, WISH_MESSAGE_BYTES_MAX,
    WORD_BYTES_MAX,
};
use crate::strict;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use std::fmt;

/// SHA-256 of an image file: its name on both ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageId([u8; 32]);

/// A gateway wants bytes of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageWish {
    /// Which image.
    pub image: ImageId,
    /// Bytes of the whole image, by the order.
    pub total: u64,
    /// The first byte that is wanted.
    pub from: u64,
    /// How many are wanted: at most four chunks.
    pub length: u64,
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageAnswer {
    /// Bytes of the image.
    Chunk(ImageChunk),
    /// There are none, and why.
    No(NoChunk),
}

/// Bytes of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageChunk {
    /// Where the first of them stands in the image.
    pub at: u64,
    /// Bytes of the whole image.
    pub total: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Why a head-end sends no bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoChunk {
    /// It has no image of this hash.
    NotHeld,
    /// Its image of this hash has another length, so the order is wrong.
    OtherLength,
    /// It serves too many gateways now.
    Busy,
    /// A word of a later version.
    Other(String),
}

#[derive(Serialize, Deserialize)]
struct WishWire {
    v: u64,
    sha: ByteArray<32>,
    size: u64,
    from: u64,
    len: u64,
}

#[derive(Default, Serialize, Deserialize)]
struct AnswerWire {
    v: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    b: Option<ByteBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    no: Option<String>,
}

const VERSION: u64 = 1;

impl ImageId {
    /// The image with this SHA-256.
    pub const fn new(sha256: [u8; 32]) -> Self {
        Self(sha256)
    }

    /// Its SHA-256.
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 hexadecimal digits in small letters, as topics have them.
    pub(crate) fn from_digits(text: &str) -> Option<Self> {
        let (digits, []) = text.as_bytes().as_chunks::<2>() else {
            return None;
        };
        let mut bytes = [0; 32];
        if digits.len() != bytes.len() {
            return None;
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(digits) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(bytes))
    }
}

fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl ImageWish {
    /// Its bytes.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        self.fault()
            .map_or(Ok(()), |key| strict::ensure(false, key))?;
        let wire = WishWire {
            v: VERSION,
            sha: ByteArray::new(self.image.0),
            size: self.total,
            from: self.from,
            len: self.length,
        };
        strict::encode(&wire, WISH_MESSAGE_BYTES_MAX)
    }

    /// Reads bytes that anybody may have sent.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let wire: WishWire = strict::decode(bytes, WISH_MESSAGE_BYTES_MAX)?;
        if wire.v != VERSION {
            return Err(DecodeError::Version(wire.v));
        }
        let wish = Self {
            image: ImageId(wire.sha.into_array()),
            total: wire.size,
            from: wire.from,
            length: wire.len,
        };
        wish.fault()
            .map_or(Ok(()), |key| strict::check(false, key))?;
        Ok(wish)
    }

    /// The key that is out of range.
    fn fault(&self) -> Option<&'static str> {
        let end = self.from.checked_add(self.length);
        if !(1..=NUMBER_MAX).contains(&self.total) {
            Some("size")
        } else if !(1..=WISH_BYTES_MAX).contains(&self.length) {
            Some("len")
        } else if end.is_none_or(|end| end > self.total) {
            Some("from")
        } else {
            None
        }
    }

    /// The chunks that answer it: first byte and length of each.
    pub fn chunks(&self) -> impl Iterator<Item = (u64, usize)> + use<> {
        let end = self.from.saturating_add(self.length);
        let step = u64::try_from(CHUNK_BYTES_MAX).unwrap_or(u64::MAX);
        let next = move |at: &u64| at.checked_add(step).filter(|at| *at < end);
        std::iter::successors((self.from < end).then_some(self.from), next).map(move |at| {
            let left = usize::try_from(end - at).unwrap_or(usize::MAX);
            (at, left.min(CHUNK_BYTES_MAX))
        })
    }
}

impl ImageAnswer {
    /// Its bytes.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let wire = match self {
            Self::Chunk(chunk) => {
                chunk
                    .fault()
                    .map_or(Ok(()), |key| strict::ensure(false, key))?;
                AnswerWire {
                    v: VERSION,
                    at: Some(chunk.at),
                    size: Some(chunk.total),
                    b: Some(ByteBuf::from(chunk.bytes.as_slice())),
                    no: None,
                }
            }
            Self::No(why) => {
                strict::ensure(why.word().len() <= WORD_BYTES_MAX, "no")?;
                AnswerWire {
                    v: VERSION,
                    no: Some(why.word().to_owned()),
                    ..AnswerWire::default()
                }
            }
        };
        strict::encode(&wire, CHUNK_MESSAGE_BYTES_MAX)
    }

    /// Reads bytes that anybody may have sent.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let wire: AnswerWire = strict::decode(bytes, CHUNK_MESSAGE_BYTES_MAX)?;
        if wire.v != VERSION {
            return Err(DecodeError::Version(wire.v));
        }
        match (wire.at, wire.size, wire.b, wire.no) {
            (Some(at), Some(total), Some(bytes), None) => {
                let bytes = bytes.into_vec();
                let chunk = ImageChunk { at, total, bytes };
                chunk
                    .fault()
                    .map_or(Ok(()), |key| strict::check(false, key))?;
                Ok(Self::Chunk(chunk))
            }
            (None, None, None, Some(word)) => {
                strict::check(word.len() <= WORD_BYTES_MAX, "no")?;
                Ok(Self::No(NoChunk::of(word)))
            }
            // Half a chunk, or a chunk that is none.
            _ => Err(DecodeError::OutOfRange { key: "no" }),
        }
    }
}

impl ImageChunk {
    /// The key that is out of range.
    fn fault(&self) -> Option<&'static str> {
        let length = u64::try_from(self.bytes.len()).unwrap_or(u64::MAX);
        let end = self.at.checked_add(length);
        if !(1..=NUMBER_MAX).contains(&self.total) {
            Some("size")
        } else if !(1..=CHUNK_BYTES_MAX).contains(&self.bytes.len()) {
            Some("b")
        } else if end.is_none_or(|end| end > self.total) {
            Some("at")
        } else {
            None
        }
    }
}

impl NoChunk {
    /// Every word of this version.
    pub const KNOWN: [Self; 3] = [Self::NotHeld, Self::OtherLength, Self::Busy];

    /// Its word.
    pub fn word(&self) -> &str {
        match self {
            Self::NotHeld => "not-held",
            Self::OtherLength => "other-length",
            Self::Busy => "busy",
            Self::Other(word) => word,
        }
    }

    fn of(word: String) -> Self {
        let mut known = Self::KNOWN.into_iter();
        let found = known.find(|known| known.word() == word);
        found.unwrap_or(Self::Other(word))
    }
}

#[cfg(test)]
mod tests;
