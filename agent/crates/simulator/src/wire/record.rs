//! What the wire saw: every request, and the silence before it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::frame::Request;
use crate::limits::{REQUESTS_KEPT_MAX, SILENCE_CLASSES};

/// A burst of octets from the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRecord {
    /// When its first octet began.
    pub at: Duration,
    /// The silence on the wire before it; nothing for the first one.
    pub silence: Option<Duration>,
    /// Whether octets from the meters' side were still arriving when it began.
    pub talked_over: bool,
    /// Its octets.
    pub octets: u32,
    /// What it asked, if it was a request at all.
    pub asked: Option<Asked>,
}

/// The head of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Whom.
    pub unit: u8,
    /// The function code.
    pub function: u8,
    /// The two words after it: address and count of a read, address and value of a single write.
    pub words: Option<(u16, u16)>,
}

impl From<&Request> for Asked {
    fn from(request: &Request) -> Self {
        let words = match request.pdu.as_slice() {
            [_, ah, al, bh, bl, ..] => Some((
                u16::from_be_bytes([*ah, *al]),
                u16::from_be_bytes([*bh, *bl]),
            )),
            _ => None,
        };
        let function = request.pdu.first().copied().unwrap_or(0);
        Self {
            unit: request.unit,
            function,
            words,
        }
    }
}

/// The silences before requests, but for those that were talked over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Silences {
    /// The shortest.
    pub shortest: Option<Duration>,
    /// All together, for a mean.
    pub sum: Duration,
    /// How many.
    pub count: u64,
    /// By half characters; the last class holds all longer ones.
    pub classes: [u64; SILENCE_CLASSES],
    /// Requests that began while octets from the meters' side were still arriving.
    pub talked_over: u64,
}

/// Totals of a wire.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WireCounters {
    /// Octets from the gateway.
    pub octets_heard: u64,
    /// Octets to the gateway.
    pub octets_said: u64,
    /// Octets that the gateway did not take in time, or that had nowhere to go.
    pub octets_lost: u64,
    /// Bursts that began with a request, whole and well-formed.
    pub requests: u64,
    /// Bursts, or parts of one, that were no request.
    pub damaged: u64,
    /// Requests for a unit address without a meter, or with a dead one.
    pub unanswered: u64,
    /// Requests lost by a meter's trouble: lost, deaf, or without the silence it needs.
    pub missed: u64,
    /// Answers sent, copies not counted.
    pub answers: u64,
    /// Exceptions among them.
    pub exceptions: u64,
    /// Messages of FLAG meters sent, copies not counted.
    pub flag_messages: u64,
    /// Octets of FLAG meters that met those of another one.
    pub collided: u64,
    /// Octets that noise changed.
    pub flipped: u64,
    /// The time the wire needed for requests and answers, the meters' turnaround included.
    pub busy: Duration,
}

#[derive(Debug, Default)]
pub(super) struct Records {
    requests: VecDeque<RequestRecord>,
    pub(super) silences: Silences,
    pub(super) counters: WireCounters,
}

impl Records {
    pub(super) fn begin(&mut self, record: RequestRecord, character: Duration) {
        if record.talked_over {
            self.silences.talked_over += 1;
        } else if let Some(silence) = record.silence {
            self.silences.note(silence, character);
        }
        if self.requests.len() >= REQUESTS_KEPT_MAX {
            self.requests.pop_front();
        }
        self.requests.push_back(record);
    }

    pub(super) fn latest(&mut self) -> Option<&mut RequestRecord> {
        self.requests.back_mut()
    }

    pub(super) fn requests(&self) -> Vec<RequestRecord> {
        self.requests.iter().cloned().collect()
    }
}

impl Silences {
    /// The shortest silence in hundredths of a character.
    pub fn shortest_centicharacters(&self, character: Duration) -> Option<u128> {
        self.shortest
            .map(|shortest| shortest.as_nanos() * 100 / character.as_nanos().max(1))
    }

    fn note(&mut self, silence: Duration, character: Duration) {
        self.shortest = Some(
            self.shortest
                .map_or(silence, |shortest| shortest.min(silence)),
        );
        self.sum += silence;
        self.count += 1;
        let class = silence.as_nanos() * 2 / character.as_nanos().max(1);
        let class = usize::try_from(class)
            .unwrap_or(usize::MAX)
            .min(SILENCE_CLASSES - 1);
        if let Some(counted) = self.classes.get_mut(class) {
            *counted += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silences_fall_into_classes_of_half_a_character() {
        let character = Duration::from_millis(1);
        let mut silences = Silences::default();
        for micros in [3499, 3500, 3999, 4000, 1_000_000] {
            silences.note(Duration::from_micros(micros), character);
        }
        assert_eq!(silences.classes[6..9], [1, 2, 1]);
        assert_eq!(silences.classes[SILENCE_CLASSES - 1], 1);
        assert_eq!(silences.shortest_centicharacters(character), Some(349));
    }
}
