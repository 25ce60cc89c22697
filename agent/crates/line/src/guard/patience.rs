//! What a protocol may want otherwise than the guard's own settings say.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Peer;
use crate::pattern::Pattern;
use crate::settings::LineSettings;

/// How an answer is waited for, where a protocol has times of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The answer may begin so long after the request has left, whatever a meter has taught.
    pub floor: Duration,
    /// What a meter teaches never makes it longer than this.
    pub ceiling: Duration,
    /// While octets keep coming, the exchange goes on until none has come for so long.
    pub character_gap: Duration,
    /// From the moment the request left: the exchange ends, whatever still comes.
    pub longest: Duration,
    /// Silence that proves an answer which only a mark ends, and that ends an exchange whose
    /// answer is damaged.
    pub quiet: Duration,
}

/// One request, and how its answer is waited for.
#[derive(Clone)]
pub struct Exchange<'a> {
    /// Whose turnaround is learned.
    pub peer: Peer,
    /// The least silence before the request.
    pub min_gap: Duration,
    /// The octets to send.
    pub request: &'a [u8],
    /// What is searched in what comes.
    pub answer: Arc<dyn Pattern>,
    /// None: as the guard was told when the line was opened.
    pub patience: Option<Patience>,
    /// The settings of the line from the moment on when the request has left.
    pub then: Option<LineSettings>,
}

/// Shows how long the request is, and nothing of it: it may be a password.
impl fmt::Debug for Exchange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("peer", &self.peer)
            .field("request_octets", &self.request.len())
            .field("answer", &self.answer)
            .field("patience", &self.patience)
            .field("then", &self.then)
            .finish_non_exhaustive()
    }
}
