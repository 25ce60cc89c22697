//! The byte trace of a line: a ring of limited size, switched on and off at run time.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::limits::{TRACE_OCTETS_MAX, TRACE_RECORDS_MAX};

/// What the guard did with some octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Use {
    /// Sent as a request.
    Request,
    /// Handed over as the answer.
    Answer,
    /// Our own request, come back.
    Echo,
    /// Dropped: there before the request had left.
    Stale,
    /// Dropped: neither answer nor echo.
    Skipped,
    /// Dropped: the answer to a request that had been given up.
    Late,
    /// Dropped: the answer with a wrong checksum.
    Damaged,
    /// Said by others, while we only listened.
    Overheard,
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "request",
            Self::Answer => "answer",
            Self::Echo => "echo",
            Self::Stale => "stale",
            Self::Skipped => "skipped",
            Self::Late => "late",
            Self::Damaged => "damaged",
            Self::Overheard => "overheard",
        })
    }
}

/// Hides passwords in octets before a trace keeps them.
///
/// What is heard is handed over in its order and without a gap as long as the trace is on; what is
/// sent, one request at a time.
pub trait Mask: Send + fmt::Debug {
    /// Puts something else in the place of what nobody may read.
    fn hide(&mut self, outward: bool, octets: &mut [u8]);

    /// Learns octets that must never be seen, in whatever shape they come back. Their `Debug` must
    /// not show them.
    fn learn(&mut self, secret: &[u8]);
}

/// Some octets that passed, and what became of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceRecord {
    /// Counted from zero since the trace was made; a gap means that the ring was too small.
    pub number: u64,
    /// When the last of the octets was read or handed to the port, since the trace was made.
    pub at: Duration,
    /// What the guard did with them.
    pub used: Use,
    /// The octets.
    pub octets: Vec<u8>,
}

/// Two lines in the form of a conversation vector: a comment, then the octets.
impl fmt::Display for TraceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# {:.6} {}", self.at.as_secs_f64(), self.used)?;
        let outward = self.used == Use::Request;
        f.write_str(if outward { ">" } else { "<" })?;
        self.octets
            .iter()
            .try_for_each(|octet| write!(f, " {octet:02x}"))
    }
}

/// The trace of one line; its clones are the same trace.
///
/// The line writes, anybody reads. While it is off it costs the line one atomic load; while it
/// is on, the two share a lock for the time of a copy.
#[derive(Debug, Clone)]
pub struct Trace(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    on: AtomicBool,
    origin: Instant,
    ring: Mutex<Ring>,
    mask: Mutex<Option<Box<dyn Mask>>>,
}

#[derive(Debug, Default)]
struct Ring {
    records: VecDeque<TraceRecord>,
    octets: usize,
    next: u64,
}

impl Default for Trace {
    fn default() -> Self {
        Self::new()
    }
}

impl Trace {
    /// A trace that is off.
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            on: AtomicBool::new(false),
            origin: Instant::now(),
            ring: Mutex::default(),
            mask: Mutex::default(),
        }))
    }

    /// Puts a mask before everything that is recorded from now on, unless there is one already:
    /// it remembers what it has learned.
    pub fn wear(&self, mask: impl FnOnce() -> Box<dyn Mask>) {
        self.mask().get_or_insert_with(mask);
    }

    /// Tells the mask what must never be seen. Without a mask nothing happens.
    pub fn keep_secret(&self, secret: &[u8]) {
        if let Some(mask) = self.mask().as_mut() {
            mask.learn(secret);
        }
    }

    /// Switches it on or off; what the ring holds stays readable.
    pub fn switch(&self, on: bool) {
        self.0.on.store(on, Ordering::Relaxed);
    }

    /// Whether it is on.
    pub fn is_on(&self) -> bool {
        self.0.on.load(Ordering::Relaxed)
    }

    /// The records from `number` on that the ring still holds.
    pub fn since(&self, number: u64) -> Vec<TraceRecord> {
        let ring = self.ring();
        ring.records
            .iter()
            .filter(|record| record.number >= number)
            .cloned()
            .collect()
    }

    /// The number that the next record will have.
    pub fn next_number(&self) -> u64 {
        self.ring().next
    }

    pub(crate) fn record(&self, at: Instant, used: Use, octets: &[u8]) {
        if self.is_on() && !octets.is_empty() {
            self.record_masked(at, used, &mut octets.to_vec());
        }
    }

    /// Hides what the mask hides, and records it if the trace is on.
    pub(crate) fn record_masked(&self, at: Instant, used: Use, octets: &mut [u8]) {
        if octets.is_empty() {
            return;
        }
        if let Some(mask) = self.mask().as_mut() {
            mask.hide(used == Use::Request, octets);
        }
        if self.is_on() {
            self.keep(at, used, octets);
        }
    }

    fn keep(&self, at: Instant, used: Use, octets: &[u8]) {
        let kept = octets.get(..TRACE_OCTETS_MAX).unwrap_or(octets);
        let at = at.saturating_duration_since(self.0.origin);
        let mut ring = self.ring();
        while ring.records.len() >= TRACE_RECORDS_MAX || ring.octets + kept.len() > TRACE_OCTETS_MAX
        {
            let Some(oldest) = ring.records.pop_front() else {
                break;
            };
            ring.octets -= oldest.octets.len();
        }
        let number = ring.next;
        ring.next += 1;
        ring.octets += kept.len();
        ring.records.push_back(TraceRecord {
            number,
            at,
            used,
            octets: kept.to_vec(),
        });
    }

    fn mask(&self) -> MutexGuard<'_, Option<Box<dyn Mask>>> {
        self.0.mask.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // A reader that panicked leaves the ring whole: it only copies.
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a trace to a file or a socket, up to a size, from outside the line's thread: a disk
/// that stalls must not stall a bus.
#[derive(Debug)]
pub struct TraceSink<W> {
    writer: W,
    next: u64,
    octets_left: u64,
}

/// What one pull brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pulled {
    /// Records written.
    pub written: u64,
    /// Records that the ring had dropped before.
    pub missed: u64,
    /// The size is reached; nothing more will be written.
    pub full: bool,
}

impl<W: Write> TraceSink<W> {
    /// Writes what `trace` records from now on, at most `octets_max` octets of text.
    pub fn new(trace: &Trace, writer: W, octets_max: u64) -> Self {
        Self {
            writer,
            next: trace.next_number(),
            octets_left: octets_max,
        }
    }

    /// Writes what is new.
    pub fn pull(&mut self, trace: &Trace) -> io::Result<Pulled> {
        let mut pulled = Pulled::default();
        for record in trace.since(self.next) {
            let text = format!("{record}\n");
            let size = u64::try_from(text.len()).unwrap_or(u64::MAX);
            let Some(left) = self.octets_left.checked_sub(size) else {
                self.octets_left = 0;
                pulled.full = true;
                break;
            };
            self.writer.write_all(text.as_bytes())?;
            self.octets_left = left;
            pulled.missed += record.number - self.next;
            pulled.written += 1;
            self.next = record.number + 1;
        }
        self.writer.flush()?;
        Ok(pulled)
    }

    /// The writer again.
    pub fn into_inner(self) -> W {
        self.writer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn off_it_keeps_nothing_and_on_it_keeps_the_last() {
        let trace = Trace::new();
        let now = Instant::now();
        trace.record(now, Use::Request, &[1]);
        assert!(trace.since(0).is_empty());
        trace.switch(true);
        for _ in 0..TRACE_RECORDS_MAX + 10 {
            trace.record(now, Use::Request, &[1]);
        }
        let records = trace.since(0);
        assert_eq!(records.len(), TRACE_RECORDS_MAX);
        assert_eq!(records.first().map(|r| r.number), Some(10));
        for _ in 0..300 {
            trace.record(now, Use::Answer, &[0; 256]);
        }
        assert_eq!(
            trace.since(0).iter().map(|r| r.octets.len()).sum::<usize>(),
            TRACE_OCTETS_MAX
        );
    }

    #[test]
    fn a_sink_writes_vectors_up_to_its_size_and_says_what_it_missed() {
        let trace = Trace::new();
        trace.switch(true);
        let at = Instant::now();
        let mut sink = TraceSink::new(&trace, Vec::new(), 60);
        trace.record(trace.0.origin, Use::Request, &[1, 4, 0xab]);
        assert_eq!(
            sink.pull(&trace).unwrap(),
            Pulled {
                written: 1,
                missed: 0,
                full: false
            }
        );
        for _ in 0..=TRACE_RECORDS_MAX {
            trace.record(trace.0.origin, Use::Stale, &[9]);
        }
        let pulled = sink.pull(&trace).unwrap();
        assert_eq!(
            pulled,
            Pulled {
                written: 1,
                missed: 1,
                full: true
            }
        );
        let text = String::from_utf8(sink.into_inner()).unwrap();
        assert_eq!(
            text,
            "# 0.000000 request\n> 01 04 ab\n# 0.000000 stale\n< 09\n"
        );
        assert!(at >= trace.0.origin);
    }
}
