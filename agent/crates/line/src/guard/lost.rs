//! Requests that were given up, and what their answers look like.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Peer;
use crate::limits::{LOST_REQUEST_AGE_MAX, LOST_REQUESTS_MAX};
use crate::pattern::{Find, Pattern};

/// A request without an answer.
#[derive(Debug)]
pub(super) struct LostRequest {
    pub(super) peer: Peer,
    pub(super) left_at: Instant,
    /// How long its answer was waited for.
    pub(super) waited: Duration,
    pub(super) answer: Arc<dyn Pattern>,
}

/// A late answer among what was heard.
#[derive(Debug)]
pub(super) struct LateFrame {
    pub(super) at: usize,
    pub(super) len: usize,
    pub(super) request: LostRequest,
}

/// The last requests that were given up.
#[derive(Debug, Default)]
pub(super) struct LostRequests(VecDeque<LostRequest>);

impl LostRequests {
    pub(super) fn add(&mut self, request: LostRequest) {
        if self.0.len() >= LOST_REQUESTS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(request);
    }

    /// Forgets what is too old to teach.
    pub(super) fn expire(&mut self, now: Instant) {
        self.0
            .retain(|lost| now.saturating_duration_since(lost.left_at) <= LOST_REQUEST_AGE_MAX);
    }

    /// A meter answers in order: what it answers ends everything it was asked before.
    pub(super) fn answered(&mut self, peer: Peer) {
        self.0.retain(|lost| lost.peer != peer);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Finds the first late answer and takes its request off the list, with all older ones of
    /// that meter. Of several requests that fit the newest counts, so that an age is never
    /// overestimated.
    pub(super) fn take_late(&mut self, heard: &[u8]) -> Option<LateFrame> {
        let fits = |(place, lost): (usize, &LostRequest)| match lost.answer.find_late(heard) {
            Find::Found { at, len } => Some((at, len, place)),
            _ => None,
        };
        let late = self.0.iter().enumerate().rev().filter_map(fits);
        let (at, len, place) = late.min_by_key(|&(at, ..)| at)?;
        let newer = self.0.split_off(place + 1);
        let request = self.0.pop_back()?;
        self.0.retain(|lost| lost.peer != request.peer);
        self.0.extend(newer);
        Some(LateFrame { at, len, request })
    }
}
