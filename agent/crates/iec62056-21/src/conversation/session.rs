//! A session: one conversation in programming mode.

use std::time::Duration;

use line::{GuardedLine, Line, LineFault};
use tokio::time::Instant;

use super::fault::{SessionFault, Step};
use super::opening;
use super::terms::Terms;
use super::track::{Mark, Print, Track};
use super::voice::{Asked, Leaving, Said, Until, Voice};
use crate::codec::{Answer, ExpectedAnswer, Frame, Identification, PasswordAnswer, Refusal};
use crate::limits::{DOUBTS_MAX, LAPSE_SUSPECTED_AFTER};

/// One conversation in programming mode, which owns the line until it is closed.
///
/// If it is dropped, whoever uses the line next first sends the sign-off.
#[derive(Debug)]
pub struct Session<'l, L> {
    pub(super) voice: Voice<'l, L>,
    pub(super) terms: Terms,
    identification: Identification,
    /// The value of P0.
    pub(super) operand: String,
    began_at: Instant,
    /// Octets that the line had carried before.
    octets_before: u64,
    pub(super) track: Track,
    pub(super) standing: Standing,
    /// A password was tried.
    pub(super) has_tried: bool,
    /// What is given again before it lapses, and when it was last taken.
    pub(super) proof: Option<(PasswordAnswer, Instant)>,
    /// The meter has said nothing to the last request.
    is_mute: bool,
    has_ended: bool,
}

/// What the meter has taken to prove who asks. Which of its levels that is, the password decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nothing.
    Unknown,
    /// The public level of an Elster meter.
    Public,
    /// A password.
    Proven,
}

/// Data of a meter, proven to belong to their request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// As many octets as were asked for.
    pub data: Vec<u8>,
    /// When the last octet of the request had left; of the first one, if there were several.
    pub left_at: Instant,
    /// When the last octet of the answer was read.
    pub arrived_at: Instant,
}

/// How a session ended.
#[derive(Debug, Clone)]
pub struct Closed {
    /// How long it had the line.
    pub held: Duration,
    /// Why the sign-off could not be sent, or the line not be restored. It is tried again before
    /// the line is used for anything else.
    pub fault: Option<LineFault>,
}

/// A request that may be repeated.
pub(super) struct Inquiry {
    pub(super) step: Step,
    pub(super) request: Frame,
    pub(super) expected: ExpectedAnswer,
    pub(super) mark: Mark,
}

/// What one exchange brought.
pub(super) enum Heard {
    /// Data, with the message they stand in.
    Data(Said),
    Confirmed,
    NotAcknowledged,
    Refused(Refusal),
    /// Nothing that could be understood.
    Missed(SessionFault),
}

impl<'l, L: Line> Session<'l, L> {
    /// Opens a conversation: break, sign-on, identification, option select, operand.
    ///
    /// If it fails, the line is as it was before.
    pub async fn open(line: &'l mut GuardedLine<L>, terms: &Terms) -> Result<Self, SessionFault> {
        let began_at = Instant::now();
        let octets_before = octets(line);
        opening::prepare(line, terms).await?;
        let mut voice = Voice::new(line, terms);
        let opened = match opening::open(&mut voice, terms, terms.purpose).await {
            Ok(opened) => opened,
            Err(fault) => {
                // What it says is less than why the opening failed.
                drop(voice.line.part().await);
                return Err(fault);
            }
        };
        let operand = match opened
            .said
            .as_ref()
            .map(|said| Answer::decode(&said.octets))
        {
            Some(Ok(Answer::Operand(set))) => set.value().to_owned(),
            _ => String::new(),
        };
        Ok(Self {
            voice,
            terms: terms.clone(),
            identification: opened.identification,
            operand,
            began_at,
            octets_before,
            track: Track::default(),
            standing: Standing::Unknown,
            has_tried: false,
            proof: None,
            is_mute: false,
            has_ended: false,
        })
    }

    /// Who the meter says it is.
    pub fn identification(&self) -> &Identification {
        &self.identification
    }

    /// What the meter has taken to prove who asks.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// How long the session has had the line.
    pub fn held(&self) -> Duration {
        self.began_at.elapsed()
    }

    /// How long it may still have it.
    pub fn left(&self) -> Duration {
        self.terms.hold_max.saturating_sub(self.held())
    }

    /// When its time is up.
    pub(super) fn until(&self) -> Until {
        Until {
            at: self.began_at + self.terms.hold_max,
            is_mute: self.is_mute,
        }
    }

    /// When nothing is begun any more. What was begun in time may end, with the probes that tell
    /// one answer from another: reading it in the next session would take as long again. A meter
    /// that has fallen silent does not have that grace.
    fn begins_until(&self) -> Instant {
        let Until { at, is_mute } = self.until();
        if is_mute {
            at
        } else {
            at + self.terms.hold_max / 2
        }
    }

    /// Octets that went over the line for it, both ways.
    pub fn octets(&self) -> u64 {
        octets(self.voice.line).saturating_sub(self.octets_before)
    }

    /// Signs off, whatever happened before, and restores the line.
    pub async fn close(mut self) -> Closed {
        let leaving = if self.track.is_in_step() {
            Leaving::InStep
        } else {
            Leaving::OutOfStep
        };
        self.voice.promise(leaving);
        let fault = self.voice.line.part().await.err();
        Closed {
            held: self.held(),
            fault,
        }
    }

    /// The meter has ended the conversation.
    pub(super) fn end(&mut self) {
        self.has_ended = true;
    }

    /// Whether an exchange may begin: the password is renewed before it lapses, and the meter is
    /// in step.
    pub(super) async fn make_ready(&mut self) -> Result<(), SessionFault> {
        if self.has_ended {
            return Err(SessionFault::SignedOff);
        }
        let held = self.held();
        if held >= self.terms.hold_max {
            return Err(SessionFault::TimeUp { held });
        }
        if !self.track.is_in_step() {
            self.fall_in().await?;
        }
        let due = |(_, given_at): &(_, Instant)| given_at.elapsed() >= self.terms.renew_after;
        if self.proof.as_ref().is_some_and(due) {
            self.renew().await?;
        }
        Ok(())
    }

    /// Asks until there is an answer that can be no other one's.
    pub(super) async fn inquire(&mut self, inquiry: &Inquiry) -> Result<Said, SessionFault> {
        let step = inquiry.step;
        let (mut attempts, mut doubts) = (self.terms.attempts.get(), DOUBTS_MAX);
        let mut doubted = None;
        let mut may_renew = true;
        loop {
            self.make_ready().await?;
            let heard = self.ask_once(inquiry, Duration::ZERO).await?;
            let print = match &heard {
                Heard::Data(said) => Some(Print::of(&said.octets)),
                Heard::Refused(refusal) => Some(Print::of(refusal.text().as_bytes())),
                _ => None,
            };
            if let Some(print) = print {
                if self.track.knows(print) && doubted != Some(print) {
                    if doubts == 0 {
                        return Err(SessionFault::OutOfStep { refusal: None });
                    }
                    doubts -= 1;
                    doubted = Some(print);
                    continue;
                }
                self.track.answered();
                self.track.remember(print);
            }
            let fault = match heard {
                Heard::Data(said) => return Ok(said),
                Heard::Refused(refusal) if may_renew && self.may_have_lapsed(&refusal) => {
                    may_renew = false;
                    self.renew().await?;
                    continue;
                }
                Heard::Refused(refusal) => return Err(SessionFault::Refused { step, refusal }),
                Heard::Confirmed | Heard::NotAcknowledged => SessionFault::NotAcknowledged { step },
                Heard::Missed(fault) => fault,
            };
            attempts -= 1;
            if attempts == 0 {
                return Err(fault);
            }
        }
    }

    /// One exchange. Only what ends the session is a fault.
    ///
    /// What may be asked again is not waited for beyond the session's time if the meter has fallen
    /// silent: others wait for the line, and it would keep it for as long as all probes take.
    pub(super) async fn ask_once(
        &mut self,
        inquiry: &Inquiry,
        gap_min: Duration,
    ) -> Result<Heard, SessionFault> {
        let until = match inquiry.step {
            Step::LogOn | Step::Write => None,
            _ => Some(self.until()),
        };
        let begins_at = Instant::now() + self.voice.gap.max(gap_min);
        if until.is_some() && begins_at >= self.begins_until() {
            let held = self.held();
            return Err(SessionFault::TimeUp { held });
        }
        self.track.ask(inquiry.mark.clone());
        let asked = Asked {
            gap_min,
            until,
            ..Asked::new(inquiry.step, &inquiry.request, inquiry.expected.clone())
        };
        let said = self.voice.ask(asked).await;
        self.is_mute = matches!(
            said,
            Err(SessionFault::Nothing { .. } | SessionFault::EchoOnly { .. })
        );
        let said = match said {
            Ok(said) => said,
            Err(fault) if fault.ends_session() => {
                self.has_ended |= matches!(fault, SessionFault::SignedOff);
                return Err(fault);
            }
            Err(fault) => return Ok(Heard::Missed(fault)),
        };
        self.understand(said)
    }

    fn understand(&mut self, said: Said) -> Result<Heard, SessionFault> {
        let heard = match Answer::decode(&said.octets) {
            Ok(Answer::SignOff) => {
                self.has_ended = true;
                return Err(SessionFault::SignedOff);
            }
            Ok(Answer::NotAcknowledged) => Heard::NotAcknowledged,
            Ok(Answer::Acknowledged) => Heard::Confirmed,
            Ok(Answer::Refused(refusal)) => Heard::Refused(refusal),
            Ok(Answer::Data(_) | Answer::Operand(_)) => Heard::Data(said),
            Err(fault) => return Err(SessionFault::Breach(fault)),
        };
        self.track.said_little = !matches!(heard, Heard::Data(_));
        Ok(heard)
    }

    /// Whether a refusal may mean that the password has lapsed, and not that it is of no use here.
    pub(super) fn may_have_lapsed(&self, refusal: &Refusal) -> bool {
        let is_old = |(_, given_at): &(_, Instant)| given_at.elapsed() >= LAPSE_SUSPECTED_AFTER;
        refusal.text() == "ERR5" && self.proof.as_ref().is_some_and(is_old)
    }
}

fn octets<L: Line>(line: &GuardedLine<L>) -> u64 {
    let counted = line.counters();
    counted.sent_octets + counted.heard_octets
}
