//! Octets to and from a modem or PAD itself, each with a deadline.

use crate::adapters::dialled::CallFault;
use crate::adapters::lead::Circuits;
use crate::limits::CALL_WRITE_WITHIN;
use line::Line;
use std::collections::VecDeque;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Octets taken from the port at once.
const READ_OCTETS: usize = 64;

/// A talk with the modem or PAD itself.
pub(in crate::adapters) struct Talk<'l, L> {
    lead: &'l mut L,
    heard: VecDeque<u8>,
    heard_anything: bool,
}

impl<'l, L: Line + Circuits> Talk<'l, L> {
    pub(in crate::adapters) const fn new(lead: &'l mut L) -> Self {
        Self {
            lead,
            heard: VecDeque::new(),
            heard_anything: false,
        }
    }

    /// Sends all of it.
    pub(in crate::adapters) async fn send(&mut self, octets: &[u8]) -> Result<(), CallFault> {
        let written = timeout(CALL_WRITE_WITHIN, self.lead.write_all(octets)).await;
        Ok(written.map_err(io::Error::from)??)
    }

    /// The next octet; nothing if none comes until then.
    pub(in crate::adapters) async fn octet(
        &mut self,
        until: Instant,
    ) -> Result<Option<u8>, CallFault> {
        if self.heard.is_empty() {
            let mut octets = [0; READ_OCTETS];
            let Ok(read) = timeout_at(until, self.lead.read(&mut octets)).await else {
                return Ok(None);
            };
            let octets = octets.get(..read?).unwrap_or_default();
            if octets.is_empty() {
                // A port that was unplugged reads as nothing, again and again.
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            self.heard_anything = true;
            self.heard.extend(octets);
        }
        Ok(self.heard.pop_front())
    }

    /// Lets time pass and drops what comes meanwhile.
    pub(in crate::adapters) async fn rest(&mut self, time: Duration) -> Result<(), CallFault> {
        let until = Instant::now() + time;
        while self.octet(until).await?.is_some() {
            self.heard.clear();
            if Instant::now() >= until {
                break;
            }
        }
        Ok(())
    }

    /// Drops DTR for a while; false where there is none.
    pub(in crate::adapters) async fn pulse_dtr(
        &mut self,
        low: Duration,
    ) -> Result<bool, CallFault> {
        if self.lead.set_dtr(false).is_err() {
            return Ok(false);
        }
        self.rest(low).await?;
        Ok(self.lead.set_dtr(true).is_ok())
    }

    /// Makes sure that DTR is on, where there is one.
    pub(in crate::adapters) fn raise_dtr(&mut self) {
        if let Err(why) = self.lead.set_dtr(true) {
            log::debug!(why:%; "DTR not raised");
        }
    }

    /// Sends a break; false where there is none.
    pub(in crate::adapters) async fn send_break(&mut self, long: Duration) -> bool {
        let begun = self.lead.set_break(true).is_ok();
        if begun {
            sleep(long).await;
        }
        begun && self.lead.set_break(false).is_ok()
    }

    /// Something came since the talk began.
    pub(in crate::adapters) const fn heard_anything(&self) -> bool {
        self.heard_anything
    }

    /// What was read and not yet looked at.
    pub(in crate::adapters) fn into_heard(self) -> VecDeque<u8> {
        self.heard
    }
}
