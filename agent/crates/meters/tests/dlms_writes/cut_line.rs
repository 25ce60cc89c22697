//! A line that is cut at an exchange of the test's choice.

use line::{Line, LineFault, LineSettings};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// What is lost at the cut; behind it everything is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The meter never hears the request.
    Request,
    /// The meter does as it was told, and its answer is lost.
    Answer,
}

#[derive(Debug, Default)]
struct State {
    /// Exchanges since it was mended.
    exchanges: usize,
    is_asking: bool,
    cut: Option<(usize, Lost)>,
    /// Whether the port is gone then, as a plug that is pulled; else there is silence.
    is_loud: bool,
}

impl State {
    /// Whether what is written now reaches the meter.
    fn carries_request(&self) -> bool {
        match self.cut {
            Some((at, Lost::Request)) => self.exchanges < at,
            Some((at, Lost::Answer)) => self.exchanges <= at,
            None => true,
        }
    }

    fn carries_answer(&self) -> bool {
        self.cut.is_none_or(|(at, _)| self.exchanges < at)
    }
}

/// The hand at the cable.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cutter(Arc<Mutex<State>>);

impl Cutter {
    /// From now on: whole again, or cut at this exchange, counted from 1.
    pub(crate) fn mend(&self, cut: Option<(usize, Lost)>) {
        let mut state = self.0.lock().unwrap();
        let is_loud = state.is_loud;
        *state = State {
            cut,
            is_loud,
            ..State::default()
        };
    }

    /// From now on the port is gone behind a cut, or there is silence.
    pub(crate) fn be_loud(&self, is_loud: bool) {
        self.0.lock().unwrap().is_loud = is_loud;
    }

    pub(crate) fn is_loud(&self) -> bool {
        self.0.lock().unwrap().is_loud
    }

    /// Exchanges since it was mended.
    pub(crate) fn exchanges(&self) -> usize {
        self.0.lock().unwrap().exchanges
    }
}

/// One end of a line with such a hand at its cable.
#[derive(Debug)]
pub(crate) struct CutLine<L> {
    pub(crate) line: L,
    pub(crate) cutter: Cutter,
}

impl<L: AsyncRead + Unpin> AsyncRead for CutLine<L> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let before = buffer.filled().len();
            let is_gone = {
                let state = self.cutter.0.lock().unwrap();
                !state.carries_answer() && state.is_loud && !state.carries_request()
            };
            if is_gone {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            ready!(Pin::new(&mut self.line).poll_read(cx, buffer))?;
            let mut state = self.cutter.0.lock().unwrap();
            if state.carries_answer() {
                state.is_asking = false;
                return Poll::Ready(Ok(()));
            }
            if buffer.filled().len() == before {
                return Poll::Ready(Ok(()));
            }
            buffer.set_filled(before);
            if state.is_loud {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
        }
    }
}

impl<L: AsyncWrite + Unpin> AsyncWrite for CutLine<L> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let is_carried = {
            let mut state = self.cutter.0.lock().unwrap();
            if !state.is_asking {
                state.is_asking = true;
                state.exchanges += 1;
            }
            state.carries_request()
        };
        if is_carried {
            Pin::new(&mut self.line).poll_write(cx, octets)
        } else {
            Poll::Ready(Ok(octets.len()))
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line).poll_shutdown(cx)
    }
}

impl<L: Line> Line for CutLine<L> {
    async fn set(&mut self, settings: LineSettings) -> Result<(), LineFault> {
        self.line.set(settings).await
    }

    async fn quiet_until(&mut self, until: Instant) {
        self.line.quiet_until(until).await;
    }

    fn late_by(&self) -> Duration {
        self.line.late_by()
    }
}
