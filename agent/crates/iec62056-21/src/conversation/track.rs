//! What tells answers apart that carry no identity: the order of requests, and what came before.

use std::collections::VecDeque;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use super::terms::Probe;
use crate::limits::{ANSWERS_REMEMBERED, COPIES_REMEMBERED};

/// How the answer to a request is told from the answers to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mark {
    /// By its length.
    Octets(u8),
    /// By the address it begins with.
    Address(String),
    /// By nothing.
    Nothing,
}

impl Probe {
    pub(super) fn mark(&self) -> Mark {
        match self {
            Self::Packet { octets, .. } => Mark::Octets(*octets),
            Self::Set { address, .. } => Mark::Address(address.clone()),
        }
    }
}

/// An answer, for comparison. Two answers with one print only cost a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Print {
    octets: usize,
    hash: u64,
}

impl Print {
    pub(super) fn of(answer: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        answer.hash(&mut hasher);
        Self {
            octets: answer.len(),
            hash: hasher.finish(),
        }
    }
}

/// Whether the meter and the gateway are in step, and what was heard so far.
#[derive(Debug, Default)]
pub(super) struct Track {
    /// What was asked since then, and is not known to be answered.
    outstanding: Vec<Mark>,
    /// The last message of the meter says nothing of what it answers: a copy of it could answer
    /// another request.
    pub(super) said_little: bool,
    answers: VecDeque<Print>,
    next_probe: usize,
}

impl Track {
    /// Whether everything that was asked is known to be answered.
    pub(super) fn is_in_step(&self) -> bool {
        self.outstanding.is_empty()
    }

    /// A request leaves.
    pub(super) fn ask(&mut self, mark: Mark) {
        if !self.outstanding.contains(&mark) {
            self.outstanding.push(mark);
        }
    }

    /// It was answered, and by nothing that could belong to another one.
    pub(super) fn answered(&mut self) {
        self.outstanding.clear();
    }

    /// Whether this answer may be a copy of an earlier one.
    pub(super) fn knows(&self, print: Print) -> bool {
        self.answers.contains(&print)
    }

    pub(super) fn remember(&mut self, print: Print) {
        let same = |known: &&Print| known.octets == print.octets;
        if self.answers.iter().filter(same).count() >= COPIES_REMEMBERED {
            let oldest = self
                .answers
                .iter()
                .position(|known| known.octets == print.octets);
            oldest.and_then(|place| self.answers.remove(place));
        }
        if self.answers.len() >= ANSWERS_REMEMBERED {
            self.answers.pop_front();
        }
        self.answers.push_back(print);
    }

    /// The next probe whose answer is told from all that may still come. Each one is used in its
    /// turn, so that a copy of its last answer is long gone.
    pub(super) fn probe<'a>(&mut self, probes: &'a [Probe]) -> Option<&'a Probe> {
        for _ in 0..probes.len() {
            let probe = probes.get(self.next_probe % probes.len())?;
            self.next_probe = (self.next_probe + 1) % probes.len();
            if !self.outstanding.contains(&probe.mark()) {
                return Some(probe);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_told_from_everything_outstanding() {
        let probes = Probe::elster();
        let mut track = Track::default();
        track.ask(Mark::Octets(64));
        let mut marks = Vec::new();
        while let Some(probe) = track.probe(&probes) {
            track.ask(probe.mark());
            marks.push(probe.mark());
        }
        assert_eq!(marks, [11, 10, 5, 13].map(Mark::Octets));
        track.answered();
        track.ask(Mark::Octets(11));
        let next = track.probe(&probes).map(Probe::mark);
        assert_eq!(next, Some(Mark::Octets(10)));
        let next = track.probe(&probes).map(Probe::mark);
        assert_eq!(next, Some(Mark::Octets(5)));
        assert!(track.probe(&[]).is_none());
    }

    #[test]
    fn the_last_four_answers_of_each_length_are_remembered() {
        let mut track = Track::default();
        let print = |number: u8, len: usize| Print::of(&vec![number; len]);
        track.remember(print(9, 3));
        for number in 0..10 {
            track.remember(print(number, 64));
        }
        let known: Vec<bool> = (0..10)
            .map(|number| track.knows(print(number, 64)))
            .collect();
        assert_eq!(known.iter().filter(|known| **known).count(), 4);
        assert!(known.ends_with(&[true; 4]) && track.knows(print(9, 3)));
        for len in 0..200 {
            track.remember(print(1, len));
        }
        assert_eq!(track.answers.len(), ANSWERS_REMEMBERED);
    }
}
