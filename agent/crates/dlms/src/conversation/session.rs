//! An association: one conversation with a meter.

use std::fmt;
use std::time::Duration;

use line::{GuardedLine, Line};
use tokio::time::Instant;

use super::fault::{SessionFault, Step};
use super::link::Link;
use super::opening;
use super::terms::Terms;
use crate::codec::{Conformance, InvokeId, Request, Response, Tag, acse};
use crate::limits::APDU_OCTETS_MAX;
use crate::security::{
    Channel, CounterKeeper, CounterRefusal, Counters, SystemTitle, is_protected,
};

/// An association, which owns the line until it is closed.
///
/// If it is dropped, whoever uses the line next first says good-bye to the meter.
pub struct Session<'l, L, K> {
    pub(super) link: Link<'l, L>,
    pub(super) keeper: &'l mut K,
    pub(super) counters: Counters,
    /// Present if there are keys.
    pub(super) channel: Option<Channel>,
    /// Whether APDUs are ciphered.
    pub(super) is_ciphered: bool,
    pub(super) conformance: Conformance,
    /// Octets of the longest APDU that the meter takes.
    pub(super) pdu_octets: usize,
    pub(super) meter_title: Option<SystemTitle>,
    pub(super) began_at: Instant,
    pub(super) hold_max: Duration,
    pub(super) invoke: u8,
    pub(super) is_over: bool,
}

impl<L, K> fmt::Debug for Session<'_, L, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("is_ciphered", &self.is_ciphered)
            .field("conformance", &self.conformance)
            .field("is_over", &self.is_over)
            .finish_non_exhaustive()
    }
}

/// How a session ended.
#[derive(Debug, Clone)]
pub struct Closed {
    /// How long it had the line.
    pub held: Duration,
    /// Why the meter could not be told. It is tried again before the line is used for anything
    /// else.
    pub fault: Option<SessionFault>,
}

impl<'l, L: Line, K: CounterKeeper> Session<'l, L, K> {
    /// Opens link and association, and proves the key where one is used.
    ///
    /// If it fails, line and meter are as they were before.
    pub async fn open(
        line: &'l mut GuardedLine<L>,
        keeper: &'l mut K,
        terms: &Terms,
    ) -> Result<Self, SessionFault> {
        opening::open(line, keeper, terms).await
    }

    /// What both sides can do.
    pub fn conformance(&self) -> Conformance {
        self.conformance
    }

    /// The system title of the meter, if it has said one. In a ciphered association it is proven.
    pub fn meter_title(&self) -> Option<SystemTitle> {
        self.meter_title
    }

    /// How long the session has had the line.
    pub fn held(&self) -> Duration {
        self.began_at.elapsed()
    }

    /// How long it may still have it.
    pub fn left(&self) -> Duration {
        self.hold_max.saturating_sub(self.held())
    }

    /// Releases the association and closes the link, whatever happened before.
    pub async fn close(mut self) -> Closed {
        let mut fault = None;
        // HDLC ends an association with its link; over TCP it has to be released.
        if !self.is_over && matches!(self.link, Link::Wrapper(_)) {
            let released = self
                .link
                .exchange(Step::Release, &acse::release_request())
                .await;
            fault = match released {
                Ok(answer) if acse::is_release(acse::RLRE, &answer) => None,
                // A meter that releases ciphered alone is left to its connection.
                Ok(_) => None,
                Err(fault) => Some(fault),
            };
        }
        let fault = self.link.close().await.err().or(fault);
        let noted = self.note_heard().await.err();
        Closed {
            held: self.held(),
            fault: fault.or(noted),
        }
    }

    /// Remembers the meter's counter, so that nothing older is believed in another session.
    pub(super) async fn note_heard(&mut self) -> Result<(), SessionFault> {
        if let Some(heard) = self.channel.as_ref().and_then(Channel::heard) {
            self.keeper.note_heard(heard).await?;
        }
        Ok(())
    }

    /// The next invoke id.
    pub(super) fn next_invoke(&mut self) -> InvokeId {
        self.invoke = (self.invoke + 1) & 0x0f;
        InvokeId::new(self.invoke)
    }

    pub(super) async fn next_counter(&mut self, step: Step) -> Result<u32, SessionFault> {
        self.counters
            .next(self.keeper)
            .await
            .map_err(|refusal| match refusal {
                CounterRefusal::Keeper(fault) => fault.into(),
                CounterRefusal::Security(fault) => SessionFault::Security { step, fault },
            })
    }

    /// Sends a request and takes nothing but its answer. Any doubt ends the session.
    pub(super) async fn ask(
        &mut self,
        step: Step,
        request: &Request,
    ) -> Result<Response, SessionFault> {
        if self.is_over {
            return Err(SessionFault::Over);
        }
        let held = self.held();
        if held >= self.hold_max {
            return Err(SessionFault::TimeUp { held });
        }
        // If this is left half-way, the answer may still come.
        self.is_over = true;
        let plain = request.encode();
        let apdu = self.protect(step, &plain).await?;
        if apdu.len() > self.pdu_octets {
            self.is_over = false;
            return Err(SessionFault::TooLong {
                step,
                part: "the request",
                most: self.pdu_octets,
            });
        }
        let answer = self.link.exchange(step, &apdu).await?;
        let plain = self.believe(step, answer)?;
        let response =
            Response::decode(&plain).map_err(|fault| SessionFault::Malformed { step, fault })?;
        if let Response::Exception(exception) = response {
            // The meter has not taken the request: the association is as it was.
            self.is_over = false;
            return Err(SessionFault::Exception { step, exception });
        }
        let is_kind = matches!(
            (request, &response),
            (Request::Get(..), Response::Get(..))
                | (Request::Set(..), Response::Set(..))
                | (Request::Action(..), Response::Action(..))
        );
        let wanted = Some(request.invoke_id().number());
        if !is_kind || response.invoke_id().map(InvokeId::number) != wanted {
            return Err(SessionFault::Unmatched { step });
        }
        self.is_over = false;
        Ok(response)
    }

    async fn protect(&mut self, step: Step, plain: &[u8]) -> Result<Vec<u8>, SessionFault> {
        if !self.is_ciphered {
            return Ok(plain.to_vec());
        }
        let counter = self.next_counter(step).await?;
        let channel = self.channel.as_ref().ok_or(SessionFault::NoKeys)?;
        channel
            .protect(plain, counter)
            .map_err(|fault| SessionFault::Security { step, fault })
    }

    /// The plain answer, if its protection is what was agreed.
    fn believe(&mut self, step: Step, answer: Vec<u8>) -> Result<Vec<u8>, SessionFault> {
        if answer.len() > APDU_OCTETS_MAX {
            return Err(SessionFault::Unmatched { step });
        }
        match (&mut self.channel, self.is_ciphered) {
            (Some(channel), true) => {
                // An exception has no ciphered form of its own; it carries no value.
                if answer.first() == Some(&Tag::EXCEPTION.0) {
                    return Ok(answer);
                }
                let opened = channel.open(&answer);
                opened
                    .map(|(plain, _)| plain)
                    .map_err(|fault| SessionFault::Security { step, fault })
            }
            _ if is_protected(&answer) => Err(SessionFault::Unmatched { step }),
            _ => Ok(answer),
        }
    }

    /// Whether the association has a service.
    pub(super) fn need(
        &self,
        step: Step,
        what: Conformance,
        service: &'static str,
    ) -> Result<(), SessionFault> {
        if self.conformance.has(what) {
            Ok(())
        } else {
            Err(SessionFault::NotAgreed { step, service })
        }
    }
}
