//! What is plugged in: a serial port, or a TCP connection to a serial server or meter.

use super::serial_driver;
use crate::config::Rs485;
use crate::limits::CONNECT_WITHIN;
use line::{DataBits, Line, LineFault, LineSettings, Parity, PreciseTimer, StopBits};
use rustix::fs::OFlags;
use std::fmt;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_serial::{SerialPort, SerialPortBuilderExt, SerialStream};

/// Octets both ways.
pub trait Octets: AsyncRead + AsyncWrite + Unpin + Send + Sync + fmt::Debug {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync + fmt::Debug> Octets for T {}

/// The wires of a serial port beside those that carry octets (ITU-T V.24).
pub trait Circuits {
    /// Turns DTR (circuit 108) on or off.
    fn set_dtr(&mut self, on: bool) -> io::Result<()>;

    /// Turns RTS (circuit 105) on or off.
    fn set_rts(&mut self, on: bool) -> io::Result<()>;

    /// Begins or ends a break.
    fn set_break(&mut self, on: bool) -> io::Result<()>;

    /// Whether a modem says that it hears the other one (circuit 109).
    fn carrier(&mut self) -> io::Result<bool>;
}

/// What is asked of the circuits of a simulated line; the answer is the carrier's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Circuit {
    /// DTR is turned on or off.
    Dtr(bool),
    /// RTS is turned on or off.
    Rts(bool),
    /// A break begins or ends.
    Break(bool),
    /// The carrier is asked for.
    Carrier,
}

/// A line of a simulation, which lives by the runtime's clock.
pub struct Simulated {
    octets: Box<dyn Octets>,
    circuits: Option<Box<dyn FnMut(Circuit) -> bool + Send + Sync>>,
    sets: Option<Box<dyn FnMut(LineSettings) -> Setting + Send + Sync>>,
}

/// A simulated port that is being set, when its last octet has left.
pub type Setting = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Simulated {
    /// A line without circuits.
    pub fn new(octets: Box<dyn Octets>) -> Self {
        Self {
            octets,
            circuits: None,
            sets: None,
        }
    }

    /// A line with circuits; what they do is up to `circuits`.
    pub fn with_circuits(
        octets: Box<dyn Octets>,
        circuits: impl FnMut(Circuit) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            octets,
            circuits: Some(Box::new(circuits)),
            sets: None,
        }
    }

    /// The same line, at which it matters how the port is set.
    pub fn with_settings(
        mut self,
        sets: impl FnMut(LineSettings) -> Setting + Send + Sync + 'static,
    ) -> Self {
        self.sets = Some(Box::new(sets));
        self
    }

    fn ask(&mut self, circuit: Circuit) -> io::Result<bool> {
        let circuits = self.circuits.as_mut();
        circuits.map_or_else(no_circuits, |circuits| Ok(circuits(circuit)))
    }
}

impl fmt::Debug for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Simulated").field(&self.octets).finish()
    }
}

fn no_circuits<T>() -> io::Result<T> {
    let text = "this line has no DTR, RTS, carrier or break";
    Err(io::Error::new(io::ErrorKind::Unsupported, text))
}

/// An open serial port, connection, or line of a simulation.
#[derive(Debug)]
pub enum Lead {
    /// A serial port of this box, and what times its silence.
    Serial(SerialStream, PreciseTimer),
    /// A connection to a serial server, a PAD or a Modbus TCP host.
    Tcp(TcpStream),
    /// A line of a simulation.
    Simulated(Simulated),
}

impl Lead {
    /// Opens a serial port; remarks of its driver are for the log.
    pub(super) fn serial(
        device: &Path,
        line: LineSettings,
        rs485: Rs485,
    ) -> io::Result<(Self, Vec<String>)> {
        let port = tokio_serial::new(device.to_string_lossy(), line.baud)
            .data_bits(data_bits(line.data_bits))
            .parity(parity(line.parity))
            .stop_bits(stop_bits(line.stop_bits))
            .exclusive(true)
            .open_native_async()
            .map_err(|error| why_not_opened(device, error.into()))?;
        let remarks = serial_driver::prepare(&port, rs485)?;
        Ok((Self::Serial(port, PreciseTimer::new()), remarks))
    }

    /// Connects to a TCP port, `host:port`.
    pub(super) async fn tcp(address: &str) -> io::Result<Self> {
        let stream = timeout(CONNECT_WITHIN, TcpStream::connect(address)).await??;
        stream.set_nodelay(true)?;
        Ok(Self::Tcp(stream))
    }

    /// Lets the kernel drop DTR when the port is closed, even by the end of this process: a modem
    /// then ends its call.
    pub(super) fn drop_dtr_on_close(&self) -> io::Result<()> {
        match self {
            Self::Serial(port, _) => serial_driver::drop_dtr_on_close(port),
            Self::Tcp(_) | Self::Simulated(_) => Ok(()),
        }
    }
}

/// Why a port could not be opened, as the kernel says it: the serial library calls one that is held
/// by somebody else, or may not be opened, one that is not there.
fn why_not_opened(device: &Path, error: io::Error) -> io::Error {
    let flags = OFlags::NOCTTY | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(flags)
        .open(device);
    match opened {
        Err(error) => error,
        // It is there: only its lock could not be had.
        Ok(_) if error.kind() == io::ErrorKind::NotFound => {
            io::Error::new(io::ErrorKind::ResourceBusy, error)
        }
        Ok(_) => error,
    }
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

impl Circuits for Lead {
    fn set_dtr(&mut self, on: bool) -> io::Result<()> {
        match self {
            Self::Serial(port, _) => Ok(port.write_data_terminal_ready(on)?),
            Self::Tcp(_) => no_circuits(),
            Self::Simulated(line) => line.ask(Circuit::Dtr(on)).map(drop),
        }
    }

    fn set_rts(&mut self, on: bool) -> io::Result<()> {
        match self {
            Self::Serial(port, _) => Ok(port.write_request_to_send(on)?),
            Self::Tcp(_) => no_circuits(),
            Self::Simulated(line) => line.ask(Circuit::Rts(on)).map(drop),
        }
    }

    fn set_break(&mut self, on: bool) -> io::Result<()> {
        match self {
            Self::Serial(port, _) if on => Ok(port.set_break()?),
            Self::Serial(port, _) => Ok(port.clear_break()?),
            Self::Tcp(_) => no_circuits(),
            Self::Simulated(line) => line.ask(Circuit::Break(on)).map(drop),
        }
    }

    fn carrier(&mut self) -> io::Result<bool> {
        match self {
            Self::Serial(port, _) => Ok(port.read_carrier_detect()?),
            Self::Tcp(_) => no_circuits(),
            Self::Simulated(line) => line.ask(Circuit::Carrier),
        }
    }
}

impl Line for Lead {
    async fn set(&mut self, settings: LineSettings) -> Result<(), LineFault> {
        let port = match self {
            Self::Serial(port, _) => port,
            Self::Simulated(line) => {
                if let Some(sets) = &mut line.sets {
                    sets(settings).await;
                }
                return Ok(());
            }
            Self::Tcp(_) => return Ok(()),
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

impl AsyncRead for Lead {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Serial(port, _) => Pin::new(port).poll_read(cx, buf),
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Simulated(line) => Pin::new(&mut line.octets).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Lead {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Serial(port, _) => Pin::new(port).poll_write(cx, bytes),
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Simulated(line) => Pin::new(&mut line.octets).poll_write(cx, bytes),
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
            Self::Simulated(line) => Pin::new(&mut line.octets).poll_shutdown(cx),
        }
    }
}
