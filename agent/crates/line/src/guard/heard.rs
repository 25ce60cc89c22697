//! What was heard on the line and has not found its use yet.

use tokio::time::Instant;

use crate::limits::{ECHO_LEAD_OCTETS_MAX, ECHO_SEARCHED_OCTETS_MIN, HEARD_OCTETS_MAX};

/// Octets in the order of their arrival.
#[derive(Debug)]
pub(super) struct Heard {
    octets: Vec<u8>,
    /// So many octets at the front came before the request can have left: they may be its echo,
    /// never its answer.
    early: usize,
    last_at: Instant,
    certain: bool,
    /// So many octets are kept.
    room: usize,
}

impl Heard {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            octets: Vec::new(),
            early: 0,
            last_at: now,
            certain: true,
            room: HEARD_OCTETS_MAX,
        }
    }

    /// Makes room for an answer of so many octets.
    pub(super) fn make_room(&mut self, longest: usize) {
        self.room = if longest > HEARD_OCTETS_MAX / 2 {
            longest + HEARD_OCTETS_MAX
        } else {
            HEARD_OCTETS_MAX
        };
    }

    /// All that has found no use.
    pub(super) fn all(&self) -> &[u8] {
        &self.octets
    }

    pub(super) fn push(&mut self, chunk: &[u8], at: Instant, early: bool) {
        self.octets.extend_from_slice(chunk);
        self.last_at = at;
        if early {
            self.early = self.octets.len();
        }
    }

    /// Says whether the arrival time of what is pushed next is known.
    pub(super) fn set_certain(&mut self, certain: bool) {
        self.certain = certain;
    }

    pub(super) fn is_certain(&self) -> bool {
        self.certain
    }

    /// No request is open: from now on octets are early for none.
    pub(super) fn close(&mut self) {
        self.early = 0;
    }

    /// What may hold an answer.
    pub(super) fn open(&self) -> &[u8] {
        self.octets.get(self.early..).unwrap_or_default()
    }

    pub(super) fn early(&self) -> usize {
        self.early
    }

    pub(super) fn len(&self) -> usize {
        self.octets.len()
    }

    pub(super) fn last_at(&self) -> Instant {
        self.last_at
    }

    /// Where the echo of `request` stands, if it is there.
    pub(super) fn echo_of(&self, request: &[u8]) -> Option<usize> {
        // A single character is found in any answer: as an echo it comes first.
        let lead = if request.len() < ECHO_SEARCHED_OCTETS_MIN {
            0
        } else {
            ECHO_LEAD_OCTETS_MAX
        };
        let searched = self.octets.len().min(lead + request.len());
        let front = self.octets.get(..searched)?;
        front
            .windows(request.len().max(1))
            .position(|window| window == request)
    }

    /// Octets beyond the limit, oldest first.
    pub(super) fn overflow(&self) -> usize {
        self.octets.len().saturating_sub(self.room)
    }

    /// Takes octets off the front.
    pub(super) fn take(&mut self, count: usize) -> Vec<u8> {
        let count = count.min(self.octets.len());
        self.early = self.early.saturating_sub(count);
        self.octets.drain(..count).collect()
    }
}
