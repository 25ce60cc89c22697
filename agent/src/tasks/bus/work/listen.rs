//! Listening only: what a foreign master and its meters say to each other.

use crate::jobs::Ticket;
use crate::limits::{LISTEN_LOOK_EVERY, LISTEN_OCTETS_MAX, LISTEN_RUNS_MAX, LISTEN_SECONDS_MAX};
use crate::tasks::bus::handle::overheard_line;
use desk::{Progress, TraceLine};
use iec62056_21::conversation::overhear;
use line::{GuardedLine, Line, LineFault, Run};
use std::ops::ControlFlow;
use std::time::Duration;
use tokio::time::Instant;

/// Silence that ends a message, if the line's own is shorter: a USB adapter may hold octets back for
/// 16 ms, and a busy machine for some more. Who answers faster stands behind the question.
const SILENCE_MIN: Duration = Duration::from_millis(25);

/// What was heard so far.
pub(super) struct Listening {
    began: Option<Instant>,
    seconds: u32,
    heard: Vec<TraceLine>,
    octets: usize,
}

impl Listening {
    pub(super) fn new(seconds: u32) -> Self {
        Self {
            began: None,
            seconds: seconds.clamp(1, LISTEN_SECONDS_MAX),
            heard: Vec::new(),
            octets: 0,
        }
    }

    pub(super) fn limit(&self) -> Duration {
        Duration::from_secs(u64::from(self.seconds))
    }

    /// Listens until then, or until nobody wants more. True if it has come to its end.
    pub(super) async fn go_on<L: Line>(
        &mut self,
        line: &mut GuardedLine<L>,
        until: Instant,
        ticket: &Ticket,
        cancelled: &(dyn Fn() -> bool + Send + Sync),
    ) -> Result<bool, LineFault> {
        let began = *self.began.get_or_insert_with(Instant::now);
        let end = began + self.limit();
        let silence = line.timing().silence().max(SILENCE_MIN);
        while Instant::now() < until.min(end) && !cancelled() && !self.is_full() {
            let look = (Instant::now() + LISTEN_LOOK_EVERY).min(until).min(end);
            let mut take = |run: Run| {
                self.octets += run.octets.len();
                self.heard.push(overheard_line(&run, began));
                if self.is_full() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            };
            overhear(line, look, silence, &mut take).await?;
            ticket.runs(self.progress());
        }
        Ok(Instant::now() >= end || cancelled() || self.is_full())
    }

    fn is_full(&self) -> bool {
        self.octets >= LISTEN_OCTETS_MAX || self.heard.len() >= LISTEN_RUNS_MAX
    }

    pub(super) fn progress(&self) -> Progress {
        let passed = self.began.map_or(0, |began| began.elapsed().as_secs());
        Progress {
            done: passed.min(u64::from(self.seconds)),
            total: u64::from(self.seconds),
            words: format!("{} octets heard", self.octets),
        }
    }

    pub(super) fn finish(self) -> Vec<TraceLine> {
        self.heard
    }
}
