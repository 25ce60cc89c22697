//! The search of an answer in what comes, until the deadline.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::patience::Patience;
use super::{Answer, Echo, GuardedLine, Peer, Step};
use crate::Line;
use crate::fault::LineFault;
use crate::limits::{ECHO_MISSES_MAX, LOOKS_SPARED_MIN};
use crate::pattern::{Find, Pattern};
use crate::trace::Use;

/// What an exchange waits for.
pub(super) struct Wait<'a> {
    peer: Peer,
    request: &'a [u8],
    answer: &'a Arc<dyn Pattern>,
    left_at: Instant,
    pub(super) deadline: Instant,
    /// No late frame extends the deadline beyond this.
    latest: Instant,
    patience: Option<Patience>,
    echo: EchoWatch,
    /// Octets heard that were not the echo.
    heard: usize,
    /// What ends the exchange when the line falls silent behind it.
    pending: Pending,
}

/// What was found and does not end the exchange at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pending {
    Nothing,
    /// An answer that only a mark ends.
    Marked,
    /// A whole answer of this length with a wrong checksum.
    Damaged(usize),
}

/// What an exchange makes of a copy of its request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum EchoWatch {
    /// It would be an echo, and is taken out.
    Expected,
    /// The answer is such a copy too: nothing counts before the echo has come.
    Due,
    /// The answer is such a copy, and the line has no echo.
    Ignored,
    /// It has come.
    Seen,
}

impl<'a> Wait<'a> {
    pub(super) fn new(
        peer: Peer,
        request: &'a [u8],
        answer: &'a Arc<dyn Pattern>,
        left_at: Instant,
    ) -> Self {
        Self {
            peer,
            request,
            answer,
            left_at,
            deadline: left_at,
            latest: left_at,
            patience: None,
            echo: EchoWatch::Expected,
            heard: 0,
            pending: Pending::Nothing,
        }
    }

    pub(super) fn with_echo(self, echo: EchoWatch) -> Self {
        Self { echo, ..self }
    }

    pub(super) fn until(self, deadline: Instant) -> Self {
        let latest = self.latest.max(deadline);
        Self {
            deadline,
            latest,
            ..self
        }
    }

    pub(super) fn at_the_latest(self, latest: Instant) -> Self {
        Self { latest, ..self }
    }

    pub(super) fn with_patience(self, patience: Patience, hold: Duration) -> Self {
        let left_at = self.left_at;
        Self {
            patience: Some(patience),
            ..self
                .until(left_at + hold)
                .at_the_latest(left_at + patience.longest.max(hold))
        }
    }
}

impl<L: Line> GuardedLine<L> {
    pub(super) async fn search(&mut self, mut wait: Wait<'_>) -> Result<Answer, LineFault> {
        // What came behind the last answer may be this one.
        if wait.request.is_empty()
            && self.heard.len() > 0
            && let Some(answer) = self.look(&mut wait)
        {
            return Ok(answer);
        }
        let mut timer = pin!(sleep_until(wait.deadline));
        loop {
            if let Step::Heard(count) = self.step(&[], timer.as_mut()).await?
                && let Some(answer) = self.hear_answer(count, &mut wait)
            {
                return Ok(answer);
            }
            let end = self.end_of(&wait);
            let now = Instant::now();
            if now >= end {
                return match self.settled(&wait) {
                    Some(answer) => Ok(answer),
                    None => Err(self.no_answer(&wait, now)),
                };
            }
            self.let_come(&wait, end).await;
            // Armed anew only when it must end earlier, or has ended too early.
            if timer.deadline() > end || timer.is_elapsed() {
                timer.as_mut().reset(end);
            }
        }
    }

    /// When the exchange ends if nothing more comes.
    fn end_of(&mut self, wait: &Wait<'_>) -> Instant {
        let mut end = wait.deadline;
        if let Some(patience) = wait.patience
            && self.heard.last_at() >= wait.left_at
        {
            end = end.max(self.heard.last_at() + patience.character_gap);
        }
        end = end.min(wait.latest);
        self.hold_until = self.hold_until.max(end);
        match wait.pending {
            Pending::Nothing => end,
            Pending::Marked | Pending::Damaged(_) => {
                end.min(self.quiet_since + self.ending_silence(wait.patience))
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
        self.take_chunk(count, Instant::now() < wait.left_at);
        wait.heard += count;
        self.look(wait)
    }

    fn look(&mut self, wait: &mut Wait<'_>) -> Option<Answer> {
        let now = Instant::now();
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
        wait.pending = match find {
            Find::Found { .. } if wait.answer.is_marked() => Pending::Marked,
            Find::Found { at, len } => return Some(self.take_answer(wait, at, len, now)),
            Find::Damaged { len, .. } => Pending::Damaged(len),
            Find::NotYet => Pending::Nothing,
        };
        self.trim_heard();
        None
    }

    /// An answer that only a mark ends, now that the line is silent behind it.
    fn settled(&mut self, wait: &Wait<'_>) -> Option<Answer> {
        if wait.pending != Pending::Marked {
            return None;
        }
        match wait.answer.find_settled(self.heard.open()) {
            Find::Found { at, len } => {
                let arrived_at = self.heard.last_at();
                Some(self.take_answer(wait, at, len, arrived_at))
            }
            Find::Damaged { .. } | Find::NotYet => None,
        }
    }

    fn take_answer(&mut self, wait: &Wait<'_>, at: usize, len: usize, now: Instant) -> Answer {
        self.drop_heard(self.heard.early(), Use::Stale);
        self.drop_heard(at, Use::Skipped);
        let bytes = self.heard.take(len);
        self.trace.record(now, Use::Answer, &bytes);
        if wait.echo != EchoWatch::Seen && !wait.request.is_empty() {
            self.miss_echo(wait.heard > len);
        }
        Answer {
            bytes,
            left_at: wait.left_at,
            arrived_at: now,
        }
    }

    /// A meter that has just answered an older request begins with this one only now.
    fn extend(&mut self, wait: &mut Wait<'_>, now: Instant) {
        let hold = self.hold_time(wait.peer, wait.patience);
        let answer_time = match wait.patience {
            Some(_) => Duration::ZERO,
            None => self.timing.answer_time(wait.answer.longest()),
        };
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
        match (wait.pending, self.find_in_the_end(wait)) {
            (Pending::Damaged(_) | Pending::Marked, Find::Damaged { at, len }) => {
                self.drop_heard(self.heard.early(), Use::Stale);
                self.drop_heard(at, Use::Skipped);
                self.drop_heard(len, Use::Damaged);
                LineFault::Damaged { octets: len }
            }
            (Pending::Damaged(octets), _) => LineFault::Damaged { octets },
            (Pending::Marked | Pending::Nothing, _) => LineFault::Silent {
                waited: now.saturating_duration_since(wait.left_at),
                heard: wait.heard,
            },
        }
    }

    fn find_in_the_end(&self, wait: &Wait<'_>) -> Find {
        match wait.pending {
            Pending::Nothing => Find::NotYet,
            Pending::Marked => wait.answer.find_settled(self.heard.open()),
            Pending::Damaged(_) => wait.answer.find(self.heard.open()),
        }
    }

    /// Moves what was just read to what was heard.
    pub(super) fn take_chunk(&mut self, count: usize, early: bool) {
        let now = Instant::now();
        self.quiet_since = self.quiet_since.max(now);
        if let Some(chunk) = self.chunk.get(..count) {
            self.counters.heard_octets += u64::try_from(count).unwrap_or(u64::MAX);
            self.heard.push(chunk, now, early);
        }
    }

    /// On a slow line a character may be longer than the usual silence.
    fn ending_silence(&self, patience: Option<Patience>) -> Duration {
        let quiet = patience.map_or(Duration::ZERO, |patience| patience.quiet);
        self.settings
            .damaged_silence
            .max(self.timing.silence() * 2)
            .max(quiet)
    }
}
