//! How a conversation of many exchanges leaves the line, even if it is dropped half-way.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{GuardedLine, Step};
use crate::Line;
use crate::fault::LineFault;
use crate::limits::INTERRUPTION_MAX;
use crate::settings::LineSettings;
use crate::trace::Use;

/// What makes the other side stop talking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interruption {
    /// Sent without waiting for silence.
    pub octets: Vec<u8>,
    /// The silence that shows that it was heard.
    pub silence: Duration,
}

/// What ends a conversation: sent before anybody else uses the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parting {
    /// What comes first, while the other side may be sending without end.
    pub interruption: Option<Interruption>,
    /// The least silence before it.
    pub min_gap: Duration,
    /// The sign-off; nobody answers it.
    pub octets: Vec<u8>,
    /// The time a meter takes to act on it, at most five seconds.
    pub delay: Duration,
    /// The settings of the line from then on; none leaves them as they are.
    pub restore: Option<LineSettings>,
    /// So long after it a meter may still answer something older.
    pub late: Duration,
}

impl<L: Line> GuardedLine<L> {
    /// Promises what is sent before anybody else uses the line; none takes the promise back.
    ///
    /// The guard keeps it when the next exchange begins that is not one of the conversation that
    /// made the promise.
    pub fn promise(&mut self, parting: Option<Parting>) {
        self.parting = parting;
    }

    /// Whether a conversation was left without its end.
    pub fn is_promised(&self) -> bool {
        self.parting.is_some()
    }

    /// Keeps the promise, if there is one: the line is then as it was before the conversation.
    /// While somebody talks without a pause it cannot be kept, and stays.
    pub async fn part(&mut self) -> Result<(), LineFault> {
        let Some(parting) = self.parting.clone() else {
            return Ok(());
        };
        if let Some(interruption) = &parting.interruption {
            self.interrupt(interruption).await?;
        }
        self.send_unanswered(parting.min_gap, &parting.octets, parting.delay)
            .await?;
        if let Some(settings) = parting.restore {
            self.set(settings).await?;
        }
        self.late_until = self.late_until.max(Instant::now() + parting.late);
        self.parting = None;
        Ok(())
    }

    /// Waits for the silence before a request. What was heard until then, and nobody asked for, is
    /// [`GuardedLine::unused`] until the request is sent.
    pub async fn await_silence(&mut self, min_gap: Duration) -> Result<(), LineFault> {
        self.still_there()?;
        self.settle(min_gap).await
    }

    /// Until then a meter may still answer that was left out of step. Whoever cannot tell such an
    /// answer from one of another meter listens until then.
    pub fn late_until(&self) -> Instant {
        self.late_until
    }

    /// Sends while the other side still talks, and waits until it has fallen silent. What comes
    /// meanwhile is dropped.
    pub async fn interrupt(&mut self, interruption: &Interruption) -> Result<(), LineFault> {
        let Interruption { octets, silence } = interruption;
        let silence = *silence;
        self.still_there()?;
        let began = Instant::now();
        self.counters.requests += 1;
        self.send(octets).await?;
        let mut timer = pin!(sleep_until(self.quiet_since + silence));
        let mut heard = 0;
        let outcome = loop {
            match self.step(&[], timer.as_mut()).await? {
                Step::Heard(count) => {
                    heard += count;
                    self.take_chunk(count, true);
                    self.drop_heard(self.heard.len(), Use::Skipped);
                    let waited = began.elapsed();
                    if waited >= INTERRUPTION_MAX {
                        self.counters.busy += 1;
                        let octets = heard;
                        break Err(LineFault::Busy { waited, octets });
                    }
                }
                Step::TimeOver if Instant::now() >= self.quiet_since + silence => break Ok(()),
                Step::TimeOver | Step::Wrote(_) => {}
            }
            timer.as_mut().reset(self.quiet_since + silence);
        };
        self.counters.held = self.counters.held.saturating_add(began.elapsed());
        outcome
    }
}
