//! The guard: the only way to hold an exchange on a line.

mod exchange;
mod heard;
mod lost;
mod overhear;
mod parting;
mod patience;
mod search;
mod settle;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::io::ReadBuf;
use tokio::time::{Instant, Sleep};

use self::heard::Heard;
use self::lost::{LostRequest, LostRequests};
pub use self::overhear::Run;
pub use self::parting::{Interruption, Parting};
pub use self::patience::{Exchange, Patience};
use crate::Line;
use crate::counters::GuardCounters;
use crate::fault::LineFault;
use crate::limits::{
    DAMAGED_SILENCE, DEADLINE_CEILING, DEADLINE_FLOOR, GATEWAY_DEADLINE_CEILING,
    GATEWAY_DEADLINE_FLOOR, READ_OCTETS_MAX,
};
use crate::settings::{LineSettings, LineTiming};
use crate::trace::{Trace, Use};

/// Whose turnaround is learned: a unit address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer(pub u32);

/// How long the guard waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardSettings {
    /// The hard deadline is at least this long after the request has left.
    pub deadline_floor: Duration,
    /// The hard deadline is never longer. It must stay below the free time of a polling period.
    pub deadline_ceiling: Duration,
    /// Silence after a complete but damaged answer that ends the exchange.
    pub damaged_silence: Duration,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            deadline_floor: DEADLINE_FLOOR,
            deadline_ceiling: DEADLINE_CEILING,
            damaged_silence: DAMAGED_SILENCE,
        }
    }
}

impl GuardSettings {
    /// For a Modbus TCP gateway with meters behind it: it has a line time, a turnaround and a
    /// timeout of its own, and its exception 11 is worth waiting for.
    pub const fn gateway() -> Self {
        Self {
            deadline_floor: GATEWAY_DEADLINE_FLOOR,
            deadline_ceiling: GATEWAY_DEADLINE_CEILING,
            damaged_silence: DAMAGED_SILENCE,
        }
    }
}

/// An answer, proven to be the one to its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The whole frame, checksum included.
    pub bytes: Vec<u8>,
    /// When the last octet of the request had left.
    pub left_at: Instant,
    /// When the last octet of the answer was read.
    pub arrived_at: Instant,
}

/// Whether the line returns what is sent on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Echo {
    Unknown,
    Absent,
    Present { misses: u8 },
}

/// Wraps any [`Line`]: keeps the silence, removes the echo, records the trace, learns each
/// meter's turnaround, holds the line until the hard deadline, and hands over nothing but the
/// exact answer.
///
/// An exchange should be run to its end. If its future is dropped all the same, the next
/// exchange first waits for the deadline of the dropped one and then treats it as lost.
#[derive(Debug)]
pub struct GuardedLine<L> {
    line: L,
    timing: LineTiming,
    settings: GuardSettings,
    counters: GuardCounters,
    lost: LostRequests,
    heard: Heard,
    damaged: Vec<u8>,
    echo: Echo,
    trace: Trace,
    /// The last octet on the line, heard or sent.
    quiet_since: Instant,
    /// Until then every octet's arrival time is known.
    listened_until: Instant,
    /// A request on its way; it stays here if its future is dropped half-way.
    open: Option<LostRequest>,
    /// Nothing is sent before this moment.
    hold_until: Instant,
    after_fault: bool,
    /// What is sent before anybody else uses the line.
    parting: Option<Parting>,
    /// Until then a meter may still answer that was left out of step.
    late_until: Instant,
    gone: Option<Arc<io::Error>>,
    chunk: Box<[u8]>,
}

impl<L: Line> GuardedLine<L> {
    /// Guards a line that was just opened.
    pub fn new(line: L, timing: LineTiming, settings: GuardSettings) -> Self {
        let now = Instant::now();
        Self {
            line,
            timing,
            settings,
            counters: GuardCounters::default(),
            lost: LostRequests::default(),
            heard: Heard::new(now),
            damaged: Vec::new(),
            echo: Echo::Unknown,
            trace: Trace::new(),
            quiet_since: now,
            listened_until: now,
            open: None,
            hold_until: now,
            after_fault: false,
            parting: None,
            late_until: now,
            gone: None,
            chunk: vec![0; READ_OCTETS_MAX].into_boxed_slice(),
        }
    }

    /// Records into this trace from now on, so that a trace survives the reopening of its port.
    pub fn with_trace(mut self, trace: Trace) -> Self {
        self.trace = trace;
        self
    }

    /// What was counted since the line was opened.
    pub fn counters(&self) -> &GuardCounters {
        &self.counters
    }

    /// The byte trace; a clone can be switched and read from elsewhere.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The line's time.
    pub fn timing(&self) -> LineTiming {
        self.timing
    }

    /// The last octet on the line, heard or sent.
    pub fn quiet_since(&self) -> Instant {
        self.quiet_since
    }

    /// What was heard in the last exchange, or since, and has found no use. It may be a damaged
    /// copy of a request, with its password: count it, do not show it.
    pub fn unused(&self) -> &[u8] {
        self.heard.all()
    }

    /// The answer of the last exchange, if it was damaged. The same holds for it.
    pub fn damaged(&self) -> &[u8] {
        &self.damaged
    }

    /// Changes the settings of the line when the last octet has left, and the guard's timing with
    /// them.
    pub async fn set(&mut self, settings: LineSettings) -> Result<(), LineFault> {
        // Drivers of some adapters call octets gone that still wait in the adapter.
        if Instant::now() < self.quiet_since {
            self.line.quiet_until(self.quiet_since).await;
        }
        self.line.set(settings).await?;
        self.timing = self.timing.with(settings);
        Ok(())
    }

    /// The line itself. Whoever reads or writes here takes on the guard's promises.
    pub fn line_mut(&mut self) -> &mut L {
        &mut self.line
    }

    /// The line itself, unguarded.
    pub fn into_line(self) -> L {
        self.line
    }

    /// One step of the conversation: an octet leaves or comes, or the timer ends.
    ///
    /// Reading comes before the timer, so that an answer that waits in the port when the process
    /// was held up is still found.
    async fn step(&mut self, unsent: &[u8], mut timer: Pin<&mut Sleep>) -> Result<Step, LineFault> {
        let Self { line, chunk, .. } = self;
        let step = poll_fn(|cx| {
            if !unsent.is_empty()
                && let Poll::Ready(done) = Pin::new(&mut *line).poll_write(cx, unsent)
            {
                return Poll::Ready(done.and_then(|count| match count {
                    0 => Err(io::ErrorKind::WriteZero.into()),
                    count => Ok(Step::Wrote(count)),
                }));
            }
            let mut buffer = ReadBuf::new(chunk);
            if let Poll::Ready(done) = Pin::new(&mut *line).poll_read(cx, &mut buffer) {
                return Poll::Ready(done.and_then(|()| match buffer.filled().len() {
                    // A port that was unplugged reads as nothing, again and again.
                    0 => Err(io::ErrorKind::UnexpectedEof.into()),
                    count => Ok(Step::Heard(count)),
                }));
            }
            timer.as_mut().poll(cx).map(|()| Ok(Step::TimeOver))
        })
        .await;
        self.listened_until = Instant::now();
        self.heard.set_certain(true);
        step.map_err(|error| self.lose_port(error))
    }

    /// Remembers that the port is gone: every later call says so at once.
    fn lose_port(&mut self, error: io::Error) -> LineFault {
        let error = Arc::new(error);
        self.gone = Some(Arc::clone(&error));
        LineFault::Gone(error)
    }

    fn still_there(&self) -> Result<(), LineFault> {
        match &self.gone {
            Some(error) => Err(LineFault::Gone(Arc::clone(error))),
            None => Ok(()),
        }
    }

    /// Drops octets from the front of what was heard, counts and traces them.
    fn drop_heard(&mut self, count: usize, used: Use) {
        let octets = self.heard.take(count);
        let count = u64::try_from(octets.len()).unwrap_or(u64::MAX);
        let counter = match used {
            Use::Stale => &mut self.counters.stale_octets,
            Use::Echo => &mut self.counters.echo_octets,
            _ => &mut self.counters.skipped_octets,
        };
        if !matches!(used, Use::Late | Use::Damaged) {
            *counter += count;
        }
        self.trace.record(self.heard.last_at(), used, &octets);
        if used == Use::Damaged {
            self.damaged = octets;
        }
    }

    /// Looks for a late answer among the first `within` octets that may hold an answer, takes
    /// it out and learns from it. Tells whose it was.
    fn claim_late(&mut self, within: usize) -> Option<Peer> {
        let region = self.heard.open();
        let region = region.get(..within).unwrap_or(region);
        let late = self.lost.take_late(region)?;
        self.drop_heard(self.heard.early(), Use::Stale);
        self.drop_heard(late.at, Use::Skipped);
        self.drop_heard(late.len, Use::Late);
        let age = self
            .heard
            .last_at()
            .saturating_duration_since(late.request.left_at);
        let mut turnaround = age.saturating_sub(self.timing.answer_time(late.len));
        if !self.heard.is_certain() {
            // It lay in the port for an unknown time; that it was longer than waited is known.
            turnaround = turnaround.min(late.request.waited.saturating_mul(2));
        }
        self.counters.late_frames += 1;
        let peer = self.counters.peer(late.request.peer);
        peer.late_frames += 1;
        peer.turnaround.learn_late(turnaround);
        Some(late.request.peer)
    }

    /// Keeps what was heard within its limit.
    fn trim_heard(&mut self) {
        let over = self.heard.overflow();
        let early = self.heard.early().min(over);
        self.drop_heard(early, Use::Stale);
        self.drop_heard(over - early, Use::Skipped);
    }

    /// How long the answer of a meter is waited for, without its line time.
    fn hold_time(&self, peer: Peer, patience: Option<Patience>) -> Duration {
        let GuardSettings {
            deadline_floor,
            deadline_ceiling,
            ..
        } = self.settings;
        let (floor, ceiling) = patience.map_or((deadline_floor, deadline_ceiling), |patience| {
            (patience.floor, patience.ceiling)
        });
        let longest = self.counters.turnaround(peer).longest();
        longest.saturating_mul(2).max(floor).min(ceiling.max(floor))
    }
}

/// What happened in one step.
enum Step {
    Wrote(usize),
    Heard(usize),
    TimeOver,
}
