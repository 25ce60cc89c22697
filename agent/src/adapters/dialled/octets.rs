//! Octets to and from the meter while a call stands.

use super::{CallFault, Dialled, State};
use crate::adapters::lead::Circuits;
use line::{Line, LineFault, LineSettings};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// Octets that belong to nobody are dropped in pieces of this size.
const DROPPED_OCTETS: usize = 64;

impl<L: Line + Circuits> Dialled<L> {
    /// Without a call: what comes belongs to nobody, but a port that vanishes is noticed.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut octets = [0; DROPPED_OCTETS];
        loop {
            let mut dropped = ReadBuf::new(&mut octets);
            ready!(Pin::new(&mut self.lead).poll_read(cx, &mut dropped))?;
            if dropped.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// One look at the lead, for octets of the meter.
    fn poll_call(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let State::Call(call) = &mut self.state else {
                return self.poll_idle(cx);
            };
            if call.ends.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(self.lose(CallFault::TooLong, State::Unsure)));
            }
            let before = buf.filled().len();
            if call.early.is_empty() {
                if let Poll::Ready(read) = Pin::new(&mut self.lead).poll_read(cx, buf) {
                    read?;
                    if buf.filled().len() == before {
                        return Poll::Ready(Ok(()));
                    }
                } else {
                    ready!(
                        call.quiet
                            .as_mut()
                            .map_or(Poll::Pending, |quiet| quiet.as_mut().poll(cx))
                    );
                    return Poll::Ready(Err(self.lose(CallFault::Lost, State::Idle)));
                }
            } else {
                let count = call.early.len().min(buf.remaining());
                let early: Vec<u8> = call.early.drain(..count).collect();
                buf.put_slice(&early);
            }
            call.hear(buf, before);
            if buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

fn not_connected() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, CallFault::NotConnected)
}

impl<L: Line + Circuits> Line for Dialled<L> {
    /// The line at the meter is set by whoever set up the modem there.
    async fn set(&mut self, _settings: LineSettings) -> Result<(), LineFault> {
        Ok(())
    }

    async fn quiet_until(&mut self, until: Instant) {
        self.lead.quiet_until(until).await;
    }

    fn late_by(&self) -> Duration {
        self.lead.late_by()
    }
}

impl<L: Line + Circuits> AsyncRead for Dialled<L> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_mut().poll_call(cx, buf)
    }
}

impl<L: Line + Circuits> AsyncWrite for Dialled<L> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let State::Call(call) = &this.state else {
            return Poll::Ready(Err(not_connected()));
        };
        if call.carrier_shows && this.lead.carrier().is_ok_and(|on| !on) {
            return Poll::Ready(Err(this.lose(CallFault::Lost, State::Unsure)));
        }
        let plain = octets.iter().take_while(|octet| !this.doubled(**octet));
        let plain = plain.count();
        if plain > 0 {
            let octets = octets.get(..plain).unwrap_or_default();
            return Pin::new(&mut this.lead).poll_write(cx, octets);
        }
        let first = octets.get(..1).unwrap_or_default();
        let State::Call(call) = &mut this.state else {
            return Poll::Ready(Err(not_connected()));
        };
        if !call.half_sent && !first.is_empty() {
            let wrote = ready!(Pin::new(&mut this.lead).poll_write(cx, first))?;
            call.half_sent = wrote > 0;
        }
        let wrote = ready!(Pin::new(&mut this.lead).poll_write(cx, first))?;
        call.half_sent = false;
        Poll::Ready(Ok(wrote))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().lead).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().lead).poll_shutdown(cx)
    }
}
