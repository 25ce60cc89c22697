//! The gateway's end of a wire in memory, under tokio's clock: hours pass in seconds when it is
//! paused.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use line::{Line, LineFault, LineSettings};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::Wire;

/// One end of a [`Wire`]; a second one would take octets away from the first.
///
/// tokio's timer counts milliseconds, so octets arrive up to one late, never early.
#[derive(Debug)]
pub struct MemoryLine {
    wire: Wire,
    arrived: Vec<u8>,
    timer: Pin<Box<Sleep>>,
}

impl MemoryLine {
    pub(super) fn new(wire: Wire) -> Self {
        Self {
            wire,
            arrived: Vec::new(),
            timer: Box::pin(sleep_until(Instant::now())),
        }
    }

    /// The wire it belongs to.
    pub const fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Lets everything happen that is due; says when the next thing will.
    fn advance(&mut self) -> Option<Duration> {
        let now = self.wire.now();
        let mut engine = self.wire.engine();
        engine.advance(now, &mut self.arrived);
        engine.next_due()
    }
}

impl AsyncRead for MemoryLine {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let next = self.advance();
            if !self.arrived.is_empty() {
                let count = self.arrived.len().min(buffer.remaining());
                let taken: Vec<u8> = self.arrived.drain(..count).collect();
                buffer.put_slice(&taken);
                return Poll::Ready(Ok(()));
            }
            if !self.wire.is_plugged() {
                // As a vanished tty reads: zero octets.
                return Poll::Ready(Ok(()));
            }
            self.wire.bells().reader = Some(context.waker().clone());
            let Some(next) = next else {
                return Poll::Pending;
            };
            let due = self.wire.epoch() + next;
            self.timer.as_mut().reset(due);
            if self.timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl AsyncWrite for MemoryLine {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.wire.is_plugged() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        self.advance();
        let now = self.wire.now();
        self.wire.engine().hear(now, octets);
        if let Some(reader) = self.wire.bells().reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(octets.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Line for MemoryLine {
    async fn set(&mut self, settings: LineSettings) -> Result<(), LineFault> {
        let left = self.wire.engine().sending_until();
        sleep_until(self.wire.epoch() + left).await;
        self.wire.engine().set_gateway(settings);
        Ok(())
    }

    async fn quiet_until(&mut self, until: Instant) {
        sleep_until(until).await;
    }
}
