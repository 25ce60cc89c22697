//! Between exchanges: the silence before a request, and what is heard while nothing is asked.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::io::ReadBuf;
use tokio::task::{consume_budget, yield_now};
use tokio::time::{Instant, sleep_until};

use super::{GuardedLine, Step};
use crate::Line;
use crate::fault::LineFault;
use crate::limits::{DRAIN_READS_MAX, GAP_MAX, SETTLE_MAX, UNHEARD_MAX};

impl<L: Line> GuardedLine<L> {
    /// Listens while nothing is asked, so that the arrival of a late answer is known, a second
    /// master is heard, and a port that vanishes is noticed. May be dropped at any time.
    pub async fn listen(&mut self, until: Instant) -> Result<(), LineFault> {
        self.still_there()?;
        if Instant::now() >= until {
            // The next exchange looks at the port itself.
            consume_budget().await;
            return Ok(());
        }
        yield_now().await;
        self.drain().await?;
        let mut timer = pin!(sleep_until(until));
        while Instant::now() < until {
            match self.step(&[], timer.as_mut()).await? {
                Step::Heard(count) => self.hear_idle(count),
                Step::Wrote(_) | Step::TimeOver => {}
            }
        }
        Ok(())
    }

    /// Waits for the silence before a request, and drops what was heard until then.
    pub(super) async fn settle(&mut self, min_gap: Duration) -> Result<(), LineFault> {
        self.lost.expire(Instant::now());
        if let Some(request) = self.open.take() {
            self.counters.abandoned += 1;
            self.heard.close();
            self.give_up(request);
        }
        if Instant::now() < self.hold_until {
            self.listen(self.hold_until).await?;
        }
        let gap = self.gap(min_gap);
        let began = Instant::now();
        let mut octets = 0;
        loop {
            let due = self.quiet_since + gap;
            // Either way the runtime looks at the port: what came meanwhile is not to be missed.
            if Instant::now() < due {
                self.line.quiet_until(due).await;
            } else {
                yield_now().await;
            }
            let drained = self.drain().await?;
            if drained == 0 {
                return Ok(());
            }
            octets += drained;
            let waited = began.elapsed();
            if waited >= SETTLE_MAX {
                self.counters.busy += 1;
                return Err(LineFault::Busy { waited, octets });
            }
        }
    }

    /// After a fault a frame may stand half on the line: it must be quiet for longer.
    fn gap(&self, min_gap: Duration) -> Duration {
        let gap = self.timing.silence().max(min_gap.min(GAP_MAX));
        if self.after_fault {
            gap.max(self.settings.damaged_silence)
        } else {
            gap
        }
    }

    /// Reads what is there, without waiting.
    async fn drain(&mut self) -> Result<usize, LineFault> {
        let known = Instant::now().saturating_duration_since(self.listened_until) <= UNHEARD_MAX;
        self.heard.set_certain(known);
        let mut octets = 0;
        for _ in 0..DRAIN_READS_MAX {
            let Some(count) = self.read_ready().await? else {
                break;
            };
            self.hear_idle(count);
            octets += count;
        }
        self.listened_until = Instant::now();
        Ok(octets)
    }

    async fn read_ready(&mut self) -> Result<Option<usize>, LineFault> {
        let Self { line, chunk, .. } = self;
        let read = poll_fn(|cx| {
            let mut buffer = ReadBuf::new(chunk);
            match Pin::new(&mut *line).poll_read(cx, &mut buffer) {
                Poll::Pending => Poll::Ready(Ok(None)),
                Poll::Ready(done) => Poll::Ready(done.and_then(|()| match buffer.filled().len() {
                    0 => Err(io::ErrorKind::UnexpectedEof.into()),
                    count => Ok(Some(count)),
                })),
            }
        })
        .await;
        read.map_err(|error| self.lose_port(error))
    }

    fn hear_idle(&mut self, count: usize) {
        self.take_chunk(count, false);
        if self.lost.is_empty() {
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            self.counters.foreign_octets += count;
        }
        while self.claim_late(usize::MAX).is_some() {}
        self.trim_heard();
    }
}
