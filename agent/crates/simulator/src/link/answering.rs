//! The simplest peer: it answers what it hears.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::{Peer, locked};
use crate::limits::HEARD_KEPT_MAX;

/// A peer that answers each piece it hears after a while; clones share it.
#[derive(Clone)]
pub struct Answering {
    state: Arc<Mutex<State>>,
}

/// What a piece is answered with; nothing if it is empty.
type Answers = dyn FnMut(&[u8]) -> Vec<u8> + Send;

struct State {
    thinks: Duration,
    answer: Box<Answers>,
    answers: VecDeque<(Instant, Vec<u8>)>,
    heard: Vec<u8>,
}

impl Answering {
    /// Answers after this time what the function makes of a piece.
    pub fn new(thinks: Duration, answer: impl FnMut(&[u8]) -> Vec<u8> + Send + 'static) -> Self {
        let state = State {
            thinks,
            answer: Box::new(answer),
            answers: VecDeque::new(),
            heard: Vec::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Everything it has heard, as far as it is kept.
    pub fn heard(&self) -> Vec<u8> {
        locked(&self.state).heard.clone()
    }
}

impl fmt::Debug for Answering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answering").finish_non_exhaustive()
    }
}

impl Peer for Answering {
    fn hear(&mut self, now: Instant, octets: &[u8]) {
        let mut state = locked(&self.state);
        let room = HEARD_KEPT_MAX.saturating_sub(state.heard.len());
        state.heard.extend(octets.iter().take(room));
        let answer = (state.answer)(octets);
        if !answer.is_empty() {
            let due = now + state.thinks;
            state.answers.push_back((due, answer));
        }
    }

    fn say(&mut self, now: Instant, said: &mut Vec<u8>) {
        let mut state = locked(&self.state);
        while state.answers.front().is_some_and(|(due, _)| *due <= now) {
            if let Some((_, answer)) = state.answers.pop_front() {
                said.extend(answer);
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        locked(&self.state).answers.front().map(|(due, _)| *due)
    }
}
