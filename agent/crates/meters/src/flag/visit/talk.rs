//! A session and the limits of a visit: every exchange goes through here.

use super::stop::Stop;
use iec62056_21::conversation::{Answered, LogOn, Session, SessionFault};
use crate::flag::limits::{EXCHANGE_TIME_FIRST, SIGN_OFF_TIME};
use iec62056_21::codec::{Form, Refusal};
use line::Line;
use std::ops::ControlFlow;
use std::time::Duration;
use tokio::time::Instant;

/// Whether a visit is to end at the next step.
pub type Cancelled<'a> = &'a (dyn Fn() -> bool + Send + Sync);

/// What a meter said to one request.
pub(super) enum Reply<T> {
    /// What was asked for.
    Given(T),
    /// It will not.
    Refused(Refusal),
}

/// A session within a visit.
pub(super) struct Talk<'l, 'v, L> {
    session: Session<'l, L>,
    cancelled: Cancelled<'v>,
    /// What an exchange needs here, as it was seen so far; a longer one counts at once.
    usual: Option<Duration>,
    /// Octets of data that were read.
    pub(super) octets: u64,
    pub(super) exchanges: u64,
}

impl<'l, 'v, L: Line> Talk<'l, 'v, L> {
    pub(super) fn new(session: Session<'l, L>, cancelled: Cancelled<'v>) -> Self {
        Self {
            session,
            cancelled,
            usual: None,
            octets: 0,
            exchanges: 0,
        }
    }

    pub(super) fn session(&self) -> &Session<'l, L> {
        &self.session
    }

    pub(super) fn into_session(self) -> Session<'l, L> {
        self.session
    }

    /// Whether another exchange fits into the time that the line may be held, and is wanted.
    pub(super) fn go_on(&self) -> Result<(), Stop> {
        self.go_on_for(self.usual.unwrap_or(EXCHANGE_TIME_FIRST))
    }

    /// The same for something that takes so long.
    pub(super) fn go_on_for(&self, takes: Duration) -> Result<(), Stop> {
        if (self.cancelled)() {
            Err(Stop::Cancelled)
        } else if self.time_left() < takes {
            Err(Stop::OutOfTime)
        } else {
            Ok(())
        }
    }

    /// How long the line may still be held, the sign-off taken away.
    pub(super) fn time_left(&self) -> Duration {
        self.session.left().saturating_sub(SIGN_OFF_TIME)
    }

    pub(super) async fn log_on(&mut self, log_on: &LogOn) -> Result<(), Stop> {
        let done = self.session.log_on(log_on).await;
        done.map_err(Stop::Fault)
    }

    pub(super) async fn read(
        &mut self,
        identity: u16,
        packet: u16,
        octets: u8,
    ) -> Result<Reply<Answered>, Stop> {
        self.go_on()?;
        let began = Instant::now();
        let answered = self.session.read_packet(identity, packet, octets).await;
        self.note(began);
        let reply = reply(answered)?;
        if let Reply::Given(answered) = &reply {
            self.count(answered.data.len());
        }
        Ok(reply)
    }

    pub(super) async fn write(
        &mut self,
        identity: u16,
        packet: u16,
        data: &[u8],
    ) -> Result<Reply<()>, Stop> {
        self.go_on()?;
        let began = Instant::now();
        let done = self.session.write_packet(identity, packet, data).await;
        self.note(began);
        reply(done)
    }

    /// Reads blocks of a data stream; `take` breaks it off.
    pub(super) async fn stream(
        &mut self,
        identity: u16,
        first_packet: u16,
        blocks: u16,
        take: &mut (dyn FnMut(u16, &[u8]) -> ControlFlow<()> + Send),
    ) -> Result<Reply<()>, Stop> {
        self.exchanges += 1;
        let mut octets = 0;
        let mut counted = |number: u16, data: &[u8]| {
            octets += data.len();
            take(number, data)
        };
        let done = self
            .session
            .read_stream(identity, first_packet, blocks, &mut counted)
            .await;
        self.count(octets);
        reply(done)
    }

    pub(super) async fn read_set(
        &mut self,
        form: Form,
        address: &str,
        value: &str,
    ) -> Result<Reply<String>, Stop> {
        self.go_on()?;
        let began = Instant::now();
        let text = self.session.read_set(form, address, value).await;
        self.note(began);
        let reply = reply(text)?;
        if let Reply::Given(text) = &reply {
            self.count(text.len());
        }
        Ok(reply)
    }

    fn note(&mut self, began: Instant) {
        self.exchanges += 1;
        let took = began.elapsed();
        self.usual = Some(match self.usual {
            Some(usual) if usual > took => (usual * 7 + took) / 8,
            _ => took,
        });
    }

    fn count(&mut self, octets: usize) {
        let octets = u64::try_from(octets).unwrap_or(u64::MAX);
        self.octets = self.octets.saturating_add(octets);
    }
}

fn reply<T>(said: Result<T, SessionFault>) -> Result<Reply<T>, Stop> {
    match said {
        Ok(given) => Ok(Reply::Given(given)),
        Err(SessionFault::Refused { refusal, .. }) => Ok(Reply::Refused(refusal)),
        Err(SessionFault::TimeUp { .. }) => Err(Stop::OutOfTime),
        Err(fault) => Err(Stop::Fault(fault)),
    }
}
