//! Listening only: what a foreign master and its meters say to each other.

use std::ops::ControlFlow;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{GuardedLine, Step};
use crate::Line;
use crate::fault::LineFault;
use crate::limits::RUN_OCTETS_MAX;
use crate::trace::Use;

/// Octets that followed each other without a silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// When its first octets were read.
    pub began_at: Instant,
    /// When its last octet was read.
    pub ended_at: Instant,
    /// The octets, as the mask of the trace shows them.
    pub octets: Vec<u8>,
    /// Whether a silence ended it: a long one comes in several parts.
    pub is_whole: bool,
}

impl<L: Line> GuardedLine<L> {
    /// Records a conversation of others until then, or until `take` breaks off. Nothing is sent,
    /// whatever is heard; even a promise waits.
    pub async fn overhear(
        &mut self,
        until: Instant,
        silence: Duration,
        take: &mut (dyn FnMut(Run) -> ControlFlow<()> + Send),
    ) -> Result<(), LineFault> {
        self.still_there()?;
        self.drop_heard(self.heard.len(), Use::Stale);
        let mut began_at = Instant::now();
        let mut timer = pin!(sleep_until(until));
        loop {
            let step = self.step(&[], timer.as_mut()).await?;
            let now = Instant::now();
            if let Step::Heard(count) = step {
                if self.heard.len() == 0 {
                    began_at = now;
                }
                self.take_chunk(count, false);
                self.counters.foreign_octets += u64::try_from(count).unwrap_or(u64::MAX);
            }
            let is_whole = now >= self.quiet_since + silence || now >= until;
            if self.heard.len() > 0 && (is_whole || self.heard.len() >= RUN_OCTETS_MAX) {
                let mut octets = self.heard.take(self.heard.len());
                self.trace
                    .record_masked(self.heard.last_at(), Use::Overheard, &mut octets);
                let run = Run {
                    began_at,
                    ended_at: self.heard.last_at(),
                    octets,
                    is_whole,
                };
                began_at = now;
                if take(run).is_break() {
                    return Ok(());
                }
            }
            if now >= until {
                return Ok(());
            }
            let end = if self.heard.len() > 0 {
                (self.quiet_since + silence).min(until)
            } else {
                until
            };
            timer.as_mut().reset(end);
        }
    }
}
