//! One exchange: send, search the exact answer until the deadline, learn.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::lost::LostRequest;
use super::{Answer, Echo, GuardedLine, Peer, Step};
use crate::Line;
use crate::fault::LineFault;
use crate::limits::{BROADCAST_DELAY_MAX, ECHO_MISSES_MAX, LOOKS_SPARED_MIN, WRITE_GRACE};
use crate::pattern::{Find, Pattern};
use crate::trace::Use;

/// What an exchange waits for.
struct Wait<'a> {
    peer: Peer,
    request: &'a [u8],
    answer: &'a Arc<dyn Pattern>,
    left_at: Instant,
    deadline: Instant,
    /// No late frame extends the deadline beyond this.
    latest: Instant,
    echo: EchoWatch,
    /// Octets heard that were not the echo.
    heard: usize,
    /// Length of a whole answer with a wrong checksum.
    damaged: Option<usize>,
}

/// What an exchange makes of a copy of its request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EchoWatch {
    /// It would be an echo, and is taken out.
    Expected,
    /// The answer is such a copy too: nothing counts before the echo has come.
    Due,
    /// The answer is such a copy, and the line has no echo.
    Ignored,
    /// It has come.
    Seen,
}

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
        self.still_there()?;
        let repeats = matches!(answer.find(request), Find::Found { .. });
        let echo = match (repeats, self.echo) {
            (false, _) => EchoWatch::Expected,
            (true, Echo::Unknown) => return Err(LineFault::EchoUnknown),
            (true, Echo::Absent) => EchoWatch::Ignored,
            (true, Echo::Present { .. }) => EchoWatch::Due,
        };
        let began = Instant::now();
        let outcome = match self.settle(min_gap).await {
            Ok(()) => self.ask(peer, request, &answer, echo).await,
            Err(fault) => Err(fault),
        };
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
        self.still_there()?;
        let began = Instant::now();
        self.settle(min_gap).await?;
        self.counters.requests += 1;
        let delay = delay.min(BROADCAST_DELAY_MAX);
        self.hold_until = Instant::now() + self.timing.request_time(request.len()) + delay;
        let left_at = self.send(request).await?;
        let nothing: Arc<dyn Pattern> = Arc::new(NoAnswer);
        let deadline = left_at + delay;
        let wait = Wait {
            peer: Peer(0),
            request,
            answer: &nothing,
            left_at,
            deadline,
            latest: deadline,
            echo: EchoWatch::Expected,
            heard: 0,
            damaged: None,
        };
        self.hold_until = deadline;
        let outcome = self.search(wait).await;
        self.heard.close();
        self.counters.held = self.counters.held.saturating_add(began.elapsed());
        match outcome {
            Err(LineFault::Gone(error)) => Err(LineFault::Gone(error)),
            _ => Ok(left_at),
        }
    }

    async fn ask(
        &mut self,
        peer: Peer,
        request: &[u8],
        answer: &Arc<dyn Pattern>,
        echo: EchoWatch,
    ) -> Result<Answer, LineFault> {
        self.counters.requests += 1;
        self.counters.peer(peer).requests += 1;
        let hold = self.hold_time(peer);
        let answer_time = self.timing.answer_time(answer.longest());
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
        let deadline = left_at + hold + answer_time;
        self.hold_until = deadline;
        let wait = Wait {
            peer,
            request,
            answer,
            left_at,
            deadline,
            latest: left_at + self.settings.deadline_ceiling.max(hold) + answer_time,
            echo,
            heard: 0,
            damaged: None,
        };
        let outcome = self.search(wait).await;
        self.heard.close();
        self.hold_until = Instant::now();
        let request = self.open.take();
        match &outcome {
            Ok(answer) => self.note_answer(peer, answer),
            Err(LineFault::Gone(_)) => {}
            Err(fault) => self.note_fault(peer, fault, request, left_at),
        }
        outcome
    }

    /// Hands the request to the port. Returns when its last octet has left, by calculation: a
    /// flush would block the thread until then.
    async fn send(&mut self, request: &[u8]) -> Result<Instant, LineFault> {
        self.drop_heard(self.heard.len(), Use::Stale);
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
        let left_at = leaves_at.max(written_at);
        self.quiet_since = left_at;
        Ok(left_at)
    }

    async fn search(&mut self, mut wait: Wait<'_>) -> Result<Answer, LineFault> {
        let mut timer = pin!(sleep_until(wait.deadline));
        loop {
            if let Step::Heard(count) = self.step(&[], timer.as_mut()).await?
                && let Some(answer) = self.hear_answer(count, &mut wait)
            {
                return Ok(answer);
            }
            let mut end = wait.deadline;
            if wait.damaged.is_some() {
                end = end.min(self.quiet_since + self.damaged_silence());
            }
            let now = Instant::now();
            if now >= end {
                return Err(self.no_answer(&wait, now));
            }
            self.let_come(&wait, end).await;
            // Armed anew only when it must end earlier, or has ended too early.
            if timer.deadline() > end || timer.is_elapsed() {
                timer.as_mut().reset(end);
            }
        }
    }

    /// Lets the rest of an answer that has begun arrive, instead of looking at the line for each
    /// octet, as long as nothing else may come and the last octet is met in time.
    async fn let_come(&mut self, wait: &Wait<'_>, end: Instant) {
        let Some(pace) = self.timing.pace() else {
            return;
        };
        if !self.lost.is_empty() || wait.echo == EchoWatch::Due {
            return;
        }
        let missing = wait.answer.missing(self.heard.open());
        let missing = u32::try_from(missing).unwrap_or(0);
        // One octet may be on its way already.
        let comes = pace.saturating_mul(missing.saturating_sub(1));
        let rest = comes.saturating_sub(self.line.late_by());
        let until = (self.heard.last_at() + rest).min(end);
        if until >= Instant::now() + pace * LOOKS_SPARED_MIN {
            self.line.quiet_until(until).await;
        }
    }

    fn hear_answer(&mut self, count: usize, wait: &mut Wait<'_>) -> Option<Answer> {
        let now = Instant::now();
        self.take_chunk(count, now < wait.left_at);
        wait.heard += count;
        self.strip_echo(wait);
        if wait.echo == EchoWatch::Due {
            self.trim_heard();
            return None;
        }
        let find = loop {
            let find = wait.answer.find(self.heard.open());
            let within = match find {
                Find::Found { at, .. } => at,
                _ => usize::MAX,
            };
            match self.claim_late(within) {
                Some(peer) if peer == wait.peer => self.extend(wait, now),
                Some(_) => {}
                None => break find,
            }
        };
        wait.damaged = match find {
            Find::Found { at, len } => {
                self.drop_heard(self.heard.early(), Use::Stale);
                self.drop_heard(at, Use::Skipped);
                let bytes = self.heard.take(len);
                self.trace.record(now, Use::Answer, &bytes);
                if wait.echo != EchoWatch::Seen {
                    self.miss_echo(wait.heard > len);
                }
                return Some(Answer {
                    bytes,
                    left_at: wait.left_at,
                    arrived_at: now,
                });
            }
            Find::Damaged { len, .. } => Some(len),
            Find::NotYet => None,
        };
        self.trim_heard();
        None
    }

    /// A meter that has just answered an older request begins with this one only now.
    fn extend(&mut self, wait: &mut Wait<'_>, now: Instant) {
        let hold = self.hold_time(wait.peer);
        let answer_time = self.timing.answer_time(wait.answer.longest());
        wait.deadline = wait.deadline.max(now + hold + answer_time).min(wait.latest);
        self.hold_until = wait.deadline;
    }

    fn strip_echo(&mut self, wait: &mut Wait<'_>) {
        if matches!(wait.echo, EchoWatch::Ignored | EchoWatch::Seen) {
            return;
        }
        let Some(at) = self.heard.echo_of(wait.request) else {
            return;
        };
        self.drop_heard(at, Use::Stale);
        self.drop_heard(wait.request.len(), Use::Echo);
        wait.heard = wait.heard.saturating_sub(wait.request.len());
        wait.echo = EchoWatch::Seen;
        self.echo = Echo::Present { misses: 0 };
        self.counters.echoes = Some(true);
    }

    /// An exchange ended without an echo. Only a clean one proves that the line has none.
    fn miss_echo(&mut self, heard_more: bool) {
        self.echo = match self.echo {
            Echo::Unknown if !heard_more => Echo::Absent,
            Echo::Present { misses } if misses + 1 >= ECHO_MISSES_MAX => Echo::Unknown,
            Echo::Present { misses } => Echo::Present { misses: misses + 1 },
            other => other,
        };
        self.counters.echoes = match self.echo {
            Echo::Unknown => None,
            Echo::Absent => Some(false),
            Echo::Present { .. } => Some(true),
        };
    }

    fn no_answer(&mut self, wait: &Wait<'_>, now: Instant) -> LineFault {
        if wait.echo == EchoWatch::Due && wait.heard > 0 {
            self.miss_echo(true);
        }
        match wait.damaged {
            Some(octets) => {
                if let Find::Damaged { at, len } = wait.answer.find(self.heard.open()) {
                    self.drop_heard(self.heard.early(), Use::Stale);
                    self.drop_heard(at, Use::Skipped);
                    self.drop_heard(len, Use::Damaged);
                }
                LineFault::Damaged { octets }
            }
            None => LineFault::Silent {
                waited: now.saturating_duration_since(wait.left_at),
                heard: wait.heard,
            },
        }
    }

    fn note_answer(&mut self, peer: Peer, answer: &Answer) {
        let line_time = self.timing.answer_time(answer.bytes.len());
        let turnaround = answer
            .arrived_at
            .saturating_duration_since(answer.left_at)
            .saturating_sub(line_time);
        self.after_fault = false;
        self.lost.answered(peer);
        let patience = self.settings.deadline_floor;
        let entry = self.counters.peer(peer);
        let patience = entry.turnaround.patience().unwrap_or(patience);
        let slow = u64::from(turnaround > patience);
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

    /// Moves what was just read to what was heard.
    pub(super) fn take_chunk(&mut self, count: usize, early: bool) {
        let now = Instant::now();
        self.quiet_since = self.quiet_since.max(now);
        if let Some(chunk) = self.chunk.get(..count) {
            self.heard.push(chunk, now, early);
        }
    }

    /// On a slow line a character may be longer than the usual silence.
    fn damaged_silence(&self) -> Duration {
        self.settings.damaged_silence.max(self.timing.silence() * 2)
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
