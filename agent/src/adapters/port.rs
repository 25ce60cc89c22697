//! A line of the world: a serial port, or a TCP connection to a serial server or meter.

use super::serial_driver;
use crate::config::{LinkSettings, SerialSettings};
use line::{DataBits, Line, LineFault, LineSettings, Parity, PreciseTimer, StopBits};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_serial::{SerialPort, SerialPortBuilderExt, SerialStream};

/// A serial server that does not accept within this is treated as gone.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// Octets both ways.
pub trait Octets: AsyncRead + AsyncWrite + Unpin + Send + Sync + std::fmt::Debug {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync + std::fmt::Debug> Octets for T {}

/// Opens lines that are not of this world: those of a simulation.
pub type OpenPort = dyn Fn(&LinkSettings) -> io::Result<Box<dyn Octets>> + Send + Sync;

/// An open line.
#[derive(Debug)]
pub enum Port {
    /// A serial port of this box, and what times its silence.
    Serial(SerialStream, PreciseTimer),
    /// A connection to a serial server or a Modbus TCP host.
    Tcp(TcpStream),
    /// A line of a simulation, which lives by the runtime's clock.
    Simulated(Box<dyn Octets>),
}

impl Port {
    /// Opens the line; remarks of its driver are for the log.
    pub async fn open(link: &LinkSettings) -> io::Result<(Self, Vec<String>)> {
        match link {
            LinkSettings::Serial(settings) => {
                let (port, remarks) = open_serial(settings)?;
                Ok((Self::Serial(port, PreciseTimer::new()), remarks))
            }
            LinkSettings::RtuOverTcp { address, .. } | LinkSettings::ModbusTcp { address } => {
                let stream = timeout(CONNECT_WITHIN, TcpStream::connect(address)).await??;
                stream.set_nodelay(true)?;
                Ok((Self::Tcp(stream), Vec::new()))
            }
        }
    }
}

fn open_serial(settings: &SerialSettings) -> io::Result<(SerialStream, Vec<String>)> {
    let path = settings.device.to_string_lossy();
    let port = tokio_serial::new(path, settings.line.baud)
        .data_bits(data_bits(settings.line.data_bits))
        .parity(parity(settings.line.parity))
        .stop_bits(stop_bits(settings.line.stop_bits))
        .exclusive(true)
        .open_native_async()?;
    let remarks = serial_driver::prepare(&port, settings.rs485)?;
    Ok((port, remarks))
}

fn data_bits(bits: DataBits) -> tokio_serial::DataBits {
    match bits {
        DataBits::Seven => tokio_serial::DataBits::Seven,
        DataBits::Eight => tokio_serial::DataBits::Eight,
    }
}

fn parity(parity: Parity) -> tokio_serial::Parity {
    match parity {
        Parity::None => tokio_serial::Parity::None,
        Parity::Even => tokio_serial::Parity::Even,
        Parity::Odd => tokio_serial::Parity::Odd,
    }
}

fn stop_bits(bits: StopBits) -> tokio_serial::StopBits {
    match bits {
        StopBits::One => tokio_serial::StopBits::One,
        StopBits::Two => tokio_serial::StopBits::Two,
    }
}

impl Line for Port {
    async fn set(&mut self, settings: LineSettings) -> Result<(), LineFault> {
        let Self::Serial(port, _) = self else {
            return Ok(());
        };
        // tcdrain blocks until the last byte has left: 290 ms for eight bytes at 300 baud. Other
        // lines share this thread.
        let handle = serial_driver::duplicate(port)?;
        tokio::task::spawn_blocking(move || rustix::termios::tcdrain(&handle))
            .await
            .map_err(io::Error::other)?
            .map_err(io::Error::from)?;
        let set = |port: &mut SerialStream| -> tokio_serial::Result<()> {
            port.set_baud_rate(settings.baud)?;
            port.set_data_bits(data_bits(settings.data_bits))?;
            port.set_parity(parity(settings.parity))?;
            port.set_stop_bits(stop_bits(settings.stop_bits))
        };
        set(port).map_err(|error| LineFault::from(io::Error::from(error)))
    }

    async fn quiet_until(&mut self, until: Instant) {
        match self {
            Self::Serial(_, timer) => timer.wait_until(until).await,
            Self::Tcp(_) | Self::Simulated(_) => sleep_until(until).await,
        }
    }

    fn late_by(&self) -> Duration {
        match self {
            Self::Serial(_, timer) => timer.late_by(),
            Self::Tcp(_) | Self::Simulated(_) => line::RUNTIME_LATE_BY,
        }
    }
}

impl AsyncRead for Port {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Serial(port, _) => Pin::new(port).poll_read(cx, buf),
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Simulated(line) => Pin::new(line).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Port {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Serial(port, _) => Pin::new(port).poll_write(cx, bytes),
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Simulated(line) => Pin::new(line).poll_write(cx, bytes),
        }
    }

    /// Never drains: that would block this thread, and every other line with it.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Serial(..) => Poll::Ready(Ok(())),
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Simulated(line) => Pin::new(line).poll_shutdown(cx),
        }
    }
}
