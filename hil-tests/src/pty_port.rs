//! A serial port for tests of the parts: what the daemon's own adapter is for the daemon.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use line::{Line, LineFault, LineSettings, PreciseTimer};
use rustix::fs::OFlags;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::time::Instant;

/// An open port, raw and at the speed of its line.
#[derive(Debug)]
pub struct PtyPort {
    reader: Receiver,
    writer: Sender,
    timer: PreciseTimer,
}

impl PtyPort {
    /// Opens it; call this within a runtime.
    pub fn open(path: &Path, baud: u32) -> io::Result<Self> {
        let flags = (OFlags::NOCTTY | OFlags::NONBLOCK).bits();
        let flags = i32::try_from(flags).map_err(io::Error::other)?;
        let port = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(path)?;
        let mut settings = tcgetattr(&port)?;
        settings.make_raw();
        settings.set_speed(baud)?;
        tcsetattr(&port, OptionalActions::Now, &settings)?;
        // A terminal waits for readiness exactly as a pipe does.
        let reader = Receiver::from_file_unchecked(port.try_clone()?)?;
        let writer = Sender::from_file_unchecked(port)?;
        Ok(Self {
            reader,
            writer,
            timer: PreciseTimer::new(),
        })
    }
}

impl Line for PtyPort {
    async fn set(&mut self, _settings: LineSettings) -> Result<(), LineFault> {
        Ok(())
    }

    async fn quiet_until(&mut self, until: Instant) {
        self.timer.wait_until(until).await;
    }

    fn late_by(&self) -> Duration {
        self.timer.late_by()
    }
}

impl AsyncRead for PtyPort {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().reader).poll_read(cx, buffer)
    }
}

impl AsyncWrite for PtyPort {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().writer).poll_write(cx, octets)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
