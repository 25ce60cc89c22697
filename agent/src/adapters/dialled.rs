//! A port at which meters are called: a modem or a PAD is on it.
//!
//! Hanging up is the first thing that is done, not the last: whoever uses the port next ends what
//! may stand, whatever ended the conversation before (a fault, a dropped future, the death of the
//! process). Only a port whose modem or PAD has itself said that no call stands is believed idle.

mod call;
mod farewell;
mod fault;
mod octets;
mod talk;
#[cfg(test)]
pub(super) mod tests;

use super::lead::{Circuits, Lead};
use super::{modem, pad};
use crate::config::{CallSettings, LinkSettings, ModemSettings, Number, PadSettings, Recall};
use call::Call;
use farewell::Farewell;
use line::Line;
use std::io;
use std::time::Duration;
use tokio::time::{Instant, sleep};

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
        let shows_none = self.lead.carrier().is_ok_and(|on| !on);
        let mut talk = Talk::new(&mut self.lead);
        let called = match &self.dialogue {
            Dialogue::Modem(settings) => modem::call(&mut talk, settings, number).await,
            Dialogue::Pad(settings) => pad::call(&mut talk, settings, number).await,
        };
        let early = talk.into_heard();
        match called {
            Ok(standing) => {
                let shows = shows_none && self.lead.carrier().is_ok_and(|on| on);
                let ends = Instant::now() + self.calls().call_max;
                let call = Call::new(standing, early, self.farewell(), ends, shows);
                self.state = State::Call(call);
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

    fn farewell(&self) -> Farewell {
        match &self.dialogue {
            Dialogue::Modem(_) => Farewell::modem(),
            Dialogue::Pad(pad) => Farewell::pad(&pad.prompt),
        }
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

/// What the modem or PAD said when the call stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) rate: Option<u32>,
    /// The word ends with a line feed that was not read yet.
    pub(super) line_feed_due: bool,
}
