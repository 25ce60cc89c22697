//! One exchange: send, wait for the exact answer until the deadline, learn.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::lost::LostRequest;
use super::patience::{Exchange, Patience};
use super::search::{EchoWatch, Wait};
use super::{Answer, Echo, GuardedLine, Peer, Step};
use crate::Line;
use crate::fault::LineFault;
use crate::limits::{BROADCAST_DELAY_MAX, WRITE_GRACE};
use crate::pattern::{Find, Pattern};
use crate::trace::Use;

impl<L: Line> GuardedLine<L> {
    /// Sends a request and returns its exact answer, or says why there is none.
    ///
    /// Ends at the latest when the silence before the request, the request, the hard deadline
    /// and one longest answer have passed.
    pub async fn exchange(
        &mut self,
        peer: Peer,
        min_gap: Duration,
        request: &[u8],
        answer: Arc<dyn Pattern>,
    ) -> Result<Answer, LineFault> {
        self.part().await?;
        let exchange = Exchange {
            peer,
            min_gap,
            request,
            answer,
            patience: None,
            then: None,
        };
        self.carry_out(&exchange).await
    }

    /// The same with the times of another protocol, and perhaps with another speed for the answer.
    ///
    /// It is for the conversation that owns the line: what another one promised to send at its
    /// end ([`GuardedLine::promise`]) is not sent before.
    pub async fn carry_out(&mut self, exchange: &Exchange<'_>) -> Result<Answer, LineFault> {
        self.still_there()?;
        let repeats = matches!(exchange.answer.find(exchange.request), Find::Found { .. });
        let echo = match (repeats, self.echo) {
            (false, _) => EchoWatch::Expected,
            (true, Echo::Unknown) => return Err(LineFault::EchoUnknown),
            (true, Echo::Absent) => EchoWatch::Ignored,
            (true, Echo::Present { .. }) => EchoWatch::Due,
        };
        let began = Instant::now();
        let outcome = match self.settle(exchange.min_gap).await {
            Ok(()) => self.ask(exchange, echo).await,
            Err(fault) => Err(fault),
        };
        self.counters.held = self.counters.held.saturating_add(began.elapsed());
        outcome
    }

    /// Waits for a message that nobody asked for, or the next one of several that one request
    /// brings. Nothing is sent, and nothing that was heard so far is dropped.
    pub async fn hear(
        &mut self,
        peer: Peer,
        answer: &Arc<dyn Pattern>,
        patience: Patience,
    ) -> Result<Answer, LineFault> {
        self.still_there()?;
        let began = Instant::now();
        self.heard.make_room(answer.longest());
        let wait = Wait::new(peer, &[], answer, began)
            .with_patience(patience, patience.floor)
            .with_echo(EchoWatch::Ignored);
        let outcome = self.search(wait).await;
        self.heard.close();
        self.counters.held = self.counters.held.saturating_add(began.elapsed());
        outcome
    }

    /// Sends a request that nobody answers, a broadcast, and leaves the meters the time `delay`
    /// to act on it. Returns when it left.
    pub async fn send_only(
        &mut self,
        min_gap: Duration,
        request: &[u8],
        delay: Duration,
    ) -> Result<Instant, LineFault> {
        self.part().await?;
        self.send_unanswered(min_gap, request, delay).await
    }

    /// The same for the conversation that owns the line: what another one promised is not sent
    /// before.
    pub async fn send_unanswered(
        &mut self,
        min_gap: Duration,
        request: &[u8],
        delay: Duration,
    ) -> Result<Instant, LineFault> {
        self.still_there()?;
        let began = Instant::now();
        self.settle(min_gap).await?;
        self.counters.requests += 1;
        let delay = delay.min(BROADCAST_DELAY_MAX);
        self.hold_until = Instant::now() + self.timing.request_time(request.len()) + delay;
        let left_at = self.send(request).await?;
        let nothing: Arc<dyn Pattern> = Arc::new(NoAnswer);
        let wait = Wait::new(Peer(0), request, &nothing, left_at).until(left_at + delay);
        self.hold_until = left_at + delay;
        let outcome = self.search(wait).await;
        self.heard.close();
        self.counters.held = self.counters.held.saturating_add(began.elapsed());
        match outcome {
            Err(LineFault::Gone(error)) => Err(LineFault::Gone(error)),
            _ => Ok(left_at),
        }
    }

    async fn ask(&mut self, exchange: &Exchange<'_>, echo: EchoWatch) -> Result<Answer, LineFault> {
        let Exchange {
            peer,
            request,
            answer,
            ..
        } = exchange;
        let peer = *peer;
        self.counters.requests += 1;
        self.counters.peer(peer).requests += 1;
        self.heard.make_room(answer.longest());
        let hold = self.hold_time(peer, exchange.patience);
        let answer_time = match exchange.patience {
            Some(_) => Duration::ZERO,
            None => self.timing.answer_time(answer.longest()),
        };
        let leaves_at = Instant::now() + self.timing.request_time(request.len());
        // From here on the request counts as lost, unless we get as far as its answer.
        self.hold_until = leaves_at + hold + answer_time;
        self.open = Some(LostRequest {
            peer,
            left_at: leaves_at,
            waited: hold,
            answer: Arc::clone(answer),
        });
        let left_at = self.send(request).await?;
        if let Some(settings) = exchange.then {
            self.set(settings).await?;
        }
        let wait = Wait::new(peer, request, answer, left_at).with_echo(echo);
        let wait = if let Some(patience) = exchange.patience {
            wait.with_patience(patience, hold)
        } else {
            let answer_time = self.timing.answer_time(answer.longest());
            let longest = self.settings.deadline_ceiling.max(hold);
            wait.until(left_at + hold + answer_time)
                .at_the_latest(left_at + longest + answer_time)
        };
        self.hold_until = wait.deadline;
        let outcome = self.search(wait).await;
        self.heard.close();
        self.hold_until = Instant::now();
        let request = self.open.take();
        match &outcome {
            Ok(answer) => self.note_answer(peer, answer, exchange.patience),
            Err(LineFault::Gone(_)) => {}
            Err(fault) => self.note_fault(peer, fault, request, left_at),
        }
        outcome
    }

    /// Hands the request to the port. Returns when its last octet has left, by calculation: a
    /// flush would block the thread until then.
    pub(super) async fn send(&mut self, request: &[u8]) -> Result<Instant, LineFault> {
        self.drop_heard(self.heard.len(), Use::Stale);
        self.damaged.clear();
        let leaves_at = Instant::now() + self.timing.request_time(request.len());
        let mut timer = pin!(sleep_until(leaves_at + WRITE_GRACE));
        let mut unsent = request;
        while !unsent.is_empty() {
            match self.step(unsent, timer.as_mut()).await? {
                Step::Wrote(count) => unsent = unsent.get(count..).unwrap_or_default(),
                Step::Heard(count) => self.take_chunk(count, true),
                Step::TimeOver => return Err(self.lose_port(io::ErrorKind::TimedOut.into())),
            }
        }
        let written_at = Instant::now();
        self.trace.record(written_at, Use::Request, request);
        self.counters.sent_octets += u64::try_from(request.len()).unwrap_or(u64::MAX);
        let left_at = leaves_at.max(written_at);
        self.quiet_since = left_at;
        Ok(left_at)
    }

    fn note_answer(&mut self, peer: Peer, answer: &Answer, patience: Option<Patience>) {
        let line_time = self.timing.answer_time(answer.bytes.len());
        let turnaround = answer
            .arrived_at
            .saturating_duration_since(answer.left_at)
            .saturating_sub(line_time);
        self.after_fault = false;
        self.lost.answered(peer);
        let floor = patience.map_or(self.settings.deadline_floor, |patience| patience.floor);
        let entry = self.counters.peer(peer);
        let slow_after = entry.turnaround.patience().unwrap_or(floor);
        let slow = u64::from(turnaround > slow_after);
        entry.answers += 1;
        entry.slow += slow;
        entry.turnaround.learn(turnaround);
        entry.histogram.add(turnaround);
        self.counters.answers += 1;
        self.counters.slow += slow;
    }

    fn note_fault(
        &mut self,
        peer: Peer,
        fault: &LineFault,
        request: Option<LostRequest>,
        left_at: Instant,
    ) {
        let damaged = u64::from(matches!(fault, LineFault::Damaged { .. }));
        let entry = self.counters.peer(peer);
        entry.damaged += damaged;
        entry.silent += 1 - damaged;
        self.counters.damaged += damaged;
        self.counters.silent += 1 - damaged;
        if let Some(request) = request {
            self.give_up(LostRequest {
                left_at,
                waited: left_at.elapsed(),
                ..request
            });
        }
    }

    /// Puts a request on the list of those whose answer may still come.
    pub(super) fn give_up(&mut self, request: LostRequest) {
        self.lost.add(request);
        self.after_fault = true;
    }
}

/// Never an answer: for what is sent to all meters at once.
#[derive(Debug)]
struct NoAnswer;

impl Pattern for NoAnswer {
    fn find(&self, _heard: &[u8]) -> Find {
        Find::NotYet
    }

    fn longest(&self) -> usize {
        0
    }
}
