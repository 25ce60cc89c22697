//! A line of the world, as the configuration names it.

use super::dialled::{CallFault, Connected, Dialled};
use super::lead::{Circuits, Lead, Octets, Simulated};
use crate::config::{LinkSettings, Number, OpticalSettings, PadPlace, Rs485};
use line::{Line, LineFault, LineSettings};
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// Opens lines that are not of this world: those of a simulation.
pub type OpenPort = dyn Fn(&LinkSettings) -> io::Result<Simulated> + Send + Sync;

/// An open line.
#[derive(Debug)]
pub enum Port {
    /// Its meters are at the end of the lead.
    Direct(Lead),
    /// Its meters are called first; it carries octets while a call stands.
    Dialled(Box<Dialled<Lead>>),
}

impl Port {
    /// Opens the line; remarks of its driver are for the log. Calls nobody.
    pub async fn open(link: &LinkSettings) -> io::Result<(Self, Vec<String>)> {
        let (lead, remarks) = match link {
            LinkSettings::Serial(serial) => {
                Lead::serial(&serial.device, serial.line, serial.rs485)?
            }
            LinkSettings::Optical(optical) => optical_head(optical)?,
            LinkSettings::Modem(modem) => dialled_port(&modem.device, modem.line)?,
            LinkSettings::Pad(pad) => match &pad.place {
                PadPlace::Device(device) => dialled_port(device, pad.line)?,
                PadPlace::Address(address) => (Lead::tcp(address).await?, Vec::new()),
            },
            LinkSettings::RtuOverTcp { address, .. }
            | LinkSettings::SerialServer { address, .. }
            | LinkSettings::ModbusTcp { address } => (Lead::tcp(address).await?, Vec::new()),
        };
        Ok((Self::over(link, lead), remarks))
    }

    /// A line of a simulation, for the same link.
    pub fn simulated(link: &LinkSettings, line: Simulated) -> Self {
        let mut lead = Lead::Simulated(line);
        if let LinkSettings::Optical(optical) = link {
            drop(feed(&mut lead, optical));
        }
        Self::over(link, lead)
    }

    fn over(link: &LinkSettings, lead: Lead) -> Self {
        match Dialled::over(link, lead) {
            Ok(dialled) => Self::Dialled(Box::new(dialled)),
            Err(lead) => Self::Direct(lead),
        }
    }

    /// Turns DTR on or off; an error where there is none, as behind TCP and on a pty.
    pub fn set_dtr(&mut self, on: bool) -> io::Result<()> {
        self.lead().set_dtr(on)
    }

    /// Turns RTS on or off; an error where there is none.
    pub fn set_rts(&mut self, on: bool) -> io::Result<()> {
        self.lead().set_rts(on)
    }

    /// Whether there are circuits beside those of the octets: none behind TCP and on a pty.
    pub fn has_circuits(&mut self) -> bool {
        self.lead().carrier().is_ok()
    }

    /// Calls a meter, with the tries and pauses of the configuration. What a former call has left
    /// is ended first. May be dropped at any time: the next use of the port hangs up.
    pub async fn connect(&mut self, number: &Number) -> Result<Connected, CallFault> {
        match self {
            Self::Direct(_) => Err(CallFault::NotDialled),
            Self::Dialled(dialled) => dialled.connect(number).await,
        }
    }

    /// Ends the call, if one may stand. Does nothing on a line without calls. May be dropped at
    /// any time: the next use of the port begins again with it.
    pub async fn hang_up(&mut self) -> Result<(), CallFault> {
        match self {
            Self::Direct(_) => Ok(()),
            Self::Dialled(dialled) => dialled.hang_up().await,
        }
    }

    /// Ends the call, if one may stand, and the port with it.
    pub async fn close(mut self) -> Result<(), CallFault> {
        self.hang_up().await
    }

    /// Whether octets reach a meter: always without calls, else while a call stands.
    pub fn is_connected(&self) -> bool {
        match self {
            Self::Direct(_) => true,
            Self::Dialled(dialled) => dialled.is_connected(),
        }
    }

    fn lead(&mut self) -> &mut Lead {
        match self {
            Self::Direct(lead) => lead,
            Self::Dialled(dialled) => dialled.lead(),
        }
    }
}

/// A port whose driver has no DTR (a pty) still carries octets: that is a remark.
fn optical_head(optical: &OpticalSettings) -> io::Result<(Lead, Vec<String>)> {
    let (mut lead, mut remarks) = Lead::serial(&optical.device, optical.line, Rs485::Off)?;
    if let Err(why) = feed(&mut lead, optical) {
        remarks.push(format!(
            "DTR and RTS cannot be switched ({why}); a head that takes its power from them may \
             stay dark"
        ));
    }
    Ok((lead, remarks))
}

fn feed(lead: &mut Lead, optical: &OpticalSettings) -> io::Result<()> {
    lead.set_dtr(optical.dtr.at_first())?;
    lead.set_rts(optical.rts)
}

fn dialled_port(device: &Path, line: LineSettings) -> io::Result<(Lead, Vec<String>)> {
    let (lead, mut remarks) = Lead::serial(device, line, Rs485::Off)?;
    if let Err(why) = lead.drop_dtr_on_close() {
        remarks.push(format!(
            "DTR may not drop when the port is closed ({why}); a call that this program cannot \
             end any more goes on until the other end drops it"
        ));
    }
    Ok((lead, remarks))
}

impl Line for Port {
    async fn set(&mut self, settings: LineSettings) -> Result<(), LineFault> {
        match self {
            Self::Direct(lead) => lead.set(settings).await,
            // The line at the meter is set by whoever set up the modem there.
            Self::Dialled(_) => Ok(()),
        }
    }

    async fn quiet_until(&mut self, until: Instant) {
        self.lead().quiet_until(until).await;
    }

    fn late_by(&self) -> Duration {
        match self {
            Self::Direct(lead) => lead.late_by(),
            Self::Dialled(dialled) => dialled.late_by(),
        }
    }
}

impl Port {
    fn octets(&mut self) -> Pin<&mut dyn Octets> {
        match self {
            Self::Direct(lead) => Pin::new(lead),
            Self::Dialled(dialled) => Pin::new(dialled.as_mut()),
        }
    }
}

impl AsyncRead for Port {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_mut().octets().poll_read(cx, buf)
    }
}

impl AsyncWrite for Port {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().octets().poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().octets().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().octets().poll_shutdown(cx)
    }
}
