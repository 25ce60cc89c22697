//! A block of data, whole or partial.

use super::fault::{DecodeFault, InvalidField, check_text};
use super::frame::{Frame, checked};
use super::symbol::{CR, EOT, ETX, LF, STX};
use crate::limits::{JOINED_OCTETS_MAX, PAYLOAD_OCTETS_MAX};

/// What follows a block or a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockEnd {
    /// Nothing: it is the last one.
    Last,
    /// Another one, when this one is acknowledged.
    More,
}

/// `STX`, a payload, `ETX` or (more to come) `EOT`, block check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    payload: &'a str,
    end: BlockEnd,
}

impl<'a> Block<'a> {
    /// With printable characters and line ends.
    pub fn new(payload: &'a str, end: BlockEnd) -> Result<Self, InvalidField> {
        let allowed = "printable characters and line ends";
        let allows = |octet| matches!(octet, 0x20..=0x7e | CR | LF);
        check_text("a block", payload, PAYLOAD_OCTETS_MAX, allowed, allows)?;
        Ok(Self { payload, end })
    }

    /// The text between `STX` and the end. That of a partial block may end anywhere.
    pub fn payload(&self) -> &'a str {
        self.payload
    }

    /// Whether more follows.
    pub fn end(&self) -> BlockEnd {
        self.end
    }

    /// As octets.
    pub fn encode(&self) -> Frame {
        let end = match self.end {
            BlockEnd::Last => ETX,
            BlockEnd::More => EOT,
        };
        Frame::block(self.payload, end)
    }

    /// From exactly the octets of one block.
    pub fn decode(wire: &'a [u8]) -> Result<Self, DecodeFault> {
        if wire.first().is_some_and(|octet| *octet != STX) {
            return Err(DecodeFault::malformed("the beginning of a block"));
        }
        let (payload, end) = checked(wire, PAYLOAD_OCTETS_MAX)?;
        let end = if end == ETX {
            BlockEnd::Last
        } else {
            BlockEnd::More
        };
        Ok(Self::new(payload, end)?)
    }
}

/// Puts partial blocks together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Joined {
    text: String,
}

impl Joined {
    /// Takes the next block, and gives the text of all of them with the last one.
    pub fn take(&mut self, block: &Block<'_>) -> Result<Option<String>, DecodeFault> {
        if self.text.len() + block.payload.len() > JOINED_OCTETS_MAX {
            return Err(DecodeFault::TooLong {
                part: "an answer in partial blocks",
                limit: JOINED_OCTETS_MAX,
            });
        }
        self.text.push_str(block.payload);
        Ok(match block.end {
            BlockEnd::More => None,
            BlockEnd::Last => Some(std::mem::take(&mut self.text)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_blocks_are_joined_until_the_last() {
        let mut joined = Joined::default();
        for (payload, end, expected) in [
            ("P.01(1)(2", BlockEnd::More, None),
            (")\r\n(3)", BlockEnd::More, None),
            ("(4)", BlockEnd::Last, Some("P.01(1)(2)\r\n(3)(4)")),
            ("(5)", BlockEnd::Last, Some("(5)")),
        ] {
            let frame = Block::new(payload, end).unwrap().encode();
            let block = Block::decode(frame.octets()).unwrap();
            assert_eq!((block.payload(), block.end()), (payload, end));
            assert_eq!(joined.take(&block).unwrap().as_deref(), expected);
        }
    }

    #[test]
    fn an_answer_that_never_ends_is_refused() {
        let payload = "1".repeat(PAYLOAD_OCTETS_MAX);
        let block = Block::new(&payload, BlockEnd::More).unwrap();
        let mut joined = Joined::default();
        for _ in 0..JOINED_OCTETS_MAX / PAYLOAD_OCTETS_MAX {
            assert_eq!(joined.take(&block), Ok(None));
        }
        assert!(joined.take(&block).is_err());
        let longer = payload + "1";
        assert!(Block::new(&longer, BlockEnd::Last).is_err());
        let frame = Frame::block(&longer, ETX);
        let fault = Block::decode(frame.octets()).unwrap_err();
        assert!(matches!(fault, DecodeFault::TooLong { .. }), "{fault}");
    }
}
