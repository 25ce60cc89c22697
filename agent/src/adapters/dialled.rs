//! A port at which meters are called: a modem or a PAD is on it.
//!
//! Hanging up is the first thing that is done, not the last: whoever uses the port next ends what
//! may stand, whatever ended the conversation before (a fault, a dropped future, the death of the
//! process). Only a port whose modem or PAD has itself said that no call stands is believed idle.

mod farewell;
mod fault;
mod talk;
#[cfg(test)]
pub(super) mod tests;

use super::lead::{Circuits, Lead};
use super::{modem, pad};
use crate::config::{CallSettings, LinkSettings, ModemSettings, Number, PadSettings, Recall};
use crate::limits::FAREWELL_QUIET;
use farewell::Farewell;
use line::{Line, LineFault, LineSettings};
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

pub use fault::{CallFault, CallRemedy};
pub(super) use talk::Talk;

/// A call that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connected {
    /// Bits per second between the two modems, if ours said so.
    pub rate: Option<u32>,
    /// How often was called.
    pub tries: u8,
    /// From the first try on.
    pub took: Duration,
}

/// A port with a modem or PAD on it; a [`Line`] while a call stands.
#[derive(Debug)]
pub struct Dialled<L: Circuits> {
    lead: L,
    dialogue: Dialogue,
    state: State,
}

#[derive(Debug)]
enum Dialogue {
    Modem(ModemSettings),
    Pad(PadSettings),
}

#[derive(Debug)]
enum State {
    /// No call stands: the modem or PAD has said so.
    Idle,
    /// A call may stand.
    Unsure,
    /// Octets reach the meter.
    Call(Call),
}

#[derive(Debug)]
struct Call {
    /// What was heard behind the word that the call stands.
    early: VecDeque<u8>,
    /// The line feed of that word is still to come.
    line_feed_due: bool,
    farewell: Farewell,
    /// Runs while the last octets could be the modem's word that the call has ended.
    quiet: Option<Pin<Box<Sleep>>>,
    ends: Pin<Box<Sleep>>,
    /// The carrier's circuit is wired: it was on when the call began.
    carrier_shows: bool,
    /// The first of two DLE has left.
    half_sent: bool,
}

impl Dialled<Lead> {
    /// The port over its lead, or the lead again if nobody is called over this link.
    pub(super) fn over(link: &LinkSettings, lead: Lead) -> Result<Self, Lead> {
        match link {
            LinkSettings::Modem(settings) => Ok(Self::modem(lead, settings.clone())),
            LinkSettings::Pad(settings) => Ok(Self::pad(lead, settings.clone())),
            _ => Err(lead),
        }
    }
}

impl<L: Line + Circuits> Dialled<L> {
    /// A modem on a port that was just opened: a call of a former life may still stand.
    pub fn modem(lead: L, settings: ModemSettings) -> Self {
        Self::new(lead, Dialogue::Modem(settings))
    }

    /// A PAD on a port that was just opened.
    pub fn pad(lead: L, settings: PadSettings) -> Self {
        Self::new(lead, Dialogue::Pad(settings))
    }

    const fn new(lead: L, dialogue: Dialogue) -> Self {
        Self {
            lead,
            dialogue,
            state: State::Unsure,
        }
    }

    /// Calls a meter, with the tries and pauses of the configuration; first ends what a former
    /// call has left. May be dropped at any time.
    pub async fn connect(&mut self, number: &Number) -> Result<Connected, CallFault> {
        let began = Instant::now();
        let CallSettings {
            retries,
            retry_after,
            ..
        } = *self.calls();
        let mut tries = 1;
        loop {
            match self.call_once(number).await {
                Ok(rate) => {
                    let took = began.elapsed();
                    return Ok(Connected { rate, tries, took });
                }
                Err(fault) if fault.remedy() != CallRemedy::Redial || tries > retries => {
                    return Err(fault);
                }
                Err(fault) => log::debug!(fault:%, tries; "called in vain"),
            }
            tries += 1;
            sleep(retry_after).await;
        }
    }

    /// One try.
    async fn call_once(&mut self, number: &Number) -> Result<Option<u32>, CallFault> {
        self.hang_up().await?;
        self.state = State::Unsure;
        let mut talk = Talk::new(&mut self.lead);
        let called = match &self.dialogue {
            Dialogue::Modem(settings) => modem::call(&mut talk, settings, number).await,
            Dialogue::Pad(settings) => pad::call(&mut talk, settings, number).await,
        };
        let early = talk.into_heard();
        match called {
            Ok(standing) => {
                self.state = State::Call(self.begin(early, standing.line_feed_due));
                Ok(standing.rate)
            }
            Err(fault) => {
                if fault.leaves_no_call() {
                    self.state = State::Idle;
                }
                Err(fault)
            }
        }
    }

    fn begin(&mut self, early: VecDeque<u8>, line_feed_due: bool) -> Call {
        Call {
            early,
            line_feed_due,
            farewell: match &self.dialogue {
                Dialogue::Modem(_) => Farewell::modem(),
                Dialogue::Pad(pad) => Farewell::pad(&pad.prompt),
            },
            quiet: None,
            ends: Box::pin(sleep_until(Instant::now() + self.calls().call_max)),
            carrier_shows: self.lead.carrier().is_ok_and(|on| on),
            half_sent: false,
        }
    }

    /// Ends the call, if one may stand. May be dropped at any time: the next use of the port
    /// begins again with it.
    pub async fn hang_up(&mut self) -> Result<(), CallFault> {
        if matches!(self.state, State::Idle) {
            return Ok(());
        }
        self.state = State::Unsure;
        let mut talk = Talk::new(&mut self.lead);
        match &self.dialogue {
            Dialogue::Modem(settings) => modem::hang_up(&mut talk, settings).await?,
            Dialogue::Pad(settings) => pad::hang_up(&mut talk, settings).await?,
        }
        self.state = State::Idle;
        Ok(())
    }

    /// Octets reach the meter.
    pub const fn is_connected(&self) -> bool {
        matches!(self.state, State::Call(_))
    }

    pub(super) const fn lead(&mut self) -> &mut L {
        &mut self.lead
    }

    const fn calls(&self) -> &CallSettings {
        match &self.dialogue {
            Dialogue::Modem(settings) => &settings.calls,
            Dialogue::Pad(settings) => &settings.calls,
        }
    }

    /// The octet that must be sent twice so that the PAD takes it for one of the conversation.
    fn doubled(&self, octet: u8) -> bool {
        let recalled_by_dle =
            matches!(&self.dialogue, Dialogue::Pad(pad) if pad.recall == Recall::Dle);
        recalled_by_dle && octet & 0x7f == pad::DLE
    }

    /// The call is over, as the modem or PAD has said or shown.
    fn lose(&mut self, fault: CallFault, state: State) -> io::Error {
        self.state = state;
        io::Error::new(io::ErrorKind::ConnectionAborted, fault)
    }
}

/// The last resort when the port is dropped with a call: DTR falls, and stays low when the kernel
/// closes the port.
impl<L: Circuits> Drop for Dialled<L> {
    fn drop(&mut self) {
        if !matches!(self.state, State::Idle)
            && let Err(why) = self.lead.set_dtr(false)
        {
            log::debug!(why:%; "DTR not dropped with the port");
        }
    }
}

impl<L: Line + Circuits> Dialled<L> {
    /// One look at the lead, for octets of the meter.
    fn poll_call(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let State::Call(call) = &mut self.state else {
                return Poll::Ready(Err(not_connected()));
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

impl Call {
    /// Takes the line feed of the modem's own word out of what came, and looks for its last word.
    fn hear(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        if std::mem::take(&mut self.line_feed_due) {
            let came = buf.filled().get(before..).unwrap_or_default();
            if let [b'\n' | 0x8a, meters @ ..] = came {
                let meters = meters.to_vec();
                buf.set_filled(before);
                buf.put_slice(&meters);
            }
        }
        let came = buf.filled().get(before..).unwrap_or_default();
        self.farewell.hear(came);
        self.quiet = self
            .farewell
            .is_said()
            .then(|| Box::pin(sleep(FAREWELL_QUIET)));
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

/// What the modem or PAD said when the call stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) rate: Option<u32>,
    /// The word ends with a line feed that was not read yet.
    pub(super) line_feed_due: bool,
}
