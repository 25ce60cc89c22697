//! The expected answer as the guard searches it: in octets as the link brings them.

use std::borrow::Cow;

use line::{Find, Pattern};

use super::terms::ParityBy;
use crate::codec::{Answer, ExpectedAnswer, parity};
use crate::limits::IDENTIFICATION_OCTETS_MAX;

impl ParityBy {
    /// Octets of seven bits as they are sent.
    pub(super) fn sent(self, octets: &[u8]) -> Vec<u8> {
        match self {
            Self::Line => octets.to_vec(),
            Self::Software | Self::Ignored => parity::send(octets),
        }
    }

    /// Octets that came, in seven bits; the eighth says that the parity is wrong.
    pub(super) fn received(self, octets: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Self::Line => Cow::Borrowed(octets),
            Self::Software => Cow::Owned(parity::receive(octets)),
            Self::Ignored => Cow::Owned(parity::receive_unchecked(octets)),
        }
    }
}

/// An answer of seven-bit characters.
#[derive(Debug)]
pub(super) struct Characters {
    pub(super) expected: ExpectedAnswer,
    pub(super) parity: ParityBy,
}

impl Pattern for Characters {
    fn find(&self, heard: &[u8]) -> Find {
        self.expected.look(&self.parity.received(heard))
    }

    fn longest(&self) -> usize {
        self.expected.longest()
    }

    fn missing(&self, heard: &[u8]) -> usize {
        self.expected.missing(&self.parity.received(heard))
    }

    fn is_marked(&self) -> bool {
        self.expected.waits_for_silence()
    }

    fn find_settled(&self, heard: &[u8]) -> Find {
        self.expected.look_settled(&self.parity.received(heard))
    }

    fn find_late(&self, heard: &[u8]) -> Find {
        self.expected.look_late(&self.parity.received(heard))
    }
}

/// A packet of a data stream: all eight bits are data. What a meter says instead may have its
/// parity, or none: our sources do not say.
#[derive(Debug)]
pub(super) struct StreamOctets {
    pub(super) expected: ExpectedAnswer,
    pub(super) parity: ParityBy,
}

impl Pattern for StreamOctets {
    fn find(&self, heard: &[u8]) -> Find {
        match self.expected.look(heard) {
            Find::NotYet if self.parity != ParityBy::Line => {
                let seven = self.parity.received(heard);
                match self.expected.look(&seven) {
                    Find::Found { at, len } if is_word(&seven, at, len) => Find::Found { at, len },
                    _ => Find::NotYet,
                }
            }
            found => found,
        }
    }

    fn longest(&self) -> usize {
        self.expected.longest()
    }

    fn missing(&self, heard: &[u8]) -> usize {
        self.expected.missing(heard)
    }

    fn find_late(&self, heard: &[u8]) -> Find {
        self.expected.look_late(heard)
    }
}

/// Whether these octets are what a meter says instead of a packet.
fn is_word(heard: &[u8], at: usize, len: usize) -> bool {
    let wire = heard.get(at..at + len).unwrap_or_default();
    matches!(
        Answer::decode(wire),
        Ok(Answer::Refused(_) | Answer::SignOff | Answer::NotAcknowledged)
    )
}

/// What a meter of mode D sends unasked: an identification, then lines up to a mark. Nothing but
/// parity protects it.
#[derive(Debug)]
pub(super) struct Pushed {
    pub(super) parity: ParityBy,
    pub(super) octets_max: usize,
}

const PUSH_MARK: &[u8] = b"!\r\n";

impl Pattern for Pushed {
    fn find(&self, heard: &[u8]) -> Find {
        let heard = self.parity.received(heard);
        let Some(at) = heard.iter().position(|octet| *octet == b'/') else {
            return Find::NotYet;
        };
        let message = heard.get(at..).unwrap_or_default();
        let mut places = message.windows(PUSH_MARK.len());
        let Some(mark) = places.position(|window| window == PUSH_MARK) else {
            return Find::NotYet;
        };
        let len = mark + PUSH_MARK.len();
        let whole = message.get(..len).unwrap_or_default();
        if whole.is_ascii() {
            Find::Found { at, len }
        } else {
            Find::Damaged { at, len }
        }
    }

    fn longest(&self) -> usize {
        self.octets_max + IDENTIFICATION_OCTETS_MAX
    }

    fn is_marked(&self) -> bool {
        true
    }

    fn find_settled(&self, heard: &[u8]) -> Find {
        match self.find(heard) {
            Find::Found { at, len } if at + len < heard.len() => Find::Damaged { at, len },
            found => found,
        }
    }

    fn find_late(&self, _heard: &[u8]) -> Find {
        Find::NotYet
    }
}

/// What the guard asks of each pattern, of any octets: for the fuzz targets.
pub(crate) fn fuzz(heard: &[u8], number: u16) {
    for parity in [ParityBy::Line, ParityBy::Software, ParityBy::Ignored] {
        let packet = ExpectedAnswer::packet_of_stream(number);
        let patterns: [&dyn Pattern; 3] = [
            &Characters {
                expected: ExpectedAnswer::to_read_of("0.9.1"),
                parity,
            },
            &StreamOctets {
                expected: packet,
                parity,
            },
            &Pushed {
                parity,
                octets_max: heard.len(),
            },
        ];
        for pattern in patterns {
            let finds = [
                pattern.find(heard),
                pattern.find_settled(heard),
                pattern.find_late(heard),
            ];
            for find in finds {
                if let Find::Found { at, len } | Find::Damaged { at, len } = find {
                    assert!(len > 0 && at + len <= heard.len() && len <= pattern.longest());
                }
            }
            assert!(pattern.missing(heard) <= pattern.longest());
        }
    }
}
