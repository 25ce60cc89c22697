//! The gateway's end of a link in memory, under tokio's clock.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use line::{Line, LineFault, LineSettings};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::{Link, locked};

/// One end of a [`Link`]. Its circuits are turned at the link itself.
#[derive(Debug)]
pub struct LinkLine {
    link: Link,
    arrived: Vec<u8>,
    timer: Pin<Box<Sleep>>,
}

impl LinkLine {
    pub(super) fn new(link: Link) -> Self {
        Self {
            link,
            arrived: Vec::new(),
            timer: Box::pin(sleep_until(Instant::now())),
        }
    }

    /// The link it belongs to.
    pub const fn link(&self) -> &Link {
        &self.link
    }
}

impl AsyncRead for LinkLine {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let this = &mut *self;
            let due = {
                let mut peer = this.link.peer();
                peer.say(Instant::now(), &mut this.arrived);
                peer.due()
            };
            if !this.arrived.is_empty() {
                let count = this.arrived.len().min(buffer.remaining());
                let taken: Vec<u8> = this.arrived.drain(..count).collect();
                buffer.put_slice(&taken);
                return Poll::Ready(Ok(()));
            }
            *locked(&this.link.shared.reader) = Some(context.waker().clone());
            let Some(due) = due else {
                return Poll::Pending;
            };
            this.timer.as_mut().reset(due);
            if this.timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl AsyncWrite for LinkLine {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.link.peer().hear(Instant::now(), octets);
        self.link.wake();
        Poll::Ready(Ok(octets.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Line for LinkLine {
    async fn set(&mut self, _settings: LineSettings) -> Result<(), LineFault> {
        Ok(())
    }

    async fn quiet_until(&mut self, until: Instant) {
        sleep_until(until).await;
    }
}
